using System.Net;
using Sallyport.Core.Crypto;
using Sallyport.Core.OpenVpn.Session;
using Sallyport.Core.OpenVpn.Wrapping;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Peers;
using Sallyport.EndToEnd.Stock;

namespace Sallyport.EndToEnd.ClientRole;

/// <summary>A stock server in one namespace, our client role in another.</summary>
public abstract class ClientRoleBench : IDisposable
{
    protected const int Echoes = 20;
    private readonly Topology topology = new();
    private readonly List<IDisposable> owned = [];

    protected StockPki Pki { get; } = new();

    public void Dispose()
    {
        GC.SuppressFinalize(this);
        foreach (var thing in Enumerable.Reverse(owned))
        {
            thing.Dispose();
        }

        Pki.Dispose();
        topology.Dispose();
    }

    protected T Own<T>(T thing)
        where T : IDisposable
    {
        owned.Add(thing);
        return thing;
    }

    protected StaticKey Key(string pem)
    {
        StaticKey.TryParsePem(pem, out var key).ShouldBeTrue();
        owned.Add(key!);
        return key!;
    }

    private protected async Task<(ClientShell Shell, OpenVpnProcess Server)> Connect(
        string protocol, string[] serverOptions, ClientSessionOptions options, ControlWrapper wrapper)
    {
        var server = await Server(protocol, serverOptions);
        var shell = Client(protocol, options, wrapper);
        await shell.UntilEstablished(() => server.Log);
        return (shell, server);
    }

    protected async Task<OpenVpnProcess> Server(string protocol, params string[] options)
    {
        var transport = protocol.StartsWith("tcp", StringComparison.Ordinal) ? protocol + "-server" : protocol;
        var server = new OpenVpnProcess(topology.Gateway, StockConfig.Server(Pki, transport, options));
        owned.Add(server);
        await server.WaitUntilConnected();
        return server;
    }

    private protected ClientShell Client(string protocol, ClientSessionOptions options, ControlWrapper wrapper, byte[]? anchors = null)
    {
        var credential = Pki.Client();
        var tls = TlsContext.CreateClient(new TlsClientOptions
        {
            ChainDer = [credential.CertificateDer],
            PrivateKeyPkcs8 = credential.KeyPkcs8,
            AnchorsDer = [anchors ?? Pki.AuthorityDer],
        });
        owned.Add(tls);
        var address = IPAddress.Parse(protocol.EndsWith('6') ? Topology.GatewayV6 : Topology.GatewayV4);
        var isStream = protocol.StartsWith("tcp", StringComparison.Ordinal);
        var shell = new ClientShell(
            topology.Attach("client", 11),
            new IPEndPoint(address, StockConfig.Port),
            isStream,
            now => new ClientSession(options with { IsStream = isStream }, tls, wrapper, new SystemEntropy(), now));
        owned.Add(shell);
        return shell;
    }
}
