using System.Security.Cryptography;
using Sallyport.Api.Nodes;
using Sallyport.Core.OpenVpn.Wrapping;
using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane.Tests.Fixtures;

/// <summary>A network with a device and a site in front of one application, and what clients need to come in as them.</summary>
internal sealed class TestFleet : IDisposable
{
    public const int NetworkId = 1;
    public const int SiteId = 1;
    public const int DeviceId = 2;
    public const int OtherDeviceId = 3;
    public const int ApplicationId = 1;
    public const int RuleId = 1;
    public const int HostId = 4;
    public const int HostRuleId = 2;

    /// <summary>Of the network beyond the gateway host, its identity, application and rule.</summary>
    public const int EgressId = 9;
    public const string HandlePrefix = "fd12:3456:789a::/48";

    public static readonly Instant Now = Instant.FromUnixSeconds(1_800_000_000);

    public static readonly IpAddress DeviceAddress = IpAddress.Parse("10.20.0.10");
    public static readonly IpAddress OtherDeviceAddress = IpAddress.Parse("10.20.0.11");
    public static readonly IpAddress HostAddress = IpAddress.Parse("10.20.0.1");
    public static readonly IpAddress SiteAddress = IpAddress.Parse("10.20.0.2");
    public static readonly IpAddress ApplicationAddress = IpAddress.Parse("192.168.50.10");

    public TestFleet()
    {
        Site = Member("hq", SiteId);
        Device = Member("pump-17", DeviceId);
        OtherDevice = Member("pump-18", OtherDeviceId);
    }

    public TestPki Pki { get; } = new();

    public TlsCryptV2ServerKey ServerKey { get; } = TlsCryptV2ServerKey.Generate(new TestEntropy(1));

    public TestMember Site { get; }

    public TestMember Device { get; }

    public TestMember OtherDevice { get; }

    public GatewaySettings Settings { get; set; } = new()
    {
        OpenVpnUdp = ["127.0.0.1:0", "[::1]:0"],
        OpenVpnTcp = ["127.0.0.1:0"],
        AuthTokenKey = RandomNumberGenerator.GetBytes(32),
        PingSeconds = 1,
        PingRestartSeconds = 5,
    };

    public NetworkModel Network { get; set; } = new()
    {
        Id = NetworkId,
        Name = "plant-a",
        Prefixes = ["10.20.0.0/16"],
        Ciphers = ["AES-256-GCM", "AES-128-GCM", "CHACHA20-POLY1305"],
        Wrappings = ["tls-crypt-v2"],
    };

    public IdentityModel DeviceModel => Identity(Device, "device", "pump-17", DeviceAddress);

    public IdentityModel OtherDeviceModel => Identity(OtherDevice, "device", "pump-18", OtherDeviceAddress);

    public IdentityModel SiteModel => Identity(Site, "site", "hq", SiteAddress) with { Subnets = ["192.168.50.0/24"] };

    public RuleModel Rule => new() { Id = RuleId, SubjectKind = "device", SubjectId = DeviceId, ApplicationId = ApplicationId };

    public static IdentityModel Host { get; } = new()
    {
        Id = HostId, NetworkId = NetworkId, Kind = "host", Name = "plant-a", Active = true, AddressV4 = HostAddress.ToString(),
    };

    /// <summary>The same with the gateway host in the network: the device may reach it, and it may reach the device.</summary>
    public NodeModel ModelWithHost()
    {
        var model = Model();
        return model with
        {
            Settings = model.Settings with { HandlePrefix = HandlePrefix },
            Identities = [.. model.Identities, Host],
            Applications =
            [
                .. model.Applications,
                new ApplicationModel { Id = 2, NetworkId = NetworkId, Name = "dashboard", OwnerId = HostId, Target = "10.20.0.1", Services = ["tcp/8080", "udp/53"] },
                new ApplicationModel { Id = 3, NetworkId = NetworkId, Name = "pump", OwnerId = DeviceId, Target = "10.20.0.10", Services = ["tcp/502", "udp/161"] },
            ],
            Rules =
            [
                .. model.Rules,
                new RuleModel { Id = HostRuleId, SubjectKind = "device", SubjectId = DeviceId, ApplicationId = 2 },
                new RuleModel { Id = 3, SubjectKind = "host", SubjectId = HostId, ApplicationId = 3 },
            ],
        };
    }

    /// <summary>Something beyond the gateway host, to which no rule leads yet. In networks of members it appears where it is.</summary>
    public NodeModel ModelWithEgress()
    {
        var model = Model();
        return model with
        {
            Networks = [.. model.Networks, new NetworkModel { Id = EgressId, Name = "internet", Prefixes = [], Ciphers = [], Wrappings = [], Elsewhere = ["198.19.0.0/16"] }],
            Identities = [.. model.Identities, new IdentityModel { Id = EgressId, NetworkId = EgressId, Kind = "host", Name = "internet", Active = true, Subnets = ["0.0.0.0/0"] }],
            Applications =
            [
                .. model.Applications,
                new ApplicationModel { Id = EgressId, NetworkId = EgressId, Name = "vendor", OwnerId = EgressId, Target = "203.0.113.0/24", Services = ["tcp/443"] },
            ],
            Appearances = [new AppearanceModel { Id = 1, Kind = "service", NetworkId = NetworkId, At = "203.0.113.0/24", HomeId = EgressId, Of = "203.0.113.0/24" }],
        };
    }

    /// <summary>Lets who has the label out.</summary>
    public static RuleModel EgressRule { get; } = new() { Id = EgressId, SubjectKind = "label", Subject = "out=yes", NetworkId = NetworkId, ApplicationId = EgressId };

    public NodeModel Model(bool withRule = true) => new(
        Settings with { TlsCryptV2ServerKeys = [ServerKey.Bytes.ToArray()] },
        [Network],
        [SiteModel, DeviceModel, OtherDeviceModel],
        [new ApplicationModel
        {
            Id = ApplicationId,
            NetworkId = NetworkId,
            Name = "historian",
            OwnerId = SiteId,
            Target = "192.168.50.10",
            Services = ["tcp/8883", "udp/5000-5010", "icmp"],
        }],
        withRule ? [Rule] : []);

    public void Dispose()
    {
        Pki.Dispose();
        ServerKey.Dispose();
    }

    public TestMember Member(string name, int id, int days = 30)
    {
        var wrappedKeyId = new byte[16];
        RandomNumberGenerator.Fill(wrappedKeyId);
        return new TestMember(id, Pki.IssueClient(name, days), wrappedKeyId, ServerKey.IssueClient(new TestEntropy((ulong)id + 100), wrappedKeyId));
    }

    private static IdentityModel Identity(TestMember member, string kind, string name, IpAddress address) => new()
    {
        Id = member.Id,
        NetworkId = NetworkId,
        Kind = kind,
        Name = name,
        Active = true,
        AddressV4 = address.ToString(),
        Credentials = [member.Credential],
    };
}

internal sealed record TestMember(int Id, TestIdentity Certificate, byte[] WrappedKeyId, TlsCryptV2ClientKey Key)
{
    public CredentialModel Credential => new()
    {
        Id = Id * 10,
        Kind = "certificate",
        Fingerprint = Certificate.Fingerprint,
        WrappedKeyId = Convert.ToHexStringLower(WrappedKeyId),
    };
}

/// <summary>Reproducible bytes (SplitMix64).</summary>
internal sealed class TestEntropy(ulong seed) : IEntropy
{
    private ulong _state = seed;

    public void Fill(Span<byte> bytes)
    {
        foreach (ref var b in bytes)
        {
            _state += 0x9e37_79b9_7f4a_7c15;
            var z = (_state ^ (_state >> 30)) * 0xbf58_476d_1ce4_e5b9;
            z = (z ^ (z >> 27)) * 0x94d0_49bb_1331_11eb;
            b = (byte)(z ^ (z >> 31));
        }
    }
}
