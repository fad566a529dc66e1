using Sallyport.Api.Applications;
using Sallyport.Api.Devices;
using Sallyport.Api.Networks;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Peers;

namespace Sallyport.EndToEnd.Host;

public sealed class HostPrivilegeTests
{
    [UnprivilegedFact]
    public async Task Without_the_capability_the_host_is_unreachable_and_says_why_and_nothing_else_suffers()
    {
        using var topology = new Topology();
        await using var sallyport = await Installation.Start(topology.Gateway, userId: UnprivilegedFactAttribute.UserId);
        var client = sallyport.Client;
        await client.AddNetworkAsync(new NetworkCreate { Name = "plant", Prefixes = ["10.20.0.0/16"] });
        await client.AddApplicationAsync(new ApplicationCreate { Name = "dashboard", Host = "plant", Services = ["tcp/8080"] });
        var one = await client.AddDeviceAsync(new DeviceCreate { Name = "one", Network = "plant", Profile = new() });
        var two = await client.AddDeviceAsync(new DeviceCreate { Name = "two", Network = "plant", Profile = new() });
        await client.AddApplicationAsync(new ApplicationCreate { Name = "echo", Device = "two", Services = ["tcp/7000"] });
        await client.AddRuleAsync(new() { From = "device:one", To = "application:dashboard" });
        await client.AddRuleAsync(new() { From = "device:one", To = "application:echo" });
        var (here, there) = (topology.Attach("one", 11), topology.Attach("two", 12));
        using var first = new OpenVpnProcess(here, one.Profile!.Text);
        using var second = new OpenVpnProcess(there, two.Profile!.Text);
        await first.WaitUntilConnected();
        await second.WaitUntilConnected();

        (await Dial.Tcp(here, HostFixture.Host, 8080)).DeniedAtOnce.ShouldBeTrue(sallyport.GatewayLog);
        var flow = await HostFixture.Until(
            async () => (await client.ListFlowsAsync(device: "one")).Items.FirstOrDefault(flow => flow.Application == "dashboard" && flow.State == "unreachable"),
            "the unreachable flow");
        flow.ReasonText.ShouldBe("the gateway host's device is not there: see sallyport event list");
        (await client.ListEventsAsync("host.unavailable")).Items.ShouldNotBeEmpty();
        sallyport.GatewayLog.ShouldContain("CAP_NET_ADMIN");

        var address = System.Net.IPAddress.Parse(two.Device.Addresses[0]);
        using var echo = new TcpEcho(there, address, 7000);
        (await Dial.Tcp(here, address, 7000)).Outcome.ShouldBe(DialOutcome.Connected);
    }
}
