using Sallyport.Api.Networks;
using Sallyport.EndToEnd.Fleet;
using Sallyport.EndToEnd.Harness;

namespace Sallyport.EndToEnd.Resilience;

/// <summary>New keys every few seconds, from either side, while traffic runs over UDP and TCP at once: nothing may be lost.</summary>
public abstract class RenegotiationTests(RenegotiationFixture fleet)
{
    private const string NewKeys = "Control Channel: TLSv1";

    protected async Task NothingIsLost(string[] options, string prefix)
    {
        var overUdp = await fleet.AddAllowedDevice($"{prefix}-udp", "plant");
        var overTcp = await fleet.AddAllowedDevice($"{prefix}-tcp", "plant");
        var udpHost = fleet.NewHost($"{prefix}-udp");
        var tcpHost = fleet.NewHost($"{prefix}-tcp");
        using var udp = new OpenVpnProcess(udpHost, overUdp.Dialing(Topology.GatewayV4, "udp4").With(options));
        using var tcp = new OpenVpnProcess(tcpHost, overTcp.Dialing(Topology.GatewayV4, "tcp4").With(options));
        await fleet.Connected(udp);
        await fleet.Connected(tcp);

        await using (var udpLoad = await Load.Start(udpHost))
        {
            await using var tcpLoad = await Load.Start(tcpHost);

            // The first keys and at least two more, and as long again as old keys overlap with new ones.
            await udp.WaitForLine(NewKeys, seconds: 30, times: 4);
            await tcp.WaitForLine(NewKeys, seconds: 30, times: 4);
            await udpLoad.NothingWasLost($"{udp.Log}\n{await fleet.Diagnosis()}\n--- site\n{fleet.Site.Router.Log}");
            await tcpLoad.NothingWasLost($"{tcp.Log}\n{await fleet.Diagnosis()}\n--- site\n{fleet.Site.Router.Log}");
        }

        udp.Connections.ShouldBe(1, udp.Log);
        tcp.Connections.ShouldBe(1, tcp.Log);
        var tunnel = await fleet.UntilTunnel($"{prefix}-udp", "plant", found => found?.Renegotiations >= 2);
        tunnel!.EndReason.ShouldBeNullOrEmpty();
    }
}

public abstract class RenegotiationFixture : FleetFixture
{
    public TestSite Site { get; private set; } = null!;

    protected override async Task Prepare() => Site = await AddNetworkWithSite(new NetworkCreate { Name = "plant", Prefixes = ["10.20.0.0/16"] });
}

public sealed class ServerRenegotiates : RenegotiationFixture
{
    protected override IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string> { ["SALLYPORT_OPENVPN_RENEGOTIATE"] = "5" };
}

public sealed class RenegotiationByServerTests(ServerRenegotiates fleet) : RenegotiationTests(fleet), IClassFixture<ServerRenegotiates>
{
    [NetworkFact]
    public Task The_server_renegotiates_under_load_and_nothing_is_lost() => NothingIsLost([], "served");
}

public sealed class ClientRenegotiates : RenegotiationFixture;

public sealed class RenegotiationByClientTests(ClientRenegotiates fleet) : RenegotiationTests(fleet), IClassFixture<ClientRenegotiates>
{
    [NetworkFact]
    public Task The_client_renegotiates_under_load_and_nothing_is_lost() => NothingIsLost(["reneg-sec 5"], "client");
}
