using System.Text;
using System.Text.Json.Nodes;
using Sallyport.Cli;

namespace Sallyport.Apps.Tests.Cli.Policy;

/// <summary>What is asked for a usage description, and how the plan reads.</summary>
[Collection("console")]
public sealed class MudCommandTests : IAsyncLifetime
{
    private const string Plan =
        """
        {"subject":"label:model=DC-40","network":"plant-a","members":2,"mudUrl":"https://mud.doors.example/dc-40.json","lastUpdate":"2026-10-12T06:00:00Z","cacheHours":72,"isSupported":true,
        "systemInfo":"Door controller","manufacturer":"Doors Example","model":"DC-40","signedBy":"CN=Doors Example MUD","entries":5,
        "applications":[{"name":"dc-40-tcp-443","network":"internet","host":"internet","names":["events.doors.example"],"services":["tcp/443"],"groups":[],"state":"new","entries":["cloud (line 31)"]},
        {"name":"dc-40-own-door-1-tcp-443","network":"plant-a","device":"door-1.plant-a","target":"10.20.0.21","names":[],"services":["tcp/443"],"groups":["dc-40-own-tcp-443"],"state":"new","entries":["page (line 102)"]},
        {"name":"dc-40-own-door-2-tcp-443","network":"plant-a","device":"door-2.plant-a","target":"10.20.0.22","names":[],"services":["tcp/443"],"groups":["dc-40-own-tcp-443"],"state":"new","entries":["page (line 102)"]}],
        "rules":[{"from":"label:model=DC-40","fromNetwork":"plant-a","to":"application:dc-40-tcp-443.internet","deny":false,"entries":["cloud (line 31)"]},
        {"from":"label:model=DC-40","to":"application:panel.plant-a","deny":false,"existing":4,"entries":["panel (line 54)"]},
        {"from":"site:hq.plant-a","to":"application-group:dc-40-own-tcp-443.plant-a","deny":true,"entries":["page (line 102)"]}],
        "findings":[{"kind":"decide","entry":"time","line":49,"why":"who is controller urn:ietf:params:mud:ntp, whom the device asks for udp/123?","hint":"say it with controller=urn:ietf:params:mud:ntp=application:NAME"},
        {"kind":"cannot","entry":"mdns","line":70,"why":"224.0.0.251/32 is a group"},{"kind":"cannot","entry":"ssdp","line":80,"why":"224.0.0.251/32 is a group"},
        {"kind":"answers","entry":"cloud-back","line":90,"why":"answers to what cloud (line 31) opens"},{"kind":"answers","entry":"panel-back","line":91,"why":"answers to what panel (line 54) opens"}],
        "commands":["sallyport application add dc-40-tcp-443 --egress --name events.doors.example --tcp 443"],
        "fleetFile":"# Door controller\napplications:\n  # cloud (line 31)\n  dc-40-tcp-443:\n    host: internet\n"}
        """;

    private CannedServer server = null!;
    private string file = "";

    public async Task InitializeAsync()
    {
        server = await CannedServer.StartAsync();
        file = Path.Combine(server.Directory, "door.json");
        await File.WriteAllTextAsync(file, "{}");
    }

    public async Task DisposeAsync() => await server.DisposeAsync();

    [Fact]
    public async Task The_plan_is_a_table_with_what_is_to_decide_below_it()
    {
        server.Says("POST /api/v1/policy/mud", Plan);
        var (code, output, remarks) = await server.RunAsync("policy", "mud", file, "--for", "label:model=DC-40");
        code.ShouldBe(ExitCodes.Ok, remarks);
        output.ShouldStartWith("label:model=DC-40 of network plant-a (2 devices), by https://mud.doors.example/dc-40.json\ndevice:     Door controller, Doors Example, DC-40\n");
        output.ShouldContain("signed by:  CN=Doors Example MUD\n");
        output.ShouldMatch(@"new +label:model=DC-40 +application:dc-40-tcp-443\.internet +new +events\.doors\.example +tcp/443 +1\n");
        output.ShouldMatch(@"4 +label:model=DC-40 +application:panel\.plant-a +there");
        output.ShouldMatch(@"new +site:hq\.plant-a +NOT application-group:dc-40-own-tcp-443\.plant-a +new +10\.20\.0\.21, 10\.20\.0\.22 +tcp/443");
        output.ShouldContain("  to decide: time (line 49): who is controller urn:ietf:params:mud:ntp, whom the device asks for udp/123?\n      say it with --controller urn:ietf:params:mud:ntp=application:NAME\n");
        output.ShouldContain("  not in it: mdns (line 70), ssdp (line 80): 224.0.0.251/32 is a group\n");
        output.ShouldEndWith("  no rule needed: 2 entries let answers back, which pass by themselves\n");
        remarks.ShouldStartWith("with -o yaml it is a part of a fleet file");
    }

    [Fact]
    public async Task A_file_for_the_plan_is_there_whole_or_not_at_all()
    {
        var to = Path.Combine(server.Directory, "door.yaml");
        server.Says("POST /api/v1/policy/mud", """{"status":422,"title":"One thing is wrong with the input.","errors":[{"field":"for","message":"nobody is named","hint":"say who"}]}""", 422);
        (await server.RunAsync("policy", "mud", file, "--for", "group:doors", "-o", "yaml", "--to", to)).Code.ShouldBe(ExitCodes.Refused);
        File.Exists(to).ShouldBeFalse();
        server.Says("POST /api/v1/policy/mud", Plan);
        var (code, output, remarks) = await server.RunAsync("policy", "mud", file, "--for", "group:doors", "-o", "yaml", "--to", to);
        (code, output, remarks).ShouldBe((0, "", $"written to {to}\n"));
        (await File.ReadAllTextAsync(to)).ShouldStartWith("# Door controller\n");
        (await server.RunAsync("policy", "mud", file, "--for", "group:doors", "-o", "yaml", "--to", to)).Remarks.ShouldContain("exists already");
        (await server.RunAsync("policy", "mud", file, "--for", "group:doors", "-o", "yaml", "--to", to, "--force")).Code.ShouldBe(ExitCodes.Ok);
    }

    [Fact]
    public async Task It_is_a_part_of_a_fleet_file_commands_or_JSON_as_well()
    {
        server.Says("POST /api/v1/policy/mud", Plan);
        (await server.RunAsync("policy", "mud", file, "--for", "label:model=DC-40", "-o", "yaml")).Output.ShouldBe("# Door controller\napplications:\n  # cloud (line 31)\n  dc-40-tcp-443:\n    host: internet\n");
        (await server.RunAsync("policy", "mud", file, "--for", "label:model=DC-40", "--commands")).Output.ShouldBe("sallyport application add dc-40-tcp-443 --egress --name events.doors.example --tcp 443\n");
        JsonNode.Parse((await server.RunAsync("policy", "mud", file, "--for", "label:model=DC-40", "-o", "json")).Output)!["findings"]!.AsArray().Count.ShouldBe(5);
    }

    [Fact]
    public async Task What_is_asked_has_the_bytes_of_the_files_and_whom_the_operator_means()
    {
        server.Says("POST /api/v1/policy/mud", Plan);
        var (signature, ca) = (Path.Combine(server.Directory, "door.p7s"), Path.Combine(server.Directory, "maker.pem"));
        await File.WriteAllBytesAsync(signature, [0x30, 0x00]);
        await File.WriteAllTextAsync(ca, "-----BEGIN CERTIFICATE-----\n");
        await server.RunAsync(
            "policy", "mud", file, "--for", "group:doors", "--network", "plant-a", "--name", "door", "--controller", "urn:a=application:a", "--controller", "urn:b=device:b", "--my-controller", "application:panel",
            "--local-networks", "site:hq", "--same-manufacturer", "label:maker=doors", "--manufacturer-label", "maker", "--signature", signature, "--signer-ca", ca);
        var asked = JsonNode.Parse(server.Asked.ShouldHaveSingleItem()["POST /api/v1/policy/mud ".Length..])!;
        Convert.FromBase64String((string)asked["file"]!).ShouldBe(Encoding.UTF8.GetBytes("{}"));
        Convert.FromBase64String((string)asked["signature"]!).ShouldBe([0x30, 0x00]);
        asked["signerCa"]!.ToString().ShouldStartWith("-----BEGIN");
        asked["for"]!.ToString().ShouldBe("group:doors");
        asked["controller"]!.AsArray().Select(one => one!.ToString()).ShouldBe(["urn:a=application:a", "urn:b=device:b"]);
        (asked["myController"]![0]!.ToString(), asked["localNetworks"]![0]!.ToString(), asked["sameManufacturer"]![0]!.ToString()).ShouldBe(("application:panel", "site:hq", "label:maker=doors"));
        (asked["network"]!.ToString(), asked["name"]!.ToString(), asked["manufacturerLabel"]!.ToString()).ShouldBe(("plant-a", "door", "maker"));
    }

    [Fact]
    public async Task A_mistake_in_the_file_is_told_with_its_line_and_one_of_the_operator_with_its_flag()
    {
        server.Says("POST /api/v1/policy/mud", """
            {"type":"urn:sallyport:problem:invalid","title":"One thing is wrong with the input.","status":422,"errors":[{"field":"ietf-mud:mud.mud-url","message":"mud-url is missing","hint":"name it","line":3,"column":5}]}
            """, 422);
        (await server.RunAsync("policy", "mud", file, "--for", "group:doors")).ShouldBe(
            (ExitCodes.Refused, "", $"error: mud-url is missing\n  where: {file}:3:5 (ietf-mud:mud.mud-url)\n  fix:   name it\n"));
        server.Says("POST /api/v1/policy/mud", """
            {"type":"urn:sallyport:problem:invalid","title":"One thing is wrong with the input.","status":422,"errors":[{"field":"myController[0]","message":"it does not say who","hint":"say it"}]}
            """, 422);
        (await server.RunAsync("policy", "mud", file, "--for", "group:doors")).Remarks.ShouldBe("error: it does not say who\n  where: --my-controller (myController[0])\n  fix:   say it\n");
        var (code, _, remarks) = await server.RunAsync("policy", "mud", file + ".not", "--for", "group:doors");
        (code, remarks).ShouldBe((ExitCodes.Refused, $"error: {file}.not cannot be used: there is no such file or directory\n  where: FILE\n  fix:   Name a file in a directory that exists, and that you may use.\n"));
        (await server.RunAsync("policy", "mud", file)).Code.ShouldBe(ExitCodes.Usage);
    }
}
