using Sallyport.Cli;

namespace Sallyport.Apps.Tests.Cli.Policy;

/// <summary>Questions that a policy answers: what is asked, and how the answer reads.</summary>
[Collection("console")]
public sealed class PolicyCommandTests : IAsyncLifetime
{
    private CannedServer server = null!;

    public async Task InitializeAsync() => server = await CannedServer.StartAsync();

    public async Task DisposeAsync() => await server.DisposeAsync();

    [Fact]
    public async Task Who_can_reach_tells_the_rule_and_from_when_and_until_when()
    {
        server.Says("GET /api/v1/policy/who-can-reach", Rows(Row("pump-17"), Row("pump-18", ""","closes":"2026-12-01T17:00:00Z" """), Row("pump-19", ""","opens":"2026-12-01T07:00:00Z","closes":"2026-12-01T17:00:00Z" """, now: false)));
        var (code, output, remarks) = await server.RunAsync("policy", "who-can-reach", "application:historian", "--service", "tcp/8883", "--at", "2026-12-01T06:00Z");
        code.ShouldBe(ExitCodes.Ok, remarks);
        var lines = output.Split('\n');
        lines[1].ShouldContain("device:pump-17");
        lines[1].ShouldContain("  yes  ");
        lines[1].ShouldContain("4: group:pumps to application:historian");
        lines[2].ShouldContain("until 2026-12-01 17:00:00Z");
        lines[3].ShouldContain("no; 2026-12-01 07:00:00Z to 2026-12-01 17:00:00Z");
        remarks.ShouldBe("site hq, which carries it, is offline: nothing arrives until it connects.\n");
        server.Asked.ShouldBe(["GET /api/v1/policy/who-can-reach?to=application%3Ahistorian&service=tcp%2F8883&at=2026-12-01T06%3A00%3A00.0000000Z&limit=1000"]);
    }

    [Fact]
    public async Task Nobody_is_nothing_on_standard_output()
    {
        server.Says("GET /api/v1/policy/reach", """{"items":[],"notes":["device pump-17 is quarantined: it reaches nothing."]}""");
        (await server.RunAsync("policy", "reach", "device:pump-17")).ShouldBe((ExitCodes.Ok, "", "nothing\ndevice pump-17 is quarantined: it reaches nothing.\n"));
    }

    [Fact]
    public async Task The_report_follows_its_pages_and_is_JSON_and_YAML_as_a_whole()
    {
        server.Says("GET /api/v1/policy/access", Rows(Row("pump-17"), Row("pump-18")));
        var json = (await server.RunAsync("policy", "access", "--network", "plant-a", "-o", "json")).Output;
        System.Text.Json.Nodes.JsonNode.Parse(json)!.AsArray().Count.ShouldBe(2);
        (await server.RunAsync("policy", "access", "-o", "yaml")).Output.ShouldStartWith("- from: \"device:pump-17\"\n");
        var (_, table, remarks) = await server.RunAsync("policy", "access", "--limit", "1");
        table.ShouldNotContain("pump-18");
        remarks.ShouldContain("there is more: --limit 10");
        server.Says("GET /api/v1/policy/access", """{"items":[],"notes":[]}""");
        (await server.RunAsync("policy", "access", "-o", "json")).Output.ShouldBe("[]\n");
    }

    [Fact]
    public async Task Only_reports_have_a_form_for_spreadsheets()
    {
        (await server.RunAsync("device", "list", "-o", "csv")).ShouldBe(
            (ExitCodes.Usage, "", "error: this command has no form for spreadsheets\n  where: --output\n  fix:   Write table, json or yaml; sallyport policy access has csv.\n"));
        server.Asked.ShouldBeEmpty();
        (await server.RunAsync("policy", "access", "-o", "csv")).Code.ShouldBe(ExitCodes.NotFound);
        server.Asked.ShouldBe(["GET /api/v1/policy/access/csv"]);
    }

    [Fact]
    public async Task A_replay_sends_its_draft_and_tells_what_would_change()
    {
        server.Says(
            "POST /api/v1/policy/replay",
            """
            {"since":"2026-11-19T00:00:00Z","flows":9,"stayAllowed":4,"stayDenied":1,"blocked":3,"blockedFrom":1,"allowed":0,"allowedFrom":0,"recordedOtherwise":2,
            "notJudged":[{"why":"who opened it or carried its destination is gone (device:pump-3)","flows":1}],
            "changes":[{"change":"blocked","from":"device:pump-17","network":"plant-a","to":"site:hq","destination":"192.168.50.10","service":"tcp/8883",
            "application":"historian","ruleId":4,"rule":"group:pumps to application:historian","reason":"no rule allows it","flows":3,"bytes":2048,
            "lastSeen":"2026-11-25T00:00:00Z"}],"changesLeftOut":0,"flowsLeftOut":0}
            """);
        var (code, output, remarks) = await server.RunAsync(
            "policy", "replay", "--days", "7", "--remove-rule", "4", "--add-rule", "device:pump-18 application:historian", "--deny-rule", "group:guests application:plc");
        code.ShouldBe(ExitCodes.Ok, remarks);
        output.ShouldStartWith("9 flows since 2026-11-19 00:00:00Z:\n");
        output.ShouldContain("3 flows of 1 sender");
        output.ShouldContain("2 flows: the policy has changed since");
        output.ShouldContain("not judged: 1 flow: who opened it or carried its destination is gone (device:pump-3)");
        output.ShouldContain("BLOCKED");
        output.ShouldContain("no rule allows it; today rule 4 allows it");
        server.Asked.ShouldBe(
        [
            """POST /api/v1/policy/replay {"days":7,"addRules":[{"from":"device:pump-18","to":"application:historian"},{"from":"group:guests","to":"application:plc","effect":"deny"}],"removeRules":[4]}""",
        ]);
    }

    [Theory]
    [InlineData("policy replay", "the draft is the policy of today")]
    [InlineData("policy replay --add-rule group:pumps", "\"group:pumps\" is no rule")]
    [InlineData("policy replay --remove-rule seven", "\"seven\" is no number of a rule")]
    [InlineData("policy replay --remove-rule 7 --days 0", "--days is 0")]
    [InlineData("policy learn", "nobody is named whose behaviour is to be learned")]
    [InlineData("policy learn --device pump-17 --group pumps", "one subject at a time")]
    [InlineData("policy who-can-reach historian --at tomorrow", "\"tomorrow\" is no time")]
    [InlineData("policy access --limit 0", "--limit is 0")]
    public async Task What_can_be_seen_to_be_wrong_is_not_sent(string line, string what)
    {
        var (code, output, remarks) = await server.RunAsync(line.Split(' '));
        (code, output).ShouldBe((ExitCodes.Usage, ""));
        remarks.ShouldStartWith($"error: {what}\n  where: ");
        remarks.ShouldContain("\n  fix:   ");
        server.Asked.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_learned_plan_is_a_list_commands_or_a_part_of_a_fleet_file()
    {
        server.Says(
            "GET /api/v1/policy/learn",
            """
            {"subject":"group:pumps","network":"plant-a","since":"2026-11-19T00:00:00Z","members":40,"membersSeen":38,"flows":900,
            "applications":[{"name":"hq-192-168-50-11-tcp-443","site":"hq","target":"192.168.50.11","services":["tcp/443"]}],
            "rules":[{"from":"group:pumps","to":"application:historian","existing":4,"services":["tcp/8883"],"temporary":[],"bypasses":[],"members":38,"flows":800,"denied":0,"lastSeen":"2026-11-25T00:00:00Z"},
            {"from":"group:pumps","to":"application:hq-192-168-50-11-tcp-443","services":["tcp/443"],"temporary":[],"bypasses":[6],"members":2,"flows":99,"denied":99,"lastSeen":"2026-11-25T00:00:00Z"}],
            "skipped":[{"what":"device:pump-9","why":"it was denied at more than 20 different services","flows":1}],
            "commands":["sallyport application add hq-192-168-50-11-tcp-443 --site hq --target 192.168.50.11 --tcp 443","sallyport rule add --from group:pumps --to application:hq-192-168-50-11-tcp-443"]}
            """);
        var list = (await server.RunAsync("policy", "learn", "--group", "pumps", "--days", "30", "--include-denied")).Output;
        list.ShouldStartWith("group:pumps of network plant-a: 38 of 40 members seen since 2026-11-19 00:00:00Z, 900 flows\n");
        list.ShouldContain("not in it: device:pump-9 (1 flow): it was denied at more than 20 different services");
        list.ShouldContain("new, 192.168.50.11");
        server.Asked.ShouldBe(["GET /api/v1/policy/learn?subject=group%3Apumps&days=30&denied=true"]);
        (await server.RunAsync("policy", "learn", "--group", "pumps", "--commands")).Output.ShouldBe(
            "sallyport application add hq-192-168-50-11-tcp-443 --site hq --target 192.168.50.11 --tcp 443\nsallyport rule add --from group:pumps --to application:hq-192-168-50-11-tcp-443\n");
        (await server.RunAsync("policy", "learn", "--group", "pumps", "-o", "yaml")).Output.ShouldBe(
            """
            applications:
              hq-192-168-50-11-tcp-443:
                site: hq
                target: "192.168.50.11"
                services:
                  - tcp/443
            rules:
              - from: "group:pumps"
                to: "application:hq-192-168-50-11-tcp-443"

            """);
    }

    [Fact]
    public async Task A_finding_comes_with_the_command_that_mends_it()
    {
        server.Says(
            "GET /api/v1/policy/lint",
            """
            {"since":"2026-10-26T00:00:00Z","observedSince":"2026-11-01T00:00:00Z","rules":3,"flows":12,"notes":["Flows are recorded for less than 7 days: what rules were not used for is not told."],
            "findings":[{"kind":"shadowed","ruleId":5,"what":"device:pump-17 to application:historian","network":"plant-a","why":"everybody it speaks of is allowed the same by rule 4","fix":"sallyport rule remove 5"}]}
            """);
        (await server.RunAsync("policy", "lint")).ShouldBe((
            ExitCodes.Ok,
            """
            SHADOWED  rule 5: device:pump-17 to application:historian
                everybody it speaks of is allowed the same by rule 4
                to mend it: sallyport rule remove 5
            1 finding on 3 rules, from 12 flows since 2026-11-01 00:00:00Z

            """,
            "Flows are recorded for less than 7 days: what rules were not used for is not told.\n"));
    }

    [Fact]
    public async Task An_explanation_names_the_nearest_rule_and_what_would_make_it_hold()
    {
        server.Says(
            "GET /api/v1/policy/explain",
            """
            {"allowed":false,"from":"device:pump-17","network":"plant-a","destination":"192.168.50.10","protocol":"tcp","port":8883,"fromPresence":"online",
            "carrier":"site:hq","carrierPresence":"online","application":"historian","reason":"NoRule",
            "nearest":{"ruleId":4,"rule":"group:pumps to application:historian","condition":"subject","why":"device pump-17 is not in the group pumps","fix":"sallyport device update pump-17 --group pumps"},
            "steps":["Nearest is rule 4 (group:pumps to application:historian): device pump-17 is not in the group pumps."],"allowCommands":["sallyport rule add"]}
            """);
        (await server.RunAsync("policy", "explain", "--from", "device:pump-17", "--to", "192.168.50.10", "--tcp", "8883")).Output.ShouldBe(
            """
            DENIED device:pump-17 to tcp 192.168.50.10:8883 (historian)
              - Nearest is rule 4 (group:pumps to application:historian): device pump-17 is not in the group pumps.
              by rule 4: sallyport device update pump-17 --group pumps
              to allow it:
                sallyport rule add

            """);
    }

    [Fact]
    public async Task A_flow_is_allowed_by_its_number_and_not_without_being_asked()
    {
        server.Says(
            "POST /api/v1/flows/12/allow",
            """
            {"rule":{"id":7,"from":"device:pump-17","to":"application:hq-web","network":"plant-a","fromNetwork":"plant-a","subjects":1,"effect":"allow","until":"2026-12-01T17:00:00Z","windows":[],
            "state":"in force","conditions":{"states":[],"protocols":[],"ciphers":[],"sources":[],"countries":[],"posture":[],"text":""},"createdAt":"2026-11-20T10:00:00Z","revision":1},
            "application":{"id":3,"name":"hq-web","network":"plant-a","ownerKind":"site","owner":"hq","groups":[],"management":false,"names":[],"target":"192.168.50.11","services":["tcp/443"],"appearsAt":[],"createdAt":"2026-11-20T10:00:00Z","revision":1}}
            """);
        (await server.RunAsync("flow", "allow", "12", "--for", "8h", "--yes")).ShouldBe((
            ExitCodes.Ok,
            "application hq-web added: 192.168.50.11 tcp/443 at site hq\nrule 7 added: device:pump-17 may reach application:hq-web, until 2026-12-01 17:00:00Z\n",
            ""));
        server.Asked.ShouldBe(["""POST /api/v1/flows/12/allow {"for":"8h"}"""]);

        server.Says(
            "GET /api/v1/flows/12",
            """
            {"id":12,"gateway":"local","network":"plant-a","from":{"kind":"device","name":"pump-17","id":2},"protocol":"tcp","source":"10.20.0.2","sourcePort":4000,
            "destination":"192.168.50.11","destinationPort":443,"verdict":"denied","state":"denied","reasonText":"no rule allows it","allowCommand":"sallyport rule add",
            "firstSeen":"2026-11-20T10:00:00Z","lastSeen":"2026-11-20T10:00:00Z","packetsOut":1,"bytesOut":60,"packetsBack":0,"bytesBack":0,"ended":false}
            """);
        var before = Console.In;
        Console.SetIn(new StringReader("n\n"));
        try
        {
            var (code, output, remarks) = await server.RunAsync("flow", "allow", "12");
            code.ShouldBeOneOf(ExitCodes.Usage, ExitCodes.Refused);
            output.ShouldBeEmpty();
            remarks.ShouldContain("DENIED tcp 192.168.50.11:443: no rule allows it");
            remarks.ShouldContain("  sallyport rule add\n");
        }
        finally
        {
            Console.SetIn(before);
        }

        server.Asked.Count(asked => asked.StartsWith("POST", StringComparison.Ordinal)).ShouldBe(1, "nobody said yes");
    }

    [Fact]
    public async Task A_flow_that_a_rule_denies_is_not_asked_about_but_refused_with_that_rule()
    {
        server.Says(
            "GET /api/v1/flows/99",
            """
            {"id":99,"gateway":"local","network":"plant-a","from":{"kind":"device","name":"pump-17","id":2},"protocol":"tcp","source":"10.20.0.2","sourcePort":4000,
            "destination":"192.168.50.11","destinationPort":443,"verdict":"denied","state":"denied","reason":"RuleDenies","reasonText":"a rule denies it","ruleId":224,"rule":"group:pumps to application:web",
            "firstSeen":"2026-11-20T10:00:00Z","lastSeen":"2026-11-20T10:00:00Z","packetsOut":1,"bytesOut":60,"packetsBack":0,"bytesBack":0,"ended":false}
            """);
        var (code, output, remarks) = await server.RunAsync("flow", "allow", "99");
        (code, output).ShouldBe((ExitCodes.Refused, ""));
        remarks.ShouldContain("no rule that could be added allows flow 99: a rule denies it (rule 224: group:pumps to application:web)");
        remarks.ShouldContain("sallyport rule show 224");
        remarks.ShouldNotContain("Do this?");
    }

    private static string Rows(params string[] rows) =>
        $$"""{"items":[{{string.Join(',', rows)}}],"notes":["site hq, which carries it, is offline: nothing arrives until it connects."]}""";

    private static string Row(string device, string time = "", bool now = true) => $$"""
        {"from":"device:{{device}}","network":"plant-a","application":"historian","applicationNetwork":"plant-a","services":["tcp/8883"],"names":[],"destinations":["192.168.50.10"],
        "except":[],"ruleId":4,"rule":"group:pumps to application:historian","now":{{(now ? "true" : "false")}}{{time}}}
        """;
}
