using Sallyport.Api.Devices;
using Sallyport.Api.Rules;
using Sallyport.Api.Sites;
using Sallyport.Api.Tunnels;

namespace Sallyport.Cli.Members;

/// <summary>What devices and sites are alike: members of a network, with labels, credentials and a tunnel.</summary>
internal sealed record Member
{
    public required string Name { get; init; }

    public required string Network { get; init; }

    public required string State { get; init; }

    public string? StateReason { get; init; }

    public QuarantineInfo? Quarantine { get; init; }

    public required IReadOnlyList<PostureInfo> Posture { get; init; }

    public LimitInfo? Limit { get; init; }

    public required IReadOnlyList<int> Locks { get; init; }

    public required string Presence { get; init; }

    public IReadOnlyList<string> Subnets { get; init; } = [];

    /// <summary>Of a site that the gateway does not only wait for.</summary>
    public SiteIpsec? Ipsec { get; init; }

    public required IReadOnlyList<string> Addresses { get; init; }

    public required IReadOnlyDictionary<string, string> Labels { get; init; }

    public required IReadOnlyList<string> Groups { get; init; }

    public TunnelInfo? Tunnel { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required long Revision { get; init; }

    public CutResult? Cut { get; init; }

    public int? TunnelsReconnecting { get; init; }

    public OutdatedFiles? OutdatedFiles { get; init; }

    /// <summary>The tunnel that is up; a past one says nothing about now.</summary>
    public TunnelInfo? Live => Presence == "online" ? Tunnel : null;

    public static Member Of(DeviceInfo device) => new()
    {
        Name = device.Name,
        Network = device.Network,
        State = device.State,
        StateReason = device.StateReason,
        Quarantine = device.Quarantine,
        Posture = device.Posture,
        Limit = device.Limit,
        Locks = device.Locks,
        Presence = device.Presence,
        Addresses = device.Addresses,
        Labels = device.Labels,
        Groups = device.Groups,
        Tunnel = device.Tunnel,
        CreatedAt = device.CreatedAt,
        Revision = device.Revision,
        Cut = device.Cut,
        TunnelsReconnecting = device.TunnelsReconnecting,
    };

    public static Member Of(SiteInfo site) => new()
    {
        Name = site.Name,
        Network = site.Network,
        State = site.State,
        StateReason = site.StateReason,
        Quarantine = site.Quarantine,
        Posture = site.Posture,
        Limit = site.Limit,
        Locks = site.Locks,
        Presence = site.Presence,
        Subnets = site.Subnets,
        Ipsec = site.Ipsec,
        Addresses = site.Addresses,
        Labels = site.Labels,
        Groups = site.Groups,
        Tunnel = site.Tunnel,
        CreatedAt = site.CreatedAt,
        Revision = site.Revision,
        Cut = site.Cut,
        TunnelsReconnecting = site.TunnelsReconnecting,
        OutdatedFiles = site.OutdatedFiles,
    };
}
