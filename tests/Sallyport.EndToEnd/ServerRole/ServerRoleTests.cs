using Sallyport.Core.Crypto;
using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.OpenVpn.Door;
using Sallyport.Core.OpenVpn.Session;
using Sallyport.Core.OpenVpn.Wrapping;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Peers;
using Sallyport.EndToEnd.Stock;

namespace Sallyport.EndToEnd.ServerRole;

/// <summary>
/// The distribution's client against our protocol core alone, without gateway and control: what fails here is a fault of the protocol.
/// </summary>
public sealed class ServerRoleTests : ServerRoleBench
{
    [NetworkTheory]
    [InlineData("udp4", Topology.GatewayV4)]
    [InlineData("tcp4", Topology.GatewayV4)]
    [InlineData("udp6", Topology.GatewayV6)]
    [InlineData("tcp6", Topology.GatewayV6)]
    public Task Each_transport(string protocol, string remote) => Works(protocol, remote, []);

    [NetworkTheory]
    [InlineData("udp4")]
    [InlineData("tcp4")]
    public async Task Tls_crypt_v2(string protocol)
    {
        using var serverKey = TlsCryptV2ServerKey.Generate(new SystemEntropy());
        using var clientKey = serverKey.IssueClient(new SystemEntropy(), new byte[16]);
        await Works(protocol, Topology.GatewayV4, [StockConfig.Inline("tls-crypt-v2", clientKey.ToPem())], new Directory([]), [serverKey]);
    }

    [NetworkTheory]
    [InlineData("udp4")]
    [InlineData("tcp4")]
    public async Task Tls_crypt(string protocol)
    {
        var pem = StockConfig.GenerateKey("secret");
        await Works(protocol, Topology.GatewayV4, [StockConfig.Inline("tls-crypt", pem)], new Directory([LegacyWrapping.TlsCrypt(1, Key(pem))]));
    }

    [NetworkTheory]
    [InlineData("key-direction 0", KeyDirection.Normal, "SHA1", HashKind.Sha1)]
    [InlineData("key-direction 1", KeyDirection.Inverse, "SHA256", HashKind.Sha256)]
    [InlineData("", KeyDirection.Bidirectional, "SHA512", HashKind.Sha512)]
    public async Task Tls_auth(string direction, KeyDirection theirs, string name, HashKind hash)
    {
        var pem = StockConfig.GenerateKey("secret");
        Digest = hash;
        await Works(
            "udp4", Topology.GatewayV4, [StockConfig.Inline("tls-auth", pem), direction, $"auth {name}"],
            new Directory([LegacyWrapping.TlsAuth(1, Key(pem), theirs, hash)]));
    }

    [NetworkTheory]
    [InlineData(DataCipher.Aes128Gcm)]
    [InlineData(DataCipher.ChaCha20Poly1305)]
    [InlineData(DataCipher.Aes256Cbc)]
    [InlineData(DataCipher.Aes128Cbc)]
    public async Task Each_cipher(DataCipher cipher)
    {
        var shell = await Works("udp4", Topology.GatewayV4, [$"data-ciphers {cipher.Name()}", "auth SHA256"]);
        shell.Format.Cipher.ShouldBe(cipher);
    }

    [NetworkTheory]
    [InlineData("tls-version-max 1.2")]
    [InlineData("compat-mode 2.4.0")]
    [InlineData("compat-mode 2.3.0\ncipher AES-256-CBC\ndata-ciphers AES-256-CBC\nauth SHA256\ntls-version-max 1.2")]
    [InlineData("comp-lzo no")]
    [InlineData("comp-lzo adaptive\nallow-compression asym")]
    [InlineData("compress stub-v2")]
    [InlineData("compress stub")]
    [InlineData("compress lz4-v2\nallow-compression asym")]
    public Task Each_option(string options) => Works("udp4", Topology.GatewayV4, [options]);

    [NetworkFact]
    public async Task A_client_that_leaves_says_so()
    {
        var (shell, client, _) = await Start("udp4", Topology.GatewayV4, ["explicit-exit-notify 1"], new Directory([LegacyWrapping.Plain(1)]), [], new ServerSessionOptions());
        client.Stop();
        await Eventually.Text(() => shell.Notes, _ => shell.Ended?.Reason == SessionEnd.PeerExit, "the goodbye", 5);
    }
}
