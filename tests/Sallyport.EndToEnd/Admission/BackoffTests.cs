using System.Net;
using Sallyport.Api.Networks;
using Sallyport.EndToEnd.Fleet;
using Sallyport.EndToEnd.Harness;

namespace Sallyport.EndToEnd.Admission;

/// <summary>A network whose devices share one wrapping key: who it is shows inside TLS only, so that too many sessions are answered there.</summary>
public sealed class BackoffFixture : FleetFixture
{
    protected override Task Prepare() =>
        Client.AddNetworkAsync(new NetworkCreate { Name = "shared", Prefixes = ["10.20.0.0/16"], Wrappings = ["tls-crypt"] });
}

public sealed class BackoffTests(BackoffFixture fleet) : IClassFixture<BackoffFixture>
{
    [NetworkFact]
    public async Task A_stock_client_that_is_sent_away_for_a_while_says_so_waits_and_comes_back()
    {
        var text = (await fleet.AddDevice("restless", "shared")).Profile!.Text.Dialing(Topology.GatewayV4, "udp4");
        using var twin = new RestlessTwin(fleet.NewHost("twin"), text, new IPEndPoint(IPAddress.Parse(Topology.GatewayV4), 1194));
        await Eventually.True(() => twin.SentAway > 0, "the first session too many", seconds: 30);

        // The twin takes every session that becomes free, until the client has been sent away.
        using var client = new OpenVpnProcess(fleet.NewHost("restless"), text);
        await client.WaitForLine(@"AUTH_FAILED,TEMP\[backoff \d+\]:too many sessions", seconds: 30);
        twin.Stop();

        await client.WaitForLine("Restart pause, [4-8] second");
        await fleet.Connected(client, seconds: 40);
        client.Connections.ShouldBe(1, client.Log);
        var status = await fleet.Client.GetStatusAsync();
        status.Gateways.Sum(gateway => gateway.Drops.GetValueOrDefault("SessionRateLimited")).ShouldBeGreaterThan(1);
    }
}
