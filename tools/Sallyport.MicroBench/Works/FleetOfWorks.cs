using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.MicroBench.Works;

/// <summary>A network with devices of which those of a group may reach an application behind a site.</summary>
internal static class FleetOfWorks
{
    public const int SiteId = 1;
    public const int FirstDeviceId = 2;
    public const ushort Port = 9000;
    private const int NetworkId = 1;
    private const int ApplicationId = 1;

    public static IpAddress Target { get; } = IpAddress.Parse("192.168.50.10");

    public static IpAddress AddressOf(int device) => IpAddress.FromV4(0x0a40_0100 + (uint)device);

    /// <param name="rules">One allows the group of all devices; the others speak of one device each.</param>
    public static FleetModel Make(int devices, int rules) => FleetModel.Empty.With(new FleetChange
    {
        Networks = [new Network(NetworkId, "plant", [IpPrefix.Parse("10.64.0.0/14")])],
        Identities =
        [
            new Identity
            {
                Id = SiteId,
                NetworkId = NetworkId,
                Kind = IdentityKind.Site,
                Name = "hq",
                Active = true,
                AddressV4 = IpAddress.Parse("10.64.0.2"),
                Subnets = [IpPrefix.Parse("192.168.50.0/24")],
            },
            .. Enumerable.Range(0, devices).Select(Device),
        ],
        Applications = [new Application(ApplicationId, NetworkId, "historian", SiteId, IpPrefix.Parse("192.168.50.10/32"), [new Service(IpProtocol.Udp, Port, Port)])],
        Rules =
        [
            new Rule(1, new Subject(SubjectKind.Group, 0, "all"), ApplicationId),
            .. Enumerable.Range(1, rules - 1).Select(i => new Rule(1 + i, new Subject(SubjectKind.Device, FirstDeviceId + (i % devices), ""), ApplicationId)),
        ],
    });

    private static Identity Device(int index) => new()
    {
        Id = FirstDeviceId + index,
        NetworkId = NetworkId,
        Kind = IdentityKind.Device,
        Name = $"device-{index}",
        Active = true,
        AddressV4 = AddressOf(index),
        Groups = ["all"],
    };
}
