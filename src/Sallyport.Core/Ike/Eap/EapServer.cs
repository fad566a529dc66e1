using Sallyport.Core.Crypto;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Eap;

/// <summary>
/// The server's side of one method, without I/O: it asks (<see cref="Start"/>), and what comes back gives the next question or the end
/// (<see cref="Handle"/>). IKE carries the packets reliably and in order, so that nothing is repeated here, and what does not fit ends the conversation.
/// The identity is asked for before, by <see cref="EapIdentity"/>. Not for two threads at a time.
/// </summary>
/// <remarks>
/// A success leaves this class by one door, which a method can open only with a key in its hand; after it, and after a failure, everything is a failure.
/// </remarks>
public abstract class EapServer : IDisposable
{
    private readonly byte _firstIdentifier;
    private byte _identifier;
    private int _rounds;
    private bool _isOver;

    private protected EapServer(EapType method, byte firstIdentifier)
    {
        Method = method;
        _firstIdentifier = firstIdentifier;
    }

    public EapType Method { get; }

    /// <summary>What the client was told that is wrong, before it answered that; empty for nothing.</summary>
    public virtual string Doubt => "";

    /// <summary>The first request.</summary>
    public byte[] Start()
    {
        Invariant.Check(_rounds == 0, "a conversation of EAP starts once");
        _identifier = _firstIdentifier;
        _rounds = 1;
        return EapMessage.Request(_identifier, Method, First());
    }

    /// <param name="response">The whole content of the EAP payload.</param>
    public EapStep Handle(ReadOnlySpan<byte> response)
    {
        Invariant.Check(_rounds > 0, "a conversation of EAP is started before it is answered");
        if (_isOver)
        {
            return Fail(EapFailure.OutOfOrder, "a packet after the end");
        }

        if (!EapMessage.TryRead(response, out var message))
        {
            return Fail(EapFailure.Malformed, "not a packet of EAP");
        }

        if (message.Code != EapCode.Response || message.Identifier != _identifier)
        {
            return Fail(EapFailure.OutOfOrder, "not the answer to what was asked");
        }

        // RFC 3748 section 5.3.1: a client says that it has no such method to the first question or never.
        var isFirst = _rounds == 1;
        if (message.Type is EapType.Nak or EapType.Expanded && isFirst)
        {
            return Fail(EapFailure.OtherMethodWanted, "the client does not speak the method");
        }

        if (message.Type != Method)
        {
            return Fail(EapFailure.OutOfOrder, "an answer of another method");
        }

        return Proceed(message.Data);
    }

    public void Dispose()
    {
        _isOver = true;
        Erase();
        GC.SuppressFinalize(this);
    }

    /// <summary>What is behind the type in the first request.</summary>
    private protected abstract byte[] First();

    /// <param name="data">What is behind the type in the answer to the last request.</param>
    private protected abstract EapStep Proceed(ReadOnlySpan<byte> data);

    private protected abstract void Erase();

    private protected EapStep Ask(ReadOnlySpan<byte> data)
    {
        if (_rounds == EapLimits.MaxRounds)
        {
            return Fail(EapFailure.TooLong, "more questions than a conversation has");
        }

        _rounds++;
        _identifier++;
        return new EapStep { Outcome = EapOutcome.Continue, Packet = EapMessage.Request(_identifier, Method, data) };
    }

    /// <summary>The client has proven what it had to. Nothing else of EAP ends well.</summary>
    private protected EapStep Succeed(SecretBytes msk)
    {
        Invariant.Check(!_isOver && msk.Length == EapKeys.MskLength, "a conversation of EAP ends once, and with a key");
        _isOver = true;
        Erase();
        return new EapStep { Outcome = EapOutcome.Success, Packet = EapMessage.Success(_identifier), Msk = msk };
    }

    private protected EapStep Fail(EapFailure failure, string detail)
    {
        _isOver = true;
        Erase();
        return new EapStep { Outcome = EapOutcome.Failure, Packet = EapMessage.Failure(_identifier), Failure = failure, Detail = detail };
    }
}
