using Sallyport.Cli;

namespace Sallyport.Apps.Tests.Cli.Fleets;

/// <summary>What plan, apply and export send, print and return.</summary>
[Collection("console")]
public sealed class FleetCommandTests : IAsyncLifetime
{
    private const string Plan = """
        {"applied":false,"version":1764,"unchanged":2,"remarks":["device:pump-9.plant-a is not in the file and stays"],
        "changes":[{"action":"add","subject":"device:pump-17.plant-a","what":["labels: { model: P200 }"],"line":6},
        {"action":"change","subject":"application:historian.plant-a","what":["services: [tcp/1] → [tcp/2]"],"line":9},
        {"action":"remove","subject":"rule:group:old to application:historian.plant-a","what":[]}],
        "tests":[{"line":12,"test":"device:pump-17 must reach application:historian","passed":true,"why":"The rule in line 10 allows it."}]}
        """;

    private CannedServer server = null!;
    private string file = "";

    public async Task InitializeAsync()
    {
        server = await CannedServer.StartAsync();
        file = Path.Combine(server.Directory, "fleet.yaml");
        await File.WriteAllTextAsync(file, "networks: {}\n");
    }

    public async Task DisposeAsync() => await server.DisposeAsync();

    [Fact]
    public async Task A_plan_is_a_line_for_each_change_and_the_sum()
    {
        server.Says("POST /api/v1/fleet/plan", Plan);
        var (code, output, remarks) = await server.RunAsync("plan", "-f", file, "--prune");
        (code, remarks).ShouldBe((ExitCodes.Ok, ""));
        output.ShouldBe(
            """
            + device pump-17.plant-a  (line 6)
                labels: { model: P200 }
            ~ application historian.plant-a  (line 9)
                services: [tcp/1] → [tcp/2]
            - rule group:old to application:historian.plant-a
            ! device:pump-9.plant-a is not in the file and stays
            plan: 1 to add, 1 to change, 1 to remove, 2 as they are; 1 test passed; version 1764

            """);
        server.Asked.ShouldHaveSingleItem().ShouldBe("POST /api/v1/fleet/plan?prune=true networks: {}");
        (await server.RunAsync("plan", "-f", file, "--exit-code")).Code.ShouldBe(ExitCodes.Changes);
    }

    [Fact]
    public async Task A_plan_whose_tests_fail_fails()
    {
        server.Says("POST /api/v1/fleet/plan", Plan.Replace("\"passed\":true", "\"passed\":false", StringComparison.Ordinal));
        var (code, output, _) = await server.RunAsync("plan", "-f", file, "--exit-code");
        code.ShouldBe(ExitCodes.Refused);
        output.ShouldContain("FAILED line 12: device:pump-17 must reach application:historian\n       The rule in line 10 allows it.\n");
        output.ShouldContain("1 of 1 test failed");
    }

    [Fact]
    public async Task Mistakes_are_told_with_file_line_and_column()
    {
        server.Says(
            "POST /api/v1/fleet/apply",
            """
            {"type":"urn:sallyport:problem:invalid","title":"One thing is wrong with the input.","status":422,
            "errors":[{"field":"rules[3].from","message":"there is no device 'pump-71'","hint":"did you mean pump-17?","line":12,"column":7}]}
            """,
            422);
        var (code, output, remarks) = await server.RunAsync("apply", "-f", file, "--planned", "1764");
        (code, output).ShouldBe((ExitCodes.Refused, ""));
        remarks.ShouldBe($"error: there is no device 'pump-71'\n  where: {file}:12:7 (rules[3].from)\n  fix:   did you mean pump-17?\nOne thing is wrong with the input.\n");
    }

    [Fact]
    public async Task A_file_that_is_not_there_is_told_before_anything_is_asked()
    {
        var (code, _, remarks) = await server.RunAsync("apply", "--file", file + ".no");
        code.ShouldBe(ExitCodes.Refused);
        remarks.ShouldContain("there is no such file");
        (await server.RunAsync("apply")).Code.ShouldBe(ExitCodes.Usage);
        (await server.RunAsync("apply", "-f", file, "--planned", "x")).Code.ShouldBe(ExitCodes.Usage);
        server.Asked.ShouldBeEmpty();
    }

    [Fact]
    public async Task An_export_goes_to_standard_output_or_into_a_file_and_replaces_none_unasked()
    {
        server.Says("GET /api/v1/fleet/export", "networks:\n  plant-a: {}\n");
        (await server.RunAsync("export", "--network", "plant-a")).Output.ShouldBe("networks:\n  plant-a: {}\n");
        server.Asked[^1].ShouldBe("GET /api/v1/fleet/export?network=plant-a");
        (await server.RunAsync("export", "--to", file)).Code.ShouldBe(ExitCodes.Refused);
        (await server.RunAsync("policy", "export", "--to", file, "--force")).Code.ShouldBe(ExitCodes.Ok);
        (await File.ReadAllTextAsync(file)).ShouldBe("networks:\n  plant-a: {}\n");
    }
}
