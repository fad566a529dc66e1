using Sallyport.Core.OpenVpn.Session;
using Sallyport.Core.OpenVpn.Wrapping;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Stock;

namespace Sallyport.EndToEnd.ClientRole;

/// <summary>New keys every few seconds between our client role and the distribution's server.</summary>
public sealed class ClientRenegotiationTests : ClientRoleBench
{
    [NetworkTheory]
    [InlineData("udp4", "reneg-sec 5", 0)]
    [InlineData("tcp4", "reneg-sec 5", 0)]
    [InlineData("udp4", "reneg-sec 0", 5)]
    [InlineData("tcp4", "reneg-sec 0", 5)]
    public async Task Renegotiation_from_either_side_loses_nothing(string protocol, string serverOption, int ourSeconds)
    {
        var pem = StockConfig.GenerateKey("secret");
        var key = Key(pem);
        var (shell, server) = await Connect(
            protocol,
            [StockConfig.Inline("tls-crypt", pem), serverOption],
            new ClientSessionOptions { StaticKey = key.Bytes.ToArray(), RenegotiateAfter = TimeSpan.FromSeconds(ourSeconds) },
            new TlsCryptWrapper(key.Bytes, isServer: false));
        await shell.UntilRenegotiated(2, () => server.Log);
        await shell.UntilAnswered(shell.Answered + Echoes, () => server.Log);
        var lost = await shell.FinishAndCountLost();
        lost.ShouldBe(0, $"{shell.Notes}\n--- server\n{server.Log}");
    }
}
