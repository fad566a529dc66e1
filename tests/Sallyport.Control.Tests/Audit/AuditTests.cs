using System.Text.Json;
using Dapper;
using Microsoft.Data.Sqlite;
using Sallyport.Api;
using Sallyport.Api.Audit;
using Sallyport.Control.Audit;
using Sallyport.Control.Secrets;
using Sallyport.Control.Store;
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
            trail.Export(world.Control.Fleet).Take(2).Count().ShouldBe(2);
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
        (await world.Client.VerifyAuditAsync()).Problems.ShouldBe(
        [
            "record 5 is not the one that its checkpoint signed: the trail up to there was rewritten",
            "record 5 is not the one that the head signed: the end of the trail was rewritten",
        ]);
        Tamper(world, $"UPDATE audit_checkpoints SET hash = '{previous}'");
        (await world.Client.VerifyAuditAsync()).Problems.ShouldBe(
        [
            "checkpoint at record 5: the signature is not ours",
            "record 5 is not the one that the head signed: the end of the trail was rewritten",
        ]);
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
        await using var world = await LongWorldAsync();
        Tamper(world, "DELETE FROM audit WHERE sequence > 60; DELETE FROM audit_checkpoints WHERE sequence % 64 <> 0");
        (await world.Client.VerifyAuditAsync()).Problems.ShouldBe(
        [
            "a checkpoint signed record 64, but the trail ends at 60: records were cut off",
            "the head signed record 69 as the last, but the trail ends at 60: records 61 to 69 are missing",
        ]);
    }

    [Fact]
    public async Task An_export_is_proven_without_the_server()
    {
        await using var world = await WorldAsync();
        var lines = Lines(world);
        var key = Convert.FromBase64String(lines[0].PublicKey!);
        var records = lines.Select(line => line.Record).OfType<AuditRecord>().ToList();
        var checkpoints = lines.Select(line => line.Checkpoint).OfType<AuditCheckpoint>().ToList();
        var head = lines[^1].Head.ShouldNotBeNull();
        var whole = AuditChain.Verify(records, checkpoints, head, key);
        whole.Valid.ShouldBeTrue();
        whole.VouchedTo.ShouldBe(5);
        records[2] = records[2] with { Subject = "network:other" };
        AuditChain.Verify(records, checkpoints, head, key).Valid.ShouldBeFalse();
        AuditChain.Verify(records, checkpoints, head, [1, 2, 3]).Problems[0].ShouldBe("the checkpoint key cannot be read");
    }

    [Fact]
    public async Task An_export_that_lost_its_end_is_not_whole()
    {
        await using var world = await LongWorldAsync();
        var lines = Lines(world);
        var key = Convert.FromBase64String(lines[0].PublicKey!);
        var records = lines.Select(line => line.Record).OfType<AuditRecord>().ToList();
        var checkpoints = lines.Select(line => line.Checkpoint).OfType<AuditCheckpoint>().ToList();
        var head = lines[^1].Head!;
        AuditChain.Verify(records, checkpoints, head, key).Problems.ShouldBeEmpty();
        for (var kept = 0; kept < records.Count; kept++)
        {
            AuditChain.Verify(records[..kept], [.. checkpoints.Where(checkpoint => checkpoint.Sequence <= kept)], head, key).Valid.ShouldBeFalse($"{kept}");
        }

        var withoutAnySignature = AuditChain.Verify(records[..10], [], null, key);
        withoutAnySignature.Problems.ShouldBe(["there is no signed head, so nothing says where the trail ends: no signature vouches for any of it"]);
        withoutAnySignature.VouchedTo.ShouldBe(0);

        var toACheckpoint = AuditChain.Verify(records[..64], [.. checkpoints.Where(checkpoint => checkpoint.Sequence <= 64)], null, key);
        toACheckpoint.Problems.ShouldBe(
            ["there is no signed head, so nothing says where the trail ends: a checkpoint vouches for record 64 and what is before it"]);
        toACheckpoint.VouchedTo.ShouldBe(64);

        // A checkpoint does not pass for a head.
        var old = checkpoints.Single(checkpoint => checkpoint.Sequence == 64);
        AuditChain.Verify(records[..64], [old], new AuditHead(old.Sequence, old.At, old.Hash, old.Signature), key).Problems.ShouldBe(
            ["the head names record 64, but its signature is not ours"]);
    }

    [Theory]
    [InlineData(68, "record 69 is missing")]
    [InlineData(64, "records 65 to 69 are missing")]
    [InlineData(1, "records 2 to 69 are missing")]
    [InlineData(0, "records 1 to 69 are missing")]
    public async Task A_trail_that_was_cut_is_found_with_all_its_checkpoints_cut_too(int kept, string missing)
    {
        var directory = ControlWorld.NewDirectory();
        await using (var world = await LongWorldAsync(directory))
        {
            Cut(world, kept);
            (await world.Client.VerifyAuditAsync()).Problems.ShouldBe([$"the head signed record 69 as the last, but the trail ends at {kept}: {missing}"]);
        }

        // The start finds it as well, says so in the trail, and the trail never calls itself whole again.
        await using (var world = await ControlWorld.StartAsync(directory))
        {
            var noted = (await world.Client.ListAuditAsync(action: AuditChain.BrokenAction)).Items.Single();
            noted.Sequence.ShouldBe(kept + 1);
            noted.Detail.ShouldContain(missing);
            world.Log.Text.ShouldContain("The audit trail is not as it was left");
            await world.FlushAsync();
            (await world.Client.ListEventsAsync(kind: AuditChain.BrokenAction)).Items.Count.ShouldBe(1);
            await world.Client.AddNetworkAsync(new Api.Networks.NetworkCreate { Name = "later", Prefixes = ["10.0.0.0/24"] });
            var verification = await world.Client.VerifyAuditAsync();
            verification.Valid.ShouldBeFalse();
            verification.Problems.ShouldHaveSingleItem().ShouldContain(missing);
        }

        Directory.Delete(directory, recursive: true);
    }

    [Fact]
    public async Task A_cut_under_a_running_control_is_noted_by_the_next_command()
    {
        await using var world = await LongWorldAsync();
        Cut(world, 64);
        await world.Client.UpdateNetworkAsync("n1", new Api.Networks.NetworkUpdate { MinimumTls = "1.3" });
        var noted = (await world.Client.ListAuditAsync(limit: 2)).Items;
        noted.Select(record => (record.Sequence, record.Action)).ShouldBe([(66, "network.update"), (65, AuditChain.BrokenAction)]);
        noted[1].Detail.ShouldContain("records 65 to 69 are missing");
        for (var i = 0; i < 10; i++)
        {
            await world.Client.UpdateNetworkAsync("n1", new Api.Networks.NetworkUpdate { MinimumTls = "1.2" });
        }

        (await world.Client.VerifyAuditAsync()).Problems.ShouldHaveSingleItem().ShouldStartWith("record 65 notes that the trail was found broken");
    }

    [Fact]
    public async Task A_crash_between_a_commit_and_its_head_neither_loses_a_record_nor_cries_wolf()
    {
        await using var world = await WorldAsync();
        var before = File.ReadAllBytes(HeadFile(world.Directory));
        await world.Client.AddNetworkAsync(new Api.Networks.NetworkCreate { Name = "n5", Prefixes = ["10.0.0.0/24"] });
        var crashed = world.CopyAsItLies();
        File.WriteAllBytes(HeadFile(crashed), before);
        File.WriteAllText(HeadFile(crashed) + ".new", "{\"sequ"); // and one that was being written
        await using (var again = await ControlWorld.StartAsync(crashed))
        {
            var verification = await again.Client.VerifyAuditAsync();
            verification.Problems.ShouldBeEmpty();
            verification.Records.ShouldBe(6);
            verification.VouchedTo.ShouldBe(6);
        }

        // The head was brought up: the record cannot be taken away any more.
        await using (var again = await ControlWorld.StartAsync(crashed))
        {
            Cut(again, 5);
            (await again.Client.VerifyAuditAsync()).Problems.ShouldHaveSingleItem().ShouldEndWith("record 6 is missing");
        }

        Directory.Delete(crashed, recursive: true);
    }

    [Fact]
    public async Task A_head_ahead_of_the_trail_is_never_left_by_a_crash_and_so_it_is_an_alarm()
    {
        await using var world = await WorldAsync();
        var older = world.CopyAsItLies();
        await world.Client.AddNetworkAsync(new Api.Networks.NetworkCreate { Name = "n5", Prefixes = ["10.0.0.0/24"] });
        File.Copy(HeadFile(world.Directory), HeadFile(older), overwrite: true);
        await using (var again = await ControlWorld.StartAsync(older))
        {
            (await again.Client.VerifyAuditAsync()).Problems.ShouldHaveSingleItem().ShouldContain("record 6 is missing");
        }

        Directory.Delete(older, recursive: true);
    }

    [Fact]
    public async Task A_crash_between_the_first_head_and_its_key_leaves_a_trail_that_begins_well()
    {
        var directory = ControlWorld.NewDirectory();
        var options = OptionsOf(directory);
        OpenTrail(options);
        DeleteStore(options); // the head lies there, and its key was never committed
        await using (var world = await ControlWorld.StartAsync(directory))
        {
            (await world.Client.VerifyAuditAsync()).Problems.ShouldBeEmpty();
        }

        Directory.Delete(directory, recursive: true);
    }

    [Fact]
    public async Task A_crash_before_the_first_record_leaves_a_trail_that_begins_well()
    {
        var directory = ControlWorld.NewDirectory();
        OpenTrail(OptionsOf(directory));
        await using (var world = await ControlWorld.StartAsync(directory))
        {
            (await world.Client.VerifyAuditAsync()).Problems.ShouldBeEmpty();
        }

        Directory.Delete(directory, recursive: true);
    }

    [Fact]
    public async Task A_head_that_is_missing_beside_a_key_is_an_alarm_before_the_first_record_too()
    {
        var directory = ControlWorld.NewDirectory();
        OpenTrail(OptionsOf(directory));
        File.Delete(HeadFile(directory));
        await using (var world = await ControlWorld.StartAsync(directory))
        {
            (await world.Client.VerifyAuditAsync()).Problems.ShouldHaveSingleItem().ShouldContain("audit.head is missing");
        }

        Directory.Delete(directory, recursive: true);
    }

    [Theory]
    [InlineData("", "audit.head is missing: nothing says where the trail ended")]
    [InlineData("; DELETE FROM secrets WHERE name = 'audit-checkpoint-key'", "the checkpoint key is missing: nothing says where the trail ended")]
    public async Task A_trail_that_was_emptied_and_lost_its_head_is_not_a_new_one(string more, string finding)
    {
        var directory = ControlWorld.NewDirectory();
        await using (var world = await WorldAsync(directory))
        {
            Tamper(world, "DELETE FROM audit; DELETE FROM audit_checkpoints" + more);
        }

        File.Delete(HeadFile(directory));
        for (var start = 0; start < 2; start++)
        {
            await using var world = await ControlWorld.StartAsync(directory);
            (await world.Client.ListAuditAsync(action: AuditChain.BrokenAction)).Items.Single().Detail.ShouldContain(finding);
            var verification = await world.Client.VerifyAuditAsync();
            verification.Valid.ShouldBeFalse();
            verification.Problems.ShouldHaveSingleItem().ShouldContain(finding);
        }

        Directory.Delete(directory, recursive: true);
    }

    [Fact]
    public async Task A_head_of_records_beside_an_empty_store_is_an_alarm()
    {
        var directory = ControlWorld.NewDirectory();
        await (await WorldAsync(directory)).DisposeAsync();
        DeleteStore(OptionsOf(directory));
        await using (var world = await ControlWorld.StartAsync(directory))
        {
            (await world.Client.VerifyAuditAsync()).Problems.ShouldHaveSingleItem().ShouldContain("the checkpoint key is missing");
        }

        Directory.Delete(directory, recursive: true);
    }

    [Theory]
    [InlineData("", "audit.head is missing")]
    [InlineData("{", "audit.head cannot be read")]
    [InlineData("null", "audit.head cannot be read")]
    [InlineData("{\"sequence\":5,\"at\":1,\"hash\":null,\"signature\":null}", "audit.head cannot be read")]
    [InlineData("{\"sequence\":5,\"at\":1,\"hash\":\"00\",\"signature\":\"AAAA\"}", "the head is not signed by this installation")]
    public async Task A_head_that_was_removed_or_forged_is_an_alarm_and_not_made_anew(string content, string finding)
    {
        var directory = ControlWorld.NewDirectory();
        await (await WorldAsync(directory)).DisposeAsync();
        File.Delete(HeadFile(directory));
        if (content.Length > 0)
        {
            File.WriteAllText(HeadFile(directory), content);
        }

        await using (var world = await ControlWorld.StartAsync(directory))
        {
            (await world.Client.VerifyAuditAsync()).Problems.ShouldHaveSingleItem().ShouldContain(finding);
        }

        Directory.Delete(directory, recursive: true);
    }

    [Fact]
    public async Task Records_that_were_added_behind_the_head_by_somebody_else_are_an_alarm()
    {
        await using var world = await WorldAsync();
        var last = Lines(world).Select(line => line.Record).OfType<AuditRecord>().Last();
        var forged = last with { Sequence = 6, PreviousHash = last.Hash, Actor = "nobody" };
        forged = forged with { Hash = AuditChain.HashOf(forged) };
        Tamper(world, $"INSERT INTO audit SELECT 6, at, 'nobody', action, subject, detail, hash, '{forged.Hash}' FROM audit WHERE sequence = 5");
        (await world.Client.VerifyAuditAsync()).Problems.ShouldBe(["the head signed record 5 as the last, but the trail goes on: record 6 is not vouched for"]);
        await world.Client.UpdateNetworkAsync("n1", new Api.Networks.NetworkUpdate { MinimumTls = "1.3" });
        (await world.Client.ListAuditAsync(action: AuditChain.BrokenAction)).Items.Single().Detail.ShouldContain("what follows record 5 was not signed by us");
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
    private static async Task<ControlWorld> WorldAsync(string? directory = null)
    {
        var world = await ControlWorld.StartAsync(directory);
        for (var i = 0; i < 4; i++)
        {
            await world.Client.AddNetworkAsync(new Api.Networks.NetworkCreate { Name = $"n{i}", Prefixes = ["10.0.0.0/24"] });
        }

        return world;
    }

    /// <summary>69 records, so that a checkpoint stays at the 64th.</summary>
    private static async Task<ControlWorld> LongWorldAsync(string? directory = null)
    {
        var world = await WorldAsync(directory);
        for (var i = 0; i < AuditTrail.CheckpointEvery; i++)
        {
            await world.Client.UpdateNetworkAsync("n1", new Api.Networks.NetworkUpdate { MinimumTls = "1.2" });
        }

        return world;
    }

    private static void Cut(ControlWorld world, int kept) =>
        Tamper(world, $"DELETE FROM audit WHERE sequence > {kept}; DELETE FROM audit_checkpoints WHERE sequence > {kept}");

    private static ControlOptions OptionsOf(string directory) => new() { DataDirectory = directory, Endpoint = "vpn.example.net" };

    /// <summary>As far as a first start comes before its first record.</summary>
    private static void OpenTrail(ControlOptions options)
    {
        using var master = MasterKey.LoadOrCreate(options.MasterKeyFile, databaseExists: false);
        using var database = Database.Open(options.FleetFile, Durability.Full, FleetSchema.Migrations);
        AuditTrail.Open(database, new SecretStore(new Envelope(master)), new AuditHeadFile(options.AuditHeadFile));
    }

    private static void DeleteStore(ControlOptions options)
    {
        foreach (var file in Directory.GetFiles(options.DataDirectory, Path.GetFileName(options.FleetFile) + "*"))
        {
            File.Delete(file);
        }
    }

    private static string HeadFile(string directory) => Path.Combine(directory, "audit.head");

    /// <summary>As somebody with the file and without the triggers would.</summary>
    private static void Tamper(ControlWorld world, string statement)
    {
        using var sql = new SqliteConnection($"Data Source={Path.Combine(world.Directory, "sallyport.db")};Pooling=False");
        sql.Open();
        sql.Execute("DROP TRIGGER IF EXISTS audit_is_not_edited; DROP TRIGGER IF EXISTS audit_is_not_deleted");
        sql.Execute(statement + ";");
    }
}
