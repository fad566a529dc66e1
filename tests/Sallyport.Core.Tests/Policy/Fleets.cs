using System.Collections.Immutable;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Tests.Policy;

/// <summary>Short ways to write a fleet.</summary>
internal static class Fleets
{
    public static Network Network(int id, params string[] prefixes) =>
        new(id, $"net-{id}", [.. prefixes.Select(IpPrefix.Parse)]);

    public static Identity Device(int id, int network, string? v4 = null, string? v6 = null, bool active = true, string[]? groups = null, string[]? labels = null) =>
        new()
        {
            Id = id,
            NetworkId = network,
            Kind = IdentityKind.Device,
            Name = $"device-{id}",
            Active = active,
            AddressV4 = v4 is null ? null : IpAddress.Parse(v4),
            AddressV6 = v6 is null ? null : IpAddress.Parse(v6),
            Groups = [.. groups ?? []],
            Labels = [.. labels ?? []],
        };

    public static Identity Site(int id, int network, string? v4, params string[] subnets) =>
        Device(id, network, v4) with { Kind = IdentityKind.Site, Name = $"site-{id}", Subnets = [.. subnets.Select(IpPrefix.Parse)] };

    public static Application Application(int id, int network, int owner, string target, params Service[] services) =>
        new(id, network, $"app-{id}", owner, IpPrefix.Parse(target.Contains('/') ? target : target + (target.Contains(':') ? "/128" : "/32")), [.. services]);

    public static Service Tcp(int from, int? to = null) => new(IpProtocol.Tcp, (ushort)from, (ushort)(to ?? from));

    public static Service Udp(int from, int? to = null) => new(IpProtocol.Udp, (ushort)from, (ushort)(to ?? from));

    public static Service Ping => new(IpProtocol.Icmp, 0, 0);

    public static Rule ForDevice(int id, int device, int application) => new(id, new Subject(SubjectKind.Device, device, ""), application);

    public static Rule ForSite(int id, int site, int application) => new(id, new Subject(SubjectKind.Site, site, ""), application);

    public static Rule ForGroup(int id, string group, int application) => new(id, new Subject(SubjectKind.Group, 0, group), application);

    public static Rule ForLabel(int id, string label, int application) => new(id, new Subject(SubjectKind.Label, 0, label), application);

    public static Rule ForNetwork(int id, int network, int application) =>
        new(id, new Subject(SubjectKind.Network, 0, "") { NetworkId = network }, application);

    public static Appearance Service(int id, int network, string at, int home, string of) =>
        new(id, AppearanceKind.Service, network, IpPrefix.Parse(at), home, IpPrefix.Parse(of));

    public static Appearance Guest(int id, int network, string at, int home, string of) =>
        new(id, AppearanceKind.Guest, network, IpPrefix.Parse(at), home, IpPrefix.Parse(of));

    public static FleetChange Change(params object[] records) =>
        new()
        {
            Networks = [.. records.OfType<Network>()],
            Identities = [.. records.OfType<Identity>()],
            Applications = [.. records.OfType<Application>()],
            Rules = [.. records.OfType<Rule>()],
            Appearances = [.. records.OfType<Appearance>()],
        };

    public static FleetModel Of(params object[] records) => FleetModel.Empty.With(Change(records));

    public static FleetModel With(this FleetModel model, params object[] records) => model.With(Change(records));

    public static ImmutableArray<int> Ids(params int[] ids) => [.. ids];
}
