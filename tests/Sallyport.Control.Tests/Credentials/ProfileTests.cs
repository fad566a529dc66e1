using System.Diagnostics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Sallyport.Api.Credentials;
using Sallyport.Api.Networks;
using Sallyport.Control.Tests.Worlds;
using Sallyport.Core.OpenVpn.Wrapping;

namespace Sallyport.Control.Tests.Credentials;

public sealed class ProfileTests
{
    [Fact]
    public async Task A_profile_holds_everything_and_nothing_that_leads_astray()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        var profile = (await world.PumpAsync()).Profile!;
        var lines = profile.Text.Split('\n');
        lines.ShouldContain("client");
        lines.ShouldContain("dev tun");
        lines.ShouldContain("remote-cert-tls server");
        lines.ShouldContain("tls-version-min 1.2");
        lines.ShouldContain("remote vpn.example.net 1194 udp");
        lines.ShouldContain("remote vpn.example.net 1194 tcp");
        lines.ShouldContain("data-ciphers AES-256-GCM:AES-128-GCM:CHACHA20-POLY1305");
        profile.Text.ShouldNotContain("redirect-gateway");
        profile.Text.ShouldNotContain("comp");
        profile.Text.ShouldNotContain("auth-user-pass");
        profile.Text.ShouldNotContain("\r");
        profile.FileName.ShouldBe("pump-17.ovpn");

        var chain = new X509Certificate2Collection();
        chain.ImportFromPem(Block(profile.Text, "cert"));
        chain.Count.ShouldBe(2);
        Convert.ToHexStringLower(SHA256.HashData(chain[0].RawData)).ShouldBe(profile.Fingerprint);
        using var withKey = X509Certificate2.CreateFromPem(chain[0].ExportCertificatePem(), Block(profile.Text, "key"));
        withKey.HasPrivateKey.ShouldBeTrue();
        var anchors = new X509Certificate2Collection();
        anchors.ImportFromPem(Block(profile.Text, "ca"));
        anchors.Count.ShouldBe(2);
    }

    [Fact]
    public async Task The_wrapped_key_names_the_credential_to_every_gateway()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        var profile = (await world.PumpAsync()).Profile!;
        using var gateway = await FakeGateway.ConnectAsync(world);
        var model = (await gateway.ReceiveAsync<Api.Nodes.Snapshot>()).Model;
        TlsCryptV2ClientKey.TryParsePem(Block(profile.Text, "tls-crypt-v2"), out var client).ShouldBeTrue();
        using var server = new TlsCryptV2ServerKey(model.Settings.TlsCryptV2ServerKeys.Single());
        var key = new byte[256];
        var metadata = new byte[1024];
        byte[] packet = [0x50, .. new byte[60], .. client!.Wkc];
        server.TryUnwrapClient(packet, out _, key, metadata, out var length).ShouldBeTrue();
        key.ShouldBe(client.Key256.ToArray());
        WrappedKeyMetadata.TryRead(metadata.AsSpan(0, length), out var keyId).ShouldBeTrue();
        var credential = model.Identities.Single().Credentials.Single();
        Convert.ToHexStringLower(keyId).ShouldBe(credential.WrappedKeyId);
        credential.Fingerprint.ShouldBe(profile.Fingerprint);
    }

    [Fact]
    public async Task A_new_profile_replaces_the_old_one_unless_it_is_kept()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        var first = (await world.PumpAsync()).Profile!;
        var second = await world.Client.IssueDeviceProfileAsync("pump-17", new ProfileRequest { KeepOld = true });
        second.Revoked.ShouldBeEmpty();
        (await world.Client.ListCredentialsAsync("device:pump-17")).Items.Count.ShouldBe(2);
        var third = await world.Client.IssueDeviceProfileAsync("pump-17", new ProfileRequest { Transport = "tcp", Endpoint = "192.0.2.1", ValidDays = 10 });
        third.Revoked.ShouldBe([.. first.CredentialIds, .. second.CredentialIds]);
        third.Text.ShouldContain("remote 192.0.2.1 1194 tcp");
        third.Text.ShouldNotContain("explicit-exit-notify");
        (third.NotAfter!.Value - DateTimeOffset.UtcNow).TotalDays.ShouldBe(10, 0.1);
        (await world.Client.ListCredentialsAsync("device:pump-17")).Items.Single().Id.ShouldBe(third.CredentialIds.Single());
        var cut = await world.Client.RevokeCredentialAsync(third.CredentialIds.Single(), "lost");
        cut.Kind.ShouldBe("credential");
        (await world.Client.ListCredentialsAsync("device:pump-17")).Items.ShouldBeEmpty();
        (await ControlWorld.ProblemOf(() => world.Client.RevokeCredentialAsync(third.CredentialIds.Single(), "lost"))).Status.ShouldBe(409);
    }

    [Fact]
    public async Task A_password_is_shown_once_and_only_its_hash_is_known()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.Client.AddNetworkAsync(new NetworkCreate
        {
            Name = "plant-a", Prefixes = ["10.20.0.0/16"], Authentication = "password", Wrappings = ["none"], Ciphers = ["AES-128-CBC"], AuthDigest = "SHA1",
        });
        var profile = (await world.PumpAsync()).Profile!;
        profile.Username.ShouldBe("pump-17.plant-a");
        Block(profile.Text, "auth-user-pass").ShouldBe($"{profile.Username}\n{profile.Password}\n");
        profile.Text.ShouldNotContain("<cert>");
        profile.Text.ShouldContain("cipher AES-128-CBC");
        var second = await world.Client.IssueDeviceProfileAsync("pump-17", new ProfileRequest { KeepOld = true });
        second.Username.ShouldBe("pump-17.plant-a.2");
        using var gateway = await FakeGateway.ConnectAsync(world);
        var credential = (await gateway.ReceiveAsync<Api.Nodes.Snapshot>()).Model.Identities.Single().Credentials[0];
        credential.Fingerprint.ShouldBeNull();
        SHA256.HashData([.. credential.PasswordSalt!, .. System.Text.Encoding.UTF8.GetBytes(profile.Password!)]).ShouldBe(credential.PasswordHash);
    }

    [Fact]
    public async Task A_user_name_is_never_longer_than_a_client_can_send()
    {
        await using var world = await ControlWorld.StartAsync();
        var (network, name) = (new string('n', 63), new string('d', 63));
        await world.Client.AddNetworkAsync(new NetworkCreate { Name = network, Prefixes = ["10.20.0.0/16"], Authentication = "password" });
        await world.Client.AddDeviceAsync(new Api.Devices.DeviceCreate { Name = name, Network = network });
        var issued = new List<string>();
        for (var i = 0; i < 10; i++)
        {
            issued.Add((await world.Client.IssueDeviceProfileAsync(name, new ProfileRequest { KeepOld = true })).Username!);
        }

        issued[0].ShouldBe($"{name}.{network}");
        issued[1].ShouldBe($"{name}.{network[..61]}.2");
        issued[9].ShouldBe($"{name}.{network[..60]}.10");
        issued.ShouldBeUnique();
        issued.ShouldAllBe(username => username.Length <= 127); // stock clients hold 128 bytes with a NUL
    }

    [Theory]
    [InlineData("tls-crypt-v2", "certificate")]
    [InlineData("tls-crypt", "certificate+password")]
    [InlineData("tls-auth", "certificate")]
    [InlineData("none", "password")]
    public async Task Stock_OpenVPN_loads_it(string wrapping, string authentication)
    {
        await using var world = await ControlWorld.StartAsync(change: options => options with { Endpoint = "127.0.0.1", OpenVpnUdpPort = 9, OpenVpnTcpPort = 9 });
        await world.Client.AddNetworkAsync(new NetworkCreate
        {
            Name = "plant-a", Prefixes = ["10.20.0.0/16"], Authentication = authentication, Wrappings = [wrapping], Ciphers = ["AES-256-GCM", "AES-256-CBC"],
        });
        var path = Path.Combine(world.Directory, "pump-17.ovpn");
        File.WriteAllText(path, (await world.PumpAsync()).Profile!.Text);
        if (!File.Exists("/usr/sbin/openvpn"))
        {
            return; // ./test installs it; a bare `dotnet test` elsewhere checks the text only
        }

        // It reads the profile, loads every key, and finds nobody at the port.
        var output = await RunAsync("/usr/sbin/openvpn", "--config", path, "--dev", "null", "--connect-retry-max", "1", "--connect-timeout", "1", "--hand-window", "1");
        output.ShouldContain("link remote: [AF_INET]127.0.0.1:9");
        output.ShouldNotContain("Options error");
        output.ShouldNotContain("Unrecognized option");
        output.ShouldNotContain("Cannot load");
    }

    [Fact]
    public async Task A_wrapping_that_the_network_does_not_accept_is_refused()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        await world.PumpAsync();
        var problem = await ControlWorld.ProblemOf(() => world.Client.IssueDeviceProfileAsync("pump-17", new ProfileRequest { Wrapping = "tls-auth" }));
        problem.Errors.Single().Message.ShouldBe("network plant-a does not accept 'tls-auth'");
        problem.Errors.Single().Hint.ShouldBe("use one of tls-crypt-v2, or allow it in the network first");
    }

    private static string Block(string text, string name) => text.Split($"<{name}>\n")[1].Split($"</{name}>")[0];

    private static async Task<string> RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var output = process.StandardOutput.ReadToEndAsync();
        try
        {
            await process.WaitForExitAsync(new CancellationTokenSource(TimeSpan.FromSeconds(8)).Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
        }

        return await output;
    }
}
