using System.Text.Json.Serialization;

namespace Sallyport.Api.Credentials;

/// <summary>Asks for a profile. It always carries a new credential; the old ones are revoked unless <see cref="KeepOld"/>.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record ProfileRequest
{
    public bool KeepOld { get; init; }

    /// <summary>Host name or address that the profile dials; default: the installation's endpoint.</summary>
    public string? Endpoint { get; init; }

    /// <summary>"openvpn" (default) or "ipsec".</summary>
    public string? Protocol { get; init; }

    /// <summary>With IPsec: "certificate" (default), "psk", "eap-tls" or "eap-mschapv2", as far as the network takes it.</summary>
    public string? Auth { get; init; }

    /// <summary>
    /// With IPsec: who the peer says it is, one for each uplink, where that is something else than its name: "203.0.113.5", "hq@example.com",
    /// "router-7.example", "keyid:4711". Default: "pump-17.plant-a.sallyport", and "2.pump-17.plant-a.sallyport" for the second uplink.
    /// </summary>
    public IReadOnlyList<string>? PeerIds { get; init; }

    /// <summary>With IPsec: ways by which a site comes, each with a credential of its own; default: 1.</summary>
    public int? Uplinks { get; init; }

    /// <summary>With IPsec: also a post-quantum pre-shared key (RFC 8784). Default: where the network requires one.</summary>
    public bool? Ppk { get; init; }

    /// <summary>
    /// With auth psk and one uplink: the pre-shared key that the other end has already, as where that is another gateway that made it. 32 to 128 letters,
    /// figures and "+/=-_.". Default: one is made.
    /// </summary>
    public string? Psk { get; init; }

    /// <summary>"udp+tcp" (default: UDP first), "udp" or "tcp".</summary>
    public string? Transport { get; init; }

    /// <summary>One of the network's wrappings; default: its first.</summary>
    public string? Wrapping { get; init; }

    /// <summary>Days that the certificate is valid; default: the installation's setting.</summary>
    public int? ValidDays { get; init; }

    /// <summary>Never what it holds: there may be a key.</summary>
    public override string ToString() => $"request for a profile ({Protocol ?? "openvpn"})";
}

/// <summary>A profile that stock clients load. Its private key, pre-shared key and password exist nowhere else: it cannot be shown again.</summary>
public sealed record ProfileIssued
{
    /// <summary>"openvpn" or "ipsec".</summary>
    public required string Protocol { get; init; }

    /// <summary>"pump-17.ovpn"; of several files their directory, "pump-17.ipsec".</summary>
    public required string FileName { get; init; }

    /// <summary>The profile; of several files all that are text, each under a line with its name.</summary>
    public required string Text { get; init; }

    /// <summary>What is in the directory; empty where <see cref="Text"/> is all.</summary>
    public required IReadOnlyList<ProfilePart> Files { get; init; }

    /// <summary>Keys that both ends have: they are in the files as well.</summary>
    public required IReadOnlyList<SharedKey> Keys { get; init; }

    public required IReadOnlyList<int> CredentialIds { get; init; }

    /// <summary>SHA-256 of the certificate, lower-case hex; null in networks without certificates.</summary>
    public string? Fingerprint { get; init; }

    public DateTimeOffset? NotAfter { get; init; }

    public string? Username { get; init; }

    public string? Password { get; init; }

    /// <summary>Credentials that this one replaced.</summary>
    public IReadOnlyList<int> Revoked { get; init; } = [];

    /// <summary>Never the text: it holds the private key.</summary>
    public override string ToString() => $"profile {FileName}";
}

/// <summary>One file of a profile.</summary>
/// <param name="Name">With its directory: "swanctl/conf.d/pump-17.conf".</param>
public sealed record ProfilePart(string Name, string Text)
{
    /// <summary>The file is what the text stands for in Base64.</summary>
    public bool IsBase64 { get; init; }

    /// <summary>Never the text: it may hold a key.</summary>
    public override string ToString() => $"file {Name}";
}

/// <summary>A key that both ends have, shown once.</summary>
/// <param name="Kind">"psk", or "ppk" (RFC 8784).</param>
/// <param name="Id">Of whom, as the peer says it.</param>
public sealed record SharedKey(string Kind, string Id, int Uplink, string Secret)
{
    /// <summary>Never the secret.</summary>
    public override string ToString() => $"{Kind} of {Id}";
}

public sealed record CredentialInfo
{
    public required int Id { get; init; }

    /// <summary>"device" or "site".</summary>
    public required string OwnerKind { get; init; }

    public required string Owner { get; init; }

    public required string Network { get; init; }

    /// <summary>"certificate", "password", "psk" or "eap" (user name and password of EAP-MSCHAPv2).</summary>
    public required string Kind { get; init; }

    /// <summary>"openvpn" or "ipsec": of the profile that it was issued with. A certificate is good for both.</summary>
    public required string Protocol { get; init; }

    /// <summary>Who the peer says it is in IKE; null where it was issued for OpenVPN.</summary>
    public string? PeerId { get; init; }

    /// <summary>Which of a site's uplinks it is for, from 1.</summary>
    public required int Uplink { get; init; }

    /// <summary>Whether a post-quantum pre-shared key belongs to it.</summary>
    public required bool Ppk { get; init; }

    public string? Fingerprint { get; init; }

    public string? Serial { get; init; }

    public string? Username { get; init; }

    /// <summary>The wrapping of the profile that it was issued with; empty for IPsec.</summary>
    public required string Wrapping { get; init; }

    /// <summary>Number of the tls-crypt-v2 server key that its profile came with; null with another wrapping.</summary>
    public int? WrappingKey { get; init; }

    public DateTimeOffset? NotBefore { get; init; }

    public DateTimeOffset? NotAfter { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset? RevokedAt { get; init; }

    public string? RevokeReason { get; init; }
}
