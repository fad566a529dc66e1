using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Sallyport.Api.Dns;
using Sallyport.Api.Networks;
using Sallyport.Api.Nodes;
using Sallyport.Control.Flows;
using Sallyport.Control.Tests.Worlds;

namespace Sallyport.Control.Tests.Dns;

public sealed class DnsTests
{
    [Fact]
    public async Task A_network_answers_names_unless_it_says_no_and_asks_nobody_else_unless_it_says_whom()
    {
        await using var world = await ControlWorld.StartAsync();
        using var gateway = await FakeGateway.ConnectAsync(world);
        await gateway.ReceiveAsync<Snapshot>();
        var plant = await world.PlantAsync();
        (plant.Dns.Serve, plant.Dns.Suffix).ShouldBe((true, "plant-a.sallyport"));
        plant.Dns.Forward.ShouldBeEmpty();
        (await gateway.ReceiveAsync<Delta>()).Networks.Single().Dns!.Forward.ShouldBeEmpty();

        await world.Client.UpdateNetworkAsync("plant-a", new NetworkUpdate { Dns = new NetworkDnsInput { Forward = ["Corp.Example.=10.0.0.53:53", ".=9.9.9.9, 149.112.112.112"] } });
        var forward = (await gateway.ReceiveAsync<Delta>()).Networks.Single().Dns!.Forward;
        forward.ShouldBe(["corp.example=10.0.0.53", ".=9.9.9.9,149.112.112.112"]);

        var off = await world.Client.UpdateNetworkAsync("plant-a", new NetworkUpdate { Dns = new NetworkDnsInput { Serve = false } });
        off.Dns.Forward.ShouldBe(forward, "what is not named stays");
        (await gateway.ReceiveAsync<Delta>()).Networks.Single().Dns.ShouldBeNull();
        (await world.Client.UpdateNetworkAsync("plant-a", new NetworkUpdate { Dns = new NetworkDnsInput { Serve = true, Forward = [] } })).Dns.Forward.ShouldBeEmpty();
        (await gateway.ReceiveAsync<Delta>()).Networks.Single().Dns!.Forward.ShouldBeEmpty();
        (await world.Client.GetNetworkAsync("plant-a")).Dns.Serve.ShouldBeTrue();
    }

    [Fact]
    public async Task The_zone_of_the_installation_reaches_gateways_and_answers()
    {
        await using var world = await ControlWorld.StartAsync(change: options => options with { Gateway = new GatewaySettings { DnsZone = "vpn.example" } });
        using var gateway = await FakeGateway.ConnectAsync(world);
        (await gateway.ReceiveAsync<Snapshot>()).Model.Settings.DnsZone.ShouldBe("vpn.example");
        (await world.PlantAsync()).Dns.Suffix.ShouldBe("plant-a.vpn.example");
    }

    [Theory]
    [InlineData("10.0.0.53", "'10.0.0.53' cannot be read: it wants a domain and the servers that are asked for its names")]
    [InlineData("corp.example=10.0.0", "'corp.example=10.0.0' cannot be read: '10.0.0' is no address of a server")]
    [InlineData("corp_example..=10.0.0.53", "'corp_example..=10.0.0.53' cannot be read: 'corp_example.' is no domain")]
    [InlineData("plant-a.sallyport=10.0.0.53", "plant-a.sallyport lies in sallyport, whose names the gateway knows itself")]
    public async Task A_server_that_cannot_be_asked_is_named_with_its_repair(string text, string message)
    {
        await using var world = await ControlWorld.StartAsync();
        var problem = await ControlWorld.ProblemOf(() => world.Client.AddNetworkAsync(
            new NetworkCreate { Name = "plant-a", Prefixes = ["10.20.0.0/16"], Dns = new NetworkDnsInput { Forward = [".=9.9.9.9", text] } }));
        problem.Status.ShouldBe(422);
        var error = problem.Errors.ShouldHaveSingleItem();
        (error.Field, error.Message).ShouldBe(("dns.forward[1]", message));
    }

    [Fact]
    public async Task One_domain_has_one_list_of_servers()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        var problem = await ControlWorld.ProblemOf(() => world.Client.UpdateNetworkAsync(
            "plant-a", new NetworkUpdate { Dns = new NetworkDnsInput { Forward = ["corp.example=10.0.0.53", "CORP.example=10.0.0.54"] } }));
        problem.Errors.ShouldHaveSingleItem().Field.ShouldBe("dns.forward[1]");
    }

    [Fact]
    public async Task What_gateways_answered_is_listed_newest_first_and_by_who_asked()
    {
        await using var world = await ControlWorld.StartAsync();
        using var gateway = await FakeGateway.ConnectAsync(world);
        var plant = await world.PlantAsync();
        var pump = (await world.PumpAsync()).Device;
        var valve = (await world.PumpAsync("valve-18")).Device;
        await gateway.SendAsync(new DnsReport([Query(plant.Id, pump.Id, "historian.plant-a.sallyport", "NOERROR", "192.168.50.10"), Query(plant.Id, valve.Id, "www.example.org", "REFUSED")]));
        await ControlWorld.UntilAsync(async () => (await world.Client.ListDnsQueriesAsync()).Items.Count == 2);

        var all = (await world.Client.ListDnsQueriesAsync(network: "plant-a")).Items;
        all.Select(query => (query.From.Name, query.Name, query.Code)).ShouldBe(
            [("valve-18", "www.example.org", "REFUSED"), ("pump-17", "historian.plant-a.sallyport", "NOERROR")]);
        var own = (await world.Client.ListDnsQueriesAsync(device: "pump-17")).Items.ShouldHaveSingleItem();
        (own.Type, own.Count, own.Gateway, own.Network, own.From.Kind).ShouldBe(("A", 3L, "gw-1", "plant-a", "device"));
        own.Addresses.ShouldBe(["192.168.50.10"]);

        var first = await world.Client.ListDnsQueriesAsync(limit: 1);
        (await world.Client.ListDnsQueriesAsync(limit: 1, cursor: first.Next)).Items.Single().From.Name.ShouldBe("pump-17");
        (await ControlWorld.ProblemOf(() => world.Client.ListDnsQueriesAsync(device: "pump-17", site: "hq"))).Errors[0].Field.ShouldBe("site");
        (await ControlWorld.ProblemOf(() => world.Client.ListDnsQueriesAsync(device: "nobody"))).Errors[0].Field.ShouldBe("device");
    }

    [Fact]
    public async Task What_a_gateway_cannot_have_seen_is_left_out_and_what_could_harm_a_terminal_is_not_kept()
    {
        await using var world = await ControlWorld.StartAsync();
        using var gateway = await FakeGateway.ConnectAsync(world);
        var plant = await world.PlantAsync();
        var good = Query(plant.Id, 99, "evil\u001b[2J.example", "NOERROR");
        await gateway.SendAsync(new DnsReport(
        [
            good with { Count = 0 }, good with { LastAt = -1 }, good with { Name = new string('x', 300) }, good with { Addresses = [.. Enumerable.Repeat("10.0.0.1", 17)] },
            good with { Addresses = [null!] }, null!, good,
        ]));
        await ControlWorld.UntilAsync(async () => (await world.Client.ListDnsQueriesAsync()).Items.Count > 0);
        var kept = (await world.Client.ListDnsQueriesAsync()).Items.ShouldHaveSingleItem();
        (kept.Name, kept.From.Name).ShouldBe(("evil?[2J.example", "#99"));
    }

    [Fact]
    public async Task Old_questions_and_too_many_are_removed()
    {
        var time = new MovedTime();
        await using var world = await ControlWorld.StartAsync(time: time, change: options => options with { FlowsKept = 3, FlowAge = TimeSpan.FromDays(2) });
        using var gateway = await FakeGateway.ConnectAsync(world);
        var now = time.GetUtcNow().ToUnixTimeMilliseconds() * 1_000_000;
        var plant = await world.PlantAsync();
        var traffic = world.App.Services.GetRequiredService<TrafficLog>();
        async Task<IEnumerable<string>> KeptAsync(params IEnumerable<DnsQueryState> queries)
        {
            var reported = queries.ToArray();
            await gateway.SendAsync(new DnsReport(reported));
            await ControlWorld.UntilAsync(async () => (await world.Client.ListDnsQueriesAsync()).Items.Any(query => query.Name == reported[^1].Name));
            await world.FlushAsync();
            traffic.Prune();
            return (await world.Client.ListDnsQueriesAsync()).Items.Select(query => query.Name);
        }

        DnsQueryState At(string name, long at) => Query(plant.Id, 1, name, "NOERROR") with { LastAt = at };
        (await KeptAsync(At("old", now - (3L * 86_400 * 1_000_000_000)), At("n1", now), At("n2", now))).ShouldBe(["n2", "n1"]);
        (await KeptAsync(At("n3", now), At("n4", now), At("n5", now))).ShouldBe(["n5", "n4", "n3"]);
    }

    [Fact]
    public void A_report_without_addresses_is_no_report()
    {
        const string text = """{"type":"dns","queries":[{"networkId":1,"identityId":1,"name":"a","type":"A","code":"NOERROR","firstAt":1,"lastAt":1,"count":1}]}""";
        Should.Throw<JsonException>(() => JsonSerializer.Deserialize(text, NodeJson.Default.NodeMessage));
    }

    private static DnsQueryState Query(int networkId, int identityId, string name, string code, params string[] addresses) => new()
    {
        NetworkId = networkId,
        IdentityId = identityId,
        Name = name,
        Type = "A",
        Code = code,
        Addresses = addresses,
        FirstAt = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() * 1_000_000,
        LastAt = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() * 1_000_000,
        Count = 3,
    };
}
