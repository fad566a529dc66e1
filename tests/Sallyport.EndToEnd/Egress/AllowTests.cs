using Sallyport.Api.Flows;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Peers;

namespace Sallyport.EndToEnd.Egress;

/// <summary>What a stock client was denied on its way to the internet, allowed by its number.</summary>
public sealed class AllowTests(EgressFixture fleet) : IClassFixture<EgressFixture>
{
    [NetworkFact]
    public async Task A_denied_flow_to_the_internet_is_allowed_by_its_number_and_nothing_beside_it()
    {
        (await Dial.Tcp(fleet.East, EgressFixture.Server, EgressFixture.Port)).DeniedAtOnce.ShouldBeTrue();
        var denied = await Flow("denied");
        denied.Reason.ShouldBe("NotRouted");
        denied.Far.ShouldBeNull("nobody is there yet");
        denied.AllowCommand!.ShouldContain("--egress --target 203.0.113.10 --tcp 443");

        fleet.Installation.Say("flow", "allow", $"{denied.Id}", "--for", "8h", "--yes");
        await Eventually.True(() => fleet.Installation.GatewayLog.Contains("egress.opened", StringComparison.Ordinal), "the way out: " + fleet.Installation.GatewayLog);
        (await Greeter.Ask(fleet.East, EgressFixture.Server, EgressFixture.Port)).ShouldBe($"ten, you are {EgressFixture.Masquerade}");
        (await Dial.Tcp(fleet.East, EgressFixture.Server, 22)).DeniedAtOnce.ShouldBeTrue();
        (await Dial.Tcp(fleet.East, EgressFixture.OtherServer, EgressFixture.Port)).DeniedAtOnce.ShouldBeTrue();
        (await Dial.Tcp(fleet.West, EgressFixture.Server, EgressFixture.Port)).DeniedAtOnce.ShouldBeTrue();

        var allowed = await Flow("allowed");
        (allowed.Far!.Network, allowed.Far.Destination).ShouldBe(("internet", "203.0.113.10"));
        allowed.Far.Source!.ShouldStartWith("198.19.");
    }

    private async Task<FlowInfo> Flow(string verdict)
    {
        FlowInfo? found = null;
        await Eventually.True(
            () => (found = fleet.Client.ListFlowsAsync(network: "east", verdict: verdict).GetAwaiter().GetResult().Items
                .FirstOrDefault(flow => flow.DestinationPort == EgressFixture.Port && flow.Destination == EgressFixture.Server.ToString())) is not null,
            $"the {verdict} flow");
        return found!;
    }
}
