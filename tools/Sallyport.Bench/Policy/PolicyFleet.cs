using System.Globalization;
using System.Text.Json;
using Sallyport.Api.Nodes;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Model;

namespace Sallyport.Bench.Policy;

/// <summary>
/// A large fleet as control sends it: ten networks with the same addresses in a ring, each with a site that has fifty applications and
/// appears in the network before, and rules of every kind of subject. The same at every run.
/// </summary>
internal static class PolicyFleet
{
    public const int Networks = 10;
    public const int Applications = 50;

    /// <summary>Rules with these numbers and below speak of anybody; all others only of odd devices.</summary>
    public const int CommonRules = 1_000;

    /// <summary>To which those rules lead: rules of every kind to each.</summary>
    public const int CommonApplications = 10;

    private const int KindsInTurn = 10;
    private const int Groups = 8;
    private const int Lines = 20;
    private const int MembersOfNetwork = 2; // the site and the gateway host

    public static Instant Now { get; } = Instant.FromUnixSeconds(1_800_000_000);

    public static IpAddress Target(int application) => IpAddress.FromV4(0xc0a8_3200 + 10 + (uint)application);

    /// <summary>Where the next network's applications appear.</summary>
    public static IpAddress TargetElsewhere(int application) => IpAddress.FromV4(0xc612_0000 + 10 + (uint)application);

    public static ushort Port(int application) => (ushort)(9_000 + application);

    public static int DeviceId(int index) => 1 + (Networks * MembersOfNetwork) + index;

    public static int NetworkOf(int index) => 1 + (index % Networks);

    /// <summary>Every other one of its network.</summary>
    public static bool IsOdd(int index) => index / Networks % 2 == 1;

    public static IpAddress AddressOf(int index) => IpAddress.FromV4(0x0a40_0100 + (uint)(index / Networks));

    /// <summary>The gateway's model, made as a gateway makes it: read from the bytes that control sends.</summary>
    public static GatewayModel Make(int devices, int rules)
    {
        var sent = JsonSerializer.SerializeToUtf8Bytes(new Snapshot(1, Describe(devices, rules)), NodeJson.Default.Snapshot);
        return ModelMapper.FromSnapshot(JsonSerializer.Deserialize(sent, NodeJson.Default.Snapshot)!, Now);
    }

    /// <summary>Of one device, to an application of its network.</summary>
    public static RuleModel OneMore(int id, int device) => new()
    {
        Id = id,
        SubjectKind = "device",
        SubjectId = DeviceId(device),
        ApplicationId = ApplicationId(NetworkOf(device), id % Applications),
    };

    private static NodeModel Describe(int devices, int rules) => new(
        new GatewaySettings(),
        [.. AllNetworks.Select(Network)],
        [.. AllNetworks.SelectMany(Members), .. Enumerable.Range(0, devices).Select(Device)],
        [.. AllNetworks.SelectMany(network => Enumerable.Range(0, Applications).Select(index => Application(network, index)))],
        [.. Enumerable.Range(1, rules).Select(id => Rule(id, devices))])
    {
        Appearances = [.. AllNetworks.SelectMany(Appearances)],
    };

    private static IEnumerable<int> AllNetworks => Enumerable.Range(1, Networks);

    private static int After(int network) => 1 + (network % Networks);

    private static int SiteId(int network) => (network * MembersOfNetwork) - 1;

    private static int HostId(int network) => network * MembersOfNetwork;

    private static int ApplicationId(int network, int index) => 1 + ((network - 1) * Applications) + index;

    private static NetworkModel Network(int id) => new()
    {
        Id = id,
        Name = Text($"plant-{id}"),
        Prefixes = ["10.64.0.0/14"],
        Elsewhere = ["198.18.0.0/16", "100.64.0.0/14"],
        Ciphers = ["AES-256-GCM", "CHACHA20-POLY1305"],
        Wrappings = ["tls-crypt-v2"],
    };

    private static IEnumerable<IdentityModel> Members(int network) =>
    [
        new IdentityModel
        {
            Id = SiteId(network), NetworkId = network, Kind = "site", Name = Text($"hq-{network}"), Active = true, AddressV4 = "10.64.0.2",
            Subnets = ["192.168.50.0/24"], Credentials = [Credential(SiteId(network))],
        },
        new IdentityModel { Id = HostId(network), NetworkId = network, Kind = "host", Name = Text($"host-{network}"), Active = true, AddressV4 = "10.64.0.1" },
    ];

    private static IdentityModel Device(int index) => new()
    {
        Id = DeviceId(index),
        NetworkId = NetworkOf(index),
        Kind = "device",
        Name = Text($"pump-{index}"),
        Active = index % 100 != 99,
        AddressV4 = AddressOf(index).ToString(),
        Groups = [Text($"group-{index / Networks % Groups}"), Text($"{Parity(index)}-{index / Networks % Lines}")],
        Labels = new Dictionary<string, string> { ["model"] = Text($"P{index / Networks % Groups}"), ["line"] = Text($"{Parity(index)}-{index / Networks % Lines}") },
        Credentials = [Credential(DeviceId(index))],
    };

    private static string Parity(int index) => IsOdd(index) ? "odd" : "even";

    private static CredentialModel Credential(int id) => new()
    {
        Id = id,
        Kind = "certificate",
        Fingerprint = Text($"{(ulong)id * 0x9e3779b97f4a7c15:x16}{id:x48}"),
        WrappedKeyId = Text($"{(ulong)id * 0xc2b2ae3d27d4eb4f:x16}{id:x16}"),
    };

    private static ApplicationModel Application(int network, int index) => new()
    {
        Id = ApplicationId(network, index),
        NetworkId = network,
        Name = Text($"application-{index}"),
        OwnerId = SiteId(network),
        Target = Target(index).ToString(),
        Services = [Text($"udp/{Port(index)}"), Text($"tcp/{Port(index)}-{Port(index) + 5}"), "icmp"],
    };

    private static IEnumerable<AppearanceModel> Appearances(int network) =>
    [
        new AppearanceModel { Id = (network * 2) - 1, Kind = "service", NetworkId = network, At = "198.18.0.0/24", HomeId = After(network), Of = "192.168.50.0/24" },
        new AppearanceModel { Id = network * 2, Kind = "guest", NetworkId = After(network), At = "100.64.0.0/14", HomeId = network, Of = "10.64.0.0/14" },
    ];

    /// <summary>
    /// One in five leads to the network after that of its subjects. Of the common ones three in ten deny, so that their applications have
    /// rules of both effects whatever comes on top; of the others one in twenty.
    /// </summary>
    private static RuleModel Rule(int id, int devices)
    {
        var (network, place) = (1 + (id % Networks), id / Networks);
        var isCommon = id <= CommonRules;
        var (kind, subject, subjectId) = isCommon ? Common(network, place, devices) : OfOdd(network, place, devices);
        var application = isCommon ? place / KindsInTurn % CommonApplications : place / 3 % Applications;
        var isAbroad = (place + (place / KindsInTurn)) % 5 == 0;
        return new RuleModel
        {
            Id = id,
            SubjectKind = kind,
            Subject = subject,
            SubjectId = subjectId,
            NetworkId = isAbroad ? network : 0,
            ApplicationId = ApplicationId(isAbroad ? After(network) : network, application),
            Effect = (isCommon ? place % KindsInTurn is 2 or 4 or 9 : place % 20 == 7) ? "deny" : "allow",
        };
    }

    private static (string Kind, string Subject, int SubjectId) Common(int network, int place, int devices) => (place % KindsInTurn) switch
    {
        0 or 1 or 2 => ("group", Text($"group-{place * 7 % Groups}"), 0),
        3 or 4 => ("label", Text($"model=P{place * 11 % Groups}"), 0),
        5 => ("site", "", SiteId(network)),
        6 => ("host", "", HostId(network)),
        7 when place / KindsInTurn == 3 => ("network", "", 0),
        _ => ("device", "", DeviceOf(network, place, devices)),
    };

    private static (string Kind, string Subject, int SubjectId) OfOdd(int network, int place, int devices) => (place % 3) switch
    {
        0 => ("group", Text($"odd-{((place * 2) + 1) % Lines}"), 0),
        1 => ("label", Text($"line=odd-{((place * 2) + 1) % Lines}"), 0),
        _ => ("device", "", OddDeviceOf(network, place, devices)),
    };

    private static int DeviceOf(int network, int number, int devices) =>
        DeviceId(((int)((long)number * 7_919 % (devices / Networks)) * Networks) + network - 1);

    private static int OddDeviceOf(int network, int number, int devices) =>
        DeviceId(((((int)((long)number * 7_919 % (devices / Networks / 2)) * 2) + 1) * Networks) + network - 1);

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
