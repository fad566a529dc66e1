using System.Text.Json.Nodes;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Peers;

namespace Sallyport.EndToEnd.Policy;

/// <summary>The command line tool, a running installation, and a file that says who may reach what.</summary>
public sealed class FleetFileTests(PolicyFixture fleet) : IClassFixture<PolicyFixture>
{
    private const string Network =
        """
        networks:
          plant: {}

        """;

    private const string Allowing = Network +
        """
        rules:
          - { from: "device:worker", to: "application:historian-plant" }
        tests:
          - { from: "device:worker", to: "application:historian-plant", must: reach }

        """;

    [NetworkFact]
    public async Task A_file_opens_a_way_and_the_next_one_cuts_what_is_live_on_it()
    {
        var created = await fleet.AddDevice("worker", "plant");
        var host = fleet.NewHost("worker");
        using var client = new OpenVpnProcess(host, created.Profile!.Text);
        await fleet.Connected(client);
        (await Dial.Tcp(host, Topology.Application, Fleet.TestApplication.Port)).DeniedAtOnce.ShouldBeTrue();

        Write(Allowing);
        var plan = fleet.Installation.Cli("plan", "-f", "fleet.yaml", "--exit-code");
        plan.ExitCode.ShouldBe(7, plan.All);
        plan.Output.ShouldContain("+ rule device:worker to application:historian-plant.plant  (line 4)\n");
        plan.Output.ShouldContain("plan: 1 to add, 1 as they are; 1 test passed; version ");
        (await Dial.Tcp(host, Topology.Application, Fleet.TestApplication.Port)).DeniedAtOnce.ShouldBeTrue("a plan changes nothing");

        fleet.Installation.Say("apply", "-f", "fleet.yaml").ShouldContain("applied: 1 added, 1 as they are; 1 test passed");
        await using var stream = await TcpStream.Open(host, Topology.Application, Fleet.TestApplication.Port);
        await stream.Progress(5_000);
        var again = fleet.Installation.Cli("policy", "plan", "-f", "fleet.yaml", "--exit-code");
        again.ExitCode.ShouldBe(0, again.All);
        again.Output.ShouldStartWith("nothing to change");

        Write(Network + "rules: []\nprune: true\ntests:\n  - { from: \"device:worker\", to: \"application:historian-plant\", must: not reach }\n");
        var cut = JsonNode.Parse(fleet.Installation.Say("apply", "-f", "fleet.yaml", "-o", "json"))!;
        cut["changes"]![0]!["subject"]!.GetValue<string>().ShouldBe("rule:device:worker to application:historian-plant.plant");
        cut["cut"]!["flowsCut"]!.GetValue<int>().ShouldBe(1);
        await Eventually.True(() => stream.Fault is not null, "the connection is reset");
        fleet.Installation.Say("audit", "list", "--action", "fleet.apply").ShouldContain("fleet file applied: 1 removed; 1 test passed");
    }

    [NetworkFact]
    public void A_file_whose_test_fails_is_refused_with_its_line_and_nothing_is_made()
    {
        Write(Network + "devices:\n  never: {}\nrules:\n  - { from: \"device:never\", to: \"application:historian-plant\" }\ntests:\n  - { from: \"device:never\", to: \"application:historian-plant\", must: not reach }\n");
        var refused = fleet.Installation.Cli("apply", "-f", "fleet.yaml");
        refused.ExitCode.ShouldBe(1, refused.All);
        refused.Errors.ShouldContain("error: device:never must not reach application:historian-plant, but does: ");
        refused.Errors.ShouldContain("The rule in line 6 allows it: device:never to application:historian-plant.");
        refused.Errors.ShouldContain("  where: fleet.yaml:8:5 (tests[0])\n");
        fleet.Installation.Cli("device", "show", "never").ExitCode.ShouldBe(5);

        Write("rulez: []\nnetworks:\n  plant: { prefixes: 10.20.0.0 }\n");
        var broken = fleet.Installation.Cli("plan", "-f", "fleet.yaml");
        broken.ExitCode.ShouldBe(1, broken.All);
        broken.Errors.ShouldContain("  where: fleet.yaml:1:1 (rulez)\n  fix:   did you mean rules?\n");
        broken.Errors.ShouldContain("  where: fleet.yaml:3:22 (networks.plant.prefixes[0])\n");
    }

    [NetworkFact]
    public void An_export_plans_no_change_and_may_come_from_standard_input()
    {
        fleet.Installation.Say("export", "--network", "plant", "--to", "exported.yaml", "--force");
        var text = File.ReadAllText(Path.Combine(fleet.Installation.WorkFolder, "exported.yaml"));
        text.ShouldContain("hq-plant: { network: plant, subnets: ");
        text.ShouldNotContain("PRIVATE KEY");
        var plan = Shell.TryRunWith(Programs.PathOf("sallyport"), ["plan", "-f", "-", "--prune", "--exit-code"], fleet.Installation.Environment, text, fleet.Installation.WorkFolder);
        plan.ExitCode.ShouldBe(0, plan.All);
        plan.Output.ShouldStartWith("nothing to change");
        fleet.Installation.Say("export", "--network", "plant").ShouldBe(text);
    }

    private void Write(string text) => File.WriteAllText(Path.Combine(fleet.Installation.WorkFolder, "fleet.yaml"), text);
}
