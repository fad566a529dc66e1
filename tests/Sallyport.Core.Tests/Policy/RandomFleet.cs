using System.Collections.Immutable;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using Sallyport.Core.Tests.OpenVpn;

namespace Sallyport.Core.Tests.Policy;

/// <summary>Small worlds in which everything collides: few addresses, few groups, two networks with the same prefixes.</summary>
internal sealed class RandomFleet(SeededEntropy random, NaiveFleet fleet)
{
    private static readonly string[] Groups = ["pumps", "valves", "meters"];
    private static readonly string[] Labels = ["model=P200", "model=P300", "hall=3"];

    /// <summary>Whether something lies beyond the gateway host.</summary>
    public bool WithEgress { get; init; }

    /// <summary>Whether rules and identities may carry only so much.</summary>
    public bool WithLimits { get; init; }

    private static readonly string[] Places = ["203.0.113.9", "203.0.113.200", "198.51.100.1", "2001:db8::7"];
    private static readonly string[] Values = ["2.4.1", "2.10", "true", "2.4.1-rc.1"];

    private static readonly PostureTest[] Tests =
    [
        .. ((string[])["firmware>=2.4.1", "firmware<2.5", "firmware!=2.10", "disk-encrypted=true"]).Select(text =>
        {
            PostureTest.TryParse(text, out var test, out var problem).ShouldBeTrue(problem);
            return test;
        }),
    ];

    private const int Internet = 3;
    private const int InternetHost = 12;

    private static readonly string[] Outside =
        ["203.0.113.8", "203.0.113.9", "198.51.100.7", "203.0.113.8", "203.0.113.9", "203.0.113.77", "198.51.100.7", "10.9.0.5", "10.8.0.5", "10.20.0.200", "127.0.0.1", "169.254.169.254", "224.0.0.9", "0.0.0.1"];

    private static readonly string[] EgressTargets = ["0.0.0.0/0", "203.0.113.0/24", "203.0.113.8/30", "203.0.113.8/32", "10.9.0.0/24"];
    private static readonly string[] Patterns = ["*.vendor.example", "time.example", "a.vendor.example"];
    private static readonly string[] Names = ["vendor.example", "a.vendor.example", "b.a.vendor.example", "time.example", "xvendor.example"];

    /// <summary>Of what may appear elsewhere.</summary>
    private static readonly string[] Homes = ["10.20.0.0/29", "192.168.0.0/29", "192.168.1.0/29", "fd00::/125"];

    public IpAddress Address() =>
        random.Below(7) switch
        {
            5 => IpAddress.Parse($"198.18.{1 + random.Below(16)}.{1 + random.Below(7)}"),
            6 => random.Below(2) == 0 ? IpAddress.Parse($"198.19.{1 + random.Below(16)}.{1 + random.Below(7)}") : IpAddress.Parse($"fd18:{1 + random.Below(16):x}::{1 + random.Below(7)}"),
            0 or 1 => IpAddress.Parse($"10.20.0.{1 + random.Below(7)}"),
            2 or 3 => IpAddress.Parse($"192.168.{random.Below(2)}.{(1 + random.Below(7))}"),
            _ => IpAddress.Parse($"fd00::{(1 + random.Below(7))}"),
        };

    /// <summary>Who asks, and for what: often for something that is there.</summary>
    public (Identity? From, IpAddress Destination, IpProtocol Protocol, ushort Port) Question()
    {
        var from = fleet.Find(1 + random.Below(11));
        var applications = fleet.Applications.ToList();
        if (applications.Count == 0 || random.Below(3) == 0)
        {
            var address = Address();
            return (from, address, Protocol(address.IsV4), Port());
        }

        var outside = WithEgress && random.Below(2) == 0 ? applications.Where(one => one.NetworkId == Internet).ToList() : [];
        var application = outside.Count > 0 ? outside[random.Below(outside.Count)] : applications[random.Below(applications.Count)];
        if (application.NetworkId == Internet)
        {
            var asker = fleet.Find(1 + random.Below(11));
            var told = fleet.Ties.GetValueOrDefault(asker?.Id ?? 0, []);
            var served = application.Services.IsEmpty ? Service() : application.Services[0];
            return (asker, told.Length == 0 || random.Below(8) == 0 ? OutsideAddress() : told[random.Below(told.Length)].Address, served.Protocol, served.FromPort);
        }

        var neighbours = fleet.Identities.Where(identity => identity.NetworkId == application.NetworkId).ToList();
        from = neighbours.Count == 0 || random.Below(4) == 0 ? from : neighbours[random.Below(neighbours.Count)];
        var destination = new IpAddress(application.Target.Network.Bits + (UInt128)random.Below(application.Target.Length % 32 == 0 ? 1 : 4));
        if (random.Below(3) == 0)
        {
            var others = fleet.Identities.Where(identity => identity.NetworkId != application.NetworkId).ToList();
            from = others.Count == 0 ? from : others[random.Below(others.Count)];
            destination = fleet.Service(3 - application.NetworkId, application.NetworkId, destination) ?? destination;
        }

        var services = application.Services;
        var service = services.IsEmpty ? Service() : services[random.Below(services.Length)];
        return (from, destination, service.Protocol, (ushort)(service.FromPort + random.Below(2)));
    }

    public ushort Port() => (ushort)(1 + random.Below(5));

    public IpProtocol Protocol(bool isV4) =>
        random.Below(5) switch
        {
            0 => isV4 ? IpProtocol.Icmp : IpProtocol.IcmpV6,
            1 => IpProtocol.Udp,
            _ => IpProtocol.Tcp,
        };

    /// <summary>A change that keeps ids small, so that records are often replaced, moved to another owner or network, and come back.</summary>
    public FleetChange Change(bool first)
    {
        var scale = first ? 8 : 2;
        return new FleetChange
        {
            Networks = first
                ? [Fleets.Network(1, "10.20.0.0/16", "fd00::/64"), Fleets.Network(2, "10.20.0.0/16", "fd00::/64"), .. WithEgress ? [Fleets.Network(Internet)] : Array.Empty<Network>()]
                : random.Below(20) == 0 ? [Fleets.Network(1 + random.Below(2), "10.20.0.0/16", "fd00::/64")] : [],
            Identities = first ? [.. Enumerable.Range(0, 20).Select(_ => Identity()), .. WithEgress ? [Host()] : Array.Empty<Identity>()] : Some(1, Identity),
            Applications = Some(scale, Application),
            Rules = Some(scale * 6, Rule),
            Appearances = first ? [.. Enumerable.Range(0, 40).Select(_ => Appearance()), .. WithEgress ? Everything() : []] : Some(1, Appearance),
            RemovedAppearances = random.Below(6) == 0 ? Some(1, () => 1 + random.Below(16)) : [],
            RemovedNetworks = random.Below(40) == 0 ? [1 + random.Below(2)] : [],
            RemovedIdentities = random.Below(6) == 0 ? Some(1, () => 1 + random.Below(11)) : [],
            RemovedApplications = random.Below(6) == 0 ? Some(1, () => 1 + random.Below(9)) : [],
            RemovedRules = random.Below(6) == 0 ? Some(1, () => 1 + random.Below(19)) : [],
        };
    }

    public Identity Identity()
    {
        var site = random.Below(3) == 0;
        return new Identity
        {
            Id = (1 + random.Below(11)),
            NetworkId = (1 + random.Below(2)),
            Kind = site ? IdentityKind.Site : random.Below(5) == 0 ? IdentityKind.Host : IdentityKind.Device,
            Name = "x",
            Active = random.Below(6) != 0,
            AddressV4 = random.Below(5) == 0 ? null : IpAddress.Parse($"10.20.0.{1 + random.Below(7)}"),
            AddressV6 = random.Below(2) == 0 ? null : IpAddress.Parse($"fd00::{(1 + random.Below(7))}"),
            Subnets = site ? Some(2, Subnet) : [],
            Groups = Some(1, () => Groups[random.Below(3)]),
            Labels = Some(1, () => Labels[random.Below(3)]),
            Posture = random.Below(2) == 0 ? [] : [.. Some(2, Fact).DistinctBy(fact => fact.Name)],
            Quarantine = random.Below(9) == 0 ? (QuarantineDegree)random.Below(4) : QuarantineDegree.None,
            ForensicApplicationId = 1 + random.Below(9),
            Limit = WithLimits && random.Below(4) == 0 ? Limit() : null,
        };
    }

    /// <summary>Tunnels come from one of four places.</summary>
    public Situation Situation() => random.Below(6) == 0
        ? default
        : new Situation((TunnelProtocol)(1 + random.Below(2)), (TunnelCipher)(1 + random.Below(2)), IpAddress.Parse(Places[random.Below(Places.Length)]));

    private RuleConditions Conditions() => new()
    {
        States = random.Below(4) == 0 ? [(SubjectState)random.Below(2)] : [],
        Protocols = random.Below(4) == 0 ? [(TunnelProtocol)(1 + random.Below(2))] : [],
        Ciphers = random.Below(4) == 0 ? [(TunnelCipher)(1 + random.Below(2))] : [],
        Sources = random.Below(4) == 0 ? [IpPrefix.Around(IpAddress.Parse(Places[random.Below(2)]), random.Below(2) == 0 ? 24 : 32)] : [],
        Countries = random.Below(4) == 0 ? [new Country("AT", new AddressSet([RangeOf("203.0.113.0/25"), RangeOf("2001:db8::/64")]))] : [],
        Posture = random.Below(2) == 0 ? Some(1, () => Tests[random.Below(Tests.Length)]) : [],
        PostureAge = random.Below(2) == 0 ? TimeSpan.FromHours(1 + random.Below(3)) : null,
    };

    /// <summary>Numbers that divide a second without a rest.</summary>
    private Limit Limit() => new()
    {
        BitsPerSecond = random.Below(2) == 0 ? 0 : 250 << random.Below(4),
        PacketsPerSecond = random.Below(2) == 0 ? 0 : 1 << random.Below(3),
        VolumeBytes = random.Below(2) == 0 ? 0 : 100 * (1 + random.Below(5)),
        Period = (VolumePeriod)random.Below(2),
    };

    private PostureFact Fact() => new(
        random.Below(2) == 0 ? "firmware" : "disk-encrypted", new PostureValue(Values[random.Below(Values.Length)]), fleet.Now - TimeSpan.FromMinutes(random.Below(240)));

    private static AddressRange RangeOf(string prefix) => new(IpPrefix.Parse(prefix).First, IpPrefix.Parse(prefix).Last);

    /// <summary>Sixteen there may be: each of its own, as control gives them out.</summary>
    private Appearance Appearance()
    {
        var n = random.Below(16);
        var (kind, of, network) = ((AppearanceKind)(n & 1), IpPrefix.Parse(Homes[(n >> 1) & 3]), 1 + (n >> 3));
        var at = of.IsV4 ? $"198.{(kind == AppearanceKind.Service ? 18 : 19)}.{n + 1}.0/29" : $"fd{(kind == AppearanceKind.Service ? 18 : 19)}:{n + 1:x}::/125";
        return new Appearance(n + 1, kind, network, IpPrefix.Parse(at), 3 - network, of);
    }

    /// <summary>What somebody was told, some of it long ago.</summary>
    public NameTie[] Told() =>
        [.. Some(2, () => new NameTie(Names[random.Below(Names.Length)], OutsideAddress(), fleet.Now + TimeSpan.FromMinutes(random.Below(400) - 60)))];

    private IpAddress OutsideAddress() => IpAddress.Parse(Outside[random.Below(Outside.Length)]);

    private static Identity Host() => Fleets.Site(InternetHost, Internet, null, "0.0.0.0/0") with { Kind = IdentityKind.Host };

    private static IEnumerable<Appearance> Everything() =>
        ((int[])[1, 2]).SelectMany(network => (Appearance[])[Fleets.Service(20 + network, network, "0.0.0.0/0", Internet, "0.0.0.0/0"), Fleets.Service(22 + network, network, "203.0.113.0/24", Internet, "203.0.113.0/24"),
            Fleets.Guest(24 + network, Internet, $"100.{64 + network}.0.0/16", network, "10.20.0.0/16"), Fleets.Guest(26 + network, Internet, $"100.{68 + network}.0.0/22", network, "192.168.0.0/22")]);

    private Application OutsideApplication() =>
        new(1 + random.Below(9), Internet, "e", InternetHost, IpPrefix.Parse(EgressTargets[random.Below(EgressTargets.Length)]), Some(2, Service))
        {
            Locked = random.Below(24) == 0,
            IsManagement = random.Below(3) == 0,
            Names = Some(1, () => Patterns[random.Below(Patterns.Length)]),
        };

    private IpPrefix Subnet() =>
        random.Below(8) == 0
            ? IpPrefix.Parse("fd00::/120")
            : IpPrefix.Around(IpAddress.Parse($"192.168.{random.Below(2)}.{(1 + random.Below(7))}"), (22 + random.Below(11)));

    private Application Application()
    {
        if (WithEgress && random.Below(3) == 0)
        {
            return OutsideApplication();
        }

        var address = Address();
        var length = random.Below(3) == 0 ? address.BitLength - (1 + random.Below(8)) : address.BitLength;
        var network = 1 + random.Below(2);
        // Mostly what the control process would let through; sometimes an owner that does not carry the target, or of another network.
        var owner = random.Below(5) == 0 ? null : fleet.At(network, address);
        return new Application(
            1 + random.Below(9), network, "a", owner?.Id ?? (1 + random.Below(11)), IpPrefix.Around(address, length), Some(2, Service))
        {
            Locked = random.Below(24) == 0,
            IsManagement = random.Below(3) == 0,
        };
    }

    private Service Service()
    {
        var from = Port();
        return new Service(Protocol(random.Below(2) == 0), from, (ushort)(from + random.Below(2)));
    }

    private Rule Rule() =>
        new(1 + random.Below(19), Subject(), random.Below(4) == 0 ? [.. Some(2, () => 1 + random.Below(9)).Distinct()] : [1 + random.Below(9)])
        {
            Conditions = random.Below(4) == 0 ? Conditions() : RuleConditions.None,
            Limit = WithLimits && random.Below(3) == 0 ? Limit() : null,
            Effect = random.Below(10) == 0 ? RuleEffect.Deny : RuleEffect.Allow,
            Time = random.Below(6) == 0 ? Time() : RuleTime.Always,
        };

    /// <summary>Often about to change.</summary>
    private RuleTime Time() => new(
        random.Below(2) == 0 ? Instant.Never : fleet.Now + TimeSpan.FromMinutes(random.Below(600) - 60),
        Some(1, () => TimeWindowTests.Any(random)));

    private Subject Subject() =>
        random.Below(6) switch
        {
            0 => new Subject(SubjectKind.Group, 0, Groups[random.Below(3)]) { NetworkId = random.Below(3) },
            1 => new Subject(SubjectKind.Label, 0, random.Below(2) == 0 ? Labels[random.Below(3)] : Labels[random.Below(2)] + "," + Labels[2]) { NetworkId = random.Below(3) },
            5 => new Subject(SubjectKind.Network, 0, "") { NetworkId = random.Below(3) },
            2 => new Subject(SubjectKind.Site, 1 + random.Below(11), ""),
            3 => new Subject(SubjectKind.Host, 1 + random.Below(11), ""),
            _ => new Subject(SubjectKind.Device, 1 + random.Below(11), ""),
        };

    private ImmutableArray<T> Some<T>(int scale, Func<T> make) =>
        [.. Enumerable.Range(0, random.Below((scale * 2) + 1)).Select(_ => make())];
}
