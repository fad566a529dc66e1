using Dapper;
using Microsoft.Data.Sqlite;
using Sallyport.Api.Networks;
using Sallyport.Control.Networks;
using Sallyport.Control.Store;
using Sallyport.Control.Tests.Worlds;
using Sallyport.Control.Users;

namespace Sallyport.Control.Tests.Store;

public sealed class DurabilityTests
{
    [Fact]
    public async Task What_was_answered_is_there_after_a_kill()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        await world.PumpAsync();
        await world.Client.RevokeDeviceAsync("pump-17", "stolen");
        var records = (await world.Client.VerifyAuditAsync()).Records;

        var copy = world.CopyAsItLies();
        await using (var again = await ControlWorld.StartAsync(copy))
        {
            (await again.Client.GetDeviceAsync("pump-17")).State.ShouldBe("retired");
            var verification = await again.Client.VerifyAuditAsync();
            verification.Valid.ShouldBeTrue();
            verification.Records.ShouldBe(records);
            again.Control.Feed.State.Version.ShouldBe(world.Control.Feed.State.Version);
        }

        Directory.Delete(copy, recursive: true);
    }

    [Fact]
    public async Task A_command_whose_audit_record_cannot_be_written_leaves_nothing()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        var version = world.Control.Feed.State.Version;
        world.Control.Fleet.Write(sql => sql.Execute("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'disk full'); END"));
        (await ControlWorld.ProblemOf(() => world.PumpAsync())).Status.ShouldBe(500);
        world.Log.Text.ShouldContain("disk full");
        world.Control.Fleet.Write(sql => sql.Execute("DROP TRIGGER full"));
        (await world.Client.ListDevicesAsync()).Items.ShouldBeEmpty();
        (await world.Client.ListCredentialsAsync(revoked: true)).Items.ShouldBeEmpty();
        world.Control.Feed.State.Version.ShouldBe(version);
        (await world.PumpAsync()).Device.Addresses.ShouldBe(["10.20.0.2"]);
        world.Control.Feed.State.Version.ShouldBeGreaterThan(version);
    }

    [Fact]
    public async Task A_command_without_an_audit_record_is_a_mistake_and_leaves_nothing()
    {
        await using var world = await ControlWorld.StartAsync();
        Should.Throw<Sallyport.Core.Primitives.InvariantException>(
            () => world.Control.Commands.Run(Actor.System, change => change.Sql.Execute("INSERT INTO settings (name, value) VALUES ('a', 'b')")));
        world.Control.Fleet.Read(sql => sql.ExecuteScalar<int>("SELECT count(*) FROM settings WHERE name = 'a'")).ShouldBe(0);
    }

    [Fact]
    public async Task A_reader_cannot_write()
    {
        await using var world = await ControlWorld.StartAsync();
        Should.Throw<SqliteException>(() => world.Control.Fleet.Read(sql => sql.Execute("DELETE FROM tokens")));
    }

    [Fact]
    public void A_file_of_a_newer_version_is_not_touched()
    {
        var path = Path.Combine(ControlWorld.NewDirectory(), "a.db");
        Database.Open(path, Durability.Full, ["CREATE TABLE a (b)", "CREATE TABLE c (d)"]).Dispose();
        Should.Throw<InvalidOperationException>(() => Database.Open(path, Durability.Full, ["CREATE TABLE a (b)"])).Message.ShouldContain("newer Sallyport");
        Database.Open(path, Durability.Full, ["CREATE TABLE a (b)", "CREATE TABLE c (d)", "CREATE TABLE e (f)"]).Dispose();
        Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);
    }

    [Fact]
    public void A_migration_that_fails_leaves_the_version_before()
    {
        var path = Path.Combine(ControlWorld.NewDirectory(), "a.db");
        Should.Throw<SqliteException>(() => Database.Open(path, Durability.Full, ["CREATE TABLE a (b)", "CREATE TABLE c (d); CREATE NONSENSE"]));
        using (var database = Database.Open(path, Durability.Full, ["CREATE TABLE a (b)"]))
        {
            database.Read(sql => sql.ExecuteScalar<int>("SELECT count(*) FROM sqlite_master WHERE name = 'c'")).ShouldBe(0);
        }

        Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);
    }

    [Fact]
    public async Task Rights_are_asked_before_anything_else()
    {
        await using var world = await ControlWorld.StartAsync();
        var network = await world.PlantAsync();
        var other = await world.Client.AddNetworkAsync(new NetworkCreate { Name = "plant-b", Prefixes = ["10.20.0.0/16"] });
        var limited = new Actor("contractor", Role.Administrator, other.Id);
        var commands = new NetworkCommands(world.Control.Commands, world.Control.Fleet, world.Control.Envelope, world.Control.Options);
        Should.Throw<Control.Http.ProblemException>(() => commands.Get(limited, "plant-a")).Problem.Status.ShouldBe(403);
        Should.Throw<Control.Http.ProblemException>(() => commands.Update(limited, "plant-a", new NetworkUpdate(), null)).Problem.Status.ShouldBe(403);
        Should.Throw<Control.Http.ProblemException>(() => commands.Delete(limited, "plant-a")).Problem.Status.ShouldBe(403);
        Should.Throw<Control.Http.ProblemException>(() => commands.Create(limited, new NetworkCreate(), null)).Problem.Status.ShouldBe(403);
        commands.List(limited, new Control.Http.Paging(10, null)).Items.Select(item => item.Name).ShouldBe(["plant-b"]);
        network.Name.ShouldBe("plant-a");
    }
}
