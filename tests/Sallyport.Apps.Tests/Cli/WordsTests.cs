using Sallyport.Cli;

namespace Sallyport.Apps.Tests.Cli;

/// <summary>What a newcomer types, and what it is answered, with control itself behind it.</summary>
[Collection("console")]
public sealed class WordsTests : IAsyncLifetime
{
    private ControlServer server = null!;

    public async Task InitializeAsync()
    {
        server = await ControlServer.StartAsync();
        await server.RunLinesAsync(
            "sallyport network add plant-a --prefix 10.20.0.0/16",
            $"sallyport site add hq --network plant-a --subnet 192.168.50.0/24 --profile {Path.Combine(server.Directory, "hq.ovpn")}",
            "sallyport application add historian --site hq --target 192.168.50.10 --tcp 8883");
        await server.RunAsync("device", "add", "pump-1", "--network", "plant-a", "--profile", Path.Combine(server.Directory, "pump-1.ovpn"));
    }

    public async Task DisposeAsync() => await server.DisposeAsync();

    [Theory]
    [InlineData("rule add --from device:pump-1 --to application:historian --until 05/06/2027", "--until")]
    [InlineData("lock add device:pump-1 --until 5.6.2027", "--until")]
    [InlineData("device quarantine pump-1 --until tomorrow", "--until")]
    [InlineData("policy reach device:pump-1 --at 05/06/2027", "--at")]
    public async Task A_date_that_two_people_read_in_two_ways_is_refused(string line, string flag)
    {
        var (code, _, remarks) = await RunAsync(line);
        code.ShouldBe(ExitCodes.Usage);
        remarks.ShouldContain($"where: {flag}");
        remarks.ShouldContain($"{flag} 2026-12-01T17:00+01:00");
    }

    [Fact]
    public async Task A_limit_is_taken_away_by_none_and_a_setting_set_either_way_by_one_flag()
    {
        (await server.RunAsync([.. "rule add --from device:pump-1 --to application:historian --packets 200 --rate 1mbit".Split(' ')])).ShouldContain("at most 1mbit/s, 200 packets/s");
        (await server.RunAsync([.. "rule update 1 --packets none".Split(' ')])).ShouldContain("at most 1mbit/s\n");
        (await RunAsync("rule update 1 --packets many")).Remarks.ShouldContain("--packets none for no limit");
        foreach (var (line, said) in ((string, string)[])
        [
            ("application update historian --management yes", "management:  yes"), ("application update historian --management no", "name:"),
            ("application add plc --site hq --tcp 502 --target 192.168.50.11 --management yes", "plc"),
        ])
        {
            (await server.RunAsync(line.Split(' '))).ShouldContain(said);
        }

        (await server.RunAsync("application", "show", "plc")).ShouldContain("management:  yes");
        (await server.RunAsync("application", "show", "historian")).ShouldNotContain("management");
        (await RunAsync("application update plc --management perhaps")).Remarks.ShouldContain("--management yes or --management no");
    }

    [Fact]
    public async Task What_lies_beyond_by_names_is_not_said_to_be_everywhere()
    {
        await server.RunAsync([.. "application add updates --egress --name *.vendor.example --tcp 443".Split(' ')]);
        var (code, _, remarks) = await RunAsync("rule add --from device:pump-1 --to application:updates");
        code.ShouldBe(ExitCodes.Ok);
        remarks.ShouldContain("it is reached by its names alone (*.vendor.example), at the addresses that the gateway answers for them in network plant-a");
        remarks.ShouldNotContain("0.0.0.0");
    }

    [Fact]
    public async Task A_lock_without_an_end_does_not_read_as_removed()
    {
        await server.RunAsync("lock", "add", "device:pump-1");
        foreach (var text in new[] { await server.RunAsync("lock", "list"), await server.RunAsync("lock", "show", "1") })
        {
            text.ShouldContain("no end");
            text.ShouldNotContain("removed");
        }
    }

    [Fact]
    public async Task Guests_who_share_an_address_because_the_pool_is_small_are_told_as_such()
    {
        (await server.RunAsync("network", "show", "plant-a")).ShouldContain("have an address each\n");
        await server.RunLinesAsync("sallyport network add plant-b --prefix 10.30.0.0/16", "sallyport rule add --from network:plant-b --to application:historian");
        (await server.RunAsync("network", "show", "plant-a")).ShouldContain("have an address each, but those of plant-b share one: the guest pools have no room for more");
        await server.RunAsync("network", "update", "plant-a", "--guest-pool", "10.96.0.0/12");
        (await server.RunAsync("network", "show", "plant-a")).ShouldContain("have an address each\n");
    }

    [Fact]
    public async Task A_mistake_is_told_in_the_words_of_the_command_line()
    {
        (await RunAsync("whois fd00::1")).Remarks.ShouldContain("--network NAME");
        (await RunAsync("network update plant-a --guest-pool 10.20.0.0/33")).Remarks.ShouldContain("where: --guest-pool (guestPools[0])");
        await server.RunAsync([.. "application add web --egress --target 203.0.113.9 --tcp 443".Split(' ')]);
        (await RunAsync("rule add --from group:pumps --to application:web")).Remarks.ShouldContain("--from-network NETWORK");
        (await RunAsync("application add x --site hq --name a.example --tcp 443")).Remarks.ShouldContain("--egress");
    }

    [Fact]
    public async Task Names_that_two_networks_have_are_shown_with_theirs_in_tables()
    {
        (await server.RunAsync("device", "list")).ShouldNotContain("pump-1.plant-a");
        (await server.RunAsync("whois", "10.20.0.3", "--network", "plant-a")).ShouldContain("state:    active");
        await server.RunLinesAsync("sallyport network add plant-b --prefix 10.20.0.0/16");
        await server.RunAsync("device", "add", "pump-1", "--network", "plant-b", "--profile", Path.Combine(server.Directory, "pump-1b.ovpn"));
        var table = await server.RunAsync("device", "list");
        table.ShouldContain("pump-1.plant-a");
        table.ShouldContain("pump-1.plant-b");
        (await server.RunAsync("device", "list", "-o", "json")).ShouldContain("\"name\": \"pump-1\"");
        (await server.RunAsync("credential", "list")).ShouldContain("device:pump-1.plant-b");
        await server.RunAsync("device", "quarantine", "pump-1.plant-a", "--degree", "management");
        (await server.RunAsync("whois", "10.20.0.3", "--network", "plant-a")).ShouldContain("state:    quarantined: management");
        await server.RunAsync("device", "quarantine", "pump-1.plant-a");
        (await server.RunAsync("whois", "10.20.0.3", "--network", "plant-a")).ShouldContain("quarantined: dark; nothing of it passes");
    }

    [Fact]
    public async Task A_denied_flow_names_the_condition_that_did_not_hold()
    {
        await server.RunAsync([.. "rule add --from network:plant-a --to application:historian --posture firmware>=2.4.1".Split(' ')]);
        await server.DeniedAsync("pump-1", "192.168.50.10", 8883, "NoRule", application: "historian");
        (await server.RunAsync("flow", "list")).ShouldContain("no rule allowed it then; rule 1 would now, but it asks for firmware>=2.4.1, and nothing was reported of firmware");
    }

    private Task<(int Code, string Output, string Remarks)> RunAsync(string line) => CannedServer.RunOnAsync(server.Directory, line.Split(' '));
}
