using Dapper;
using Microsoft.Data.Sqlite;
using Sallyport.Control.Store;
using Sallyport.Control.Tests.Worlds;

namespace Sallyport.Control.Tests.Store;

/// <summary>A copy of the store in memory, on which anything may be tried.</summary>
public class CopyTests
{
    private static readonly HashSet<string> Without = ["audit", "secrets"];

    [Fact]
    public async Task Copy_has_what_the_store_has_but_for_what_is_left_out()
    {
        await using var world = await WithPumpAsync();
        using var copy = world.Control.Fleet.OpenCopy(Without, () => world.Control.Feed.State.Version, out var version);
        version.ShouldBe(world.Control.Feed.State.Version);
        using var store = world.Control.Fleet.OpenReader();
        Objects(copy).ShouldBe(Objects(store));
        var tables = store.Query<string>("SELECT name FROM sqlite_schema WHERE type = 'table'").AsList();
        foreach (var table in tables)
        {
            Rows(copy, table).ShouldBe(Without.Contains(table) ? [] : Rows(store, table), table);
        }

        (Rows(store, "audit").Count, Rows(store, "identities").Count).ShouldBe((4, 1));
        copy.Query("PRAGMA foreign_key_check").ShouldBeEmpty();
        copy.ExecuteScalar<int>("PRAGMA foreign_keys").ShouldBe(1);
    }

    [Fact]
    public async Task Copy_is_on_no_disk_and_what_is_done_to_it_is_done_to_nothing_else()
    {
        await using var world = await WithPumpAsync();
        using var copy = world.Control.Fleet.OpenCopy(Without, () => 0, out _);
        copy.Query<(long, string Name, string? File)>("PRAGMA database_list").Select(row => (row.Name, row.File)).ShouldBe([("main", "")]);
        copy.ExecuteScalar<int>("PRAGMA temp_store").ShouldBe(2, "in memory as well");
        copy.Execute("DELETE FROM credentials; DELETE FROM identities");
        (await world.Client.GetDeviceAsync("pump-17")).Name.ShouldBe("pump-17");
        await world.PumpAsync("pump-18"); // and it keeps nobody from writing
        copy.ExecuteScalar<int>("SELECT count(*) FROM identities").ShouldBe(0);
    }

    [Fact]
    public async Task What_is_made_in_the_copy_gets_the_number_that_it_would_have_got()
    {
        await using var world = await WithPumpAsync();
        var last = (await world.PumpAsync("pump-18")).Device.Id;
        await world.Client.RevokeDeviceAsync("pump-18", null);
        await world.Client.DeleteDeviceAsync("pump-18");
        using var copy = world.Control.Fleet.OpenCopy(Without, () => 0, out _);
        copy.ExecuteScalar<int>(
            """
            INSERT INTO identities (network_id, kind, name, state, state_since, subnets, labels, groups, created_at, revision)
            VALUES (1, 'device', 'next', 'pending', 0, '[]', '{}', '[]', 0, 1) RETURNING id
            """).ShouldBe(last + 1);
        Should.Throw<SqliteException>(() => copy.Execute("UPDATE identities SET network_id = 99")).Message.ShouldContain("FOREIGN KEY");
    }

    private static async Task<ControlWorld> WithPumpAsync()
    {
        var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        await world.PumpAsync();
        return world;
    }

    private static List<string> Objects(SqliteConnection sql) =>
        sql.Query<string>("SELECT type || ' ' || name || ' ' || ifnull(sql, '') FROM sqlite_schema ORDER BY 1").AsList();

    private static List<string> Rows(SqliteConnection sql, string table)
    {
        var columns = sql.Query<string>($"SELECT name FROM pragma_table_info('{table}')").Select(name => $"quote(\"{name}\")");
        return sql.Query<string>($"SELECT {string.Join(" || ',' || ", columns)} FROM \"{table}\" ORDER BY 1").AsList();
    }
}
