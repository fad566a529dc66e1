using Sallyport.Api.Credentials;
using Sallyport.Api.Devices;
using Sallyport.Api.Networks;
using Sallyport.EndToEnd.Fleet;
using Sallyport.EndToEnd.Harness;
using Sallyport.Harness.Ipsec;

namespace Sallyport.EndToEnd.Ipsec;

public sealed class RedirectFixture : FleetFixture
{
    public const string Network = "plant";

    protected override Task Prepare() => AddNetworkWithSite(new NetworkCreate { Name = Network, Prefixes = ["10.20.0.0/16"] });
}

/// <summary>A gateway that is about to be taken down sends its stock peers to another one (RFC 5685): those that are here, and those that come.</summary>
public sealed class RedirectTests(RedirectFixture fleet) : IClassFixture<RedirectFixture>
{
    [IpsecFact]
    public async Task Who_is_connected_and_who_comes_is_sent_to_the_other_gateway()
    {
        var here = await AddDevice("here");
        var late = await AddDevice("late");
        var place = fleet.NewHost("other-gateway");
        var address = $"10.99.0.{fleet.LastHost}";
        place.AddAddress("lo", "192.168.50.254/32");
        var pool = new CharonPool("others", "10.97.0.0/24");
        var connection = new CharonConnection
        {
            Local = new CharonAuth("psk", Topology.GatewayV4),
            Peer = new CharonAuth("psk"),
            Pools = [pool.Name],
            Children = [new CharonChild { LocalSelectors = ["192.168.50.0/24"] }],
        };
        using var other = await CharonProcess.Start(
            place, CharonConf.Write([connection], [SecretOf(here), SecretOf(late)], pool));

        using var first = await fleet.StartDevice(here.Device, here.Profile!);
        await first.UntilUp();
        fleet.Installation.KillControl();
        await fleet.Installation.StartControl(new Dictionary<string, string> { ["SALLYPORT_IPSEC_REDIRECT"] = address });
        await first.Charon.UntilIke(sa => sa.IsEstablished && sa.Remote.Host == address && sa.Children.Count > 0, "the other gateway has it", IpsecDevice.Patience);
        await fleet.UntilTunnel("here", RedirectFixture.Network, found => found is null, seconds: IpsecDevice.Patience);
        await fleet.UntilDetail("ipsec.redirect", $"sent to {address}: 1 gone, 0 told and still here, 0 staying");

        using var second = await fleet.StartDevice(late.Device, late.Profile!);
        await second.Charon.UntilIke(sa => sa.IsEstablished && sa.Remote.Host == address && sa.Children.Count > 0, "and this one, too", IpsecDevice.Patience);
    }

    private Task<DeviceCreated> AddDevice(string name) => fleet.AddDevice(name, RedirectFixture.Network, new ProfileRequest { Protocol = "ipsec", Auth = "psk" });

    private static CharonSecret SecretOf(DeviceCreated device)
    {
        var key = device.Profile!.Keys.Single(one => one.Kind == "psk");
        return new CharonSecret("ike", key.Secret, key.Id);
    }
}
