using System.Text.Json;
using Dapper;
using Microsoft.Data.Sqlite;
using Sallyport.Api;
using Sallyport.Api.Audit;
using Sallyport.Control.Audit;
using Sallyport.Control.Tests.Worlds;

namespace Sallyport.Control.Tests.Audit;

public sealed class AuditTests
{
    [Fact]
    public async Task A_trail_that_nobody_touched_is_valid()
    {
        await using var world = await WorldAsync();
        var verification = await world.Client.VerifyAuditAsync();
        verification.Valid.ShouldBeTrue();
        verification.Problems.ShouldBeEmpty();
        verification.Records.ShouldBe((await world.Client.ListAuditAsync(limit: 1)).Items.Single().Sequence);
        verification.Checkpoints.ShouldBeGreaterThan(0);
    }

    [Fact]
    public async Task An_export_that_is_broken_off_does_not_freeze_what_others_read()
    {
        await using var world = await WorldAsync();
        var trail = world.Control.Audit;
        for (var i = 0; i < 5; i++)
        {
            using var reader = world.Control.Fleet.OpenReader();
            trail.Export(reader).Take(2).Count().ShouldBe(2);
        }

        var before = (await world.Client.ListAuditAsync(limit: 1)).Items.Single().Sequence;
        await world.Client.AddNetworkAsync(new Api.Networks.NetworkCreate { Name = "later", Prefixes = ["10.77.0.0/16"] });
        (await world.Client.ListAuditAsync(limit: 1)).Items.Single().Sequence.ShouldBeGreaterThan(before);
        (await world.Client.VerifyAuditAsync()).Valid.ShouldBeTrue();
    }

    [Theory]
    [InlineData("UPDATE audit SET detail = '{}' WHERE sequence = 3", "record 3 (network.create network:n1) was altered: its hash is another one")]
    [InlineData("UPDATE audit SET at = at + 1 WHERE sequence = 3", "record 3 (network.create network:n1) was altered: its hash is another one")]
    [InlineData("DELETE FROM audit WHERE sequence = 3", "record 3 is missing or out of order: found record 4 in its place")]
    [InlineData("DELETE FROM audit WHERE sequence > 3", "a checkpoint signed record 5, but the trail ends at 3: records were cut off")]
    [InlineData(
        "UPDATE audit SET sequence = 100 WHERE sequence = 3; UPDATE audit SET sequence = 3 WHERE sequence = 4; UPDATE audit SET sequence = 4 WHERE sequence = 100",
        "record 3 does not follow the record before it")]
    public async Task Tampering_is_found(string statement, string problem)
    {
        await using var world = await WorldAsync();
        Tamper(world, statement);
        var verification = await world.Client.VerifyAuditAsync();
        verification.Valid.ShouldBeFalse();
        verification.Problems.ShouldContain(problem);
    }

    [Fact]
    public async Task A_chain_that_was_rewritten_with_right_hashes_fails_at_its_signature()
    {
        await using var world = await WorldAsync();
        using var sql = world.Control.Fleet.OpenReader();
        var records = Lines(world).Select(line => line.Record).OfType<AuditRecord>().ToList();
        var previous = AuditChain.Genesis;
        var forged = new List<AuditRecord>();
        foreach (var record in records)
        {
            var made = record with { Actor = "somebody else", PreviousHash = previous };
            made = made with { Hash = AuditChain.HashOf(made) };
            forged.Add(made);
            previous = made.Hash;
        }

        Tamper(world, string.Join(';', forged.Select(record =>
            $"UPDATE audit SET actor = '{record.Actor}', previous_hash = '{record.PreviousHash}', hash = '{record.Hash}' WHERE sequence = {record.Sequence}")));
        (await world.Client.VerifyAuditAsync()).Problems.ShouldBe(["record 5 is not the one that its checkpoint signed: the trail up to there was rewritten"]);
        Tamper(world, $"UPDATE audit_checkpoints SET hash = '{previous}'");
        (await world.Client.VerifyAuditAsync()).Problems.ShouldBe(["checkpoint at record 5: the signature is not ours"]);
    }

    [Fact]
    public async Task The_database_itself_refuses_to_edit_the_trail()
    {
        await using var world = await WorldAsync();
        foreach (var statement in new[] { "UPDATE audit SET actor = 'x'", "DELETE FROM audit" })
        {
            Should.Throw<SqliteException>(() => world.Control.Fleet.Write(sql => sql.Execute(statement))).Message.ShouldContain("append-only");
        }
    }

    [Fact]
    public async Task Old_checkpoints_stay_and_catch_a_cut_that_took_the_newest_with_it()
    {
        await using var world = await WorldAsync();
        for (var i = 0; i < AuditTrail.CheckpointEvery; i++)
        {
            await world.Client.UpdateNetworkAsync("n1", new Api.Networks.NetworkUpdate { MinimumTls = "1.2" });
        }

        Tamper(world, "DELETE FROM audit WHERE sequence > 60; DELETE FROM audit_checkpoints WHERE sequence % 64 <> 0");
        (await world.Client.VerifyAuditAsync()).Problems.ShouldBe(["a checkpoint signed record 64, but the trail ends at 60: records were cut off"]);
    }

    [Fact]
    public async Task An_export_is_proven_without_the_server()
    {
        await using var world = await WorldAsync();
        var lines = Lines(world);
        var key = Convert.FromBase64String(lines[0].PublicKey!);
        var records = lines.Select(line => line.Record).OfType<AuditRecord>().ToList();
        var checkpoints = lines.Select(line => line.Checkpoint).OfType<AuditCheckpoint>().ToList();
        AuditChain.Verify(records, checkpoints, key).Valid.ShouldBeTrue();
        records[2] = records[2] with { Subject = "network:other" };
        AuditChain.Verify(records, checkpoints, key).Valid.ShouldBeFalse();
        AuditChain.Verify(records, checkpoints, [1, 2, 3]).Problems[0].ShouldBe("the checkpoint key cannot be read");
    }

    [Fact]
    public async Task Who_did_what_is_in_the_record()
    {
        await using var world = await WorldAsync();
        await world.PlantAsync();
        await world.PumpAsync();
        await world.Client.RevokeDeviceAsync("pump-17", "stolen");
        var record = (await world.Client.ListAuditAsync(action: "device.revoke")).Items.Single();
        record.Actor.ShouldBe("administrator");
        record.Subject.ShouldBe("device:pump-17.plant-a");
        JsonDocument.Parse(record.Detail).RootElement.GetProperty("reason").GetString().ShouldBe("stolen");
        var enforced = (await world.Client.ListAuditAsync(subject: "device:pump-17.plant-a", limit: 1)).Items.Single();
        enforced.Action.ShouldBe("device.revoke.enforced");
        JsonDocument.Parse(enforced.Detail).RootElement.GetProperty("enforced").GetBoolean().ShouldBeFalse();
    }

    private static List<AuditExportLine> Lines(ControlWorld world)
    {
        using var stream = new MemoryStream();
        world.Client.ExportAuditAsync(stream).GetAwaiter().GetResult();
        return [.. System.Text.Encoding.UTF8.GetString(stream.ToArray()).Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => JsonSerializer.Deserialize(line, ApiJson.Default.AuditExportLine)!)];
    }

    /// <summary>The token's record is the first; four networks follow.</summary>
    private static async Task<ControlWorld> WorldAsync()
    {
        var world = await ControlWorld.StartAsync();
        for (var i = 0; i < 4; i++)
        {
            await world.Client.AddNetworkAsync(new Api.Networks.NetworkCreate { Name = $"n{i}", Prefixes = ["10.0.0.0/24"] });
        }

        return world;
    }

    /// <summary>As somebody with the file and without the triggers would.</summary>
    private static void Tamper(ControlWorld world, string statement)
    {
        using var sql = new SqliteConnection($"Data Source={Path.Combine(world.Directory, "sallyport.db")};Pooling=False");
        sql.Open();
        sql.Execute("DROP TRIGGER IF EXISTS audit_is_not_edited; DROP TRIGGER IF EXISTS audit_is_not_deleted");
        sql.Execute(statement + ";");
    }
}
