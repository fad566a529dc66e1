using Sallyport.Core.Crypto;
using Sallyport.Core.Ike.Eap;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Session;

/// <summary>One EAP exchange inside IKE_AUTH (RFC 7296 section 2.16): the key that it ends with, for AUTH of both ends.</summary>
internal abstract class EapConversation : IDisposable
{
    /// <summary>64 bytes that both ends have afterwards; null where it did not come to its end.</summary>
    public SecretBytes? Msk { get; private set; }

    /// <summary>One line for operators, where it failed.</summary>
    public string Failure { get; private set; } = "";

    public EapOutcome Handle(ReadOnlySpan<byte> packet, Instant now, out byte[] answer)
    {
        var step = Proceed(packet, now);
        (Msk, answer) = (step.Msk, step.Packet);
        Failure = step.Outcome == EapOutcome.Failure ? step.Detail : "";
        return step.Outcome;
    }

    public void Dispose()
    {
        Msk?.Dispose();
        Erase();
    }

    private protected abstract EapStep Proceed(ReadOnlySpan<byte> packet, Instant now);

    private protected abstract void Erase();
}

/// <summary>The server's side: asks who the client is, and then for the proof that such a one has. A client that does not speak the method is offered the other.</summary>
internal sealed class EapServing(IkeSession session) : EapConversation
{
    private readonly byte _firstIdentifier = FirstIdentifier(session.Entropy);
    private readonly List<IkeProof> _left = [.. session.Owner.EapMethods.Where(method => IsPossible(session, method))];
    private EapServer? _method;
    private string _name = "";

    public IkeProof Proof { get; private set; }

    /// <summary>Tag of the user's credential.</summary>
    public object? Credential { get; private set; }

    public byte[]? Certificate => (_method as EapTlsServer)?.PeerCertificateDer;

    /// <summary>What the client was told that is wrong, where it has not answered that yet.</summary>
    public string Doubt => _method?.Doubt ?? "";

    public bool HasMethods => _left.Count > 0;

    public bool HoldsTls => _method is EapTlsServer { HoldsTls: true };

    public byte[] Start() => EapIdentity.Request(_firstIdentifier);

    private protected override EapStep Proceed(ReadOnlySpan<byte> packet, Instant now)
    {
        if (_method is null)
        {
            return EapIdentity.TryReadResponse(packet, _firstIdentifier, out var name)
                ? Begin(name, now)
                : new EapStep
                {
                    Outcome = EapOutcome.Failure,
                    Packet = EapMessage.Failure(_firstIdentifier),
                    Failure = EapFailure.OutOfOrder,
                    Detail = "it does not say who it is in EAP",
                };
        }

        var step = _method.Handle(packet);
        return step is { Failure: EapFailure.OtherMethodWanted } && _left.Count > 0 ? BeginNext(now) : step;
    }

    private protected override void Erase() => _method?.Dispose();

    private static byte FirstIdentifier(IEntropy entropy)
    {
        Span<byte> one = stackalloc byte[1];
        entropy.Fill(one);
        return one[0];
    }

    private static bool IsPossible(IkeSession session, IkeProof method) => method switch
    {
        IkeProof.EapTls => session.Owner.EapTls is not null,
        IkeProof.EapMschapV2 => EapMschapV2Server.IsAvailable,
        _ => false,
    };

    /// <summary>In the same order for everybody: which method comes first must not tell who has a password here. Who does not speak one says so.</summary>
    private EapStep Begin(string name, Instant now)
    {
        _name = name;
        return BeginNext(now);
    }

    private EapStep BeginNext(Instant now)
    {
        _method?.Dispose();
        Proof = _left[0];
        _left.RemoveAt(0);
        var identifier = FirstIdentifier(session.Entropy);
        if (Proof == IkeProof.EapTls)
        {
            _method = new EapTlsServer(session.Owner.EapTls!, now, identifier);
        }
        else
        {
            // A name that nobody has is asked as long as others are, and fails at the same place.
            var secret = session.Owner.FindEapHash(_name);
            Span<byte> nobody = stackalloc byte[MsChapV2.HashLength];
            session.Entropy.Fill(nobody);
            Credential = secret?.Tag;
            _method = new EapMschapV2Server(_name, secret is null ? nobody : secret.Bytes, session.Options.Identity.ToString(), session.Entropy, identifier);
        }

        return new EapStep { Outcome = EapOutcome.Continue, Packet = _method.Start() };
    }
}

/// <summary>The client's side.</summary>
internal sealed class EapCalling(EapClient method) : EapConversation
{
    private protected override EapStep Proceed(ReadOnlySpan<byte> packet, Instant now) => method.Handle(packet);

    private protected override void Erase() => method.Dispose();

    /// <summary>Null where we have not what the method needs.</summary>
    public static EapCalling? For(IkeSession session, IkeTarget target, Instant now)
    {
        if (target.Proof == IkeProof.EapTls)
        {
            return session.Owner.EapTls is { } context ? new EapCalling(new EapTlsClient(context, target.Local.ToString(), now)) : null;
        }

        Span<byte> hash = stackalloc byte[MsChapV2.HashLength];
        MsChapV2.Hash(target.EapPassword, hash);
        return new EapCalling(new EapMschapV2Client(target.EapUser, hash, session.Entropy));
    }
}
