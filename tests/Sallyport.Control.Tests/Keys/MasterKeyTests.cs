using Dapper;
using Microsoft.Data.Sqlite;
using Sallyport.Api.Networks;
using Sallyport.Api.Nodes;
using Sallyport.Control.Secrets;
using Sallyport.Control.Tests.Worlds;
using Sallyport.Control.Users;

namespace Sallyport.Control.Tests.Keys;

public sealed class MasterKeyTests
{
    [Fact]
    public async Task A_rotated_master_key_opens_everything_and_the_old_one_nothing()
    {
        var directory = ControlWorld.NewDirectory();
        var before = new Dictionary<string, byte[]>();
        byte[] old;
        await using (var world = await WorldAsync(directory))
        {
            old = File.ReadAllBytes(KeyFile(directory));
            before = Blobs(directory);
            var secrets = await SecretsAsync(world);
            var rotated = await world.Client.RotateKeyAsync("master");
            rotated.Resealed.ShouldBe(before.Count);
            rotated.Resealed.ShouldBeGreaterThan(5);
            File.ReadAllBytes(KeyFile(directory)).ShouldNotBe(old);
            File.GetUnixFileMode(KeyFile(directory)).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);
            File.Exists(KeyFile(directory) + ".next").ShouldBeFalse();

            // It goes on without a restart.
            (await SecretsAsync(world)).ShouldBe(secrets);
            await world.PumpAsync("after");
            var record = (await world.Client.ListAuditAsync(action: "key.rotate")).Items.Single();
            (record.Actor, record.Subject).ShouldBe(("administrator", "key:master"));
        }

        using (var oldKey = new Envelope(new MasterKey(old)))
        using (var newKey = new Envelope(MasterKey.Load(KeyFile(directory))))
        {
            var after = Blobs(directory);
            foreach (var (purpose, blob) in after)
            {
                newKey.Open(purpose, blob).ShouldNotBeEmpty();
                Should.Throw<System.Security.Cryptography.CryptographicException>(() => oldKey.Open(purpose, blob), purpose);
            }
        }

        // Nor is anything left that the old key would open.
        foreach (var file in Directory.GetFiles(directory))
        {
            var bytes = File.ReadAllBytes(file);
            foreach (var (purpose, blob) in before)
            {
                bytes.AsSpan().IndexOf(blob.AsSpan(0, 40)).ShouldBe(-1, $"{purpose} in {file}");
            }
        }

        Directory.Delete(directory, recursive: true);
    }

    [Theory]
    [InlineData("prepared")]
    [InlineData("in the transaction")]
    [InlineData("committed")]
    [InlineData("finished")]
    public async Task A_crash_at_any_step_of_a_rotation_leaves_a_store_that_opens(string step)
    {
        await using var world = await WorldAsync();
        var secrets = await SecretsAsync(world);
        var records = (await world.Client.VerifyAuditAsync()).Records;
        var copy = "";
        void CrashAt(string here) => copy = here == step ? world.CopyAsItLies() : copy;

        var rotation = new MasterKeyRotation(KeyFile(world.Directory), world.Control.Envelope);
        var next = rotation.Prepare();
        CrashAt("prepared");
        world.Control.Commands.Run(Actor.System, change =>
        {
            rotation.Reseal(change.Sql, next);
            change.Audit("key.rotate", "key:master");
            change.OnCommitted(() => world.Control.Envelope.Use(next));
            CrashAt("in the transaction");
            return true;
        });
        CrashAt("committed");
        rotation.Finish();
        CrashAt("finished");

        // Twice, because the first start tidies up.
        for (var i = 0; i < 2; i++)
        {
            await using var again = await ControlWorld.StartAsync(copy);
            File.Exists(KeyFile(copy) + ".next").ShouldBeFalse();
            (await SecretsAsync(again)).ShouldBe(secrets);
            await again.PumpAsync($"after-{i}");
            (await again.Client.VerifyAuditAsync()).Problems.ShouldBeEmpty();
            (await again.Client.ListAuditAsync(action: "key.rotate")).Items.Count.ShouldBe(step is "committed" or "finished" ? 1 : 0);
        }

        records.ShouldBeGreaterThan(0);
        Directory.Delete(copy, recursive: true);
    }

    [Fact]
    public async Task A_rotation_that_cannot_be_committed_changes_nothing_and_the_next_one_works()
    {
        await using var world = await WorldAsync();
        var key = File.ReadAllBytes(KeyFile(world.Directory));
        var secrets = await SecretsAsync(world);
        world.Control.Fleet.Write(sql => sql.Execute("CREATE TRIGGER full BEFORE UPDATE ON networks BEGIN SELECT RAISE(ABORT, 'disk full'); END"));
        (await ControlWorld.ProblemOf(() => world.Client.RotateKeyAsync("master"))).Status.ShouldBe(500);
        File.ReadAllBytes(KeyFile(world.Directory)).ShouldBe(key);
        File.Exists(KeyFile(world.Directory) + ".next").ShouldBeFalse();
        (await SecretsAsync(world)).ShouldBe(secrets);
        world.Control.Fleet.Write(sql => sql.Execute("DROP TRIGGER full"));
        await world.Client.RotateKeyAsync("master");
        (await SecretsAsync(world)).ShouldBe(secrets);
    }

    [Fact]
    public async Task A_rotation_after_one_that_did_not_finish_keeps_the_key_in_use()
    {
        await using var world = await WorldAsync();
        var secrets = await SecretsAsync(world);
        var rotation = new MasterKeyRotation(KeyFile(world.Directory), world.Control.Envelope);
        var next = rotation.Prepare();
        world.Control.Commands.Run(Actor.System, change =>
        {
            rotation.Reseal(change.Sql, next);
            change.Audit("key.rotate", "key:master");
            change.OnCommitted(() => world.Control.Envelope.Use(next));
            return true;
        });

        // The file of the key in use is master.key.next; a crash in the middle of the next attempt must find it.
        _ = rotation.Prepare();
        var copy = world.CopyAsItLies();
        await using (var again = await ControlWorld.StartAsync(copy))
        {
            (await SecretsAsync(again)).ShouldBe(secrets);
        }

        Directory.Delete(copy, recursive: true);
    }

    [Fact]
    public async Task A_key_that_does_not_exist_is_named()
    {
        await using var world = await ControlWorld.StartAsync();
        (await ControlWorld.ProblemOf(() => world.Client.RotateKeyAsync("mater"))).Errors.ShouldHaveSingleItem().Hint.ShouldContain("master");
    }

    /// <summary>With every kind of sealed thing in it.</summary>
    private static async Task<ControlWorld> WorldAsync(string? directory = null)
    {
        var world = await ControlWorld.StartAsync(directory);
        await world.Client.AddNetworkAsync(new NetworkCreate { Name = "plant-a", Prefixes = ["10.20.0.0/16"], Wrappings = ["tls-crypt-v2", "tls-crypt"] });
        await world.PumpAsync();
        using var certificate = world.Control.ServerCertificate();
        return world;
    }

    /// <summary>What gateways work with, which a rotation must not change.</summary>
    private static async Task<string> SecretsAsync(ControlWorld world)
    {
        using var gateway = await FakeGateway.ConnectAsync(world);
        var model = (await gateway.ReceiveAsync<Snapshot>()).Model;
        using var certificate = world.Control.ServerCertificate();
        return string.Join(
            ' ',
            [
                .. model.Settings.TlsCryptV2ServerKeys.Append(model.Settings.AuthTokenKey).Append(model.Networks.Single().WrappingKey!).Select(Convert.ToHexString),
                certificate.Thumbprint,
                Convert.ToHexString(world.Control.Audit.PublicKey),
            ]);
    }

    private static Dictionary<string, byte[]> Blobs(string directory)
    {
        using var sql = new SqliteConnection($"Data Source={Path.Combine(directory, "sallyport.db")};Mode=ReadOnly;Pooling=False");
        sql.Open();
        return sql.Query<(string, byte[])>("SELECT 'secret:' || name, sealed FROM secrets UNION ALL SELECT 'network:' || name, wrapping_key FROM networks")
            .ToDictionary(row => row.Item1, row => row.Item2);
    }

    private static string KeyFile(string directory) => Path.Combine(directory, "master.key");
}
