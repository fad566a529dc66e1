namespace Sallyport.Apps.Tests.Cli.Policy;

/// <summary>What the questions print, the commands take.</summary>
[Collection("console")]
public sealed class LearnedFileTests : IAsyncLifetime
{
    private ControlServer server = null!;

    public async Task InitializeAsync()
    {
        server = await ControlServer.StartAsync();
        await server.RunLinesAsync(
            "sallyport network add plant-a --prefix 10.20.0.0/16",
            "sallyport network add plant-b --prefix 10.21.0.0/16");
        foreach (var name in (string[])["pump-1", "pump-2"])
        {
            await server.RunAsync("device", "add", name, "--network", "plant-a", "--group", "pumps", "--label", "model=P200", "--label", "region=eu", "--profile", Path.Combine(server.Directory, name + ".ovpn"));
            await server.DeniedAsync(name, "203.0.113.9", 443, "NotRouted");
            await server.DeniedAsync(name, "203.0.113.9", 443, "NotRouted");
        }
    }

    public async Task DisposeAsync() => await server.DisposeAsync();

    [Theory]
    [InlineData("--group pumps", "group:pumps")]
    [InlineData("--label model=P200 --label region=eu", "label:model=P200,region=eu")]
    public async Task A_learned_file_is_planned_and_applied_and_leaves_nothing_to_learn(string subject, string from)
    {
        var learned = await server.RunAsync([.. $"policy learn {subject} --network plant-a --include-denied -o yaml".Split(' ')]);
        learned.ShouldContain("from_network: plant-a");
        var file = server.Write("learned.yaml", learned);
        var plan = await server.RunAsync("policy", "plan", "-f", file);
        plan.ShouldContain("application:internet-203-0-113-9-tcp-443");
        plan.ShouldContain(from);
        await server.RunAsync("policy", "apply", "-f", file);
        (await server.RunAsync("rule", "list")).ShouldContain($"{from} of network plant-a");
        (await server.RunAsync("policy", "explain", "--from", "device:pump-1", "--to", "203.0.113.9", "--tcp", "443")).ShouldContain("ALLOWED");
        var (code, output, remarks) = await CannedServer.RunOnAsync(server.Directory, [.. $"policy learn {subject} --network plant-a --include-denied --commands".Split(' ')]);
        (code, output, remarks).ShouldBe((0, "", "nothing to do: rules that are there allow all of it\n"));
    }

    [Fact]
    public async Task A_rule_of_several_labels_is_found_by_them_in_any_order_and_what_it_lacks_is_told_one_by_one()
    {
        await server.RunAsync("application", "add", "ntp", "--egress", "--target", "203.0.113.0/24", "--udp", "123");
        var (code, output, remarks) = await CannedServer.RunOnAsync(
            server.Directory, "rule", "add", "--from", "label:site=north hall,model=P200", "--from-network", "plant-a", "--to", "application:ntp");
        (code, output).ShouldBe((0, "rule 1 added: label:model=P200,site=north hall of network plant-a may reach application:ntp\n"), remarks);
        remarks.ShouldContain("nobody has the labels model=P200,site=north hall now");
        remarks.ShouldContain("sallyport device update NAME --label model=P200 --label 'site=north hall'");
        (await server.RunAsync("rule", "remove", "--from", "label:site=north hall,model=P200", "--to", "application:ntp")).ShouldStartWith("rule 1 removed");
    }

    [Fact]
    public async Task A_file_is_tried_on_what_was_recorded_and_changes_nothing()
    {
        var file = server.Write("draft.yaml", await server.RunAsync("policy", "learn", "--group", "pumps", "--network", "plant-a", "--include-denied", "-o", "yaml"));
        var report = await server.RunAsync("policy", "replay", "-f", file, "--days", "7");
        report.ShouldContain("4 flows of 2 senders");
        report.ShouldContain("ALLOWED");
        report.ShouldContain("tcp/443 203.0.113.9");
        (await server.RunAsync("rule", "list", "-o", "json")).Trim().ShouldBe("[]");
    }

    [Fact]
    public async Task Commands_that_would_allow_a_flow_to_the_internet_do()
    {
        var commands = (await server.RunAsync("policy", "learn", "--group", "pumps", "--network", "plant-a", "--include-denied", "--commands")).TrimEnd().Split('\n');
        commands.Length.ShouldBe(2);
        await server.RunLinesAsync(commands);
        (await server.RunAsync("policy", "explain", "--from", "device:pump-2", "--to", "203.0.113.9", "--tcp", "443")).ShouldContain("ALLOWED");
    }
}
