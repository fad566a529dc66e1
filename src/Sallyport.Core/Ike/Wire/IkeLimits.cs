namespace Sallyport.Core.Ike.Wire;

/// <summary>Bounds of what peers may make us hold or do, each with where it comes from.</summary>
public static class IkeLimits
{
    /// <summary>RFC 7296 section 3.1.</summary>
    public const int HeaderLength = 28;

    /// <summary>Next payload, flags, length (RFC 7296 section 3.2).</summary>
    public const int PayloadHeadLength = 4;

    /// <summary>A whole message, put together again from its fragments. Stock peers stop at 10,000 (strongSwan's max_packet); chains of four RSA certificates fit.</summary>
    public const int MessageMax = 16_384;

    /// <summary>In one datagram before authentication: the largest first message of a stock peer, with a KE of MODP-4096 and 60 transforms, is half of it.</summary>
    public const int DatagramMax = 2_048;

    /// <summary>At the usual 1,280 bytes each, more than the largest message.</summary>
    public const int FragmentsMax = 32;

    /// <summary>Bytes of an IKE message in one datagram, IP and UDP heads not counted: what stock peers use for IPv4 and IPv6 alike (strongSwan's fragment_size less heads).</summary>
    public const int FragmentSize = 1_232;

    public const int PayloadsMax = 64;

    /// <summary>RFC 7296 section 3.9.</summary>
    public const int NonceMin = 16;
    public const int NonceMax = 256;

    /// <summary>At least half of the longest PRF's key (RFC 7296 section 2.10).</summary>
    public const int NonceLength = 32;

    public const int ProposalsMax = 32;

    /// <summary>Of one proposal. Stock peers that offer all they have stay below 50.</summary>
    public const int TransformsMax = 96;

    public const int SelectorsMax = 128;

    public const int NotifiesMax = 48;

    /// <summary>Root to leaf, more than any public key infrastructure of devices has.</summary>
    public const int CertificatesMax = 8;

    public const int CertificateMax = 8_192;

    /// <summary>Hashes of authorities that the peer trusts.</summary>
    public const int AuthoritiesMax = 256;

    /// <summary>RFC 7296 section 2.6: up to 64 bytes.</summary>
    public const int CookieMax = 64;

    public const int IdentityMax = 1_024;

    public const int AuthMax = 2_048;

    public const int DeletesMax = 256;

    public const int AttributesMax = 64;

    public const int EapMax = 8_192;

    /// <summary>CHILD_SAs of one IKE SA: as many pairs of subnets as sites of routers have that negotiate each pair alone.</summary>
    public const int ChildrenMax = 64;

    /// <summary>
    /// Key exchanges that a peer may ask for at once beside the first, and then one each second: one in MODP 4096 takes six milliseconds of a thread that others wait for.
    /// As many as it may have CHILD_SAs, each with perfect forward secrecy.
    /// </summary>
    public const int KeyExchangesAtOnce = ChildrenMax;

    /// <summary>Pairs of IKE SPIs of one session: the one in use, what it has replaced, what two rekeys at once have made.</summary>
    public const int IkeSasMax = 8;

    /// <summary>Selectors in an answer: with those of both sides and a chain of certificates it stays a message.</summary>
    public const int SelectorsAnsweredMax = 64;

    /// <summary>Requests of the peer's that may be under way at once, and of ours if the peer lets us (RFC 7296 section 2.3).</summary>
    public const int WindowSize = 4;

    /// <summary>Rounds of EAP: TLS with a chain of certificates in fragments of 1,024 bytes needs 12.</summary>
    public const int EapRoundsMax = 64;

    /// <summary>What the peer asked for and is waited for with additional key exchanges (RFC 9370): as many as it may ask for at once.</summary>
    public const int FollowupsMax = WindowSize;

    /// <summary>By which a responder finds the key exchanges before again (RFC 9370 section 2.2.4): stock peers have 4 bytes and 8.</summary>
    public const int LinkMax = 256;

    public const int IkeSpiLength = 8;
    public const int EspSpiLength = 4;
}
