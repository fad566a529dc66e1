using Sallyport.Core.Crypto;

namespace Sallyport.Core.Ike.Eap;

/// <summary>How a conversation of EAP stands after a packet.</summary>
public enum EapOutcome : byte
{
    /// <summary>The other side is to be sent the packet, and answers it.</summary>
    Continue,

    /// <summary>Proven. There is a key, and for a server a packet that says so to the other side.</summary>
    Success,

    /// <summary>Final. For a server there is a packet that says so to the other side.</summary>
    Failure,
}

/// <summary>Why a conversation failed, in the words that an operator acts on.</summary>
public enum EapFailure : byte
{
    None,

    /// <summary>A packet that is none, or not as its method writes it.</summary>
    Malformed,

    /// <summary>A packet that has no place where it came: an old number, a repetition, an answer to what was not asked.</summary>
    OutOfOrder,

    /// <summary>The client does not speak the method.</summary>
    OtherMethodWanted,

    /// <summary>More bytes or more packets than a conversation has.</summary>
    TooLong,

    /// <summary>The password is not the one, or a certificate is refused.</summary>
    NotProven,

    /// <summary>The other side refused us.</summary>
    Refused,

    /// <summary>The server said that all is well before it was: somebody who knows no secret may have said so (CVE-2021-45079).</summary>
    EarlySuccess,
}

/// <summary>What is to be done after a packet.</summary>
public sealed record EapStep
{
    internal EapStep()
    {
    }

    public required EapOutcome Outcome { get; init; }

    /// <summary>For the other side. Empty where a client has nothing to say any more.</summary>
    public required byte[] Packet { get; init; }

    /// <summary>The master session key of 64 bytes, exactly where it is a success; the caller disposes it. AUTH is made with it (RFC 7296 section 2.16).</summary>
    public SecretBytes? Msk { get; init; }

    public EapFailure Failure { get; init; }

    /// <summary>For the record: printable, and without secrets.</summary>
    public string Detail { get; init; } = "";
}
