using System.Text.Json.Serialization;
using Sallyport.Api.Credentials;
using Sallyport.Api.Devices;
using Sallyport.Api.Rules;
using Sallyport.Api.Tunnels;

namespace Sallyport.Api.Sites;

/// <summary>Makes a router or data-centre gateway that carries whole subnets.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record SiteCreate
{
    public string? Name { get; init; }

    public string? Network { get; init; }

    public IReadOnlyList<string>? Subnets { get; init; }

    public IReadOnlyDictionary<string, string>? Labels { get; init; }

    public IReadOnlyList<string>? Groups { get; init; }

    /// <summary>At most one IPv4 and one IPv6 address of the network for the router itself; what is left out is allocated.</summary>
    public IReadOnlyList<string>? Addresses { get; init; }

    /// <summary>How the gateway meets it by IPsec.</summary>
    public SiteIpsecInput? Ipsec { get; init; }

    /// <summary>Where given, a credential is issued at once and the answer carries the profile.</summary>
    public ProfileRequest? Profile { get; init; }
}

/// <summary>Changes what is not null; lists and labels are replaced whole.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record SiteUpdate
{
    public IReadOnlyList<string>? Subnets { get; init; }

    public IReadOnlyDictionary<string, string>? Labels { get; init; }

    public IReadOnlyList<string>? Groups { get; init; }

    /// <summary>Of all that it sends and is sent.</summary>
    public LimitInput? Limit { get; init; }

    public SiteIpsecInput? Ipsec { get; init; }
}

/// <summary>The other end of a site's IPsec tunnels, as far as it is not found out when it comes. Changes what is not null.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record SiteIpsecInput
{
    /// <summary>
    /// Addresses or host names to which the gateway begins by itself, one for each uplink, "any" where it waits for that one. None (default): it
    /// waits for all.
    /// </summary>
    public IReadOnlyList<string>? Remotes { get; init; }

    /// <summary>"tunnel" (default), or "transport" where both ends are hosts.</summary>
    public string? Mode { get; init; }

    /// <summary>One pair of subnets for each CHILD_SA, as routers with the habits of IKEv1 need it. Default: all in one.</summary>
    public bool? SinglePairs { get; init; }
}

public sealed record SiteIpsec
{
    /// <summary>"any" where the gateway waits.</summary>
    public required IReadOnlyList<string> Remotes { get; init; }

    public required string Mode { get; init; }

    public required bool SinglePairs { get; init; }
}

public sealed record SiteInfo
{
    public required int Id { get; init; }

    public required string Name { get; init; }

    public required string Network { get; init; }

    /// <summary>"pending" (no credential yet), "active", "quarantined" or "retired".</summary>
    public required string State { get; init; }

    public string? StateReason { get; init; }

    public required DateTimeOffset StateSince { get; init; }

    public required IReadOnlyList<string> Subnets { get; init; }

    /// <summary>How the gateway meets it by IPsec; null where it only waits for it, as for all.</summary>
    public SiteIpsec? Ipsec { get; init; }

    public required IReadOnlyList<string> Addresses { get; init; }

    public required IReadOnlyDictionary<string, string> Labels { get; init; }

    public required IReadOnlyList<string> Groups { get; init; }

    /// <summary>How far it is shut out while its state is "quarantined"; null otherwise.</summary>
    public QuarantineInfo? Quarantine { get; init; }

    /// <summary>Facts that were reported of it.</summary>
    public required IReadOnlyList<PostureInfo> Posture { get; init; }

    /// <summary>Null for none.</summary>
    public LimitInfo? Limit { get; init; }

    /// <summary>Ids of the locks that cut it off, whatever its state.</summary>
    public required IReadOnlyList<int> Locks { get; init; }

    /// <summary>"online", "offline" or "unknown" (its gateway is not connected to control).</summary>
    public required string Presence { get; init; }

    /// <summary>The live tunnel, or the last one that was seen.</summary>
    public TunnelInfo? Tunnel { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required long Revision { get; init; }

    /// <summary>In the answer to an update: what it cut, as the gateways measured it.</summary>
    public CutResult? Cut { get; init; }

    /// <summary>In the answer to a change: how many live tunnels connect anew for it, because their members are sent other routes. Null for none.</summary>
    public int? TunnelsReconnecting { get; init; }

    /// <summary>In the answer to a change: sites that come by IPsec with files from before it, which it made say too little. Null for none.</summary>
    public OutdatedFiles? OutdatedFiles { get; init; }
}

/// <summary>Sites of one network whose files for IPsec do not say what is so now.</summary>
public sealed record OutdatedFiles
{
    public required int Count { get; init; }

    /// <summary>The first of them by name.</summary>
    public required IReadOnlyList<string> Sites { get; init; }

    /// <summary>For the first few of them: the command that makes a profile of the kind that the site has. It revokes the one before.</summary>
    public required IReadOnlyList<string> Commands { get; init; }
}

/// <summary>The answer to a create. The profile holds a private key that exists nowhere else.</summary>
public sealed record SiteCreated(SiteInfo Site, ProfileIssued? Profile);
