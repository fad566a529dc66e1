using System.Text.Json.Serialization;
using Sallyport.Api.Devices;
using Sallyport.Api.Dns;

namespace Sallyport.Api.Networks;

/// <summary>Makes an isolated address space. What is null takes its default.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record NetworkCreate
{
    /// <summary>One DNS label (RFC 1123): "plant-a".</summary>
    public string? Name { get; init; }

    /// <summary>"10.20.0.0/16", "fd12:3456:789a::/64". The first address of each is the gateway's.</summary>
    public IReadOnlyList<string>? Prefixes { get; init; }

    /// <summary>OpenVPN's names in order of preference. Default: AES-256-GCM, AES-128-GCM, CHACHA20-POLY1305.</summary>
    public IReadOnlyList<string>? Ciphers { get; init; }

    /// <summary>"SHA1", "SHA256" (default) or "SHA512": digest of CBC packets and of tls-auth.</summary>
    public string? AuthDigest { get; init; }

    /// <summary>"certificate" (default), "certificate+password" or "password".</summary>
    public string? Authentication { get; init; }

    /// <summary>"tls-crypt-v2" (default), "tls-crypt", "tls-auth", "none"; profiles carry the first.</summary>
    public IReadOnlyList<string>? Wrappings { get; init; }

    /// <summary>The client's key-direction of tls-auth: "0", "1" (default) or "none".</summary>
    public string? TlsAuthDirection { get; init; }

    /// <summary>"1.2" (default) or "1.3".</summary>
    public string? MinimumTls { get; init; }

    /// <summary>
    /// How long an authentication token stands for a password: "90m", "24h" (default), "7d". It counts from the password, however often
    /// the token was renewed since; then the client sends its password again.
    /// </summary>
    public string? TokenLifetime { get; init; }

    /// <summary>Where applications of other networks appear in this one. Default: 198.18.0.0/16, where it does not collide.</summary>
    public IReadOnlyList<string>? ServiceRanges { get; init; }

    /// <summary>Where members of other networks appear to the applications of this one. Default: 198.19.0.0/16, where it does not collide.</summary>
    public IReadOnlyList<string>? GuestPools { get; init; }

    /// <summary>"each" (default): every guest has an address of his own; "shared": those of one network have one, and differ by ports.</summary>
    public string? Guests { get; init; }

    /// <summary>
    /// "subnet" (default) or "p2p": how an OpenVPN device has its IPv4 address. Take p2p where the device's own LAN has the network's
    /// addresses: its routes then do not go by way of an address that both have.
    /// </summary>
    public string? Topology { get; init; }

    /// <summary>
    /// Whether devices send everything into the tunnel: what they may reach beyond the gateway host by name has addresses that no route can
    /// know before. Default: they do not.
    /// </summary>
    public bool? DefaultRoute { get; init; }

    public NetworkDnsInput? Dns { get; init; }

    public NetworkIpsecInput? Ipsec { get; init; }
}

/// <summary>Changes what is not null.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record NetworkUpdate
{
    public IReadOnlyList<string>? Prefixes { get; init; }

    public IReadOnlyList<string>? Ciphers { get; init; }

    public string? AuthDigest { get; init; }

    public string? Authentication { get; init; }

    public IReadOnlyList<string>? Wrappings { get; init; }

    public string? TlsAuthDirection { get; init; }

    public string? MinimumTls { get; init; }

    public string? TokenLifetime { get; init; }

    /// <summary>Replaces all. What no longer lies in one gets other addresses; its live flows end.</summary>
    public IReadOnlyList<string>? ServiceRanges { get; init; }

    public IReadOnlyList<string>? GuestPools { get; init; }

    public string? Guests { get; init; }

    /// <summary>
    /// "subnet" (default) or "p2p": how an OpenVPN device has its IPv4 address. Take p2p where the device's own LAN has the network's
    /// addresses: its routes then do not go by way of an address that both have.
    /// </summary>
    public string? Topology { get; init; }

    /// <summary>
    /// Whether devices send everything into the tunnel: what they may reach beyond the gateway host by name has addresses that no route can
    /// know before. Default: they do not.
    /// </summary>
    public bool? DefaultRoute { get; init; }

    public NetworkDnsInput? Dns { get; init; }

    public NetworkIpsecInput? Ipsec { get; init; }
}

public sealed record NetworkInfo
{
    public required int Id { get; init; }

    public required string Name { get; init; }

    public required IReadOnlyList<string> Prefixes { get; init; }

    public required IReadOnlyList<string> Ciphers { get; init; }

    public required string AuthDigest { get; init; }

    public required string Authentication { get; init; }

    public required IReadOnlyList<string> Wrappings { get; init; }

    public required string TlsAuthDirection { get; init; }

    public required string MinimumTls { get; init; }

    /// <summary>"24h".</summary>
    public required string TokenLifetime { get; init; }

    public required IReadOnlyList<string> ServiceRanges { get; init; }

    public required IReadOnlyList<string> GuestPools { get; init; }

    /// <summary>"each" or "shared".</summary>
    public required string Guests { get; init; }

    /// <summary>Networks whose members share an address here, because they are to or because the pools have no room for one each.</summary>
    public required IReadOnlyList<string> GuestsSharing { get; init; }

    /// <summary>"subnet" or "p2p".</summary>
    public required string Topology { get; init; }

    /// <summary>Devices send everything into the tunnel.</summary>
    public required bool DefaultRoute { get; init; }

    public required NetworkDns Dns { get; init; }

    public required NetworkIpsec Ipsec { get; init; }

    public required int Devices { get; init; }

    public required int Sites { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>Counts up with every change; the ETag of the resource.</summary>
    public required long Revision { get; init; }

    /// <summary>In the answer to an update that asks otherwise of who comes in: what it cut, as the gateways measured it.</summary>
    public CutResult? Cut { get; init; }

    /// <summary>In the answer to an update: what of it live tunnels of IPsec do not follow at once. Null where there are none, or nothing is later.</summary>
    public IpsecFollowing? IpsecFollowing { get; init; }

    /// <summary>In the answer to an update: how many live tunnels connect anew for it, because its members are sent other routes. Null for none.</summary>
    public int? TunnelsReconnecting { get; init; }
}
