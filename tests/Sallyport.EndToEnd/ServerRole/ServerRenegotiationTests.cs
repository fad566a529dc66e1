using Sallyport.Core.OpenVpn.Door;
using Sallyport.Core.OpenVpn.Session;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Peers;
using Sallyport.EndToEnd.Stock;

namespace Sallyport.EndToEnd.ServerRole;

/// <summary>New keys every few seconds between the distribution's client and our protocol core.</summary>
public sealed class ServerRenegotiationTests : ServerRoleBench
{
    [NetworkTheory]
    [InlineData("udp4", "reneg-sec 5", 0)]
    [InlineData("tcp4", "reneg-sec 5", 0)]
    [InlineData("udp4", "reneg-sec 0", 5)]
    [InlineData("tcp4", "reneg-sec 0", 5)]
    public async Task Renegotiation_from_either_side_loses_nothing(string protocol, string option, int ourSeconds)
    {
        var pem = StockConfig.GenerateKey("secret");
        var (shell, client, host) = await Start(
            protocol, Topology.GatewayV4, [StockConfig.Inline("tls-crypt", pem), option], new Directory([LegacyWrapping.TlsCrypt(1, Key(pem))]), [],
            new ServerSessionOptions { RenegotiateAfter = TimeSpan.FromSeconds(ourSeconds) });
        await using var pings = new Pinger(host, Inner, paceMs: 10);
        await Eventually.Text(() => shell.Notes, _ => shell.Renegotiated >= 2, "two renegotiations", 40);
        await Task.Delay(1000);
        var tally = await pings.Finish();
        tally.Lost.ShouldBe(0, $"{tally}\n{shell.Notes}\n--- client\n{client.Log}");
        client.Connections.ShouldBe(1, client.Log);
    }
}
