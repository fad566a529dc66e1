using System.Security.Cryptography;
using System.Text;
using Sallyport.Api.Networks;
using Sallyport.Control.Secrets;
using Sallyport.Control.Tests.Worlds;

namespace Sallyport.Control.Tests.Secrets;

public sealed class SecretTests
{
    [Fact]
    public void An_envelope_opens_for_its_purpose_only()
    {
        using var master = new MasterKey(RandomNumberGenerator.GetBytes(32));
        var envelope = new Envelope(master);
        var blob = envelope.Seal("a", "secret"u8);
        envelope.Open("a", blob).ShouldBe("secret"u8.ToArray());
        envelope.Seal("a", "secret"u8).ShouldNotBe(blob);
        Should.Throw<CryptographicException>(() => envelope.Open("b", blob));
        using var other = new MasterKey(RandomNumberGenerator.GetBytes(32));
        Should.Throw<CryptographicException>(() => new Envelope(other).Open("a", blob));
        for (var i = 0; i < blob.Length; i++)
        {
            var altered = (byte[])blob.Clone();
            altered[i] ^= 1;
            Should.Throw<CryptographicException>(() => envelope.Open("a", altered));
            Should.Throw<CryptographicException>(() => envelope.Open("a", blob.AsSpan(0, i)));
        }
    }

    [Fact]
    public async Task Nothing_secret_lies_in_the_clear_in_files_or_log()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.Client.AddNetworkAsync(new NetworkCreate
        {
            Name = "plant-a", Prefixes = ["10.20.0.0/16"], Authentication = "certificate+password", Wrappings = ["tls-crypt-v2", "tls-crypt"],
        });
        var v2 = (await world.PumpAsync()).Profile!;
        var v1 = await world.Client.IssueDeviceProfileAsync("pump-17", new() { Wrapping = "tls-crypt", KeepOld = true });
        using var gateway = await FakeGateway.ConnectAsync(world);
        var model = (await gateway.ReceiveAsync<Api.Nodes.Snapshot>()).Model;
        var secrets = new List<byte[]>
        {
            File.ReadAllBytes(Path.Combine(world.Directory, "master.key")),
            Encoding.ASCII.GetBytes(world.Token),
            Encoding.ASCII.GetBytes(v2.Password!),
            model.Settings.AuthTokenKey,
            model.Settings.TlsCryptV2ServerKeys.Single()[..32],
            model.Networks.Single().WrappingKey![..32],
            Encoding.ASCII.GetBytes(Convert.ToHexStringLower(model.Networks.Single().WrappingKey!)[..32]),
        };
        foreach (var text in new[] { v2.Text, v1.Text })
        {
            using var key = ECDsa.Create();
            key.ImportFromPem(text.AsSpan(text.IndexOf("<key>", StringComparison.Ordinal)));
            secrets.Add(key.ExportParameters(true).D!);
            secrets.Add(Encoding.ASCII.GetBytes(text.Split("<key>\n-----BEGIN PRIVATE KEY-----\n")[1][..64]));
        }

        var files = Directory.GetFiles(world.Directory).Where(file => Path.GetFileName(file) is not ("master.key" or "admin.token" or "gateway.sock")).ToList();
        files.Count.ShouldBeGreaterThan(3);
        foreach (var file in files)
        {
            var bytes = ReadShared(file);
            foreach (var secret in secrets)
            {
                bytes.AsSpan().IndexOf(secret).ShouldBe(-1, $"in {file}");
            }
        }

        foreach (var secret in secrets)
        {
            world.Log.Text.ShouldNotContain(Encoding.Latin1.GetString(secret));
            world.Log.Text.ShouldNotContain(Convert.ToBase64String(secret)[..20]);
        }

        v2.ToString().ShouldBe("profile pump-17.ovpn");
    }

    [Fact]
    public async Task Files_that_hold_secrets_are_for_their_owner_only()
    {
        await using var world = await ControlWorld.StartAsync();
        foreach (var name in new[] { "master.key", "admin.token", "sallyport.db", "traffic.db", "gateway.sock" })
        {
            File.GetUnixFileMode(Path.Combine(world.Directory, name)).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite, name);
        }
    }

    [Fact]
    public void A_master_key_that_others_may_read_or_that_is_missing_stops_the_start()
    {
        var directory = ControlWorld.NewDirectory();
        var options = new ControlOptions { DataDirectory = directory, Endpoint = "vpn.example.net" };
        ControlHost.Open(options, TimeProvider.System).Dispose();
        var path = Path.Combine(directory, "master.key");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.GroupRead);
        Should.Throw<InvalidOperationException>(() => ControlHost.Open(options, TimeProvider.System)).Message.ShouldContain("chmod 600");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        File.WriteAllBytes(path, new byte[5]);
        Should.Throw<InvalidOperationException>(() => ControlHost.Open(options, TimeProvider.System)).Message.ShouldContain("not a Sallyport master key");
        File.WriteAllBytes(path, new byte[32]);
        Should.Throw<CryptographicException>(() => ControlHost.Open(options, TimeProvider.System)).Message.ShouldContain("master.key is not the one");
        File.Delete(path);
        Should.Throw<InvalidOperationException>(() => ControlHost.Open(options, TimeProvider.System)).Message.ShouldContain("Put the file back");
        Directory.Delete(directory, recursive: true);
    }

    private static byte[] ReadShared(string file)
    {
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        using var copy = new MemoryStream();
        stream.CopyTo(copy);
        return copy.ToArray();
    }
}
