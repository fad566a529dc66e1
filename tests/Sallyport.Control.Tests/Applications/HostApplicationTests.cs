using Microsoft.Data.Sqlite;
using Sallyport.Api.Applications;
using Sallyport.Api.Networks;
using Sallyport.Api.Nodes;
using Sallyport.Api.Rules;
using Sallyport.Control.Store;
using Sallyport.Control.Tests.Worlds;
using Sallyport.Core.Nat;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Tests.Applications;

public sealed class HostApplicationTests
{
    [Fact]
    public async Task The_gateway_host_is_part_of_a_network_while_something_speaks_of_it()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        using var gateway = await FakeGateway.ConnectAsync(world);
        (await gateway.ReceiveAsync<Snapshot>()).Model.Identities.ShouldBeEmpty();

        var dashboard = await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "dashboard", Host = "plant-a", Services = ["tcp/8080"] });
        (dashboard.OwnerKind, dashboard.Owner, dashboard.Network, dashboard.Target).ShouldBe(("host", "plant-a", "plant-a", "10.20.0.1"));
        var delta = await gateway.ReceiveAsync<Delta>();
        var host = delta.Identities.ShouldHaveSingleItem();
        (host.Kind, host.Name, host.AddressV4, host.Active).ShouldBe(("host", "plant-a", "10.20.0.1", true));
        delta.Applications.ShouldHaveSingleItem().OwnerId.ShouldBe(host.Id);

        await world.Client.DeleteApplicationAsync("dashboard");
        (await gateway.ReceiveAsync<Delta>()).RemovedIdentities.ShouldBe([host.Id]);
    }

    [Fact]
    public async Task A_rule_lets_the_host_open_flows_and_makes_it_part_of_the_network()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        await world.PumpAsync();
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "modbus", Device = "pump-17", Services = ["tcp/502"] });
        using var gateway = await FakeGateway.ConnectAsync(world);
        await gateway.ReceiveAsync<Snapshot>();

        var rule = await world.Client.AddRuleAsync(new RuleCreate { From = "host:plant-a", To = "application:modbus" });
        (rule.From, rule.Subjects).ShouldBe(("host:plant-a", 1));
        var delta = await gateway.ReceiveAsync<Delta>();
        delta.Rules.ShouldHaveSingleItem().SubjectKind.ShouldBe("host");
        var address = delta.Identities.ShouldHaveSingleItem().AddressV4;
        var explained = await world.Client.ExplainAsync("host:plant-a", "device:pump-17", "tcp", 502);
        (explained.Allowed, explained.From, explained.RuleId).ShouldBe((true, "host:plant-a", rule.Id));
        address.ShouldBe("10.20.0.1");
        (await world.Client.ExplainAsync("host:plant-a", "device:pump-17", "tcp", 503)).Allowed.ShouldBeFalse();

        await gateway.SendAsync(new Acknowledge(delta.Version, 0, 0, 0, 0));
        var removing = world.Client.DeleteRuleAsync(rule.Id);
        var removed = await gateway.ReceiveAsync<Delta>();
        await gateway.SendAsync(new Acknowledge(removed.Version, removed.CommittedAt, 0, 0, 0));
        await removing;
        removed.RemovedIdentities.Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_device_that_asks_for_the_host_is_told_how_it_could_be_allowed()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        await world.PumpAsync();
        (await world.Client.ExplainAsync("device:pump-17", "10.20.0.1", "tcp", 8080)).AllowCommands.ShouldBe(
        [
            "sallyport application add plant-a-10-20-0-1-tcp-8080 --host --network plant-a --tcp 8080",
            "sallyport rule add --from device:pump-17 --to application:plant-a-10-20-0-1-tcp-8080",
        ]);
        (await world.Client.ExplainAsync("device:pump-17", "10.20.0.99", "tcp", 8080)).AllowCommands.ShouldBeEmpty();

        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "dashboard", Host = "plant-a", Services = ["tcp/8080"] });
        var denied = await world.Client.ExplainAsync("device:pump-17", "host:plant-a", "tcp", 8080);
        (denied.Allowed, denied.Carrier).ShouldBe((false, "host:plant-a"));
        denied.AllowCommands.ShouldBe(["sallyport rule add --from device:pump-17 --to application:dashboard"]);
        await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-17", To = "application:dashboard" });
        (await world.Client.ExplainAsync("device:pump-17", "application:dashboard", "tcp", 8080)).Allowed.ShouldBeTrue();
    }

    [Fact]
    public async Task The_host_moves_with_the_networks_prefix_and_its_applications_with_it()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "dashboard", Host = "plant-a", Services = ["tcp/8080"] });
        await world.Client.UpdateNetworkAsync("plant-a", new NetworkUpdate { Prefixes = ["10.30.0.0/16"] });
        (await world.Client.GetApplicationAsync("dashboard")).Target.ShouldBe("10.30.0.1");
        var problem = await ControlWorld.ProblemOf(() => world.Client.UpdateNetworkAsync("plant-a", new NetworkUpdate { Prefixes = ["fd00:30::/64"] }));
        problem.Errors.ShouldHaveSingleItem().Field.ShouldBe("prefixes");
    }

    [Fact]
    public async Task A_device_may_be_called_as_the_network_and_the_host_gets_no_address_of_the_pool()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "dashboard", Host = "plant-a", Services = ["tcp/8080"] });
        (await world.PumpAsync("plant-a")).Device.Addresses.ShouldBe(["10.20.0.2"]);
        await world.Client.UpdateNetworkAsync("plant-a", new NetworkUpdate { Prefixes = ["10.20.0.0/16", "fd00:20::/64"] });
        (await world.Client.GetDeviceAsync("plant-a")).Addresses.ShouldBe(["10.20.0.2", "fd00:20::2"]);
        (await world.Client.ListDevicesAsync()).Items.Count.ShouldBe(1);
    }

    [Fact]
    public async Task What_cannot_be_at_the_host_is_refused_with_its_repair()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        await world.HqAsync();
        await world.Client.AddNetworkAsync(new NetworkCreate { Name = "six", Prefixes = ["fd00:6::/64"] });
        (await ErrorOf(new ApplicationCreate { Name = "a", Host = "six", Services = ["icmp"] })).ShouldBe(("host", "give the network an IPv4 prefix"));
        (await ErrorOf(new ApplicationCreate { Name = "a", Host = "plant-b", Services = ["icmp"] })).ShouldBe(("host", "did you mean plant-a?"));
        (await ErrorOf(new ApplicationCreate { Name = "a", Host = "plant-a", Target = "10.20.0.9", Services = ["icmp"] })).ShouldBe(("target", "it carries 10.20.0.1"));
        (await ErrorOf(new ApplicationCreate { Name = "a", Host = "plant-a", Site = "hq", Services = ["icmp"] })).Field.ShouldBe("host");

        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "a", Host = "plant-a", Services = ["icmp"] });
        var problem = await ControlWorld.ProblemOf(() => world.Client.DeleteNetworkAsync("plant-a"));
        problem.Detail.ShouldNotBeNull().ShouldContain("application a");

        async Task<(string Field, string Hint)> ErrorOf(ApplicationCreate create)
        {
            var error = (await ControlWorld.ProblemOf(() => world.Client.AddApplicationAsync(create))).Errors.ShouldHaveSingleItem();
            return (error.Field, error.Hint);
        }
    }

    [Fact]
    public async Task Every_installation_has_handles_of_its_own_and_keeps_them()
    {
        var directory = ControlWorld.NewDirectory();
        var first = await PrefixOf(directory);
        HandleSpace.TryCreate(IpPrefix.Parse(first), out _).ShouldBeTrue();
        (await PrefixOf(directory)).ShouldBe(first);
        var other = ControlWorld.NewDirectory();
        (await PrefixOf(other)).ShouldNotBe(first);
        Directory.Delete(directory, recursive: true);
        Directory.Delete(other, recursive: true);
    }

    [Fact]
    public void A_store_of_the_schema_before_hosts_keeps_everything()
    {
        var directory = ControlWorld.NewDirectory();
        var file = Path.Combine(directory, "sallyport.db");
        Database.Open(file, Durability.Full, [.. FleetSchema.Migrations.Take(3)]).Dispose();
        Execute(
            file,
            """
            PRAGMA foreign_keys = ON;
            INSERT INTO networks VALUES (1, 'n', '["10.0.0.0/24"]', '[]', '', '', '[]', x'', '', '', 1, 1, 60);
            INSERT INTO identities VALUES (5, 1, 'device', 'd', 'active', NULL, 1, x'0a000002', NULL, '[]', '{}', '[]', 1, 1);
            INSERT INTO credentials (id, identity_id, kind, wrapping, created_at) VALUES (7, 5, 'certificate', 'tls-crypt-v2', 1);
            INSERT INTO applications VALUES (3, 1, 5, 'a', '10.0.0.2', '[]', 1, 1);
            INSERT INTO rules VALUES (9, 3, 'device', 5, '', 1, 1);
            INSERT INTO identities VALUES (8, 1, 'device', 'gone', 'active', NULL, 1, NULL, NULL, '[]', '{}', '[]', 1, 1);
            DELETE FROM identities WHERE id = 8;
            """);
        using (var database = Database.Open(file, Durability.Full, FleetSchema.Migrations))
        {
            database.Write(sql => Count(sql, "SELECT count(*) FROM credentials WHERE identity_id = 5")).ShouldBe(1);
            database.Write(sql => Count(sql, "SELECT count(*) FROM rules WHERE id = 9 AND subject_id = 5")).ShouldBe(1);

            // Ids are never given out twice: audit records and flows speak of them.
            const string Insert = "INSERT INTO identities (network_id, kind, name, state, state_since, subnets, labels, groups, created_at, revision)";
            database.Write(sql => Count(sql, Insert + " VALUES (1, 'host', 'd', 'active', 1, '[]', '{}', '[]', 1, 1) RETURNING id")).ShouldBe(9);
            Should.Throw<SqliteException>(() => database.Write(sql => Count(sql, Insert + " VALUES (1, 'device', 'd', 'active', 1, '[]', '{}', '[]', 1, 1) RETURNING id")));
            Should.Throw<SqliteException>(() => database.Write(sql => Count(sql, Insert + " VALUES (2, 'device', 'e', 'active', 1, '[]', '{}', '[]', 1, 1) RETURNING id")));
            database.Write(sql => Count(sql, "DELETE FROM rules; DELETE FROM applications; DELETE FROM identities WHERE id = 5; SELECT count(*) FROM credentials")).ShouldBe(0);
        }

        Directory.Delete(directory, recursive: true);
    }

    private static long Count(SqliteConnection sql, string text)
    {
        using var command = sql.CreateCommand();
        command.CommandText = text;
        return (long)command.ExecuteScalar()!;
    }

    private static void Execute(string file, string text)
    {
        using var sql = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = file, Pooling = false }.ToString());
        sql.Open();
        using var command = sql.CreateCommand();
        command.CommandText = text;
        command.ExecuteNonQuery();
    }

    private static async Task<string> PrefixOf(string directory)
    {
        await using var world = await ControlWorld.StartAsync(directory);
        using var gateway = await FakeGateway.ConnectAsync(world);
        return (await gateway.ReceiveAsync<Snapshot>()).Model.Settings.HandlePrefix;
    }
}
