using Microsoft.Extensions.DependencyInjection;
using Sallyport.Api.Applications;
using Sallyport.Api.Devices;
using Sallyport.Api.Locks;
using Sallyport.Api.Networks;
using Sallyport.Api.Problems;
using Sallyport.Api.Rules;
using Sallyport.Api.Sites;
using Sallyport.Control.FleetFiles;
using Sallyport.Control.Http;
using Sallyport.Control.Tests.Worlds;
using Sallyport.Control.Users;

namespace Sallyport.Control.Tests.FleetFiles;

/// <summary>Plan and apply: the same transaction, kept or not.</summary>
public class ApplyTests
{
    private const string Plant = FleetFileWorld.Plant;

    [Fact]
    public async Task Failing_test_blocks_the_apply_and_names_the_line_of_the_rule_that_decides()
    {
        await using var world = await ControlWorld.StartAsync();
        var text = Plant + "tests:\n  - { from: \"device:pump-3\", to: \"application:historian\", must: not reach }\n";
        var before = await FleetFileWorld.PictureAsync(world);
        var trail = await AuditAsync(world);
        var problem = await ControlWorld.ProblemOf(() => world.ApplyAsync(text));
        (problem.Type, problem.Status).ShouldBe((Problem.TestFailed, 422));
        var error = problem.Errors.ShouldHaveSingleItem();
        FleetFileWorld.PlaceOf(error).ShouldBe("15:5 tests[0]");
        error.Message.ShouldBe(
            "device:pump-3 must not reach application:historian, but does: The rule in line 13 allows it: group:pumps to application:historian.");
        (await FleetFileWorld.PictureAsync(world)).ShouldBe(before, "nothing of it was made");
        (await AuditAsync(world)).ShouldBe(trail);

        var plan = await world.PlanAsync(text);
        plan.Tests.ShouldHaveSingleItem().Passed.ShouldBeFalse("a plan tells, and goes on");
        plan.Changes.Count.ShouldBe(6);
    }

    [Fact]
    public async Task What_must_be_reached_and_is_not_blocks_as_well()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.ApplyAsync(Plant);
        var problem = await ControlWorld.ProblemOf(() => world.ApplyAsync(
            "tests:\n  - { from: \"device:pump-3\", to: 192.168.50.11 tcp/22, must: reach }\nnetworks:\n  plant-b: { prefixes: [10.21.0.0/16] }\n"));
        var error = problem.Errors.ShouldHaveSingleItem();
        error.Message.ShouldContain("There is application historian (tcp/8883), but none with this protocol and port.");
        (await world.Client.ListNetworksAsync()).Items.Select(network => network.Name).ShouldBe(["plant-a"], "the network of the file was not made");
    }

    [Fact]
    public async Task Rule_that_is_not_in_the_file_is_named_by_its_number()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.ApplyAsync(Plant);
        var rule = (await world.Client.ListRulesAsync()).Items.Single();
        var plan = await world.PlanAsync("tests:\n  - { from: \"device:pump-3\", to: \"application:historian\", must: reach }\n");
        plan.Tests.Single().Why.ShouldStartWith($"Rule {rule.Id}, which is not in the file, allows it");
    }

    [Fact]
    public async Task All_mistakes_are_told_at_once_and_what_only_refers_to_one_is_not_blamed()
    {
        await using var world = await ControlWorld.StartAsync();
        var problem = await ControlWorld.ProblemOf(() => world.ApplyAsync(
            """
            networks:
              plant-a: { prefixes: [10.20.0.7/16] }
              plant-b: { prefixes: [10.30.0.0/16] }
            sites:
              hq: { network: plant-a, subnets: [192.168.50.0/24] }
              dc: { network: plant-b, subnets: [10.30.5.0/24] }
            devices:
              pump-17: { network: plant-b, colour: red, labels: { model: P200 } }
              pump-18: { network: plant-x }
              pump-19: { network: plant-b, addresses: [10.31.0.1] }
            groups:
              pumps: [pump-18, pump-20]
            applications:
              historian: { site: hq, target: 192.168.50.11, services: [tcp/8883] }
              web: { device: pump-19, services: [tcp/99999] }
              ssh: { site: nowhere, services: [tcp/22] }
            rules:
              - { from: "group:pumps", to: "application:historian" }
              - { from: "grupp:pumps", to: "application:sssh" }
            """));
        problem.Errors.ShouldAllBe(error => error.Line > 0 && error.Column > 0);
        problem.Errors.Select(error => $"{FleetFileWorld.PlaceOf(error)}: {error.Message}").ShouldBe(
        [
            "2:25 networks.plant-a.prefixes[0]: 10.20.0.7/16 has host bits",
            "6:37 sites.dc.subnets[0]: 10.30.5.0/24 overlaps the prefix 10.30.0.0/16 of network plant-b",
            "8:32 devices.pump-17.colour: there is no key 'colour' here",
            "9:23 devices.pump-18.network: there is no network 'plant-x'",
            "10:44 devices.pump-19.addresses[0]: 10.31.0.1 lies outside the network's prefixes 10.30.0.0/16",
            "12:20 groups.pumps[1]: there is no device or site 'pump-20'",
            "16:16 applications.ssh.site: there is no site 'nowhere'",
            "19:13 rules[1].from: 'grupp' cannot be a subject",
            "19:32 rules[1].to: there is no application 'sssh'",
        ]);
        (await world.Client.ListNetworksAsync()).Items.ShouldBeEmpty();
    }

    [Fact]
    public async Task Change_of_a_file_changes_what_it_says_and_the_plan_says_how()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.ApplyAsync(Plant);
        var text = Plant.Replace("[tcp/8883]", "[tcp/8883, icmp]", StringComparison.Ordinal).Replace("P200", "P201", StringComparison.Ordinal)
            .Replace("historian\" }", "historian\", hours: [\"mon-fri 08:00-17:00 Europe/Vienna\"] }", StringComparison.Ordinal);
        var plan = await world.PlanAsync(text);
        plan.Changes.Select(change => $"{change.Action} {change.Subject} ({change.Line}) {string.Join("; ", change.What)}").ShouldBe(
        [
            "change device:pump-17.plant-a (6) labels: { model: P200 } → { model: P201 }",
            "change application:historian.plant-a (11) services: [tcp/8883] → [tcp/8883, icmp]",
            "change rule:group:pumps to application:historian.plant-a (13) hours: none → [\"mon-fri 08:00-17:00 Europe/Vienna\"]",
        ]);
        var applied = await world.ApplyAsync(text);
        applied.Changes.Count.ShouldBe(3);
        applied.Unchanged.ShouldBe(3);
        (await world.Client.GetDeviceAsync("pump-17")).Labels["model"].ShouldBe("P201");
        (await world.ApplyAsync(Plant)).Changes[^1].What.ShouldBe(["hours: [\"mon-fri 08:00-17:00 Europe/Vienna\"] → none"], "a rule is what the file says");
    }

    [Fact]
    public async Task Conditions_that_the_file_does_not_have_any_more_are_gone()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.ApplyAsync(Plant.Replace(
            "historian\" }", "historian\", states: [active], posture: [\"firmware>=2.4.1\"], posture_age: 24h, rate: 1mbit, packets: 100, volume: 1GB/day }", StringComparison.Ordinal));
        (await world.ApplyAsync(Plant)).Changes.ShouldHaveSingleItem().What.ShouldBe(
            ["states: [active] → none", "posture: [\"firmware>=2.4.1\"] → none", "posture_age: \"24h\" → none", "rate: \"1mbit\" → none", "packets: 100 → none", "volume: 1GB/day → none"]);
        var rule = (await world.Client.ListRulesAsync()).Items.Single();
        (rule.Conditions.Text, rule.Limit).ShouldBe(("", null));
    }

    [Fact]
    public async Task Same_thing_written_otherwise_is_no_change()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.ApplyAsync(Plant);
        var plan = await world.PlanAsync(
            """
            networks: { plant-a: { prefixes: 10.20.0.0/16, ciphers: [aes-256-gcm, aes-128-gcm, chacha20-poly1305], token_lifetime: 1440m } }
            applications: { historian.plant-a: { site: hq.plant-a, services: TCP/8883 } }
            rules: [ { from: "group:pumps", to: "application:historian.plant-a", deny: false, hours: [] } ]
            """);
        plan.Changes.ShouldBeEmpty();
        plan.Unchanged.ShouldBe(3);
    }

    [Fact]
    public async Task Apply_leaves_the_records_of_each_command_and_one_of_its_own_and_none_where_nothing_changes()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.ApplyAsync(Plant);
        var actions = await AuditAsync(world);
        actions.ShouldBe(
            ["fleet.apply", "rule.create", "application.create", "device.create", "device.create", "site.create", "network.create", "token.create"]);
        var record = (await world.Client.ListAuditAsync(action: "fleet.apply")).Items.Single();
        record.Summary.ShouldBe("fleet file applied: 6 added");
        await world.ApplyAsync(Plant);
        await world.PlanAsync(Plant.Replace("tcp/8883", "tcp/443", StringComparison.Ordinal));
        (await AuditAsync(world)).ShouldBe(actions);
        (await world.Client.VerifyAuditAsync()).Valid.ShouldBeTrue();
    }

    [Fact]
    public async Task Gateway_gets_one_change_with_everything_and_a_plan_tells_it_nothing()
    {
        await using var world = await ControlWorld.StartAsync();
        var (_, version) = (await world.PlanAsync(Plant), world.Control.Feed.State.Version);
        world.Control.Feed.State.Networks.ShouldBeEmpty();
        var applied = await world.ApplyAsync(Plant);
        var state = world.Control.Feed.State;
        (state.Version, state.Rules.Count, state.Identities.Count).ShouldBe((applied.Version, 1, 3));
        state.Version.ShouldBeGreaterThan(version);
        var reloaded = world.Control.Fleet.Read(sql => new Changes.FleetLoader(world.Control.Envelope).LoadAll(sql));
        reloaded.Identities.Keys.Order().ShouldBe(state.Identities.Keys.Order());
        reloaded.Version.ShouldBe(state.Version);
    }

    [Fact]
    public async Task Version_that_was_planned_on_must_still_be_in_force()
    {
        await using var world = await ControlWorld.StartAsync();
        var plan = await world.PlanAsync(Plant);
        await world.Client.AddNetworkAsync(new NetworkCreate { Name = "other", Prefixes = ["10.9.0.0/16"] });
        (await ControlWorld.ProblemOf(() => world.ApplyAsync(Plant, version: plan.Version))).Status.ShouldBe(412);
        (await world.ApplyAsync(Plant, version: (await world.PlanAsync(Plant)).Version)).Applied.ShouldBeTrue();
    }

    [Fact]
    public async Task What_is_not_in_the_file_stays_unless_it_is_pruned()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.ApplyAsync(Plant);
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "old", Site = "hq", Target = "192.168.50.9", Services = ["tcp/22"] });
        await world.Client.AddRuleAsync(new RuleCreate { From = "group:pumps", To = "application:old" });
        await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-3", To = "application:historian" });
        await world.Client.AddDeviceAsync(new DeviceCreate { Name = "planned", Network = "plant-a" });
        await world.PumpAsync("running");
        await world.Client.AddNetworkAsync(new NetworkCreate { Name = "plant-b", Prefixes = ["10.20.0.0/16"] });
        await world.Client.AddSiteAsync(new SiteCreate { Name = "elsewhere", Network = "plant-b", Subnets = ["192.168.50.0/24"] });

        (await world.ApplyAsync(Plant)).Changes.ShouldBeEmpty();
        var pruned = await world.ApplyAsync(Plant, prune: true);
        pruned.Changes.Select(change => $"{change.Action} {change.Subject}").ShouldBe(
        [
            "remove rule:group:pumps to application:old.plant-a",
            "remove application:old.plant-a",
            "remove device:planned.plant-a",
            "remove rule:device:pump-3 to application:historian.plant-a",
        ]);
        pruned.Remarks.ShouldHaveSingleItem().ShouldBe(
            "device:running.plant-a is not in the file and stays, because it has credentials: sallyport device remove running.plant-a");
        (await world.Client.ListDevicesAsync()).Items.Select(device => device.Name).ShouldBe(["pump-17", "pump-3", "running"]);
        (await world.Client.GetSiteAsync("elsewhere")).ShouldNotBeNull("another network is none of this file's business");
    }

    [Fact]
    public async Task Prune_goes_by_sections_and_a_file_without_one_removes_nothing_of_its_kind()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.ApplyAsync(Plant);
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "old", Site = "hq", Target = "192.168.50.9", Services = ["tcp/22"] });
        await world.Client.AddRuleAsync(new RuleCreate { From = "group:pumps", To = "application:old" });
        (await world.PlanAsync("networks:\n  plant-a: {}\n", prune: true)).Changes.ShouldBeEmpty();
        (await world.PlanAsync("networks:\n  plant-a: {}\nrules: []\nprune: [applications]\n")).Changes.ShouldBeEmpty("it has no applications to go by");
        var rules = await world.PlanAsync("networks:\n  plant-a: {}\nrules: []\nprune: [rules]\n");
        rules.Changes.Select(change => change.Action).ShouldBe(["remove", "remove"]);
        (await world.PlanAsync("networks:\n  plant-a: {}\napplications: {}\nrules: []\nprune: true\n")).Changes.Count.ShouldBe(4);
    }

    [Fact]
    public async Task What_lies_beyond_the_gateway_host_is_pruned_only_where_the_file_lists_it()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "old", Host = "internet", Target = "203.0.113.9", Services = ["tcp/22"] });
        var text = Plant.Replace("applications:\n", "applications:\n  ntp: { host: internet, target: 203.0.113.1, services: [udp/123] }\n", StringComparison.Ordinal)
            + "  - { from: \"device:pump-17\", to: \"application:ntp\" }\n";
        await world.ApplyAsync(text, prune: true);
        await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-3.plant-a", To = "application:old" });
        (await world.PlanAsync(text, prune: true)).Changes.ShouldBeEmpty("others share it");
        var listed = text.Replace("networks:\n", "networks:\n  internet: {}\n", StringComparison.Ordinal).Replace("devices:\n  pump-17: {", "devices:\n  pump-17: { network: plant-a,", StringComparison.Ordinal)
            .Replace("pump-3: {", "pump-3: { network: plant-a,", StringComparison.Ordinal).Replace("hq: {", "hq: { network: plant-a,", StringComparison.Ordinal);
        (await world.PlanAsync(listed, prune: true)).Changes.Select(change => $"{change.Action} {change.Subject}").ShouldBe(
            ["remove rule:device:pump-3 of plant-a to application:old.internet", "remove application:old.internet"]);
    }

    [Fact]
    public async Task Network_beyond_the_gateway_host_is_made_and_changed_like_any_other()
    {
        await using var world = await ControlWorld.StartAsync();
        var made = await world.ApplyAsync("networks:\n  internet: { guest_pools: [10.99.0.0/16] }\n");
        made.Changes.ShouldHaveSingleItem().Subject.ShouldBe("network:internet");
        (await world.Client.ListNetworksAsync()).Items.ShouldHaveSingleItem().GuestPools.ShouldBe(["10.99.0.0/16"]);
        (await world.PlanAsync(await world.Client.ExportFleetAsync())).Changes.ShouldBeEmpty();
        (await world.Client.GetNetworkAsync("internet")).Guests.ShouldBe("shared");
        var changed = await world.ApplyAsync("networks:\n  internet: { guest_pools: [10.98.0.0/16], guests: each }\n");
        changed.Changes.ShouldHaveSingleItem().What.ShouldBe(["guest_pools: [10.99.0.0/16] → [10.98.0.0/16]", "guests: none → each"]);
    }

    [Fact]
    public async Task Locked_rule_is_not_pruned_and_a_lock_makes_no_test_pass()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.ApplyAsync(Plant);
        var rule = (await world.Client.ListRulesAsync()).Items.Single();
        await world.Client.AddLockAsync(new LockCreate { Subject = $"rule:{rule.Id}" });
        await world.Client.AddLockAsync(new LockCreate { Subject = "device:pump-17" });
        var plan = await world.PlanAsync("networks:\n  plant-a: {}\nrules: []\nprune: true\n");
        plan.Changes.ShouldBeEmpty();
        plan.Remarks.ShouldHaveSingleItem().ShouldContain("is locked");
        var tested = await world.PlanAsync("tests:\n  - { from: \"device:pump-17\", to: \"application:historian\", must: not reach }\n");
        tested.Tests.Single().Passed.ShouldBeFalse("when the lock ends it would be reached");
        world.Control.Feed.State.Rules.ShouldBeEmpty("the gateways do not have it meanwhile");
    }

    [Fact]
    public async Task Revoked_device_reaches_nothing_and_does_not_come_back_by_a_file()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.ApplyAsync(Plant);
        await world.Client.RevokeDeviceAsync("pump-17", "stolen");
        var plan = await world.ApplyAsync(Plant + "tests:\n  - { from: \"device:pump-17\", to: \"application:historian\", must: not reach }\n");
        plan.Remarks.ShouldHaveSingleItem().ShouldStartWith("device:pump-17.plant-a (line 6) was revoked");
        (await world.Client.GetDeviceAsync("pump-17")).State.ShouldBe("retired");
        (await world.Client.ExportFleetAsync()).ShouldNotContain("pump-17");
    }

    [Fact]
    public async Task Group_of_the_file_has_the_members_of_the_file_and_other_groups_stay()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.ApplyAsync(Plant);
        await world.Client.UpdateDeviceAsync("pump-3", new DeviceUpdate { Groups = ["pumps", "night"] });
        await world.PumpAsync("pump-9");
        await world.Client.UpdateDeviceAsync("pump-9", new DeviceUpdate { Groups = ["pumps"] });
        var plan = await world.ApplyAsync("networks:\n  plant-a: {}\ngroups:\n  pumps: [pump-17]\n");
        plan.Changes.Select(change => $"{change.Subject} ({change.Line}) {string.Join("; ", change.What)}").ShouldBe(
            ["device:pump-3.plant-a (4) groups: [night, pumps] → [night]", "device:pump-9.plant-a (4) groups: [pumps] → none"]);
        (await world.PlanAsync("networks:\n  plant-a: {}\ngroups:\n  pumps: [pump-17]\n")).Changes.ShouldBeEmpty();
    }

    [Fact]
    public async Task Groups_of_an_entry_and_of_the_section_add_up()
    {
        await using var world = await ControlWorld.StartAsync();
        const string Text = "networks:\n  n: { prefixes: [10.1.0.0/16] }\ndevices:\n  a: { groups: [x, y] }\n  b: {}\ngroups:\n  z: [a, b]\n  x: []\n";
        await world.ApplyAsync(Text);
        (await world.Client.GetDeviceAsync("a")).Groups.Order().ShouldBe(["x", "y", "z"]);
        (await world.PlanAsync(Text)).Changes.ShouldBeEmpty();
    }

    [Fact]
    public async Task Rule_whose_end_has_come_is_no_mistake_and_allows_nothing()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.ApplyAsync(Plant);
        var ended = Plant.Replace("historian\" }", "historian\", until: 2020-01-01T00:00:00Z }", StringComparison.Ordinal);
        var plan = await world.ApplyAsync(ended);
        plan.Changes.ShouldHaveSingleItem().Action.ShouldBe("remove");
        (await world.Client.ListRulesAsync()).Items.ShouldBeEmpty();
        var again = await world.ApplyAsync(ended);
        again.Changes.ShouldBeEmpty();
        again.Remarks.ShouldHaveSingleItem().ShouldContain("the rule in line 13 ended at 2020-01-01T00:00:00Z");
    }

    [Theory]
    [InlineData("rules:\n  - { from: \"group:pumps\", to: \"application:historian\" }\n  - { from: \"group:pumps\", to: \"application:historian.plant-a\" }\n", "3:13 rules[1].from", "line 2 has the same rule")]
    [InlineData("applications:\n  historian.plant-a: { device: pump-17 }\n", "2:32 applications.historian.plant-a.device", "site hq carries application historian, not device pump-17")]
    [InlineData("devices:\n  pump-17.plant-a: { addresses: [10.20.0.99] }\n", "2:33 devices.pump-17.plant-a.addresses", "has the address 10.20.0.3, not 10.20.0.99")]
    [InlineData("devices:\n  pump-17.plant-a: { rate: fast }\n", "2:28 devices.pump-17.plant-a.rate", "'fast' is no rate")]
    [InlineData("devices:\n  pump-17.plant-a: { packets: 99999999999999999999 }\n", "2:31 devices.pump-17.plant-a.packets", "are no limit")]
    [InlineData("networks:\n  plant-a: { dns_forward: [\".=9.9.9.9\", nonsense] }\n", "2:41 networks.plant-a.dns_forward[1]", "'nonsense'")]
    [InlineData("rules:\n  - { from: \"group:pumps\", to: \"application:historian\", sources: [203.0.113.0/24, 203.0.113.9/24] }\n", "2:83 rules[0].sources[1]", "'203.0.113.9/24' is neither")]
    [InlineData("rules:\n  - { from: \"group:pumps\", to: \"application:historian\", posture: [\"a=1\"], posture_age: 1s }\n", "2:88 rules[0].posture_age", "1s")]
    [InlineData("devices:\n  pump-17.plant-a: { labels: { model: \"a\\u2028b\" } }\n", "2:39 devices.pump-17.plant-a.labels.model", "has no valid value")]
    [InlineData("devices:\n  pump-17.plant-a: { labels: { \"a/b.c\": \"\" } }\n", "2:41 devices.pump-17.plant-a.labels.a/b.c", "has no valid value")]
    [InlineData("networks:\n  internet: { prefixes: [10.0.0.0/8] }\n", "2:25 networks.internet.prefixes", "has no members")]
    [InlineData("applications:\n  web.plant-b: { site: hq.plant-a, target: 192.168.50.9, services: [tcp/443] }\n", "2:24 applications.web.plant-b.site", "site hq.plant-a is in network plant-a, and the application's name says plant-b")]
    [InlineData("applications:\n  web.plant-b: { host: plant-a, services: [tcp/443] }\n", "2:24 applications.web.plant-b.host", "the application's name says plant-b")]
    [InlineData("devices:\n  hq.plant-a: {}\n", "2:3 devices.hq.plant-a", "there is a site 'hq' in network plant-a already")]
    [InlineData("devices:\n  new: {}\n", "2:3 devices.new.network", "no network is named")]
    [InlineData("tests:\n  - { from: \"device:pump-71\", to: \"application:historian\", must: reach }\n", "2:13 tests[0].from", "there is no device 'pump-71'")]
    [InlineData("tests:\n  - { from: \"group:pumps\", to: \"192.168.50.11 tcp/1\", must: reach }\n", "2:5 tests[0].network", "no network is named")]
    [InlineData("tests:\n  - { from: \"device:pump-17\", to: \"application:histrian\", must: reach }\n", "2:35 tests[0].to", "there is no application 'histrian'")]
    public async Task What_does_not_fit_what_exists_is_told_with_its_place(string text, string place, string message)
    {
        await using var world = await ControlWorld.StartAsync();
        await world.ApplyAsync(Plant);
        var problem = await ControlWorld.ProblemOf(() => world.PlanAsync(text));
        var error = problem.Errors.ShouldHaveSingleItem();
        FleetFileWorld.PlaceOf(error).ShouldBe(place, error.Message);
        error.Message.ShouldContain(message);
    }

    [Fact]
    public async Task Test_of_a_group_tries_everybody_in_it_and_somebody_who_is_nothing_else()
    {
        await using var world = await ControlWorld.StartAsync();
        var text = Plant + "  - { from: \"label:model=P100\", to: \"application:historian\", deny: true }\n"
            + "tests:\n  - { from: \"group:pumps\", to: \"application:historian\", must: reach }\n  - { from: \"group:none\", to: \"application:historian\", must: not reach }\n";
        var plan = await world.PlanAsync(text);
        plan.Tests.Select(test => test.Passed).ShouldBe([false, true]);
        plan.Tests[0].Why.ShouldContain("device pump-3, tcp 192.168.50.11 port 8883: The rule in line 14 denies it");
    }

    [Fact]
    public async Task Who_may_change_one_network_applies_files_of_that_network_only()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.ApplyAsync(Plant);
        await world.Client.AddNetworkAsync(new NetworkCreate { Name = "plant-b", Prefixes = ["10.21.0.0/16"] });
        var commands = world.App.Services.GetRequiredService<FleetFileCommands>();
        var plantA = world.Control.Feed.State.Networks.Values.Single(network => network.Name == "plant-a").Id;
        var limited = new Actor("limited", Role.Administrator, plantA);
        var change = FleetFileWorld.Bytes(Plant.Replace("tcp/8883", "tcp/443", StringComparison.Ordinal));
        (await commands.ApplyAsync(limited, change, prune: false, expected: null, default)).Changes.ShouldHaveSingleItem();
        foreach (var text in (string[])
        [
            "networks:\n  plant-b: { minimum_tls: \"1.3\" }\n", "networks:\n  plant-c: { prefixes: [10.22.0.0/16] }\n", "devices:\n  x: { network: plant-b }\n",
            "networks:\n  plant-b: {}\ngroups:\n  g: []\nrules: []\nprune: true\ndevices:\n  x: {}\n",
            "tests:\n  - { from: \"network:plant-b\", to: \"10.21.0.9 tcp/22\", must: not reach }\n",
        ])
        {
            var refused = await Should.ThrowAsync<ProblemException>(() => commands.PlanAsync(limited, FleetFileWorld.Bytes(text), prune: false));
            refused.Problem.Status.ShouldBe(403, text);
        }
    }

    [Fact]
    public async Task Draft_is_the_state_that_the_file_leads_to_and_changes_nothing()
    {
        await using var world = await ControlWorld.StartAsync();
        var commands = world.App.Services.GetRequiredService<FleetFileCommands>();
        var draft = (await commands.DraftAsync(Actor.System, FleetFileWorld.Bytes(Plant + "tests:\n  - { from: \"device:pump-3\", to: \"application:historian\", must: not reach }\n"), prune: false)).After;
        (draft.Rules.Count, draft.Applications.Count, draft.Identities.Count).ShouldBe((1, 1, 3));
        world.Control.Feed.State.Networks.ShouldBeEmpty();
        (await world.Client.ListNetworksAsync()).Items.ShouldBeEmpty();
        await world.ApplyAsync(Plant);
        world.Control.Feed.State.Rules.Values.Single().ShouldBeEquivalentTo(draft.Rules.Values.Single());
    }

    [Fact]
    public async Task What_the_file_makes_the_api_changes_and_the_other_way_round()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.ApplyAsync(Plant);
        await world.Client.UpdateApplicationAsync("historian", new ApplicationUpdate { Services = ["tcp/443"] });
        (await world.PlanAsync(Plant)).Changes.ShouldHaveSingleItem().What.ShouldBe(["services: [tcp/443] → [tcp/8883]"]);
        await world.ApplyAsync(await world.Client.ExportFleetAsync(), prune: true);
        (await world.Client.GetApplicationAsync("historian")).Services.ShouldBe(["tcp/443"], "an export is of what is");
    }

    [Fact]
    public async Task Export_of_one_network_speaks_of_no_other()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.ApplyAsync(File.ReadAllText(Path.Combine(FleetFileWorld.Examples, "overlapping-plants.yaml")));
        var export = await world.Client.ExportFleetAsync("plant-a");
        export.ShouldNotContain("plant-b");
        (await world.PlanAsync(export, prune: true)).Changes.ShouldBeEmpty(export);
        (await ControlWorld.ProblemOf(() => world.Client.ExportFleetAsync("plant-c"))).Status.ShouldBe(422);
    }

    [Fact]
    public async Task Words_that_yaml_would_take_for_something_else_survive_an_export()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        await world.Client.AddDeviceAsync(new DeviceCreate
        {
            Name = "true",
            Network = "plant-a",
            Groups = ["0", "null", "1-2"],
            Labels = new Dictionary<string, string> { ["on"] = "no", ["n"] = "1.10", ["q"] = "a \"b\" \\ 'c': {d}, [e] # f", ["t"] = "2026-01-05", ["u"] = "ä €" },
        });
        var export = await world.Client.ExportFleetAsync();
        (await world.PlanAsync(export)).Changes.ShouldBeEmpty(export);
        await using var other = await ControlWorld.StartAsync();
        await other.ApplyAsync(export);
        (await FleetFileWorld.PictureAsync(other)).ShouldBe(await FleetFileWorld.PictureAsync(world));
    }

    private static async Task<IReadOnlyList<string>> AuditAsync(ControlWorld world) =>
        [.. (await world.Client.ListAuditAsync()).Items.Select(record => record.Action).Where(action => !action.EndsWith(".enforced", StringComparison.Ordinal))];
}
