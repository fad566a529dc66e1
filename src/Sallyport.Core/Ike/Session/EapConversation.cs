using Sallyport.Core.Crypto;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Session;

internal enum EapOutcome : byte
{
    /// <summary>There is something to send, and an answer to wait for.</summary>
    Continue,

    /// <summary>The last packet goes, and then AUTH with the key.</summary>
    Success,
    Failure,
}

/// <param name="Packet">To be sent to the other end; a client has none after EAP-Success.</param>
internal readonly record struct EapStep(EapOutcome Outcome, byte[] Packet);

/// <summary>One EAP exchange inside IKE_AUTH (RFC 7296 section 2.16), of either end.</summary>
internal abstract class EapConversation : IDisposable
{
    /// <summary>64 bytes that both ends have afterwards, and AUTH is made with; null where it did not come to its end.</summary>
    public abstract SecretBytes? Msk { get; }

    /// <summary>Server: what the client has proven.</summary>
    public abstract IkeProof Proof { get; }

    /// <summary>Server: the credential of a user name.</summary>
    public virtual object? Credential => null;

    /// <summary>Server: the client's certificate.</summary>
    public virtual byte[]? Certificate => null;

    /// <summary>One line for operators, where it failed.</summary>
    public abstract string Failure { get; }

    /// <summary>Server: the first request.</summary>
    public abstract byte[] Start(Instant now);

    public abstract EapStep Handle(ReadOnlySpan<byte> packet, Instant now);

    public abstract void Dispose();
}
