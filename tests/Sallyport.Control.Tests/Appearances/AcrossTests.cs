using Sallyport.Api.Applications;
using Sallyport.Api.Devices;
using Sallyport.Api.Dns;
using Sallyport.Api.Flows;
using Sallyport.Api.Networks;
using Sallyport.Api.Nodes;
using Sallyport.Api.Rules;
using Sallyport.Api.Sites;
using Sallyport.Control.Tests.Worlds;

namespace Sallyport.Control.Tests.Appearances;

/// <summary>Rules from one network to applications of another, both of them 192.168.1.0/24.</summary>
public sealed class AcrossTests
{
    [Fact]
    public async Task A_rule_to_another_network_gives_its_application_an_address_there_and_its_subjects_one_here()
    {
        await using var world = await WorldAsync();
        var rule = await world.Client.AddRuleAsync(new RuleCreate { From = "group:pumps", FromNetwork = "plant-a", To = "application:mes" });
        (rule.From, rule.FromNetwork, rule.Network, rule.Subjects).ShouldBe(("group:pumps", "plant-a", "plant-b", 1));
        (await world.Client.GetApplicationAsync("mes")).AppearsAt.ShouldBe(["plant-a 198.18.0.1/32"]);
        var model = await SnapshotAsync(world);
        model.Appearances.Select(one => (one.Kind, one.NetworkId, one.At, one.HomeId, one.Of)).ShouldBe(
        [
            ("service", 1, "198.18.0.1/32", 2, "192.168.1.10/32"),
            ("guest", 2, "198.19.0.0/24", 1, "192.168.1.0/24"),
            ("guest", 2, "198.19.1.0/24", 1, "10.1.0.0/24"),
        ]);
        model.Rules.Single().NetworkId.ShouldBe(1);

        var explanation = await world.Client.ExplainAsync("device:pump.plant-a", "application:mes", "tcp", 443);
        explanation.Allowed.ShouldBeTrue();
        explanation.Destination.ShouldBe("198.18.0.1");
        explanation.Steps[1].ShouldBe("198.18.0.1 stands for 192.168.1.10 of network plant-b, which device:server carries.");
        (await world.Client.ExplainAsync("device:pump.plant-b", "application:mes", "tcp", 443)).Allowed.ShouldBeFalse("a group of another network");
    }

    [Fact]
    public async Task A_flow_between_two_networks_is_told_as_both_of_them_know_it()
    {
        await using var world = await WorldAsync();
        await world.Client.AddRuleAsync(new RuleCreate { From = "group:pumps", FromNetwork = "plant-a", To = "application:mes" });
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "ntp", Host = "internet", Target = "203.0.113.0/24", Services = ["udp/123"] });
        var guests = (await world.Client.UpdateNetworkAsync("internet", new NetworkUpdate { Guests = "shared" })).GuestPools[0].Split('/')[0];
        await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump.plant-a", To = "application:ntp" });
        var (pump, server) = (await world.Client.GetDeviceAsync("pump.plant-a"), await world.Client.GetDeviceAsync("server"));
        var home = (await world.Client.GetNetworkAsync("plant-a")).Id;
        var seen = Traffic.Flow(home, pump.Id, server.Id, "198.18.0.1", 443) with { Source = pump.Addresses[0] };
        var host = world.Control.Feed.State.Identities.Values.Single(identity => identity is { Kind: "host", Name: "internet" }).Id;
        await world.RecordAsync(
            seen, seen with { FlowId = 1_000_001, Destination = "192.168.1.77", ToId = pump.Id }, seen with { FlowId = 1_000_002, Destination = "203.0.113.9", ToId = host });
        var flows = (await world.Client.ListFlowsAsync()).Items.Reverse().ToList();
        var last = pump.Addresses[0].Split('.')[3];
        flows[0].Far.ShouldBe(new FlowFarEnds("plant-b", $"198.19.0.{last}", "192.168.1.10"));
        flows[1].Far.ShouldBeNull("it stays in one network");
        (flows[2].Far!.Network, flows[2].Far!.Destination).ShouldBe(("internet", "203.0.113.9"));
        flows[2].Far!.Source!.ShouldStartWith(guests[..6]);

        // What is gone since is told as it was.
        await world.Client.DeleteRuleAsync(1);
        await world.RecordAsync(seen with { Ended = true });
        (await world.Client.ListFlowsAsync()).Items[^1].Far.ShouldBe(new FlowFarEnds("plant-b", $"198.19.0.{last}", "192.168.1.10"));
    }

    [Fact]
    public async Task An_address_stays_while_rules_come_and_go_and_as_long_as_what_it_stands_for()
    {
        await using var world = await WorldAsync();
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "files", Device = "server", Target = "192.168.1.10", Services = ["tcp/22"] });
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "hall", Site = "router-b", Target = "10.1.0.0/28", Services = ["tcp/502"] });
        var first = await world.Client.AddRuleAsync(new RuleCreate { From = "network:plant-a", To = "application:hall" });
        await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump.plant-a", To = "application:files" });
        // Of one target there is one address, whatever applications are at it.
        (await world.Client.GetApplicationAsync("mes")).AppearsAt.ShouldBe(["plant-a 198.18.0.16/32"]);
        (await world.Client.GetApplicationAsync("hall")).AppearsAt.ShouldBe(["plant-a 198.18.0.0/28"]);

        await world.Client.DeleteRuleAsync(first.Id);
        await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump.plant-a", To = "application:hall" });
        (await world.Client.GetApplicationAsync("hall")).AppearsAt.ShouldBe(["plant-a 198.18.0.0/28"]);

        await world.Client.UpdateApplicationAsync("hall", new ApplicationUpdate { Target = "10.1.0.64/28" });
        (await world.Client.GetApplicationAsync("hall")).AppearsAt.ShouldBe(["plant-a 198.18.0.0/28"], "the old one is free");
        (await SnapshotAsync(world)).Appearances.Single(one => one.At == "198.18.0.0/28").Of.ShouldBe("10.1.0.64/28");
    }

    [Fact]
    public async Task New_places_of_subjects_get_guests_addresses_and_those_that_go_lose_them()
    {
        await using var world = await WorldAsync();
        await world.Client.AddRuleAsync(new RuleCreate { From = "network:plant-a", To = "application:mes" });
        await world.Client.UpdateNetworkAsync("plant-a", new NetworkUpdate { Prefixes = ["192.168.1.0/24", "192.168.2.0/24"] });
        await world.Client.UpdateSiteAsync("router-a", new SiteUpdate { Subnets = ["10.7.0.0/24"] });
        (await SnapshotAsync(world)).Appearances.Where(one => one.Kind == "guest").Select(one => (one.At, one.Of)).ShouldBe(
            [("198.19.0.0/24", "192.168.1.0/24"), ("198.19.2.0/24", "192.168.2.0/24"), ("198.19.1.0/24", "10.7.0.0/24")]);
    }

    [Fact]
    public async Task Guests_may_share_one_address()
    {
        await using var world = await WorldAsync();
        await world.Client.AddRuleAsync(new RuleCreate { From = "network:plant-a", To = "application:mes" });
        await world.Client.UpdateNetworkAsync("plant-b", new NetworkUpdate { Guests = "shared" });
        (await SnapshotAsync(world)).Appearances.Where(one => one.Kind == "guest").Select(one => (one.At, one.Of)).ShouldBe(
            [("198.19.0.1/32", "192.168.1.0/24"), ("198.19.0.1/32", "10.1.0.0/24")]);
        await world.Client.UpdateNetworkAsync("plant-b", new NetworkUpdate { Guests = "each", GuestPools = ["172.31.0.0/16"] });
        (await SnapshotAsync(world)).Appearances.Where(one => one.Kind == "guest").Select(one => one.At).ShouldBe(["172.31.0.0/24", "172.31.1.0/24"]);
    }

    [Fact]
    public async Task A_network_as_large_as_the_default_pool_leaves_room_in_it()
    {
        await using var world = await WorldAsync();
        await world.Client.AddNetworkAsync(new NetworkCreate { Name = "plant-c", Prefixes = ["10.20.0.0/16", "10.21.0.0/16"] });
        await world.Client.AddSiteAsync(new SiteCreate { Name = "router-c", Network = "plant-c", Subnets = ["192.168.50.0/24"] });
        await world.Client.AddRuleAsync(new RuleCreate { From = "network:plant-c", To = "application:mes" });
        (await SnapshotAsync(world)).Appearances.Where(one => one.Kind == "guest").Select(one => (one.At, one.Of)).ShouldBe(
            [("198.19.0.1/32", "10.20.0.0/16"), ("198.19.0.1/32", "10.21.0.0/16"), ("198.19.1.0/24", "192.168.50.0/24")]);

        // Whoever wants an address for each of so many gives them room.
        (await world.Client.GetNetworkAsync("plant-b")).GuestsSharing.ShouldBe(["plant-c"]);
        (await world.Client.UpdateNetworkAsync("plant-b", new NetworkUpdate { GuestPools = ["172.16.0.0/13"] })).GuestsSharing.ShouldBeEmpty("as it is after the update");
        (await SnapshotAsync(world)).Appearances.Where(one => one.Kind == "guest").Select(one => (one.At, one.Of)).ShouldBe(
            [("172.16.0.0/16", "10.20.0.0/16"), ("172.17.0.0/16", "10.21.0.0/16"), ("172.18.0.0/24", "192.168.50.0/24")], ignoreOrder: true);
    }

    [Fact]
    public async Task The_gateways_names_are_explained_and_nothing_is_proposed_that_would_end_them()
    {
        await using var world = await WorldAsync();
        var why = await world.Client.ExplainAsync("device:pump.plant-a", "192.168.1.1", "udp", 53);
        (why.Allowed, why.AllowCommands.Count).ShouldBe((true, 0));
        why.Steps[^1].ShouldContain("the gateway itself answers names");
        (await world.Client.ExplainAsync("device:pump.plant-a", "192.168.1.1", "tcp", 53)).Allowed.ShouldBeFalse();
        await world.Client.UpdateNetworkAsync("plant-a", new NetworkUpdate { Dns = new NetworkDnsInput { Serve = false } });
        (await world.Client.ExplainAsync("device:pump.plant-a", "192.168.1.1", "udp", 53)).Allowed.ShouldBeFalse();
    }

    [Fact]
    public async Task No_room_is_said_with_its_remedy_and_nothing_is_changed()
    {
        await using var world = await WorldAsync();
        await world.Client.UpdateNetworkAsync("plant-b", new NetworkUpdate { GuestPools = ["198.19.0.0/24"] });
        var create = new RuleCreate { From = "network:plant-a", To = "application:mes" };
        var problem = await ControlWorld.ProblemOf(() => world.Client.AddRuleAsync(create));
        problem.Status.ShouldBe(409);
        problem.Errors.Single().Field.ShouldBe("guestPools");
        problem.Detail.ShouldBe(
            "198.19.0.0/24 has no room for the members of network plant-a at 10.1.0.0/24, who are to be guests in network plant-b. "
            + "Give it more: sallyport network update plant-b --guest-pool PREFIX, or let guests share one address: sallyport network update plant-b --guests shared.");
        (await world.Client.ListRulesAsync()).Items.ShouldBeEmpty();
        (await SnapshotAsync(world)).Appearances.ShouldBeEmpty();

        await world.Client.UpdateNetworkAsync("plant-a", new NetworkUpdate { ServiceRanges = [] });
        await world.Client.UpdateNetworkAsync("plant-b", new NetworkUpdate { Guests = "shared" });
        (await ControlWorld.ProblemOf(() => world.Client.AddRuleAsync(create))).Detail!.ShouldStartWith(
            "That has no service range for IPv4 for 192.168.1.10/32 of network plant-b, which is to appear in network plant-a.");
    }

    [Theory]
    [InlineData("192.168.1.0/25", "192.168.1.0/25 overlaps the prefix 192.168.1.0/24 of network plant-a")]
    [InlineData("10.1.0.0/16", "10.1.0.0/16 overlaps the subnet 10.1.0.0/24 of site router-a")]
    [InlineData("198.19.0.0/20", "198.19.0.0/16 overlaps the range 198.19.0.0/20")]
    public async Task A_range_is_nothing_that_the_network_uses(string range, string message)
    {
        await using var world = await WorldAsync();
        var problem = await ControlWorld.ProblemOf(() => world.Client.UpdateNetworkAsync("plant-a", new NetworkUpdate { ServiceRanges = [range] }));
        problem.Errors[0].Message.ShouldBe(message);
        (await ControlWorld.ProblemOf(() => world.Client.UpdateSiteAsync("router-a", new SiteUpdate { Subnets = ["198.18.5.0/24"] }))).Errors[0].Message
            .ShouldBe("198.18.5.0/24 overlaps 198.18.0.0/16, where other networks appear in network plant-a");
    }

    [Fact]
    public async Task A_network_that_itself_uses_the_default_ranges_has_none()
    {
        await using var world = await ControlWorld.StartAsync();
        var bench = await world.Client.AddNetworkAsync(new NetworkCreate { Name = "bench", Prefixes = ["198.18.0.0/24"] });
        bench.ServiceRanges.ShouldBeEmpty();
        bench.GuestPools.ShouldBe(["198.19.0.0/16"]);
    }

    [Fact]
    public async Task A_network_with_IPv6_has_ranges_for_it_from_the_beginning()
    {
        await using var world = await ControlWorld.StartAsync();
        foreach (var plant in new[] { "plant-a", "plant-b" })
        {
            var made = await world.Client.AddNetworkAsync(new NetworkCreate { Name = plant, Prefixes = ["192.168.1.0/24", "fd01:2:3:4::/64"] });
            made.ServiceRanges.ShouldBe(["198.18.0.0/16", "fd5c:fbbf::/32"]);
            made.GuestPools.ShouldBe(["198.19.0.0/16", "fd47:36c2::/32"]);
        }

        await world.Client.AddDeviceAsync(new DeviceCreate { Name = "pump", Network = "plant-a", Addresses = ["fd01:2:3:4::20"], Profile = new() });
        await world.Client.AddDeviceAsync(new DeviceCreate { Name = "server", Network = "plant-b", Addresses = ["fd01:2:3:4::20"], Profile = new() });
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "mes", Device = "server", Target = "fd01:2:3:4::20", Services = ["tcp/443"] });
        await world.Client.AddRuleAsync(new RuleCreate { From = "network:plant-a", To = "application:mes" });
        (await world.Client.GetApplicationAsync("mes")).AppearsAt.ShouldBe(["plant-a fd5c:fbbf::1/128"]);
        (await SnapshotAsync(world)).Appearances.Select(one => (one.Kind, one.At, one.Of)).ShouldBe(
            [("service", "fd5c:fbbf::1/128", "fd01:2:3:4::20/128"), ("guest", "fd47:36c2::/64", "fd01:2:3:4::/64")]);
        (await world.Client.ExplainAsync("device:pump", "application:mes", "tcp", 443)).Allowed.ShouldBeTrue();

        var own = await world.Client.AddNetworkAsync(new NetworkCreate { Name = "own", Prefixes = ["fd5c:fbbf:1::/48"] });
        own.ServiceRanges.ShouldBe(["198.18.0.0/16"]);
        own.GuestPools.ShouldBe(["198.19.0.0/16", "fd47:36c2::/32"]);
    }

    [Fact]
    public async Task Before_a_rule_leads_there_an_explanation_says_how_one_would()
    {
        await using var world = await WorldAsync();
        var explanation = await world.Client.ExplainAsync("device:pump.plant-a", "application:mes", "tcp", 443);
        explanation.Allowed.ShouldBeFalse();
        explanation.Steps[1].ShouldBe("No rule leads there from network plant-a, so it has no service address in it.");
        explanation.AllowCommands.ShouldBe(["sallyport rule add --from device:pump.plant-a --to application:mes"]);
    }

    [Fact]
    public async Task A_network_whose_members_rules_speak_of_is_not_removed_under_them()
    {
        await using var world = await WorldAsync();
        await world.Client.AddNetworkAsync(new NetworkCreate { Name = "empty", Prefixes = ["192.168.1.0/24"] });
        var rule = await world.Client.AddRuleAsync(new RuleCreate { From = "network:empty", To = "application:mes" });
        (await ControlWorld.ProblemOf(() => world.Client.DeleteNetworkAsync("empty"))).Detail.ShouldBe(
            $"Network empty still has rule {rule.Id} (to mes.plant-b). Remove first what is in the way: sallyport rule remove {rule.Id}.");
        await world.Client.DeleteRuleAsync(rule.Id);
        await world.Client.DeleteNetworkAsync("empty");
        (await SnapshotAsync(world)).Appearances.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("device:pump", null, "plant-b")]
    [InlineData("device:pump", "plant-a", "plant-a")]
    [InlineData("device:pump.plant-a", null, "plant-a")]
    [InlineData("device:only-a", null, "plant-a")]
    [InlineData("group:pumps", null, "plant-b")]
    [InlineData("label:model=P200", "plant-a", "plant-a")]
    [InlineData("network:plant-a", null, "plant-a")]
    [InlineData("network:plant-b", "plant-b", "plant-b")]
    public async Task Whom_a_rule_means(string from, string? fromNetwork, string network)
    {
        await using var world = await WorldAsync();
        await world.Client.AddDeviceAsync(new DeviceCreate { Name = "only-a", Network = "plant-a" });
        (await world.Client.AddRuleAsync(new RuleCreate { From = from, FromNetwork = fromNetwork, To = "application:mes" })).FromNetwork.ShouldBe(network);
    }

    [Theory]
    [InlineData("device:pump.plant-a", "plant-b", "fromNetwork", "device pump is in network plant-a, not in plant-b")]
    [InlineData("network:plant-a", "plant-b", "fromNetwork", "from says network plant-a")]
    [InlineData("group:pumps", "plant-c", "fromNetwork", "there is no network 'plant-c'")]
    [InlineData("network:plant-c", null, "from", "there is no network 'plant-c'")]
    [InlineData("host:plant-a", null, "from", "the gateway host reaches application mes as host:plant-b")]
    public async Task A_subject_that_means_nobody_is_refused(string from, string? fromNetwork, string field, string message)
    {
        await using var world = await WorldAsync();
        var problem = await ControlWorld.ProblemOf(
            () => world.Client.AddRuleAsync(new RuleCreate { From = from, FromNetwork = fromNetwork, To = "application:mes" }));
        problem.Errors.Select(error => (error.Field, error.Message)).ShouldContain((field, message));
    }

    [Fact]
    public async Task A_handle_or_an_address_tells_whose_it_is()
    {
        await using var world = await WorldAsync();
        await world.Client.AddRuleAsync(new RuleCreate { From = "network:plant-a", To = "application:mes" });
        var own = await world.Client.WhoisAsync("192.168.1.10", "plant-b");
        (own.Kind, own.Name, own.HomeNetwork, own.As).ShouldBe(("device", "server", "plant-b", "own"));
        var byHandle = await world.Client.WhoisAsync(own.Handle!);
        (byHandle.Name, byHandle.Network, byHandle.Address).ShouldBe(("server", "plant-b", "192.168.1.10"));
        var guest = await world.Client.WhoisAsync("198.19.0.20", "plant-b");
        (guest.Name, guest.HomeNetwork, guest.HomeAddress, guest.As).ShouldBe(("pump", "plant-a", "192.168.1.20", "guest"));
        guest.Groups.ShouldBe(["pumps"]);
        var service = await world.Client.WhoisAsync("198.18.0.1", "plant-a");
        (service.Name, service.HomeNetwork, service.HomeAddress, service.As).ShouldBe(("server", "plant-b", "192.168.1.10", "service"));
        (await world.Client.WhoisAsync("10.1.0.77", "plant-a")).As.ShouldBe("subnet");

        (await ControlWorld.ProblemOf(() => world.Client.WhoisAsync("192.168.1.99", "plant-b"))).Status.ShouldBe(404);
        (await ControlWorld.ProblemOf(() => world.Client.WhoisAsync("fd00::1"))).Errors.Single().Hint.ShouldContain("network=NAME");
        (await ControlWorld.ProblemOf(() => world.Client.WhoisAsync("nobody"))).Errors.Single().Field.ShouldBe("address");
    }

    [Fact]
    public async Task What_a_flow_was_in_the_other_network_stays_and_tells_who_had_a_guests_address()
    {
        await using var world = await WorldAsync();
        await world.Client.AddRuleAsync(new RuleCreate { From = "network:plant-a", To = "application:mes" });
        var (pump, router, server) = (await world.Client.GetDeviceAsync("pump.plant-a"), await world.Client.GetSiteAsync("router-a"), await world.Client.GetDeviceAsync("server"));
        var home = (await world.Client.GetNetworkAsync("plant-a")).Id;
        var noon = DateTimeOffset.FromUnixTimeSeconds(DateTimeOffset.UtcNow.ToUnixTimeSeconds() - 20_000);
        var first = Seen(pump.Id, "192.168.1.20", "198.19.0.20", 40_000, noon, minutes: 10);
        await world.RecordAsync(first, Seen(router.Id, "10.1.0.7", "198.19.0.20", 41_000, noon.AddHours(1), minutes: 5));

        // What the pool says from now on is nothing of what has been.
        await world.Client.UpdateNetworkAsync("plant-b", new NetworkUpdate { GuestPools = ["10.99.0.0/16"], Guests = "shared" });
        await world.RecordAsync(first with { LastSeen = Nanoseconds(noon.AddMinutes(20)), Ended = true });
        await world.RecordAsync(first with { FarSource = null, FarDestination = null, FarSourcePort = 0, LastSeen = Nanoseconds(noon.AddMinutes(21)), Ended = true });
        (await world.Client.ListFlowsAsync(device: "pump.plant-a")).Items.Single().Far.ShouldBe(new FlowFarEnds("plant-b", "198.19.0.20", "192.168.1.10") { SourcePort = 40_000 });

        (await Whois(noon)).ShouldBe(("pump", "192.168.1.20", 40_000));
        (await Whois(noon.AddMinutes(40))).ShouldBe(("pump", "192.168.1.20", 40_000), "nobody had it in between: who had it before");
        (await Whois(noon.AddMinutes(62))).ShouldBe(("router-a", "10.1.0.7", 41_000));
        (await Whois(null)).ShouldBe(("router-a", "10.1.0.7", 41_000), "nobody has it now: who had it last");
        (await world.Client.WhoisAsync("198.19.0.20", "plant-b")).Seen!.Until.ShouldBe(noon.AddMinutes(65));
        (await ControlWorld.ProblemOf(() => world.Client.WhoisAsync("198.19.0.20", "plant-b", at: noon.AddMinutes(-1)))).Status.ShouldBe(404);
        (await ControlWorld.ProblemOf(() => world.Client.WhoisAsync("198.19.0.20", "plant-a", at: noon))).Status.ShouldBe(404, "it is an address of the other network");
        (await ControlWorld.ProblemOf(() => world.Client.WhoisAsync("198.19.0.20", "plant-b", port: 70_000))).Errors.Single().Field.ShouldBe("port");

        // Names are those of the time, and what is gone is gone.
        var shared = "10.99.0.1";
        await world.RecordAsync(Seen(pump.Id, "192.168.1.20", shared, 50_000, noon.AddHours(2), 9), Seen(router.Id, "10.1.0.7", shared, 50_001, noon.AddHours(2), 9));
        (await ControlWorld.ProblemOf(() => world.Client.WhoisAsync(shared, "plant-b"))).Errors.Single().Hint.ShouldContain("--port");
        (await ControlWorld.ProblemOf(() => world.Client.WhoisAsync(shared, "plant-b", at: noon.AddHours(2)))).Errors.Single().Message.ShouldBe(
            "several had 10.99.0.1 in network plant-b then: site router-a, device pump");
        (await world.Client.WhoisAsync(shared, "plant-b", port: 50_001)).Name.ShouldBe("router-a");
        await world.Client.DeleteDeviceAsync("pump.plant-a");
        var gone = await world.Client.WhoisAsync(shared, "plant-b", port: 50_000, at: noon.AddHours(2));
        (gone.Name, gone.HomeNetwork, gone.HomeAddress, gone.As, gone.Active).ShouldBe(("pump", "plant-a", "192.168.1.20", "guest", false));

        FlowState Seen(int from, string source, string guest, int port, DateTimeOffset at, int minutes) =>
            Traffic.Flow(home, from, server.Id, "198.18.0.1", 443).AllowedBy(1, 1) with
            {
                Source = source, SourcePort = guest == "10.99.0.1" ? 33_000 : port, FarSource = guest, FarSourcePort = port, FarDestination = "192.168.1.10",
                FirstSeen = Nanoseconds(at), LastSeen = Nanoseconds(at.AddMinutes(minutes)),
            };

        async Task<(string, string, int?)> Whois(DateTimeOffset? at)
        {
            var who = await world.Client.WhoisAsync("198.19.0.20", "plant-b", at: at);
            return (who.Name, who.HomeAddress, who.Seen!.Port);
        }
    }

    [Fact]
    public async Task Of_an_address_that_several_shared_nobody_is_named_without_the_port_nor_anybody_by_a_flow_that_was_denied()
    {
        await using var world = await WorldAsync();
        await world.Client.AddRuleAsync(new RuleCreate { From = "network:plant-a", To = "application:mes" });
        var (pump, router, server) = (await world.Client.GetDeviceAsync("pump.plant-a"), await world.Client.GetSiteAsync("router-a"), await world.Client.GetDeviceAsync("server"));
        var home = (await world.Client.GetNetworkAsync("plant-a")).Id;
        var noon = DateTimeOffset.FromUnixTimeSeconds(DateTimeOffset.UtcNow.ToUnixTimeSeconds() - 20_000);

        // A flow that was denied was never there as a guest.
        await world.RecordAsync(Flow(router.Id, "10.1.0.7", "10.99.0.1", 0, -30, -29) with { Allowed = false, Reason = "NoRule", FarSourcePort = 0 });
        (await ControlWorld.ProblemOf(() => world.Client.WhoisAsync("10.99.0.1", "plant-b", at: noon))).Status.ShouldBe(404);

        // Both are live and said nothing for a while; one had ended before, and one spoke last.
        var live = Flow(pump.Id, "192.168.1.20", "10.99.0.1", 50_000, 0, 10);
        await world.RecordAsync(live, Flow(router.Id, "10.1.0.7", "10.99.0.1", 50_001, 5, 12));
        await AskForThePort("10.99.0.1", noon.AddMinutes(11));
        await AskForThePort("10.99.0.1", noon.AddMinutes(30));
        await AskForThePort("10.99.0.1", null);
        await world.RecordAsync(live with { Ended = true });
        await AskForThePort("10.99.0.1", noon.AddMinutes(11));
        await AskForThePort("10.99.0.1", null);
        (await world.Client.WhoisAsync("10.99.0.1", "plant-b", port: 50_000)).Name.ShouldBe("pump");
        (await world.Client.WhoisAsync("10.99.0.1", "plant-b", port: 50_001, at: noon.AddMinutes(11))).Name.ShouldBe("router-a");

        // One after the other: the port that one was given says that the address was shared, and none is where each had it for himself.
        await world.RecordAsync(
            Flow(pump.Id, "192.168.1.20", "10.99.0.2", 50_000, 0, 1) with { Ended = true }, Flow(router.Id, "10.1.0.7", "10.99.0.2", 50_001, 5, 6) with { Ended = true },
            Flow(pump.Id, "192.168.1.20", "10.99.0.3", 33_000, 0, 1) with { Ended = true }, Flow(router.Id, "10.1.0.7", "10.99.0.3", 33_000, 5, 6) with { Ended = true });
        await AskForThePort("10.99.0.2", noon.AddMinutes(7));
        (await world.Client.WhoisAsync("10.99.0.3", "plant-b", at: noon.AddMinutes(7))).Name.ShouldBe("router-a");

        FlowState Flow(int from, string source, string guest, int port, int begin, int end) =>
            Traffic.Flow(home, from, server.Id, "198.18.0.1", 443).AllowedBy(1, 1) with
            {
                Source = source, SourcePort = 33_000, FarSource = guest, FarSourcePort = port, FarDestination = "192.168.1.10",
                FirstSeen = Nanoseconds(noon.AddMinutes(begin)), LastSeen = Nanoseconds(noon.AddMinutes(end)),
            };

        async Task AskForThePort(string address, DateTimeOffset? at)
        {
            var problem = (await ControlWorld.ProblemOf(() => world.Client.WhoisAsync(address, "plant-b", at: at))).Errors.Single();
            problem.Message.ShouldStartWith($"several had {address} in network plant-b then: ");
            problem.Message.ShouldContain("device pump");
            problem.Message.ShouldContain("site router-a");
            problem.Hint.ShouldContain("--port PORT");
        }
    }

    [Fact]
    public async Task A_time_in_whole_seconds_is_the_whole_second()
    {
        await using var world = await WorldAsync();
        await world.Client.AddRuleAsync(new RuleCreate { From = "network:plant-a", To = "application:mes" });
        var (pump, server) = (await world.Client.GetDeviceAsync("pump.plant-a"), await world.Client.GetDeviceAsync("server"));
        var second = DateTimeOffset.FromUnixTimeSeconds(DateTimeOffset.UtcNow.ToUnixTimeSeconds() - 20_000);
        await world.RecordAsync(Traffic.Flow((await world.Client.GetNetworkAsync("plant-a")).Id, pump.Id, server.Id, "198.18.0.1", 443).AllowedBy(1, 1) with
        {
            Source = "192.168.1.20", SourcePort = 39_874, FarSource = "198.19.0.99", FarSourcePort = 39_874, FarDestination = "192.168.1.10",
            FirstSeen = Nanoseconds(second.AddMilliseconds(400)), LastSeen = Nanoseconds(second.AddMilliseconds(600)),
        });
        (await world.Client.WhoisAsync("198.19.0.99", "plant-b", 39_874, second)).Name.ShouldBe("pump");
        (await world.Client.WhoisAsync("198.19.0.99", "plant-b", 39_874, second.AddMilliseconds(500))).Name.ShouldBe("pump");
        (await ControlWorld.ProblemOf(() => world.Client.WhoisAsync("198.19.0.99", "plant-b", 39_874, second.AddMilliseconds(300)))).Status.ShouldBe(404);
        (await ControlWorld.ProblemOf(() => world.Client.WhoisAsync("198.19.0.99", "plant-b", 39_874, second.AddSeconds(-1)))).Status.ShouldBe(404);
    }

    [Fact]
    public async Task What_lies_beyond_has_no_address_of_the_network_and_the_gateway_has_its_own()
    {
        await using var world = await WorldAsync();
        (await Whois("192.168.1.1")).ShouldBe(("host", "plant-a", "own"), "though nothing speaks of the gateway host");
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "web", Host = "internet", Target = "0.0.0.0/0", Services = ["tcp/443"] });
        await world.Client.AddRuleAsync(new RuleCreate { From = "network:plant-a", To = "application:web" });
        (await Whois("8.8.8.8")).ShouldBe(("host", "internet", "beyond"));
        (await Whois("192.168.1.1")).ShouldBe(("host", "plant-a", "own"));
        foreach (var unused in new[] { "198.18.0.5", "198.19.77.7", "192.168.1.99", "10.77.0.1" })
        {
            (await ControlWorld.ProblemOf(() => world.Client.WhoisAsync(unused, "plant-a"))).Errors.Single().Message.ShouldStartWith($"nobody has {unused} in network plant-a");
        }

        // A pool among addresses of the internet is still one of the network.
        await world.Client.UpdateNetworkAsync("plant-a", new NetworkUpdate { GuestPools = ["100.200.0.0/16"] });
        (await ControlWorld.ProblemOf(() => world.Client.WhoisAsync("100.200.7.7", "plant-a"))).Status.ShouldBe(404);

        async Task<(string, string, string)> Whois(string address)
        {
            var who = await world.Client.WhoisAsync(address, "plant-a");
            return (who.Kind, who.Name, who.As);
        }
    }

    private static long Nanoseconds(DateTimeOffset time) => time.ToUnixTimeMilliseconds() * 1_000_000;

    private static async Task<ControlWorld> WorldAsync()
    {
        var world = await ControlWorld.StartAsync();
        foreach (var plant in new[] { "plant-a", "plant-b" })
        {
            await world.Client.AddNetworkAsync(new NetworkCreate { Name = plant, Prefixes = ["192.168.1.0/24"] });
            await world.Client.AddSiteAsync(new SiteCreate { Name = "router" + plant[5..], Network = plant, Subnets = ["10.1.0.0/24"] });
            await world.Client.AddDeviceAsync(new DeviceCreate
            {
                Name = "pump", Network = plant, Addresses = ["192.168.1.20"], Groups = ["pumps"], Labels = new Dictionary<string, string> { ["model"] = "P200" },
                Profile = new(),
            });
        }

        await world.Client.AddDeviceAsync(new DeviceCreate { Name = "server", Network = "plant-b", Addresses = ["192.168.1.10"], Profile = new() });
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "mes", Device = "server", Services = ["tcp/443"] });
        return world;
    }

    private static async Task<NodeModel> SnapshotAsync(ControlWorld world)
    {
        using var gateway = await FakeGateway.ConnectAsync(world);
        return (await gateway.ReceiveAsync<Snapshot>()).Model;
    }
}
