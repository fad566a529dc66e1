using System.Globalization;
using System.Text;
using Sallyport.Api.Applications;
using Sallyport.Api.Devices;
using Sallyport.Control.Tests.Worlds;

namespace Sallyport.Control.Tests.FleetFiles;

/// <summary>What tests of a file say: of the policy, never of how things happen to stand.</summary>
public class JudgeTests
{
    private const string Plant = FleetFileWorld.Plant;

    private const string Beyond =
        """
        networks:
          plant-a: { prefixes: [10.20.0.0/16] }
        devices:
          pump-17: { groups: [pumps] }
        applications:
          web: { host: internet, target: 0.0.0.0/0, services: [tcp/443] }
          updates: { host: internet, names: ["*.vendor.example"], services: [tcp/8443] }
          lan: { host: internet, target: 10.0.0.0/7, services: [tcp/9443] }
          meters: { host: internet, target: 172.16.5.0/24, services: [udp/161] }
        rules:
          - { from: "group:pumps", from_network: plant-a, to: "application:web" }
          - { from: "group:pumps", from_network: plant-a, to: "application:updates" }
          - { from: "group:pumps", from_network: plant-a, to: "application:lan" }
          - { from: "group:pumps", from_network: plant-a, to: "application:meters" }
        tests:

        """;

    [Theory]
    [InlineData("device:pump-17", "application:web", "reach", true)]
    [InlineData("group:pumps", "application:web", "reach", true)]
    [InlineData("group:pumps", "application:web", "not reach", false)]
    [InlineData("network:plant-a", "application:web", "reach", false)]
    [InlineData("group:pumps", "application:lan", "reach", true)]
    [InlineData("group:pumps", "application:meters", "reach", true)]
    [InlineData("device:pump-17", "93.184.216.34 tcp/443", "reach", true)]
    [InlineData("device:pump-17", "10.0.0.1 tcp/443", "not reach", true)]
    [InlineData("device:pump-17", "127.0.0.1 tcp/443", "not reach", true)]
    // Of a name: who asked for it reaches it, and an address could be one of it and need not.
    [InlineData("device:pump-17", "application:updates", "reach", true)]
    [InlineData("device:pump-17", "application:updates", "not reach", false)]
    [InlineData("device:pump-17", "93.184.216.34 tcp/8443", "reach", false)]
    [InlineData("device:pump-17", "93.184.216.34 tcp/8443", "not reach", false)]
    [InlineData("device:pump-17", "93.184.216.34 tcp/80", "not reach", true)]
    public async Task What_lies_beyond_the_gateway_host_is_tested_like_everything_else(string from, string to, string must, bool passes) =>
        await ShouldBeAsync(Beyond, from, to, must, passes);

    [Theory]
    [InlineData("label:model=P200", "reach", false)]
    [InlineData("label:hall=north", "not reach", false)]
    [InlineData("label:model=P200,hall=north", "reach", true)]
    [InlineData("label:hall=north,model=P200", "reach", true)]
    [InlineData("label:model=P200,hall=south", "not reach", true)]
    [InlineData("label:model=P200,hall=north,old=yes", "reach", false)]
    public async Task Selector_of_several_labels_means_who_has_all_of_them(string from, string must, bool passes)
    {
        var text = Plant.Replace("{ model: P200 }", "{ model: P200, hall: north }", StringComparison.Ordinal).Replace("{ model: P100 }", "{ model: P200, hall: south }", StringComparison.Ordinal)
            .Replace("rules:\n  - { from: \"group:pumps\"", "rules:\n  - { from: \"label:old=yes\", to: \"application:historian\", deny: true }\n  - { from: \"label:model=P200,hall=north\"", StringComparison.Ordinal)
            + "tests:\n";
        await ShouldBeAsync(text, from, "application:historian", must, passes);
    }

    [Theory]
    [InlineData("states: [active]", "reach", true)]
    [InlineData("states: [active]", "not reach", false)]
    [InlineData("states: [quarantined]", "reach", false)]
    [InlineData("states: [quarantined]", "not reach", false)]
    [InlineData("sources: [203.0.113.0/24]", "reach", true)]
    [InlineData("sources: [203.0.113.0/24]", "not reach", false)]
    [InlineData("over: [openvpn/udp]", "reach", true)]
    [InlineData("over: [openvpn/udp]", "not reach", false)]
    [InlineData("ciphers: [AES-256-GCM]", "reach", true)]
    [InlineData("ciphers: [AES-256-GCM]", "not reach", false)]
    [InlineData("posture: [\"firmware>=2.4.1\"], posture_age: 24h", "reach", true)]
    [InlineData("posture: [\"firmware>=2.4.1\"]", "not reach", false)]
    public async Task Rule_that_allows_under_conditions_may_allow_and_does_where_all_is_well(string conditions, string must, bool passes) =>
        await ShouldBeAsync(
            Plant.Replace("historian\" }", $"historian\", {conditions} }}", StringComparison.Ordinal) + "tests:\n", "device:pump-3", "application:historian", must, passes);

    [Theory]
    [InlineData("states: [active]", "reach", false)]
    [InlineData("states: [active]", "not reach", false)]
    [InlineData("states: [quarantined]", "reach", true)]
    [InlineData("states: [active, quarantined]", "not reach", true)]
    [InlineData("states: [active, quarantined]", "reach", false)]
    [InlineData("states: [active], over: [openvpn/tcp]", "reach", true)]
    [InlineData("sources: [203.0.113.0/24]", "reach", true)]
    [InlineData("sources: [203.0.113.0/24]", "not reach", false)]
    [InlineData("ciphers: [AES-256-CBC]", "not reach", false)]
    [InlineData("posture: [\"firmware<2.4.1\"]", "reach", true)]
    [InlineData("posture: [\"firmware<2.4.1\"]", "not reach", false)]
    public async Task Rule_that_denies_under_conditions_is_not_relied_on(string conditions, string must, bool passes) =>
        await ShouldBeAsync(
            Plant + $"  - {{ from: \"group:pumps\", to: \"application:historian\", deny: true, {conditions} }}\ntests:\n", "device:pump-3", "application:historian", must, passes);

    [Fact]
    public async Task Reported_facts_make_no_test_pass_or_fail()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.ApplyAsync(Plant.Replace("historian\" }", "historian\", posture: [\"firmware>=2.4.1\"] }", StringComparison.Ordinal));
        await world.Client.ReportDevicePostureAsync("pump-3", new PostureUpdate { Facts = new Dictionary<string, string?> { ["firmware"] = "1.0" } });
        var plan = await world.PlanAsync(
            "tests:\n  - { from: \"device:pump-3\", to: \"application:historian\", must: reach }\n  - { from: \"device:pump-3\", to: \"application:historian\", must: not reach }\n");
        plan.Tests.Select(test => test.Passed).ShouldBe([true, false]);
    }

    [Theory]
    [InlineData("throttled")]
    [InlineData("management")]
    [InlineData("forensic")]
    [InlineData("dark")]
    public async Task Quarantine_makes_no_test_pass_or_fail(string degree)
    {
        await using var world = await ControlWorld.StartAsync();
        await world.ApplyAsync(Plant);
        await world.Client.AddDeviceAsync(new DeviceCreate { Name = "pump-9", Network = "plant-a", Groups = ["pumps"], Profile = new() });
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "ssh", Site = "hq", Target = "192.168.50.11", Services = ["tcp/22"] });
        await world.Client.QuarantineDeviceToAsync("pump-9", new QuarantineRequest { Degree = degree, Application = degree == "forensic" ? "ssh" : null });
        foreach (var from in (string[])["device:pump-9", "group:pumps"])
        {
            await ShouldBeAsync(world, "tests:\n", from, "application:historian.plant-a", "reach", passes: true);
            await ShouldBeAsync(world, "tests:\n", from, "application:historian.plant-a", "not reach", passes: false);
        }
    }

    [Theory]
    [InlineData("application-group:scada", "reach", true)]
    [InlineData("application-group:scada tcp/8883", "reach", true)]
    [InlineData("application-group:scada.plant-a", "not reach", false)]
    [InlineData("application-group:all", "reach", false)]
    public async Task Group_of_applications_is_all_that_are_in_it(string to, string must, bool passes)
    {
        var text = Plant.Replace(
            "services: [tcp/8883] }", "services: [tcp/8883], groups: [scada, all] }\n  web: { site: hq, target: 192.168.50.12, services: [tcp/443], groups: [all] }", StringComparison.Ordinal);
        await ShouldBeAsync(text + "tests:\n", "group:pumps", to, must, passes);
    }

    [Fact]
    public async Task Group_that_is_to_reach_one_of_its_own_means_the_others()
    {
        var text = Plant.Replace("  historian: { site", "  web: { device: pump-17, services: [tcp/443] }\n  historian: { site", StringComparison.Ordinal)
            + "  - { from: \"group:pumps\", to: \"application:web\" }\n";
        await ShouldBeAsync(text + "tests:\n", "group:pumps", "application:web", "reach", passes: true);
        await ShouldBeAsync(text + "  - { from: \"label:model=P100\", to: \"application:web\", deny: true }\ntests:\n", "group:pumps", "application:web", "reach", passes: false);
        await ShouldBeAsync(text + "tests:\n", "device:pump-17", "application:web", "reach", passes: false);
    }

    [Theory]
    [InlineData(1u)]
    [InlineData(2u)]
    [InlineData(3u)]
    public async Task Test_of_many_says_what_tests_of_each_say(uint seed)
    {
        string[] groups = ["red", "green", "blue"], labels = ["model=P100", "model=P200", "hall=north", "hall=south"];
        var members = new Dictionary<string, List<string>>();
        var text = new StringBuilder("networks:\n  plant-a: { prefixes: [10.20.0.0/16] }\ndevices:\n");
        for (var i = 0; i < 40; i++)
        {
            // The first ones are nothing but in one group or with one label, as whom a test imagines is.
            var of = i < groups.Length ? [groups[i]] : i < 7 ? [] : groups.Where(_ => Next(3) == 0).ToArray();
            var with = i < groups.Length ? [] : i < 7 ? [labels[i - 3]] : new[] { labels[Next(2)], labels[2 + Next(2)] }.Where(_ => Next(3) > 0).ToArray();
            text.AppendLine(CultureInfo.InvariantCulture, $"  d{i}: {{ groups: [{string.Join(", ", of)}], labels: {{ {string.Join(", ", with.Append($"serial=n{i}").Select(label => label.Replace("=", ": ", StringComparison.Ordinal)))} }} }}");
            foreach (var name in of.Select(group => $"group:{group}").Concat(with.Select(label => $"label:{label}")).Concat(with.Length == 2 ? [$"label:{string.Join(',', with)}"] : []))
            {
                (members.TryGetValue(name, out var all) ? all : members[name] = []).Add($"d{i}");
            }
        }

        text.Append("applications:\n");
        for (var i = 0; i < 6; i++)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"  a{i}: {{ device: d{i * 6}, services: [tcp/{100 + i}] }}");
        }

        text.Append("rules:\n");
        string[] subjects = [.. members.Keys, "device:d7", "device:d11", "device:d12", "network:plant-a"];
        foreach (var (from, to) in subjects.SelectMany(from => Enumerable.Range(0, 6).Select(to => (from, to))).Where(_ => Next(4) == 0))
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"  - {{ from: \"{from}\", to: \"application:a{to}\", deny: {(Next(3) == 0 ? "true" : "false")} }}");
        }

        text.Append("tests:\n");
        var asked = new List<(string From, int To, string Must)>();
        foreach (var one in members.Keys.Concat(Enumerable.Range(0, 40).Select(i => $"device:d{i}")).SelectMany(from => Enumerable.Range(0, 6).SelectMany(to => new[] { (from, to, "reach"), (from, to, "not reach") })))
        {
            asked.Add(one);
            text.AppendLine(CultureInfo.InvariantCulture, $"  - {{ from: \"{one.from}\", to: \"application:a{one.to}\", must: {one.Item3} }}");
        }

        await using var world = await ControlWorld.StartAsync();
        var tests = (await world.PlanAsync(text.ToString())).Tests;
        var passed = asked.Zip(tests).ToDictionary(pair => pair.First, pair => pair.Second.Passed);
        foreach (var (from, to, must) in asked.Where(one => members.ContainsKey(one.From)))
        {
            // Who carries the application is no stranger to it.
            var each = members[from].Where(name => name != $"d{to * 6}").ToList();
            passed[(from, to, must)].ShouldBe(each.TrueForAll(name => passed[($"device:{name}", to, must)]), $"{from} {must} a{to} in\n{text}");
        }

        passed.Values.Distinct().Count().ShouldBe(2);

        int Next(int below) => (int)(((seed = (seed * 1_103_515_245) + 12_345) >> 16) % below);
    }

    [Theory]
    [InlineData("label:model", "application:historian", "15:13 tests[0].from", "label 'model' has no valid value")]
    [InlineData("group:Pumps", "application:historian", "15:13 tests[0].from", "not a valid name")]
    [InlineData("group:pumps", "host:internet tcp/443", "15:32 tests[0].to", "the gateway host has no address in network internet")]
    [InlineData("group:pumps", "application-group:none", "15:32 tests[0].to", "no application is in a group 'none'")]
    [InlineData("group:pumps", "application-group:none.plant-x", "15:32 tests[0].to", "there is no network 'plant-x'")]
    public async Task Test_that_would_try_nothing_is_a_mistake(string from, string to, string place, string message)
    {
        await using var world = await ControlWorld.StartAsync();
        await world.ApplyAsync("applications:\n  web: { host: internet, target: 203.0.113.0/24, services: [tcp/443] }\n");
        var problem = await ControlWorld.ProblemOf(() => world.PlanAsync(Plant + $"tests:\n  - {{ from: \"{from}\", to: \"{to}\", must: not reach }}\n"));
        var error = problem.Errors.ShouldHaveSingleItem();
        FleetFileWorld.PlaceOf(error).ShouldBe(place, error.Message);
        error.Message.ShouldContain(message);
        FleetFileWorld.ShouldBeOfUse(error);
    }

    private static async Task ShouldBeAsync(string text, string from, string to, string must, bool passes)
    {
        await using var world = await ControlWorld.StartAsync();
        await ShouldBeAsync(world, text, from, to, must, passes);
    }

    private static async Task ShouldBeAsync(ControlWorld world, string text, string from, string to, string must, bool passes)
    {
        var test = (await world.PlanAsync($"{text}  - {{ from: \"{from}\", to: \"{to}\", must: {must}, network: plant-a }}\n")).Tests.ShouldHaveSingleItem();
        test.Passed.ShouldBe(passes, test.Why);
    }
}
