using Sallyport.Api.Applications;
using Sallyport.Api.Client;
using Sallyport.Api.Devices;
using Sallyport.Api.Networks;
using Sallyport.Api.Nodes;
using Sallyport.Api.Problems;
using Sallyport.Api.Rules;
using Sallyport.Control.Tests.Worlds;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Tests.Egress;

/// <summary>What lies beyond the gateway host, as control keeps it.</summary>
public sealed class EgressTests
{
    [Fact]
    public async Task The_first_application_makes_the_network_and_a_rule_lets_it_appear_at_its_own_addresses()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        await world.PumpAsync();
        using var gateway = await FakeGateway.ConnectAsync(world);
        await gateway.ReceiveAsync<Snapshot>();

        var ntp = await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "ntp", Host = "internet", Target = "203.0.113.0/24", Services = ["udp/123"] });
        (ntp.Network, ntp.OwnerKind, ntp.Target, ntp.Names.Count).ShouldBe(("internet", "host", "203.0.113.0/24", 0));
        var delta = await gateway.ReceiveAsync<Delta>();
        delta.Networks.ShouldHaveSingleItem().Prefixes.ShouldBeEmpty();
        delta.Identities.ShouldHaveSingleItem().Subnets.ShouldBe(["0.0.0.0/0"]);

        await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-17.plant-a", To = "application:ntp.internet" });
        delta = await gateway.ReceiveAsync<Delta>();
        var service = delta.Appearances.Single(one => one.Kind == "service");
        (service.At, service.Of).ShouldBe(("203.0.113.0/24", "203.0.113.0/24"));
        var guest = delta.Appearances.Single(one => one.Kind == "guest");
        (guest.At, guest.Of).ShouldBe(("198.19.0.1/32", "10.20.0.0/16"), "a network of any size has room: its members share an address");
        (await world.Client.ExplainAsync("device:pump-17", "203.0.113.9", "udp", 123)).Allowed.ShouldBeTrue();
        (await world.Client.ExplainAsync("device:pump-17", "203.0.114.9", "udp", 123)).Allowed.ShouldBeFalse();

        var updates = await world.Client.AddApplicationAsync(
            new ApplicationCreate { Name = "updates", Host = "internet", Names = ["*.Vendor.example.", "time.example"], Services = ["tcp/443"] });
        updates.Target.ShouldBe("0.0.0.0/0");
        updates.Names.ShouldBe(["*.vendor.example", "time.example"]);
        (await gateway.ReceiveAsync<Delta>()).Applications.ShouldHaveSingleItem().Names.ShouldBe(["*.vendor.example", "time.example"]);
        await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-17.plant-a", To = "application:updates.internet" });
        var why = await world.Client.ExplainAsync("device:pump-17", "198.51.100.7", "tcp", 443);
        why.Allowed.ShouldBeFalse();
        string.Join(' ', why.Steps).ShouldContain("*.vendor.example");

        (await world.Client.UpdateNetworkAsync("internet", new NetworkUpdate { GuestPools = ["10.99.0.0/16"] })).GuestPools.ShouldBe(["10.99.0.0/16"]);
    }

    [Fact]
    public async Task What_depends_on_names_is_explained_for_each_of_them_with_the_rule_that_decides()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        await world.PumpAsync();
        await NamedAsync(world, "updates", "*.vendor.example", "cdn.example");
        await NamedAsync(world, "adverts", "ads.vendor.example");
        var allow = await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-17", To = "application:updates" });
        var deny = await world.Client.AddRuleAsync(new RuleCreate { From = "network:plant-a", To = "application:adverts", Effect = "deny" });
        var why = await ExplainAsync();
        (why.Allowed, why.DependsOnNames, why.Reason).ShouldBe((false, true, "NameNotAsked"));
        why.Steps.ShouldContain($"Where the gateway told device pump-17 the address for *.vendor.example, cdn.example: rule {allow.Id} allows it: device:pump-17 of network plant-a to application:updates.");
        why.Steps.ShouldContain($"Where the gateway told device pump-17 the address for ads.vendor.example: rule {deny.Id} denies it, whatever else allows it: network:plant-a to application:adverts.");

        // Nothing that it could be told helps where all of the application is denied.
        var all = await world.Client.AddRuleAsync(new RuleCreate { From = "network:plant-a", To = "application:updates", Effect = "deny" });
        why = await ExplainAsync();
        (why.Allowed, why.DependsOnNames, why.Reason, why.RuleId).ShouldBe((false, false, "RuleDenies", all.Id));
        why.Steps.ShouldNotContain(step => step.StartsWith("A rule allows it", StringComparison.Ordinal));

        // An address that is allowed as such is denied where it was asked for by a bad name.
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "web", Host = "internet", Target = "0.0.0.0/0", Services = ["tcp/443"] });
        await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-17", To = "application:web" });
        why = await ExplainAsync();
        (why.Allowed, why.DependsOnNames).ShouldBe((true, true));
        why.Steps.ShouldContain(step => step.Contains($"ads.vendor.example, cdn.example: rule {all.Id} denies it", StringComparison.Ordinal));

        Task<Api.Policy.PolicyExplanation> ExplainAsync() => world.Client.ExplainAsync("device:pump-17", "198.51.100.8", "tcp", 443);
    }

    [Fact]
    public async Task Who_reaches_names_is_told_by_name_and_by_rules_to_those_alone()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        await world.PumpAsync();
        await world.Client.AddDeviceAsync(new DeviceCreate { Name = "pump-3", Network = "plant-a", Profile = new() });
        await NamedAsync(world, "adverts", "ads.other.example");
        await NamedAsync(world, "updates", "*.vendor.example");
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "web7", Host = "internet", Target = "198.51.100.7", Services = ["tcp/443"] });
        await world.Client.AddRuleAsync(new RuleCreate { From = "network:plant-a", To = "application:adverts", Effect = "deny" });
        await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-17", To = "application:updates" });
        await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-3", To = "application:web7" });

        var who = (await world.Client.WhoCanReachAsync("application:updates")).Items.ShouldHaveSingleItem();
        (who.From, who.Via).ShouldBe(("device:pump-17", null));
        who.Names.ShouldBe(["*.vendor.example"]);
        who.Services.ShouldBe(["tcp/443"]);
        who.Destinations.Concat(who.Except).ShouldBeEmpty();
        (await world.Client.ReachOfAsync("device:pump-17")).Items.ShouldHaveSingleItem().Names.ShouldBe(["*.vendor.example"]);
        var address = (await world.Client.WhoCanReachAsync("application:web7")).Items.ShouldHaveSingleItem();
        (address.From, address.Names.Count, address.Destinations.Single()).ShouldBe(("device:pump-3", 0, "198.51.100.7"));

        using var csv = new MemoryStream();
        await world.Client.ExportAccessAsync(csv);
        var lines = System.Text.Encoding.UTF8.GetString(csv.ToArray()).Split("\r\n");
        lines[0].ShouldEndWith(",closes,names");
        lines.Single(line => line.Contains("device:pump-17", StringComparison.Ordinal)).ShouldEndWith(",*.vendor.example");
        lines.ShouldNotContain(line => line.Contains("0.0.0.0/0", StringComparison.Ordinal));

        // Who may reach all there is with the same service reaches every name too.
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "web", Host = "internet", Target = "0.0.0.0/0", Services = ["tcp/443"] });
        await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-3", To = "application:web" });
        (await world.Client.WhoCanReachAsync("application:updates")).Items.Select(row => (row.From, row.Via)).ShouldBe([("device:pump-17", null), ("device:pump-3", "web")], ignoreOrder: true);
    }

    private static Task<ApplicationInfo> NamedAsync(ControlWorld world, string name, params string[] names) =>
        world.Client.AddApplicationAsync(new ApplicationCreate { Name = name, Host = "internet", Names = names, Services = ["tcp/443"] });

    [Fact]
    public async Task Where_all_of_it_is_reached_there_is_still_room_for_what_appears_from_other_networks()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        await world.PumpAsync();
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "web", Host = "internet", Target = "0.0.0.0/0", Services = ["tcp/443"] });
        await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-17", To = "application:web" });
        await world.Client.AddNetworkAsync(new NetworkCreate { Name = "plant-b", Prefixes = ["10.20.0.0/16"] });
        await world.Client.AddDeviceAsync(new DeviceCreate { Name = "server", Network = "plant-b", Profile = new() });
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "mes", Device = "server", Services = ["tcp/443"] });
        await world.Client.AddRuleAsync(new RuleCreate { From = "network:plant-a", To = "application:mes" });
        (await world.Client.GetApplicationAsync("mes")).AppearsAt.ShouldBe(["plant-a 198.18.0.1/32"]);
        (await world.Client.ExplainAsync("device:pump-17", "application:mes", "tcp", 443)).Allowed.ShouldBeTrue();

        // Of what lies in each other the most specific counts.
        var (fleet, plant) = (world.Control.Feed.State, (await world.Client.GetNetworkAsync("plant-a")).Id);
        fleet.Inside(plant, IpAddress.Parse("198.18.0.1")).ShouldBe(IpAddress.Parse("10.20.0.2"));
        fleet.Inside(plant, IpAddress.Parse("203.0.113.1")).ShouldBe(IpAddress.Parse("203.0.113.1"));
    }

    [Fact]
    public async Task Routes_beyond_are_made_by_rules_that_allow_somebody_to_go_there_and_stay()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        await world.PumpAsync();
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "ntp", Host = "internet", Target = "203.0.113.0/24", Services = ["udp/123"], Groups = ["time"] });
        await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-17.plant-a", To = "application:ntp", Effect = "deny" });
        Appear(world).ShouldBeEmpty("nobody goes there");
        var first = await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-17.plant-a", To = "application:ntp", Until = DateTimeOffset.UtcNow.AddHours(1) });
        var group = await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-17.plant-a", To = "application-group:time.internet" });
        Appear(world).ShouldBe(["guest 198.19.0.1/32", "service 203.0.113.0/24"]);
        await world.Client.DeleteRuleAsync(first.Id);
        Appear(world).ShouldBe(["guest 198.19.0.1/32", "service 203.0.113.0/24"]);
        await world.Client.DeleteRuleAsync(group.Id);
        Appear(world).ShouldBe(["guest 198.19.0.1/32", "service 203.0.113.0/24"], "past the tunnel the device would reach it");

        static IEnumerable<string> Appear(ControlWorld world) => world.Control.Feed.State.Appearances.Values.Select(one => $"{one.Kind} {one.At}").Order();
    }

    [Fact]
    public async Task A_change_tells_how_many_tunnels_connect_anew_for_a_route_and_who()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        var (pump, other) = ((await world.PumpAsync()).Device, (await world.PumpAsync("pump-18")).Device);
        await world.PumpAsync("pump-19");
        var web = await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "web", Host = "internet", Target = "203.0.113.0/24", Services = ["tcp/443"], Groups = ["out"] });
        web.TunnelsReconnecting.ShouldBeNull();
        using var gateway = await FakeGateway.ConnectAsync(world);
        await gateway.ReceiveAsync<Snapshot>();
        await gateway.SendAsync(new TunnelReport([FakeGateway.Tunnel(pump.Id), FakeGateway.Tunnel(other.Id, 2)]));
        await ControlWorld.UntilAsync(async () => (await world.Client.GetStatusAsync()).TunnelsUp == 2);

        const string File = "rules:\n  - from: label:model=P200\n    from_network: plant-a\n    to: application:web.internet\n";
        var bytes = System.Text.Encoding.UTF8.GetBytes(File);
        (await world.Client.PlanFleetAsync(bytes)).TunnelsReconnecting.ShouldBe(2, "the third one has no tunnel");
        var rule = await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-17", To = "application:web", Windows = ["mon 03:00-03:01 UTC"] });
        rule.TunnelsReconnecting.ShouldBe(1, "at another hour it could not");
        (await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-17", To = "application-group:out.internet" })).TunnelsReconnecting.ShouldBeNull("he has it");
        (await world.Client.PlanFleetAsync(bytes)).TunnelsReconnecting.ShouldBe(1);
        await world.FlushAsync();
        var said = (await world.Client.ListEventsAsync("network.reroute")).Items.ShouldHaveSingleItem();
        (said.Subject, said.Detail).ShouldBe(
            ("network:plant-a", "network plant-a sends other routes to some of its members: 1 tunnel connects anew for routes to 203.0.113.0/24; device:pump-17 (by administrator)"));

        var moved = world.Client.UpdateApplicationAsync("web", new ApplicationUpdate { Target = "203.0.112.0/23" });
        (await moved).TunnelsReconnecting.ShouldBe(1);
        await world.Client.AddRuleAsync(new RuleCreate { From = "label:zone=a", FromNetwork = "plant-a", To = "application:web" });
        var labelled = await world.Client.UpdateDeviceAsync("pump-18", new DeviceUpdate { Labels = new Dictionary<string, string> { ["zone"] = "a" } });
        labelled.TunnelsReconnecting.ShouldBe(1);
        (await world.Client.UpdateDeviceAsync("pump-18", new DeviceUpdate { Labels = new Dictionary<string, string>() })).TunnelsReconnecting.ShouldBeNull("less is no reason");
        (await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "ntp", Host = "internet", Target = "198.51.100.7", Services = ["udp/123"], Groups = ["out"] }))
            .TunnelsReconnecting.ShouldBe(1, "a rule leads to its group");

        // What all members are sent.
        (await world.Client.UpdateNetworkAsync("plant-a", new NetworkUpdate { TokenLifetime = "2h" })).TunnelsReconnecting.ShouldBeNull();
        (await world.Client.UpdateNetworkAsync("plant-a", new NetworkUpdate { GuestPools = ["100.64.0.0/16"] })).TunnelsReconnecting.ShouldBe(2);
        await world.FlushAsync();
        (await world.Client.ListEventsAsync("network.reroute")).Items[0].Detail.ShouldBe(
            "network plant-a sends other routes to some of its members: 2 tunnels connect anew; device:pump-17, device:pump-18 (by administrator)");
    }

    [Fact]
    public async Task Sites_are_not_sent_the_way_to_everything_and_stay()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        var (pump, site) = ((await world.PumpAsync()).Device, await world.HqAsync(profile: true));
        using var gateway = await FakeGateway.ConnectAsync(world);
        await gateway.ReceiveAsync<Snapshot>();
        await gateway.SendAsync(new TunnelReport([FakeGateway.Tunnel(pump.Id), FakeGateway.Tunnel((await world.Client.GetSiteAsync("hq")).Id, 2)]));
        await ControlWorld.UntilAsync(async () => (await world.Client.GetStatusAsync()).TunnelsUp == 2);
        (await world.Client.UpdateNetworkAsync("plant-a", new NetworkUpdate { DefaultRoute = true })).TunnelsReconnecting.ShouldBe(1);
        (await world.Client.UpdateSiteAsync("hq", new Api.Sites.SiteUpdate { Subnets = ["192.168.50.0/24", "192.168.60.0/24"] })).TunnelsReconnecting.ShouldBe(1, "others are sent the routes, not the site");
        var added = new Api.Sites.SiteCreate { Name = "dc", Network = "plant-a", Subnets = ["192.168.70.0/24"] };
        (await world.Client.AddSiteAsync(added)).Site.TunnelsReconnecting.ShouldBe(2);
        (await world.PumpAsync("pump-20")).Device.TunnelsReconnecting.ShouldBeNull("nobody is sent a route to a device");
        (await world.Client.DeleteSiteAsync("dc")).TunnelsReconnecting.ShouldBe(2, "they lose one");
        (await world.Client.DeleteDeviceAsync("pump-20")).TunnelsReconnecting.ShouldBeNull();
    }

    [Fact]
    public async Task What_lies_beyond_is_not_at_an_address_that_somebody_appears_at()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        await world.PumpAsync();
        await world.Client.AddNetworkAsync(new NetworkCreate { Name = "plant-b", Prefixes = ["10.20.0.0/16"] });
        await world.Client.AddDeviceAsync(new DeviceCreate { Name = "server", Network = "plant-b", Profile = new() });
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "mes", Device = "server", Services = ["tcp/443"] });
        await world.Client.AddRuleAsync(new RuleCreate { From = "network:plant-a", To = "application:mes" });
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "odd", Host = "internet", Target = "198.18.0.1", Services = ["tcp/443"] });
        var error = (await Refused(() => world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-17.plant-a", To = "application:odd" }))).ShouldHaveSingleItem();
        (error.Field, error.Message).ShouldBe(
            ("target", "198.18.0.1 beyond the gateway host cannot be reached from network plant-a, where 198.18.0.1/32 is that of what appears there from network plant-b"));
        error.Hint.ShouldContain("network update plant-a --service-range");
        await world.Client.AddRuleAsync(new RuleCreate { From = "device:server.plant-b", To = "application:odd" });

        // Beside what is given out there is room, and nobody is given that later.
        await world.Client.UpdateApplicationAsync("odd", new ApplicationUpdate { Target = "198.18.0.2" });
        await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-17.plant-a", To = "application:odd" });
        await world.Client.AddDeviceAsync(new DeviceCreate { Name = "second", Network = "plant-b", Profile = new() });
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "scada", Device = "second", Services = ["tcp/443"] });
        await world.Client.AddRuleAsync(new RuleCreate { From = "network:plant-a", To = "application:scada" });
        (await world.Client.GetApplicationAsync("scada")).AppearsAt.ShouldBe(["plant-a 198.18.0.3/32"]);
    }

    [Fact]
    public async Task A_network_that_gets_its_first_prefix_of_IPv6_gets_ranges_for_it()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        var after = await world.Client.UpdateNetworkAsync("plant-a", new NetworkUpdate { Prefixes = ["10.20.0.0/16", "fd01::/64"] });
        after.ServiceRanges.ShouldBe(["198.18.0.0/16", "fd5c:fbbf::/32"]);
        after.GuestPools.ShouldBe(["198.19.0.0/16", "fd47:36c2::/32"]);
        after = await world.Client.UpdateNetworkAsync("plant-a", new NetworkUpdate { GuestPools = ["198.19.0.0/16"] });
        (await world.Client.UpdateNetworkAsync("plant-a", new NetworkUpdate { Prefixes = ["10.20.0.0/16", "fd01::/64", "fd02::/64"] })).GuestPools
            .ShouldBe(["198.19.0.0/16"], "who took it away does not get it again");

        // Where it has its own there, and where it is said, it is not.
        await world.Client.AddNetworkAsync(new NetworkCreate { Name = "plant-b", Prefixes = ["10.20.0.0/16"] });
        after = await world.Client.UpdateNetworkAsync("plant-b", new NetworkUpdate { Prefixes = ["10.20.0.0/16", "fd5c:fbbf:1::/64"], GuestPools = ["198.19.0.0/16", "fd99::/64"] });
        after.ServiceRanges.ShouldBe(["198.18.0.0/16"]);
        after.GuestPools.ShouldBe(["198.19.0.0/16", "fd99::/64"]);
    }

    [Theory]
    [InlineData("127.0.0.1", null, "target")]
    [InlineData("169.254.169.254", null, "target")]
    [InlineData("fd00::/64", null, "target")]
    [InlineData(null, null, "target")]
    [InlineData("nonsense", null, "target")]
    [InlineData(null, "*.", "names[0]")]
    [InlineData(null, "a.*.example", "names[0]")]
    [InlineData(null, "bad name", "names[0]")]
    public async Task What_cannot_be_reached_is_refused_with_its_place(string? target, string? name, string field)
    {
        await using var world = await ControlWorld.StartAsync();
        var problem = await Refused(() => world.Client.AddApplicationAsync(
            new ApplicationCreate { Name = "x", Host = "internet", Target = target, Names = name is null ? null : [name], Services = ["tcp/443"] }));
        problem.ShouldContain(error => error.Field == field && error.Hint.Length > 0);
    }

    [Fact]
    public async Task What_is_about_tunnels_is_refused_there_and_what_is_as_it_was_is_none_of_it()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "ntp", Host = "internet", Target = "203.0.113.0/24", Services = ["udp/123"] });
        var before = await world.Client.GetNetworkAsync("internet");
        foreach (var (field, update) in ((string, NetworkUpdate)[])
        [
            ("wrappings", new NetworkUpdate { Wrappings = ["tls-crypt"] }), ("ciphers", new NetworkUpdate { Ciphers = ["AES-128-CBC"] }),
            ("authentication", new NetworkUpdate { Authentication = "password" }), ("minimumTls", new NetworkUpdate { MinimumTls = "1.3" }),
            ("topology", new NetworkUpdate { Topology = "p2p" }), ("tokenLifetime", new NetworkUpdate { TokenLifetime = "1h" }),
        ])
        {
            var error = (await ControlWorld.ProblemOf(() => world.Client.UpdateNetworkAsync("internet", update))).Errors.ShouldHaveSingleItem();
            (error.Field, error.Message).ShouldBe((field, "network internet stands for what lies beyond the gateway host, and has no members"));
        }

        var same = await world.Client.UpdateNetworkAsync("internet", new NetworkUpdate { Wrappings = before.Wrappings, Ciphers = before.Ciphers, MinimumTls = before.MinimumTls });
        same.Wrappings.ShouldBe(before.Wrappings);
    }

    [Fact]
    public async Task Nobody_is_a_member_there_and_nobody_there_opens_anything()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        await world.PumpAsync();
        (await Refused(() => world.Client.AddNetworkAsync(new NetworkCreate { Name = "internet", Prefixes = ["10.0.0.0/8"] }))).ShouldContain(error => error.Field == "name");
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "ntp", Host = "internet", Target = "203.0.113.0/24", Services = ["udp/123"] });
        (await Refused(() => world.Client.AddDeviceAsync(new DeviceCreate { Name = "stray", Network = "internet" }))).ShouldContain(error => error.Field == "network");
        (await Refused(() => world.Client.UpdateNetworkAsync("internet", new NetworkUpdate { Prefixes = ["10.0.0.0/8"] }))).ShouldContain(error => error.Field == "prefixes");
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "modbus", Device = "pump-17", Services = ["tcp/502"] });
        (await Refused(() => world.Client.AddRuleAsync(new RuleCreate { From = "host:internet", To = "application:modbus" }))).ShouldContain(error => error.Field == "from");
        (await Refused(() => world.Client.AddApplicationAsync(new ApplicationCreate { Name = "y", Device = "pump-17", Names = ["a.example"], Services = ["tcp/1"] })))
            .ShouldContain(error => error.Field == "names");

        // With the last application it is empty, and may go.
        await world.Client.DeleteApplicationAsync("ntp");
        await world.Client.DeleteNetworkAsync("internet");
        (await world.Client.ListNetworksAsync()).Items.ShouldNotContain(network => network.Name == "internet");
    }

    private static async Task<IReadOnlyList<FieldProblem>> Refused(Func<Task> act) => (await act.ShouldThrowAsync<ApiException>()).Problem!.Errors;
}
