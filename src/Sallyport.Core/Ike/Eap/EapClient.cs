using Sallyport.Core.Crypto;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Eap;

/// <summary>
/// The client's side of EAP with one method, without I/O: every packet of the server gives an answer or the end. It says who it is where it is asked, and
/// that it has no other method. Not for two threads at a time.
/// </summary>
/// <remarks>
/// EAP-Success has no proof in it: it counts only once the server has proven itself inside of the method, which is also when there is a key.
/// </remarks>
public abstract class EapClient : IDisposable
{
    private readonly string _identity;
    private SecretBytes? _msk;
    private int _rounds;
    private bool _hasBegun;
    private bool _isOver;

    /// <param name="identity">As for <see cref="EapIdentity.Response"/>.</param>
    private protected EapClient(EapType method, string identity)
    {
        Method = method;
        _identity = identity;
    }

    public EapType Method { get; }

    /// <param name="packet">The whole content of the EAP payload.</param>
    public EapStep Handle(ReadOnlySpan<byte> packet)
    {
        if (_isOver)
        {
            return Fail(EapFailure.OutOfOrder, "a packet after the end");
        }

        if (!EapMessage.TryRead(packet, out var message))
        {
            return Fail(EapFailure.Malformed, "not a packet of EAP");
        }

        if (++_rounds > EapLimits.MaxRounds)
        {
            return Fail(EapFailure.TooLong, "more questions than a conversation has");
        }

        return message.Code switch
        {
            EapCode.Request => Answer(message),
            EapCode.Success => End(),
            EapCode.Failure => Fail(EapFailure.Refused, Reason.Length > 0 ? Reason : "the server says no"),
            _ => Fail(EapFailure.OutOfOrder, "a server that answers"),
        };
    }

    public void Dispose()
    {
        _isOver = true;
        _msk?.Dispose();
        Erase();
        GC.SuppressFinalize(this);
    }

    /// <summary>What the method knows of a failure that the server is going to state.</summary>
    private protected virtual string Reason => "";

    /// <param name="data">What is behind the type in the request.</param>
    private protected abstract EapStep Proceed(byte identifier, ReadOnlySpan<byte> data);

    private protected abstract void Erase();

    private protected EapStep Respond(byte identifier, ReadOnlySpan<byte> data) =>
        new() { Outcome = EapOutcome.Continue, Packet = EapMessage.Response(identifier, Method, data) };

    /// <summary>The server has proven what it had to, and waits for this last answer.</summary>
    private protected EapStep Accept(byte identifier, ReadOnlySpan<byte> data, SecretBytes msk)
    {
        Invariant.Check(_msk is null && msk.Length == EapKeys.MskLength, "a conversation of EAP ends once, and with a key");
        _msk = msk;
        return Respond(identifier, data);
    }

    private protected EapStep Fail(EapFailure failure, string detail)
    {
        _isOver = true;
        _msk?.Dispose();
        _msk = null;
        Erase();
        return new EapStep { Outcome = EapOutcome.Failure, Packet = [], Failure = failure, Detail = detail };
    }

    private EapStep Answer(EapMessage message)
    {
        // Once all is proven there is nothing to ask.
        if (_msk is not null)
        {
            return Fail(EapFailure.OutOfOrder, "a question after the last");
        }

        if (message.Type == Method)
        {
            _hasBegun = true;
            return Proceed(message.Identifier, message.Data);
        }

        // RFC 3748 section 2.1: within a method nothing else is asked, and said at most (section 5.2).
        return message.Type switch
        {
            EapType.Notification => Packet(EapMessage.Response(message.Identifier, EapType.Notification, default)),
            _ when _hasBegun => Fail(EapFailure.OutOfOrder, "a question of another method"),
            EapType.Identity => Packet(EapIdentity.Response(message.Identifier, _identity)),
            _ => Packet(EapMessage.Response(message.Identifier, EapType.Nak, [(byte)Method])),
        };
    }

    private EapStep End()
    {
        if (_msk is not { } msk)
        {
            return Fail(EapFailure.EarlySuccess, "a success before the server had proven itself");
        }

        _msk = null;
        _isOver = true;
        Erase();
        return new EapStep { Outcome = EapOutcome.Success, Packet = [], Msk = msk };
    }

    private static EapStep Packet(byte[] packet) => new() { Outcome = EapOutcome.Continue, Packet = packet };
}
