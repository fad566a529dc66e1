using Sallyport.Api.Applications;
using Sallyport.Api.Devices;
using Sallyport.Api.Locks;
using Sallyport.Api.Policy;
using Sallyport.Api.Rules;
using Sallyport.Control.Policies.Access;
using Sallyport.Control.Tests.Worlds;

namespace Sallyport.Control.Tests.Policies;

public sealed class ReachTests
{
    [Fact]
    public async Task Who_can_reach_an_application_is_told_with_the_rule_and_until_when()
    {
        var time = new MovedTime { By = new DateTimeOffset(2026, 7, 6, 10, 0, 0, TimeSpan.Zero) - DateTimeOffset.UtcNow };
        await using var world = await WorldAsync(time);
        await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-17", To = "application:historian" });
        await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-18", To = "application:historian", For = "8h" });
        await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-19", To = "application:historian", Windows = ["daily 13:00-14:00 Europe/Vienna"] });

        var who = await world.Client.WhoCanReachAsync("application:historian");
        who.Items.Select(row => (row.From, row.Application, row.RuleId, row.Now)).ShouldBe(
            [("device:pump-17", "historian", 1, true), ("device:pump-18", "historian", 2, true), ("device:pump-19", "historian", 3, false)]);
        who.Items[0].Services.ShouldBe(["tcp/8883", "udp/5000-5010"]);
        who.Items[0].Destinations.ShouldBe(["192.168.50.10"]);
        who.Items[0].Closes.ShouldBeNull();
        who.Items[1].Closes!.Value.ShouldBe(new DateTimeOffset(2026, 7, 6, 18, 0, 0, TimeSpan.Zero), TimeSpan.FromMinutes(1));
        who.Items[2].Opens.ShouldBe(new DateTimeOffset(2026, 7, 6, 11, 0, 0, TimeSpan.Zero));
        who.Items[2].Closes.ShouldBe(new DateTimeOffset(2026, 7, 6, 12, 0, 0, TimeSpan.Zero));

        var then = await world.Client.WhoCanReachAsync("application:historian", at: new DateTimeOffset(2026, 7, 6, 11, 30, 0, TimeSpan.Zero));
        then.Items.Single(row => row.From == "device:pump-19").Now.ShouldBeTrue();
        (await world.Client.WhoCanReachAsync("application:historian", at: new DateTimeOffset(2026, 7, 7, 0, 0, 0, TimeSpan.Zero))).Items
            .ShouldNotContain(row => row.From == "device:pump-18", "its rule has ended by then");
        (await world.Client.WhoCanReachAsync("application:historian", service: "udp/5005")).Items[0].Services.ShouldBe(["udp/5005"]);
        (await world.Client.WhoCanReachAsync("application:historian", service: "tcp/22")).Items.ShouldBeEmpty();
    }

    [Fact]
    public async Task Denials_locks_and_states_count()
    {
        await using var world = await WorldAsync();
        await world.Client.AddRuleAsync(new RuleCreate { From = "label:model=P200", To = "application:historian" });
        await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-18", To = "application:historian", Effect = "deny" });
        await world.Client.QuarantineDeviceAsync("pump-19", null);
        (await world.Client.WhoCanReachAsync("historian")).Items.Select(row => row.From).ShouldBe(["device:pump-17"]);
        (await world.Client.ReachOfAsync("device:pump-18")).Items.ShouldBeEmpty();
        (await world.Client.ReachOfAsync("device:pump-19")).Notes.ShouldBe(["device pump-19 is quarantined: it reaches nothing."]);

        await world.Client.AddLockAsync(new LockCreate { Subject = "application:historian" });
        var who = await world.Client.WhoCanReachAsync("historian");
        who.Items.ShouldBeEmpty();
        who.Notes[0].ShouldBe("Application historian is locked: nobody reaches it.");
    }

    [Theory]
    [InlineData("dark", "device pump-17 is quarantined: it reaches nothing.", 0)]
    [InlineData("throttled", "device pump-17 is quarantined (throttled): it reaches what rules allow, at 64kbit at most.", 2)]
    [InlineData("management", "device pump-17 is quarantined (management): of what rules allow it reaches applications for management alone.", 1)]
    [InlineData("forensic", "device pump-17 is quarantined (forensic): of what rules allow it reaches application lab alone.", 1)]
    public async Task What_a_quarantine_leaves_is_said_as_it_is(string degree, string note, int rows)
    {
        await using var world = await WorldAsync();
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "lab", Site = "hq", Target = "192.168.50.12", Services = ["tcp/22"], Management = true });
        await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-17", To = "application:historian" });
        await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-17", To = "application:lab" });
        var application = degree == "forensic" ? "lab" : null;
        await world.Client.QuarantineDeviceToAsync("pump-17", new QuarantineRequest { Degree = degree, Application = application });
        var reach = await world.Client.ReachOfAsync("device:pump-17");
        reach.Notes.ShouldBe([note]);
        reach.Items.Count.ShouldBe(rows);
        await world.Client.ReleaseDeviceAsync("pump-17", null);
        await world.Client.QuarantineSiteToAsync("hq", new QuarantineRequest { Degree = degree, Application = application });
        (await world.Client.WhoCanReachAsync("historian")).Notes[0].ShouldBe(degree switch
        {
            "dark" => "site hq, which carries it, is not active: nobody reaches it.",
            "throttled" => "site hq, which carries it, is offline: nothing arrives until it connects.",
            _ => $"site hq, which carries it, is quarantined ({degree}): nobody reaches it.",
        });
    }

    [Fact]
    public async Task An_application_inside_a_wider_one_is_told_apart()
    {
        await using var world = await WorldAsync();
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "all", Site = "hq", Target = "192.168.50.0/24", Services = ["tcp/1-65535"] });
        await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-17", To = "application:all" });
        await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-17", To = "application:historian", Effect = "deny" });
        var rows = (await world.Client.ReachOfAsync("device:pump-17")).Items;
        rows.Select(row => $"{string.Join(' ', row.Destinations)} without {string.Join(' ', row.Except)}: {string.Join(' ', row.Services)}").ShouldBe(
            ["192.168.50.10 without : tcp/1-8882 tcp/8884-65535", "192.168.50.0/24 without 192.168.50.10: tcp/1-65535"], ignoreOrder: true);
        // Asked of the narrower one: nothing of it is reached by the wider.
        (await world.Client.WhoCanReachAsync("historian")).Items.ShouldBeEmpty();
    }

    [Fact]
    public async Task Who_is_of_another_network_reaches_it_where_it_appears_there()
    {
        await using var world = await WorldAsync();
        await world.Client.AddNetworkAsync(new Api.Networks.NetworkCreate { Name = "plant-b", Prefixes = ["10.20.0.0/16"] });
        await world.Client.AddDeviceAsync(new DeviceCreate { Name = "panel", Network = "plant-b", Groups = ["panels"], Profile = new() });
        var rule = await world.Client.AddRuleAsync(new RuleCreate { From = "group:panels", FromNetwork = "plant-b", To = "application:historian" });
        var row = (await world.Client.WhoCanReachAsync("historian")).Items.ShouldHaveSingleItem();
        (row.From, row.Network, row.Application, row.ApplicationNetwork, row.RuleId).ShouldBe(("device:panel", "plant-b", "historian", "plant-a", rule.Id));
        var there = row.Destinations.ShouldHaveSingleItem();
        there.ShouldNotBe("192.168.50.10");
        (await world.Client.ExplainAsync("device:panel", there, "tcp", 8883)).RuleId.ShouldBe(rule.Id);
        (await world.Client.ReachOfAsync("device:panel")).Items.ShouldHaveSingleItem().Destinations.ShouldBe([there]);
        (await world.Client.ListAccessAsync("plant-a")).Items.ShouldBeEmpty();
        (await world.Client.ListAccessAsync("plant-b")).Items.Count.ShouldBe(1);
    }

    [Fact]
    public async Task The_report_is_paged_by_whole_identities_and_says_what_each_one_is_asked()
    {
        await using var world = await WorldAsync();
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "web", Site = "hq", Target = "192.168.50.11", Services = ["tcp/443"] });
        await world.Client.AddRuleAsync(new RuleCreate { From = "label:model=P200", To = "application:historian" });
        await world.Client.AddRuleAsync(new RuleCreate { From = "label:model=P200", To = "application:web" });
        var rows = new List<ReachInfo>();
        string? cursor = null;
        var pages = 0;
        do
        {
            var page = await world.Client.ListAccessAsync("plant-a", limit: 1, cursor: cursor);
            page.Items.Count.ShouldBeOneOf(0, 2);
            rows.AddRange(page.Items);
            cursor = page.Next;
            pages++;
        }
        while (cursor is not null);

        pages.ShouldBe(3);
        rows.Count.ShouldBe(6);
        foreach (var device in (string[])["pump-17", "pump-18", "pump-19"])
        {
            var own = (await world.Client.ReachOfAsync($"device:{device}")).Items;
            own.Select(row => (row.Application, row.RuleId)).ShouldBe(rows.Where(row => row.From == $"device:{device}").Select(row => (row.Application, row.RuleId)));
        }

        foreach (var application in (string[])["historian", "web"])
        {
            var who = (await world.Client.WhoCanReachAsync(application)).Items;
            who.Select(row => row.From).ShouldBe(rows.Where(row => row.Application == application).Select(row => row.From));
        }

        using var file = new MemoryStream();
        await world.Client.ExportAccessAsync(file, "plant-a");
        var lines = System.Text.Encoding.UTF8.GetString(file.ToArray()).Split("\r\n");
        lines.Length.ShouldBe(8, "a heading, six rows, and the end of the last");
        lines[0].ShouldStartWith("network,from,application,application_network,services");
        lines[1].ShouldBe("plant-a,device:pump-17,historian,plant-a,\"tcp/8883 udp/5000-5010\",192.168.50.10,,1,\"label:model=P200 to application:historian\",,yes,,,");
    }

    [Theory]
    [InlineData("=1+1", "\"'=1+1\"")]
    [InlineData("+44", "\"'+44\"")]
    [InlineData("-2", "\"'-2\"")]
    [InlineData("@SUM(A1)", "\"'@SUM(A1)\"")]
    [InlineData("\t=1", "\"'\t=1\"")]
    [InlineData("  =1", "\"'  =1\"")]
    [InlineData("\r=1", "\"'\r=1\"")]
    [InlineData("＝1", "\"'＝1\"")]
    [InlineData("a,b", "\"a,b\"")]
    [InlineData("a\"b", "\"a\"\"b\"")]
    [InlineData("=\"a\"", "\"'=\"\"a\"\"\"")]
    [InlineData("a=b", "a=b")]
    public void No_cell_is_a_formula(string cell, string written) => CsvText.Line("x", cell).ShouldBe($"x,{written}\r\n");

    [Fact]
    public async Task Bad_questions_are_named_with_their_repair()
    {
        await using var world = await WorldAsync();
        (await FieldOf(() => world.Client.WhoCanReachAsync("application:historain"))).ShouldBe(("to", "did you mean historian?"));
        (await FieldOf(() => world.Client.WhoCanReachAsync("historian", service: "tcp"))).Field.ShouldBe("services[0]");
        (await FieldOf(() => world.Client.ReachOfAsync("pump-17"))).ShouldBe(("from", "did you mean device:pump-17?"));
        (await FieldOf(() => world.Client.ListAccessAsync("plant-x"))).Field.ShouldBe("network");
        (await FieldOf(() => world.Client.ListAccessAsync(at: new DateTimeOffset(9999, 1, 1, 0, 0, 0, TimeSpan.Zero)))).Field.ShouldBe("at");

        static async Task<(string Field, string Hint)> FieldOf(Func<Task> ask)
        {
            var error = (await ControlWorld.ProblemOf(ask)).Errors.ShouldHaveSingleItem();
            return (error.Field, error.Hint);
        }
    }

    private static async Task<ControlWorld> WorldAsync(TimeProvider? time = null)
    {
        var world = await ControlWorld.StartAsync(time: time);
        await world.PlantAsync();
        await world.HqAsync(profile: true);
        foreach (var name in (string[])["pump-17", "pump-18", "pump-19"])
        {
            await world.Client.AddDeviceAsync(new DeviceCreate
            {
                Name = name,
                Network = "plant-a",
                Labels = new Dictionary<string, string> { ["model"] = "P200" },
                Profile = new(),
            });
        }

        await world.Client.AddApplicationAsync(
            new ApplicationCreate { Name = "historian", Site = "hq", Target = "192.168.50.10", Services = ["tcp/8883", "udp/5000-5010"] });
        return world;
    }
}
