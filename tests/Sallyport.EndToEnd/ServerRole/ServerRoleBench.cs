using System.Net;
using Sallyport.Core.Crypto;
using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.OpenVpn.Door;
using Sallyport.Core.OpenVpn.Session;
using Sallyport.Core.OpenVpn.Wrapping;
using Sallyport.Core.Primitives;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Peers;
using Sallyport.EndToEnd.Stock;

namespace Sallyport.EndToEnd.ServerRole;

/// <summary>Our protocol core in one namespace, a stock client in another.</summary>
public abstract class ServerRoleBench : IDisposable
{
    protected static readonly IPAddress Inner = IPAddress.Parse(StockConfig.ServerInner);
    private static readonly DataCipher[] AllCiphers =
        [DataCipher.Aes256Gcm, DataCipher.Aes128Gcm, DataCipher.ChaCha20Poly1305, DataCipher.Aes256Cbc, DataCipher.Aes128Cbc];

    private readonly Topology topology = new();
    private readonly StockPki pki = new();
    private readonly List<IDisposable> owned = [];

    /// <summary>Of CBC packets, at our side.</summary>
    private protected HashKind Digest { get; set; } = HashKind.Sha256;

    public void Dispose()
    {
        GC.SuppressFinalize(this);
        foreach (var thing in Enumerable.Reverse(owned))
        {
            thing.Dispose();
        }

        pki.Dispose();
        topology.Dispose();
    }

    private protected async Task<ServerShell> Works(
        string protocol, string remote, string[] options, Directory? directory = null, TlsCryptV2ServerKey[]? serverKeys = null)
    {
        var (shell, client, host) = await Start(
            protocol, remote, options, directory ?? new Directory([LegacyWrapping.Plain(1)]), serverKeys ?? [], new ServerSessionOptions());
        await using var pings = new Pinger(host, Inner, paceMs: 20);
        await Eventually.Text(() => $"{shell.Notes}\n--- client\n{client.Log}", _ => pings.Received >= 20, "20 echoes", 5);
        client.Connections.ShouldBe(1, client.Log);
        return shell;
    }

    private protected async Task<(ServerShell Shell, OpenVpnProcess Client, Namespace Host)> Start(
        string protocol, string remote, string[] clientOptions, Directory directory, TlsCryptV2ServerKey[] serverKeys, ServerSessionOptions options)
    {
        var credential = pki.Server();
        var tls = TlsContext.CreateServer(new TlsServerOptions
        {
            ChainDer = [credential.CertificateDer],
            PrivateKeyPkcs8 = credential.KeyPkcs8,
            AnchorsDer = [pki.AuthorityDer],
        });
        owned.Add(tls);
        var door = new Door(new SystemEntropy(), new DoorOptions { ServerKeys = serverKeys });
        owned.Add(door);
        var shell = new ServerShell(topology.Gateway, protocol.StartsWith("tcp", StringComparison.Ordinal), door, directory, tls, options, _ => Grant());
        owned.Add(shell);
        var host = topology.Attach("device", 11);
        var client = new OpenVpnProcess(host, StockConfig.Client(pki, pki.Client(), protocol, remote, clientOptions));
        owned.Add(client);
        try
        {
            await client.WaitUntilConnected(seconds: 10);
        }
        catch (Exception e) when (e is TimeoutException or InvalidOperationException)
        {
            throw new TimeoutException($"{e.Message}\n--- our side\n{shell.Notes}");
        }

        return (shell, client, host);
    }

    private SessionGrant Grant() => new()
    {
        Ciphers = AllCiphers,
        AuthDigest = Digest,
        PeerId = ServerShell.PeerId,
        AddressV4 = IpAddress.Parse("10.8.0.2"),
        NetworkV4 = IpPrefix.Parse("10.8.0.0/24"),
        PingSeconds = 2,
        PingRestartSeconds = 10,
    };

    private protected StaticKey Key(string pem)
    {
        StaticKey.TryParsePem(pem, out var key).ShouldBeTrue();
        owned.Add(key!);
        return key!;
    }

    private protected sealed class Directory(IReadOnlyList<LegacyWrapping> wrappings) : ICredentialDirectory
    {
        public IReadOnlyList<LegacyWrapping> LegacyWrappings => wrappings;

        public bool IsKnown(ReadOnlySpan<byte> wrappedKeyId16) => true;
    }
}
