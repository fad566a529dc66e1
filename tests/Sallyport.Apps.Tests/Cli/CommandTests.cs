using System.Text.Json.Nodes;
using Sallyport.Cli;

namespace Sallyport.Apps.Tests.Cli;

/// <summary>What commands send, print and return.</summary>
[Collection("console")]
public sealed class CommandTests : IAsyncLifetime
{
    private const string Tunnel = """
        {"gateway":"local","tunnelId":7,"identityKind":"device","identity":"pump-17","network":"plant-a","state":"up","protocol":"openvpn/udp",
        "outerAddress":"203.0.113.9:50000","cipher":"AES-256-GCM","tls":"TLSv1.3","wrapping":"tls-crypt-v2","clientVersion":"2.6.14\u001b[31m",
        "clientPlatform":"linux","since":"2026-11-20T10:00:00Z","lastSeen":"2026-11-20T10:01:00Z","bytesIn":2048,"bytesOut":100,"packetsIn":3,
        "packetsOut":2,"renegotiations":0,"sas":[]}
        """;

    private const string Device = $$"""
        {"id":2,"name":"pump-17","network":"plant-a","state":"active","stateSince":"2026-11-20T09:00:00Z","addresses":["10.20.0.2"],
        "labels":{"model":"P200"},"groups":["pumps"],"locks":[],"posture":[],"presence":"online","tunnel":{{Tunnel}},"createdAt":"2026-11-20T09:00:00Z","revision":4}
        """;

    private const string Profile = """
        {"protocol":"openvpn","files":[],"keys":[],"fileName":"pump-17.ovpn","text":"client\nkey\n","credentialIds":[5],"fingerprint":"ab","revoked":[]}
        """;

    private CannedServer server = null!;

    public async Task InitializeAsync() => server = await CannedServer.StartAsync();

    public async Task DisposeAsync() => await server.DisposeAsync();

    [Fact]
    public async Task A_list_is_a_line_for_each_with_nothing_that_commands_the_terminal()
    {
        server.Says("GET /api/v1/devices", $$"""{"items":[{{Device}}]}""");

        var (code, output, remarks) = await server.RunAsync("device", "list");

        code.ShouldBe(ExitCodes.Ok, remarks);
        var lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        lines.Length.ShouldBe(2);
        lines[0].ShouldContain("NAME     NETWORK  STATE   ONLINE");
        foreach (var part in (string[])["pump-17", "online", "10.20.0.2", "203.0.113.9:50000", "openvpn/udp", "AES-256-GCM", "2026-11-20 10:00:00Z", "2.0 kB", "2.6.14?[31m"])
        {
            lines[1].ShouldContain(part);
        }
    }

    [Fact]
    public async Task Lists_follow_their_cursors_to_the_end()
    {
        server.Says("GET /api/v1/devices", $$"""{"items":[{{Device}}]}""");
        (await server.RunAsync("device", "list", "--network", "plant-a", "--label", "model=P200")).Code.ShouldBe(0);
        server.Asked.ShouldHaveSingleItem().ShouldBe("GET /api/v1/devices?network=plant-a&label=model%3DP200&limit=200");
    }

    [Fact]
    public async Task An_empty_list_is_nothing_on_standard_output_and_says_how_to_begin()
    {
        server.Says("GET /api/v1/networks", """{"items":[]}""");
        var (code, output, remarks) = await server.RunAsync("network", "list");
        (code, output).ShouldBe((0, ""));
        remarks.ShouldContain("network add");
        (await server.RunAsync("network", "list", "-o", "json")).Output.Trim().ShouldBe("[]");
    }

    [Fact]
    public async Task A_device_is_added_with_its_profile_in_a_private_file()
    {
        server.Says("POST /api/v1/devices", $$"""{"device":{{Device}},"profile":{{Profile}}}""");
        var file = Path.Combine(server.Directory, "pump-17.ovpn");

        var (code, output, remarks) = await server.RunAsync("device", "add", "pump-17", "--network", "plant-a", "--label", "model=P200", "--profile", file);

        code.ShouldBe(ExitCodes.Ok, remarks);
        output.ShouldBe("device pump-17 added to plant-a: 10.20.0.2\n");
        File.ReadAllText(file).ShouldBe("client\nkey\n");
        var asked = JsonNode.Parse(server.Asked.ShouldHaveSingleItem()["POST /api/v1/devices ".Length..])!;
        asked["labels"]!["model"]!.GetValue<string>().ShouldBe("P200");
        asked["profile"].ShouldNotBeNull();
    }

    [Fact]
    public async Task A_profile_never_ends_in_JSON()
    {
        server.Says("POST /api/v1/devices", $$"""{"device":{{Device}},"profile":{{Profile}}}""");
        var file = Path.Combine(server.Directory, "pump-17.ovpn");

        var (_, output, _) = await server.RunAsync("device", "add", "pump-17", "--network", "plant-a", "--profile", file, "-o", "json");

        output.ShouldNotContain("key");
        JsonNode.Parse(output)!["profile"]!["file"]!.GetValue<string>().ShouldBe(file);
    }

    [Fact]
    public async Task A_profile_that_exists_keeps_the_request_from_being_sent()
    {
        var file = Path.Combine(server.Directory, "pump-17.ovpn");
        await File.WriteAllTextAsync(file, "old");

        var (code, _, remarks) = await server.RunAsync("device", "add", "pump-17", "--network", "plant-a", "--profile", file);

        code.ShouldBe(ExitCodes.Refused);
        remarks.ShouldContain("--force");
        server.Asked.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_refusal_is_what_where_and_how_to_fix_for_every_field()
    {
        server.Says(
            "POST /api/v1/networks",
            """
            {"status":422,"title":"Invalid","detail":"two things","errors":[
            {"field":"name","message":"there is a network plant-a already","hint":"Choose another name."},
            {"field":"prefixes[0]","message":"10.20.0.0/33 is no prefix","hint":"Write 10.20.0.0/16."}]}
            """,
            422);

        var (code, output, remarks) = await server.RunAsync("network", "add", "plant-a", "--prefix", "10.20.0.0/33");

        (code, output).ShouldBe((ExitCodes.Refused, ""));
        remarks.ShouldBe("""
            error: there is a network plant-a already
              where: NAME
              fix:   Choose another name.
            error: 10.20.0.0/33 is no prefix
              where: --prefix (prefixes[0])
              fix:   Write 10.20.0.0/16.

            """);
    }

    [Fact]
    public async Task What_is_said_of_names_is_sent_and_nothing_where_nothing_is_said()
    {
        async Task<JsonNode?> Dns(params string[] flags)
        {
            server.Asked.Clear();
            await server.RunAsync(["network", "update", "plant-a", .. flags]);
            return JsonNode.Parse(server.Asked.ShouldHaveSingleItem()["PATCH /api/v1/networks/plant-a ".Length..])!["dns"];
        }

        (await Dns("--minimum-tls", "1.3")).ShouldBeNull();
        (await Dns("--dns", "off"))!.ToJsonString().ShouldBe("""{"serve":false}""");
        (await Dns("--dns", "on", "--dns-forward", "corp.example=10.0.0.53,10.0.0.54", "--dns-forward", ".=9.9.9.9"))!.ToJsonString()
            .ShouldBe("""{"serve":true,"forward":["corp.example=10.0.0.53,10.0.0.54",".=9.9.9.9"]}""");
        (await Dns("--dns-forward", "none"))!.ToJsonString().ShouldBe("""{"forward":[]}""");

        server.Asked.Clear();
        var (code, _, remarks) = await server.RunAsync("network", "update", "plant-a", "--dns", "maybe");
        code.ShouldBe(ExitCodes.Usage);
        remarks.ShouldContain("--dns");
        server.Asked.ShouldBeEmpty();
    }

    [Fact]
    public async Task The_log_of_names_says_who_asked_for_what_and_what_came_of_it()
    {
        server.Says(
            "GET /api/v1/dns-queries",
            """
            {"items":[{"id":9,"gateway":"local","network":"plant-a","from":{"kind":"device","name":"pump-17","id":2},"name":"historian.plant-a.sallyport",
            "type":"A","code":"NOERROR","addresses":["192.168.50.10"],"firstAt":"2026-11-20T10:00:00Z","lastAt":"2026-11-20T10:00:01Z","count":3}]}
            """);
        var (code, output, remarks) = await server.RunAsync("dns", "log", "--device", "pump-17", "--limit", "5");
        code.ShouldBe(ExitCodes.Ok, remarks);
        server.Asked.ShouldHaveSingleItem().ShouldBe("GET /api/v1/dns-queries?device=pump-17&limit=5");
        var line = output.Split('\n')[1];
        foreach (var part in (string[])["2026-11-20 10:00:01Z", "device:pump-17", "historian.plant-a.sallyport", " A ", "NOERROR", "192.168.50.10", "3"])
        {
            line.ShouldContain(part);
        }
    }

    [Fact]
    public async Task What_is_not_there_has_an_exit_code_of_its_own() =>
        (await server.RunAsync("device", "show", "pump-71")).Code.ShouldBe(ExitCodes.NotFound);

    [Fact]
    public async Task A_wrong_token_is_told_apart_from_a_server_that_is_not_there()
    {
        var wrong = await server.RunAsync("device", "list", "--token", "wrong");
        wrong.Code.ShouldBe(ExitCodes.NotAuthorised);
        wrong.Remarks.ShouldStartWith("error: the token is not valid\n  where: --token\n  fix:   ");

        File.Move(Path.Combine(server.Directory, "api.sock"), Path.Combine(server.Directory, "elsewhere.sock"));
        (await server.RunAsync("device", "list")).Code.ShouldBe(ExitCodes.Unreachable);
    }

    [Theory]
    [InlineData("true", "3.21", "device pump-17 revoked: 3.2 ms to the last packet", ExitCodes.Ok)]
    [InlineData("true", "0", "device pump-17 revoked: no packet passed after the commit", ExitCodes.Ok)]
    [InlineData("true", "null", "device pump-17 revoked: nothing of it was live", ExitCodes.Ok)]
    [InlineData("false", "null", "device pump-17 revoked", ExitCodes.NotConfirmed)]
    public async Task A_revocation_prints_the_measured_time_and_says_when_nobody_confirmed_it(string enforced, string time, string line, int code)
    {
        server.Says(
            "POST /api/v1/devices/pump-17/revoke",
            $$"""
            {"kind":"device","name":"pump-17","state":"retired","committedAt":"2026-11-20T10:00:00Z","enforced":{{enforced}},
            "millisecondsToLastPacket":{{time}},"tunnelsCut":1,"flowsCut":2,"gateways":[],"summary":"."}
            """);

        var answer = await server.RunAsync("device", "revoke", "pump-17", "--reason", "stolen");

        answer.Code.ShouldBe(code, answer.Remarks);
        answer.Output.ShouldStartWith(line);
        server.Asked.ShouldHaveSingleItem().ShouldEndWith("""{"reason":"stolen"}""");
    }

    [Fact]
    public async Task Removing_a_site_says_how_many_others_connect_anew_for_it()
    {
        server.Says("DELETE /api/v1/sites/dc", Cut("site", "dc", "removed", "true", "null", 0, 0).Replace("\"gateways\"", "\"tunnelsReconnecting\":3,\"gateways\"", StringComparison.Ordinal));
        (await server.RunAsync("site", "remove", "dc")).Output.ShouldBe(
            "site dc removed: nothing of it was live\n  enforced after 5.0 ms\n"
            + "3 tunnels connect anew for other routes: each is silent for some seconds (who: sallyport event list --kind network.reroute)\n");
        (await server.RunAsync("site", "remove", "dc", "-o", "json")).Output.ShouldNotContain("connect anew");
    }

    [Fact]
    public async Task Removing_a_rule_prints_what_it_cut_and_the_measured_time()
    {
        server.Says("DELETE /api/v1/rules/4", Cut("rule", "4", "removed", "true", "3.21", 0, 2));
        (await server.RunAsync("rule", "remove", "4")).ShouldBe((ExitCodes.Ok, "rule 4 removed: 3.2 ms to the last packet\n  cut 2 flows; enforced after 5.0 ms\n", ""));

        server.Says("DELETE /api/v1/rules/4", Cut("rule", "4", "removed", "true", "null", 0, 0));
        (await server.RunAsync("rule", "remove", "4")).Output.ShouldStartWith("rule 4 removed: no flow had to be cut\n");

        server.Says("DELETE /api/v1/rules/4", Cut("rule", "4", "removed", "false", "null", 0, 0));
        (await server.RunAsync("rule", "remove", "4")).Code.ShouldBe(ExitCodes.NotConfirmed);
    }

    [Fact]
    public async Task A_change_prints_what_it_cut_on_the_way()
    {
        var after = Device.Replace("\"revision\":4}", $"\"revision\":5,\"cut\":{Cut("device", "pump-17", "changed", "true", "0", 0, 1)}}}", StringComparison.Ordinal);
        server.Says("GET /api/v1/devices/pump-17", Device).Says("PATCH /api/v1/devices/pump-17.plant-a", after);
        var (code, output, _) = await server.RunAsync("device", "update", "pump-17", "--remove-group", "pumps");
        code.ShouldBe(ExitCodes.Ok);
        output.ShouldEndWith("device pump-17 changed: no packet passed after the commit\n  cut 1 flow; enforced after 5.0 ms\n");

        server.Says("PATCH /api/v1/devices/pump-17.plant-a", Device);
        (await server.RunAsync("device", "update", "pump-17", "--remove-group", "pumps")).Output.ShouldNotContain("cut ");
    }

    [Fact]
    public async Task A_rule_with_hours_says_whether_they_have_come()
    {
        const string Waiting = "\"until\":\"2026-12-01T17:00:00Z\",\"windows\":[\"mon-fri 08:00-17:00 Europe/Vienna\"],\"state\":\"waiting\",\"nextChange\":\"2026-11-26T07:00:00Z\"";
        server.Says("POST /api/v1/rules", Rule("device:pump-17", 1).Replace("\"windows\":[],\"state\":\"in force\"", Waiting, StringComparison.Ordinal));
        (await server.RunAsync("rule", "add", "--from", "device:pump-17", "--to", "application:historian", "--hours", "mon-fri 08:00-17:00 Europe/Vienna")).Output
            .ShouldBe("rule 4 added: device:pump-17 may reach application:historian, until 2026-12-01 17:00:00Z; mon-fri 08:00-17:00 Europe/Vienna (now: waiting from 2026-11-26 07:00:00Z)\n");
        var (code, _, remarks) = await server.RunAsync("rule", "add", "--from", "device:pump-17", "--to", "application:historian", "--until", "tomorrow");
        code.ShouldBe(ExitCodes.Usage);
        remarks.ShouldContain("\"tomorrow\" is no time");
        (await server.RunAsync("rule", "update", "4")).Code.ShouldBe(ExitCodes.Usage);
    }

    [Fact]
    public async Task A_lock_prints_what_it_cut()
    {
        var made = $$"""{"id":3,"subject":"device:pump-17.plant-a","network":"plant-a","reason":"stolen?","until":"2026-12-01T17:00:00Z","subjects":1,"createdAt":"2026-11-20T10:00:00Z","createdBy":"administrator","cut":{{Cut("device", "pump-17", "locked", "true", "0", 1, 2)}}}""";
        server.Says("POST /api/v1/locks", made);
        var (code, output, _) = await server.RunAsync("lock", "add", "device:pump-17", "--for", "2h", "--reason", "stolen?");
        code.ShouldBe(ExitCodes.Ok);
        output.ShouldStartWith("lock 3 added: device:pump-17.plant-a, until 2026-12-01 17:00:00Z\n");
        output.ShouldContain("cut 1 tunnel and 2 flows");
    }

    [Fact]
    public async Task A_rule_for_nobody_says_so()
    {
        server.Says("POST /api/v1/rules", Rule("group:welders", 0));
        var (code, output, remarks) = await server.RunAsync("rule", "add", "--from", "group:welders", "--to", "application:historian");
        (code, output).ShouldBe((ExitCodes.Ok, "rule 4 added: group:welders may reach application:historian\n"));
        remarks.ShouldStartWith("nobody is in the group welders now");

        server.Says("POST /api/v1/rules", Rule("label:model=P200", 0));
        (await server.RunAsync("rule", "add", "--from", "label:model=P200", "--to", "application:historian")).Remarks
            .ShouldStartWith("nobody has the label model=P200 now");

        server.Says("POST /api/v1/rules", Rule("device:pump-17", 0));
        (await server.RunAsync("rule", "add", "--from", "device:pump-17", "--to", "application:historian")).Remarks
            .ShouldStartWith("device:pump-17 is retired (revoked for good): it allows nothing");

        server.Says("POST /api/v1/rules", Rule("group:welders", 3));
        (await server.RunAsync("rule", "add", "--from", "group:welders", "--to", "application:historian")).Remarks.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("devices", "device list --group x --presence online", "no devices match --group x, --presence online")]
    [InlineData("flows", "flow list --denied --limit 5", "no flows match --denied")]
    [InlineData("flows", "flow list --limit 5", "no flows yet")]
    [InlineData("events/list", "event list --kind tunnel.up", "no events match --kind tunnel.up")]
    [InlineData("rules", "rule list --network plant-b", "no rules match --network plant-b")]
    public async Task A_filter_without_a_match_does_not_say_that_nothing_exists(string path, string line, string remark)
    {
        server.Says($"GET /api/v1/{path}", """{"items":[]}""");
        var (code, output, remarks) = await server.RunAsync(line.Split(' '));
        (code, output, remarks.Trim()).ShouldBe((ExitCodes.Ok, "", remark));
    }

    [Theory]
    [InlineData("device add p --network plant-a --transport pigeon", "--transport")]
    [InlineData("site add s --network plant-a --subnet 10.1.0.0/24 --valid-days 0", "--valid-days")]
    public async Task What_a_profile_is_like_is_no_flag_without_a_profile(string line, string flag)
    {
        var (code, _, remarks) = await server.RunAsync(line.Split(' '));
        code.ShouldBe(ExitCodes.Usage);
        remarks.ShouldContain($"where: {flag}\n");
        server.Asked.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("flow list --limit 0", "--limit is 0")]
    [InlineData("event list --limit 0", "--limit is 0")]
    [InlineData("audit list --limit -3", "--limit is -3")]
    [InlineData("device list --timeout 0", "--timeout is 0")]
    [InlineData("flow list --denied --allowed", "--denied and --allowed exclude each other")]
    [InlineData("audit verify --fingerprint aabb", "\"aabb\" is no SHA-256")]
    [InlineData("application add a --site hq --tcp 0", "\"0\" is no port")]
    [InlineData("application add a --site hq --udp 90-80", "\"90-80\" is no port")]
    [InlineData("application add a --site hq --tcp 80-", "\"80-\" is no port")]
    public async Task What_can_be_seen_to_be_wrong_is_not_sent(string line, string what)
    {
        var (code, output, remarks) = await server.RunAsync(line.Split(' '));
        (code, output).ShouldBe((ExitCodes.Usage, ""));
        remarks.ShouldStartWith($"error: {what}\n  where: ");
        remarks.ShouldContain("\n  fix:   ");
        server.Asked.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_flag_that_names_what_does_not_exist_is_not_found_either()
    {
        server.Says(
            "POST /api/v1/rules",
            """
            {"type":"urn:sallyport:problem:unknown-name","status":422,"title":"Invalid","errors":[
            {"field":"from","message":"there is no device 'pump-71'","hint":"did you mean pump-17?"}]}
            """,
            422);
        (await server.RunAsync("rule", "add", "--from", "device:pump-71", "--to", "application:historian")).ShouldBe(
            (ExitCodes.NotFound, "", "error: there is no device 'pump-71'\n  where: --from\n  fix:   did you mean pump-17?\n"));
    }

    [Fact]
    public async Task An_error_names_the_argument_as_the_command_does()
    {
        server.Says(
            "POST /api/v1/keys/banana/rotate",
            """{"status":422,"title":"Invalid","errors":[{"field":"name","message":"'banana' is not a key we know","hint":"use one of master, tls-crypt-v2"}]}""",
            422);
        (await server.RunAsync("key", "rotate", "banana")).Remarks.ShouldContain("  where: KEY\n");
    }

    [Fact]
    public async Task Credentials_are_listed_by_their_key()
    {
        server.Says(
            "GET /api/v1/credentials",
            """
            {"items":[{"id":5,"ownerKind":"device","owner":"pump-17","network":"plant-a","kind":"certificate","protocol":"openvpn","uplink":1,"ppk":false,"wrapping":"tls-crypt-v2",
            "wrappingKey":1,"createdAt":"2026-11-20T09:00:00Z"}]}
            """);
        var (code, output, remarks) = await server.RunAsync("credential", "list", "--key", "1");
        code.ShouldBe(ExitCodes.Ok, remarks);
        output.ShouldContain("  KEY  ");
        output.ShouldContain("device:pump-17");
        server.Asked.ShouldHaveSingleItem().ShouldBe("GET /api/v1/credentials?key=1&limit=200");
    }

    [Fact]
    public async Task A_new_profile_says_what_becomes_of_the_client_with_the_old_one()
    {
        server.Says("POST /api/v1/devices/pump-17/profile", Profile.Replace("\"revoked\":[]", "\"revoked\":[4]", StringComparison.Ordinal));
        var file = Path.Combine(server.Directory, "pump-17.ovpn");
        (await server.RunAsync("device", "profile", "pump-17", "--profile", file)).Remarks
            .ShouldContain("1 credential before it revoked: a client that runs with the old profile is cut, and is back only with the new one");
    }

    [Theory]
    [InlineData("--tcp 80-90", "a range of ports")]
    [InlineData("--tcp 0", "no port")]
    [InlineData("--tcp 80 --udp 80", "one service at a time")]
    [InlineData("--tcp 80 --tcp 81", "given 2 times")]
    [InlineData("", "no service")]
    public async Task An_explanation_is_of_one_port(string flags, string what)
    {
        var line = $"policy explain --from device:pump-17 --to 192.168.50.10 {flags}".Trim();
        var (code, _, remarks) = await server.RunAsync(line.Split(' '));
        code.ShouldBe(ExitCodes.Usage);
        remarks.ShouldContain(what);
        server.Asked.ShouldBeEmpty();
    }

    [Fact]
    public async Task An_explanation_says_first_what_is_offline()
    {
        server.Says(
            "GET /api/v1/policy/explain",
            """
            {"allowed":true,"from":"device:pump-17","network":"plant-a","destination":"192.168.50.10","protocol":"tcp","port":8883,
            "fromPresence":"online","carrier":"site:hq","carrierPresence":"offline","application":"historian","ruleId":1,
            "rule":"device:pump-17 to application:historian","steps":["site:hq is offline: nothing passes until it connects."],"allowCommands":[]}
            """);
        (await server.RunAsync("policy", "explain", "--from", "device:pump-17", "--to", "192.168.50.10", "--tcp", "8883")).Output.ShouldBe(
            """
            ALLOWED device:pump-17 to tcp 192.168.50.10:8883 (historian): rule 1, device:pump-17 to application:historian; but site:hq is offline
              - site:hq is offline: nothing passes until it connects.

            """);
        await server.RunAsync("policy", "explain", "--from", "device:pump-17", "--to", "192.168.50.10", "--icmp");
        server.Asked.ShouldBe(
        [
            "GET /api/v1/policy/explain?from=device%3Apump-17&to=192.168.50.10&protocol=tcp&port=8883",
            "GET /api/v1/policy/explain?from=device%3Apump-17&to=192.168.50.10&protocol=icmp&port=0",
        ]);
    }

    [Fact]
    public async Task The_audit_trail_is_sentences_in_a_table_and_everything_in_JSON()
    {
        server.Says(
            "GET /api/v1/audit",
            """
            {"items":[{"sequence":7,"at":1795600000000000000,"actor":"administrator","action":"device.revoke","subject":"device:pump-17.plant-a",
            "detail":"{\"reason\":\"stolen\"}","previousHash":"00","hash":"01","summary":"device pump-17 revoked: stolen"}]}
            """);
        var table = (await server.RunAsync("audit", "list")).Output;
        table.ShouldContain("device pump-17 revoked: stolen");
        table.ShouldNotContain("{");
        (await server.RunAsync("audit", "list", "-o", "json")).Output.ShouldContain("\"detail\": \"{\\\"reason");
    }

    [Fact]
    public async Task A_tail_survives_a_restart_of_control_and_ends_when_it_is_refused()
    {
        server.Says("GET /api/v1/events", "data: {\"id\":1,\"at\":\"2026-11-20T10:00:00Z\",\"kind\":\"tunnel.up\",\"source\":\"local\",\"detail\":\"\"}\n\n");
        server.SaysLater("GET /api/v1/events", """{"status":401,"title":"Unauthorized","errors":[]}""", 401);
        var (code, output, remarks) = await server.RunAsync("event", "tail");
        code.ShouldBe(ExitCodes.NotAuthorised);
        output.ShouldBe("2026-11-20 10:00:00Z  tunnel.up  gateway local\n");
        remarks.ShouldStartWith("the connection to the API ended; trying again, Ctrl-C ends it\nerror: ");
        remarks.ShouldContain("--token");
    }

    [Fact]
    public async Task A_token_from_its_variable_is_used_and_never_shown()
    {
        Environment.SetEnvironmentVariable("SALLYPORT_TOKEN", "a-token-of-somebody");
        try
        {
            (await server.RunAsync("--help")).Output.ShouldNotContain("a-token-of-somebody");
            (await server.RunAsync("device", "list")).Code.ShouldBe(ExitCodes.NotAuthorised);
        }
        finally
        {
            Environment.SetEnvironmentVariable("SALLYPORT_TOKEN", null);
        }
    }

    [Fact]
    public async Task A_form_of_output_that_does_not_exist_is_named()
    {
        var (code, _, remarks) = await server.RunAsync("device", "list", "-o", "xml");
        code.ShouldBe(ExitCodes.Usage);
        remarks.ShouldBe("error: \"xml\" is no form of output\n  where: --output\n  fix:   Write table, json or yaml.\n");
    }

    [Fact]
    public async Task What_the_server_does_not_find_says_where_to_look()
    {
        server.Says("DELETE /api/v1/rules/99", """{"status":404,"title":"Not found","detail":"There is no rule 99.","errors":[]}""", 404);
        (await server.RunAsync("rule", "remove", "99")).Remarks.ShouldBe(
            "error: There is no rule 99.\n  where: ID\n  fix:   sallyport rule list shows what there is.\n");
    }

    private static string Cut(string kind, string name, string state, string enforced, string last, int tunnels, int flows) => $$"""
        {"kind":"{{kind}}","name":"{{name}}","state":"{{state}}","committedAt":"2026-11-20T10:00:00Z","enforced":{{enforced}},"millisecondsToEnforced":5,
        "millisecondsToLastPacket":{{last}},"tunnelsCut":{{tunnels}},"flowsCut":{{flows}},"gateways":[],"summary":"."}
        """;

    private static string Rule(string from, int subjects) => $$"""
        {"id":4,"from":"{{from}}","to":"application:historian","network":"plant-a","fromNetwork":"plant-a","conditions":{"states":[],"protocols":[],"ciphers":[],"sources":[],"countries":[],"posture":[],"text":""},"subjects":{{subjects}},"effect":"allow","windows":[],"state":"in force","createdAt":"2026-11-20T10:00:00Z","revision":1}
        """;

    [Fact]
    public async Task Labels_are_edited_one_by_one_on_the_revision_that_was_read()
    {
        server.Says("GET /api/v1/devices/pump-17", Device).Says("PATCH /api/v1/devices/pump-17.plant-a", Device);

        var (code, _, remarks) = await server.RunAsync("device", "update", "pump-17", "--label", "line=4", "--group", "north", "--remove-group", "pumps");

        code.ShouldBe(ExitCodes.Ok, remarks);
        server.Asked[1].ShouldBe("""PATCH /api/v1/devices/pump-17.plant-a {"labels":{"model":"P200","line":"4"},"groups":["north"]}""");
    }
}
