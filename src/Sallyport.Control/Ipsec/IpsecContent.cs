using Sallyport.Api.Nodes;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Ipsec;

/// <summary>Everything that goes into the files of an IPsec profile. Keys are in clear here, and nowhere else.</summary>
internal sealed record IpsecContent
{
    /// <summary>"device" or "site".</summary>
    public required string Kind { get; init; }

    public required string Name { get; init; }

    public required string Network { get; init; }

    /// <summary>What is dialled.</summary>
    public required string Endpoint { get; init; }

    /// <summary>Who the gateway says it is.</summary>
    public required string GatewayId { get; init; }

    /// <summary>Of IKE; 0 where only the other one is offered.</summary>
    public required int Port { get; init; }

    public required int NatPort { get; init; }

    /// <summary>"certificate", "psk", "eap-tls", "eap-mschapv2".</summary>
    public required string Auth { get; init; }

    public required IReadOnlyList<IpsecEnd> Ends { get; init; }

    /// <summary>What is behind the peer, or its own addresses.</summary>
    public required IReadOnlyList<IpPrefix> Local { get; init; }

    /// <summary>What is behind the gateway.</summary>
    public required IReadOnlyList<IpPrefix> Remote { get; init; }

    public required IpsecModel Rules { get; init; }

    public required IpsecPeerModel Peer { get; init; }

    public required int ProbeSeconds { get; init; }

    public required int DeadSeconds { get; init; }

    /// <summary>PEM.</summary>
    public required string Root { get; init; }

    public required string Issuing { get; init; }

    public bool IsDevice => Kind == "device";

    public bool HasCertificate => Auth is "certificate" or "eap-tls";

    /// <summary>Whether the gateway proves itself with its certificate.</summary>
    public bool GatewayHasCertificate => Auth != "psk";

    public bool IsTransport => Peer.Mode == "transport";

    public override string ToString() => $"IPsec profile of {Kind} {Name}.{Network}";
}

/// <summary>One uplink of a peer, with what proves who comes by it.</summary>
internal sealed record IpsecEnd
{
    public required int Uplink { get; init; }

    /// <summary>"hq", "hq-2": no file and no section of a configuration has a dot in its name.</summary>
    public required string Name { get; init; }

    public required PeerId Id { get; init; }

    public string? Psk { get; init; }

    public string? Username { get; init; }

    public string? Password { get; init; }

    /// <summary>PEM.</summary>
    public string? Certificate { get; init; }

    public string? PrivateKey { get; init; }

    /// <summary>The certificate's subject key identifier, which NSS has as well; lower-case hex.</summary>
    public string? KeyId { get; init; }

    /// <summary>Base64 of a PKCS#12 with certificate, chain and key, under <see cref="ArchivePassword"/>.</summary>
    public string? Archive { get; init; }

    public string? ArchivePassword { get; init; }

    /// <summary>Null without a post-quantum key.</summary>
    public string? PpkId { get; init; }

    public string? Ppk { get; init; }

    public override string ToString() => $"uplink {Uplink} of {Id.Text}";
}
