using System.Collections.Immutable;
using Sallyport.Core.Crypto;
using Sallyport.Core.Ike.Proposals;
using Sallyport.Core.Ike.Wire;

namespace Sallyport.Core.Ike.Session;

/// <summary>By what a peer has proven who it is.</summary>
public enum IkeProof : byte
{
    None,
    Certificate,
    PreSharedKey,
    EapTls,
    EapMschapV2,

    /// <summary>It was here lately, and brings back what it was given then.</summary>
    Ticket,
}

public static class IkeProofs
{
    public static bool IsEap(this IkeProof proof) => proof is IkeProof.EapTls or IkeProof.EapMschapV2;

    public static string Word(this IkeProof proof) => proof switch
    {
        IkeProof.None => "none",
        IkeProof.Certificate => "certificate",
        IkeProof.PreSharedKey => "psk",
        IkeProof.EapTls => "eap-tls",
        IkeProof.EapMschapV2 => "eap-mschapv2",
        IkeProof.Ticket => "ticket",
    };
}

/// <summary>A secret of ours and whose it is.</summary>
/// <param name="Tag">What the owner knows the credential by.</param>
public sealed record IkeSecret(object Tag, byte[] Bytes)
{
    public override string ToString() => "secret";
}

/// <summary>A peer that has proven what it claims, before it is let in.</summary>
public sealed record IkeClaim
{
    public required IkeIdentity Peer { get; init; }

    /// <summary>Whom it wants to speak to; null where it did not say.</summary>
    public IkeIdentity? Wanted { get; init; }

    public required IkeProof Proof { get; init; }

    /// <summary>The certificate whose key it has, which our authority vouches for and which names the peer; null without.</summary>
    public byte[]? Certificate { get; init; }

    /// <summary>Tag of the pre-shared key, of the EAP credential, or of the identity in a ticket.</summary>
    public object? Secret { get; init; }

    public IkeSecret? Ppk { get; init; }

    /// <summary>What the grant said that the ticket comes of; empty without one.</summary>
    public byte[] TicketData { get; init; } = [];

    public required IkeSuite Suite { get; init; }

    public required IkePath Path { get; init; }

    /// <summary>We began; the tag is that of the target.</summary>
    public object? Target { get; init; }
}

/// <summary>What the owner says of a claim.</summary>
public readonly record struct IkeVerdict(IkeGrant? Grant, string Refusal)
{
    public static IkeVerdict Allow(IkeGrant grant) => new(grant, "");

    /// <summary>The peer is not answered: it asks again later, by itself. Whoever is told of a failure gives up for good, as stock peers do.</summary>
    public bool IsForNow { get; private init; }

    /// <summary>Whom the owner knows the refused peer as, in whatever way it knows its peers; null where it knows nobody by that proof.</summary>
    public object? Who { get; private init; }

    /// <param name="why">One line for an operator; the peer is told nothing of it.</param>
    /// <param name="who">See <see cref="Who"/>.</param>
    public static IkeVerdict Refuse(string why, object? who = null) => new(null, why) { Who = who };

    /// <summary>It may come again: it is locked, or in quarantine, or too early.</summary>
    /// <param name="why">See <see cref="Refuse"/>.</param>
    /// <param name="who">See <see cref="Who"/>.</param>
    public static IkeVerdict RefuseForNow(string why, object? who = null) => new(null, why) { IsForNow = true, Who = who };
}

/// <summary>How we prove who we are by a certificate.</summary>
public sealed record IkeCertificate
{
    /// <summary>DER: the leaf, then who issued it.</summary>
    public required IReadOnlyList<byte[]> Chain { get; init; }

    public required SigningKey Key { get; init; }
}

/// <summary>
/// Whoever has the sessions: numbers them, knows secrets, judges peers. All calls are answered at once from what the owner has in memory. The gateway is
/// one, the simulated device another.
/// </summary>
public interface IIkeOwner
{
    /// <summary>Never 0, and not one in use.</summary>
    ulong NewIkeSpi();

    /// <summary>Messages to this SPI of ours are for one of the sessions from now on. For an owner that sorts messages before they come in.</summary>
    /// <param name="hasPeer">The session's peer has proven who it is.</param>
    void UseIkeSpi(ulong spi, bool hasPeer)
    {
    }

    /// <summary>Messages to this SPI are for nobody any more.</summary>
    void FreeIkeSpi(ulong spi)
    {
    }

    /// <summary>An SPI for a pair of SAs of this session; false where there is no room for another one.</summary>
    bool TryNewEspSpi(IkeSession session, out uint spi);

    /// <summary>The SPI was never told of in a <see cref="ChildUp"/>.</summary>
    void FreeEspSpi(uint spi);

    /// <summary>Null where we have none.</summary>
    IkeCertificate? Certificate { get; }

    /// <summary>Authorities of peers; null where no peer can come by certificate.</summary>
    CertificateAnchors? Anchors { get; }

    /// <summary>SHA-1 of the public keys of those authorities, 20 bytes each.</summary>
    ReadOnlyMemory<byte> AuthorityHashes { get; }

    /// <summary>Null where nobody of that name may come by a pre-shared key.</summary>
    IkeSecret? FindPsk(IkeIdentity peer);

    /// <summary>The NT hash of a user of EAP-MSCHAPv2; null where there is none.</summary>
    IkeSecret? FindEapHash(string user);

    /// <summary>For EAP-TLS as server; null where it is not offered.</summary>
    TlsContext? EapTls { get; }

    /// <summary>By what peers without AUTH in their first message may prove themselves, in order of preference.</summary>
    ImmutableArray<IkeProof> EapMethods { get; }

    IkeSecret? FindPpk(ReadOnlySpan<byte> id);

    IkeVerdict Judge(IkeClaim claim);
}
