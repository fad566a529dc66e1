using Sallyport.Core.Crypto;
using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.OpenVpn.Negotiation;
using Sallyport.Core.OpenVpn.Session;
using Sallyport.Core.OpenVpn.Wrapping;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Stock;

namespace Sallyport.EndToEnd.ClientRole;

/// <summary>Our client role against the distribution's server.</summary>
public sealed class ClientRoleTests : ClientRoleBench
{
    [NetworkTheory]
    [InlineData("udp4")]
    [InlineData("tcp4")]
    [InlineData("udp6")]
    [InlineData("tcp6")]
    public async Task Each_transport(string protocol)
    {
        var (shell, server) = await Connect(protocol, [], new ClientSessionOptions(), new PlainWrapper());
        await shell.UntilAnswered(Echoes, () => server.Log);
        shell.Options!.PeerId.ShouldNotBeNull();
        shell.Options.TopologySubnet.ShouldBeTrue();
    }

    [NetworkTheory]
    [InlineData("udp4")]
    [InlineData("tcp4")]
    public async Task Tls_crypt(string protocol)
    {
        var pem = StockConfig.GenerateKey("secret");
        var key = Key(pem);
        var (shell, server) = await Connect(
            protocol, [StockConfig.Inline("tls-crypt", pem)], new ClientSessionOptions { StaticKey = key.Bytes.ToArray() }, new TlsCryptWrapper(key.Bytes, isServer: false));
        await shell.UntilAnswered(Echoes, () => server.Log);
    }

    [NetworkTheory]
    [InlineData("udp4", "")]
    [InlineData("udp4", " force-cookie")]
    [InlineData("tcp4", "")]
    public async Task Tls_crypt_v2(string protocol, string cookie)
    {
        var serverPem = StockConfig.GenerateKey("tls-crypt-v2-server");
        TlsCryptV2ClientKey.TryParsePem(StockConfig.GenerateTlsCryptV2ClientKey(serverPem), out var key).ShouldBeTrue();
        Own(key!);

        // The inline form takes no further word, so the key is a file.
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, serverPem);
        try
        {
            var (shell, server) = await Connect(
                protocol,
                [$"tls-crypt-v2 {file}{cookie}"],
                new ClientSessionOptions { UsesTlsCryptV2 = true, StaticKey = key!.Key256.ToArray() },
                TlsCryptWrapper.ForClient(key));
            await shell.UntilAnswered(Echoes, () => server.Log);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [NetworkTheory]
    [InlineData("key-direction 0", KeyDirection.Inverse, "SHA1", HashKind.Sha1)]
    [InlineData("key-direction 1", KeyDirection.Normal, "SHA256", HashKind.Sha256)]
    [InlineData("", KeyDirection.Bidirectional, "SHA512", HashKind.Sha512)]
    public async Task Tls_auth_in_every_direction(string serverDirection, KeyDirection ours, string digest, HashKind hash)
    {
        var pem = StockConfig.GenerateKey("secret");
        var key = Key(pem);
        var (shell, server) = await Connect(
            "udp4",
            [StockConfig.Inline("tls-auth", pem), serverDirection, $"auth {digest}"],
            new ClientSessionOptions { StaticKey = key.Bytes.ToArray(), AuthDigest = hash },
            new TlsAuthWrapper(key, ours, hash));
        await shell.UntilAnswered(Echoes, () => server.Log);
    }

    [NetworkTheory]
    [InlineData(DataCipher.Aes256Gcm)]
    [InlineData(DataCipher.Aes128Gcm)]
    [InlineData(DataCipher.ChaCha20Poly1305)]
    [InlineData(DataCipher.Aes256Cbc)]
    [InlineData(DataCipher.Aes128Cbc)]
    public async Task Each_cipher(DataCipher cipher)
    {
        var (shell, server) = await Connect(
            "udp4", [$"data-ciphers {cipher.Name()}", "auth SHA256"], new ClientSessionOptions { Ciphers = [cipher] }, new PlainWrapper());
        await shell.UntilAnswered(Echoes, () => server.Log);
        shell.Format.Cipher.ShouldBe(cipher);
    }

    [NetworkFact]
    public async Task An_older_client_without_exporter_and_peer_id()
    {
        var (shell, server) = await Connect("udp4", [], new ClientSessionOptions { Proto = IvProto.None }, new PlainWrapper());
        await shell.UntilAnswered(Echoes, () => server.Log);
        shell.Options!.PeerId.ShouldBeNull();
    }

    [NetworkFact]
    public async Task TLS_1_2_only()
    {
        var (shell, server) = await Connect("udp4", ["tls-version-max 1.2"], new ClientSessionOptions(), new PlainWrapper());
        await shell.UntilAnswered(Echoes, () => server.Log);
    }

    [NetworkTheory]
    [InlineData("right", true)]
    [InlineData("wrong", false)]
    public async Task A_user_name_and_a_password(string password, bool accepted)
    {
        var script = Path.GetTempFileName();
        await File.WriteAllTextAsync(script, "#!/bin/sh\n[ \"$username\" = pump ] && [ \"$password\" = right ]\n");
        File.SetUnixFileMode(script, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        try
        {
            var server = await Server("udp4", "script-security 3", $"auth-user-pass-verify {script} via-env");
            var shell = Client("udp4", new ClientSessionOptions { Username = "pump", Password = password }, new PlainWrapper());
            if (accepted)
            {
                await shell.UntilAnswered(Echoes, () => server.Log);
                return;
            }

            await Eventually.True(() => shell.Ended is not null, "the end");
            shell.Ended!.Reason.ShouldBe(SessionEnd.AuthenticationFailed, shell.Notes);
        }
        finally
        {
            File.Delete(script);
        }
    }

    [NetworkFact]
    public async Task A_server_of_another_authority_is_not_believed()
    {
        using var other = new StockPki();
        await Server("udp4");
        var shell = Client("udp4", new ClientSessionOptions(), new PlainWrapper(), anchors: other.AuthorityDer);
        await Eventually.True(() => shell.Ended is not null, "the end");
        shell.Ended!.Reason.ShouldBe(SessionEnd.TlsFailed, shell.Notes);
    }
}
