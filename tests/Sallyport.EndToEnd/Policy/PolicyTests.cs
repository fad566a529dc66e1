using System.Net;
using Sallyport.Api.Applications;
using Sallyport.Api.Devices;
using Sallyport.Api.Flows;
using Sallyport.Api.Networks;
using Sallyport.Api.Rules;
using Sallyport.EndToEnd.Fleet;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Peers;

namespace Sallyport.EndToEnd.Policy;

public sealed class PolicyFixture : FleetFixture
{
    public TestSite Site { get; private set; } = null!;

    protected override async Task Prepare() => Site = await AddNetworkWithSite(new NetworkCreate { Name = "plant", Prefixes = ["10.20.0.0/16"] });
}

/// <summary>What rules grant in places that the transcript does not visit.</summary>
public sealed class PolicyTests(PolicyFixture fleet) : IClassFixture<PolicyFixture>
{
    [NetworkFact]
    public async Task An_application_on_a_host_behind_the_router_is_reached_and_its_neighbour_is_not()
    {
        var host = fleet.Topology.AttachBehind(fleet.Site.Where, "192.168.50.1/24", "192.168.50.30/24");
        host.AddAddress("lan", "192.168.50.31/24");
        using var application = new TcpEcho(host, IPAddress.Parse("192.168.50.30"), 443);
        using var neighbour = new TcpEcho(host, IPAddress.Parse("192.168.50.31"), 443);
        await fleet.Client.AddApplicationAsync(new ApplicationCreate { Name = "scada", Site = fleet.Site.Name, Target = "192.168.50.30", Services = ["tcp/443"] });
        var created = await fleet.AddDevice("outstation", "plant");
        await fleet.Client.AddRuleAsync(new RuleCreate { From = "device:outstation", To = "application:scada" });
        var device = fleet.NewHost("outstation");
        using var client = new OpenVpnProcess(device, created.Profile!.Text);
        await fleet.Connected(client);

        (await Dial.Tcp(device, IPAddress.Parse("192.168.50.30"), 443)).Outcome.ShouldBe(DialOutcome.Connected);
        (await Dial.Tcp(device, IPAddress.Parse("192.168.50.31"), 443)).DeniedAtOnce.ShouldBeTrue();
        neighbour.Accepted.ShouldBe(0);
    }

    [NetworkFact]
    public async Task A_denied_flow_is_allowed_by_its_number_and_passes_until_its_end()
    {
        fleet.Site.Where.AddAddress("lo", "192.168.50.40/32");
        using var application = new TcpEcho(fleet.Site.Where, IPAddress.Parse("192.168.50.40"), 8080);
        var created = await fleet.AddDevice("asker", "plant");
        var device = fleet.NewHost("asker");
        using var client = new OpenVpnProcess(device, created.Profile!.Text);
        await fleet.Connected(client);
        (await Dial.Tcp(device, IPAddress.Parse("192.168.50.40"), 8080)).DeniedAtOnce.ShouldBeTrue();
        FlowInfo? denied = null;
        await Eventually.True(
            () => (denied = fleet.Client.ListFlowsAsync(device: "asker", verdict: "denied").GetAwaiter().GetResult().Items.FirstOrDefault(flow => flow.DestinationPort == 8080)) is not null,
            "the denied flow is recorded");

        var command = denied!.AllowForCommand.ShouldNotBeNull();
        var allowed = await fleet.Client.AllowFlowAsync(denied.Id, new FlowAllow { For = "15s" });
        command.ShouldBe($"sallyport flow allow {denied.Id} --for 8h");
        allowed.Application!.Services.ShouldBe(["tcp/8080"]);
        (await Dial.Tcp(device, IPAddress.Parse("192.168.50.40"), 8080)).Outcome.ShouldBe(DialOutcome.Connected);
        (await fleet.Client.WhoCanReachAsync($"application:{allowed.Application.Name}")).Items.ShouldHaveSingleItem().From.ShouldBe("device:asker");
        await Eventually.True(() => Dial.Tcp(device, IPAddress.Parse("192.168.50.40"), 8080).GetAwaiter().GetResult().DeniedAtOnce, "denied again when its end has come", seconds: 40);
        (await fleet.Client.WhoCanReachAsync($"application:{allowed.Application.Name}")).Items.ShouldBeEmpty();
    }

    [NetworkFact]
    public async Task A_device_reaches_the_application_of_another_device_and_not_the_other_way_round()
    {
        var server = await fleet.AddDevice("server", "plant");
        var serverHost = fleet.NewHost("server");
        using var serverClient = new OpenVpnProcess(serverHost, server.Profile!.Text);
        await fleet.Connected(serverClient);
        var created = await fleet.Client.AddDeviceAsync(new DeviceCreate
        {
            Name = "panel",
            Network = "plant",
            Labels = new Dictionary<string, string> { ["role"] = "panel" },
            Profile = new(),
        });
        var panelHost = fleet.NewHost("panel");
        using var panelClient = new OpenVpnProcess(panelHost, created.Profile!.Text);
        await fleet.Connected(panelClient);
        var serverAddress = IPAddress.Parse(server.Device.Addresses[0]);
        var panelAddress = IPAddress.Parse(created.Device.Addresses[0]);
        using var echo = new TcpEcho(serverHost, serverAddress, 502);
        using var back = new TcpEcho(panelHost, panelAddress, 502);

        (await Dial.Tcp(panelHost, serverAddress, 502)).DeniedAtOnce.ShouldBeTrue();
        await fleet.Client.AddApplicationAsync(new ApplicationCreate { Name = "modbus", Device = "server", Services = ["tcp/502"] });
        await fleet.Client.AddRuleAsync(new RuleCreate { From = "label:role=panel", To = "application:modbus" });
        (await Dial.Tcp(panelHost, serverAddress, 502)).Outcome.ShouldBe(DialOutcome.Connected);
        (await Dial.Tcp(serverHost, panelAddress, 502)).DeniedAtOnce.ShouldBeTrue();
        back.Accepted.ShouldBe(0);

        // A label that goes takes the right with it.
        await fleet.Client.UpdateDeviceAsync("panel", new DeviceUpdate { Labels = new Dictionary<string, string>() });
        await Eventually.True(() => Dial.Tcp(panelHost, serverAddress, 502).GetAwaiter().GetResult().DeniedAtOnce, "denied again");
    }

    [NetworkFact]
    public async Task The_command_line_tool_works_over_https_from_another_machine()
    {
        var elsewhere = fleet.NewHost("operator");
        var data = fleet.Installation.Data;
        CommandResult Run(string token) => elsewhere.Execute(
            "env", "-u", "SALLYPORT_DATA", $"DOTNET_ROOT={Programs.DotnetRoot}", Programs.PathOf("sallyport"), "network", "list",
            "--url", $"https://{Topology.GatewayV4}:8443", "--ca", Path.Combine(data, "ca.pem"), "--token", token);

        var listed = await Task.Run(() => Run(File.ReadAllText(Path.Combine(data, "admin.token")).Trim()));
        listed.ExitCode.ShouldBe(0, listed.All);
        listed.Output.ShouldContain("plant");
        var refused = await Task.Run(() => Run("guessed"));
        refused.ExitCode.ShouldNotBe(0);
        refused.Output.ShouldNotContain("plant");
    }
}
