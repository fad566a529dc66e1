using System.Globalization;
using System.Text.Json.Nodes;
using Sallyport.Api.Audit;
using Sallyport.Api.Rules;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Peers;

namespace Sallyport.EndToEnd.Policy;

/// <summary>Rules that end by themselves, have hours, or deny, with live connections of stock clients.</summary>
public sealed class RuleTimeTests(PolicyFixture fleet) : IClassFixture<PolicyFixture>
{
    /// <summary>99 of 100 cuts are to be that fast; one cut on a busy machine gets more, and the audit trail has its figure.</summary>
    private const double Late = 1000;

    [NetworkFact]
    public async Task A_rule_that_ends_cuts_its_live_connection_and_leaves_another_alone()
    {
        var (host, client) = await Connect("guest");
        using var online = client;
        var guest = await fleet.Client.AddRuleAsync(new RuleCreate { From = "device:guest", To = "application:historian-plant", For = "6s" });
        await using var cut = await TcpStream.Open(host, Topology.Application, Fleet.TestApplication.Port);
        var (residentHost, residentClient) = await Connect("resident");
        using var alsoOnline = residentClient;
        await fleet.Client.AddRuleAsync(new RuleCreate { From = "device:resident", To = "application:historian-plant" });
        await using var stays = await TcpStream.Open(residentHost, Topology.Application, Fleet.TestApplication.Port);
        await stays.Progress(10_000);
        cut.Fault.ShouldBeNull("its end has not come");

        await Eventually.True(() => cut.Fault is not null, "the connection is reset when the rule ends");
        cut.Fault.ShouldBe("ConnectionReset");
        (await Dial.Tcp(host, Topology.Application, Fleet.TestApplication.Port)).DeniedAtOnce.ShouldBeTrue();
        await stays.Progress(10_000);
        (await fleet.Client.GetRuleAsync(guest.Id)).State.ShouldBe("over");
        await WasRecorded("rule.expire.enforced", guest.Id, flowsCut: 1);
    }

    [NetworkFact]
    public async Task Hours_that_are_edited_open_and_close_for_a_live_device()
    {
        var (host, client) = await Connect("shift");
        using var online = client;
        var rule = await fleet.Client.AddRuleAsync(new RuleCreate { From = "device:shift", To = "application:historian-plant", Windows = [AroundNow(open: false)] });
        (await Dial.Tcp(host, Topology.Application, Fleet.TestApplication.Port)).DeniedAtOnce.ShouldBeTrue();

        await fleet.Client.UpdateRuleAsync(rule.Id, new RuleUpdate { Windows = [AroundNow(open: true)] });
        await using var stream = await TcpStream.Open(host, Topology.Application, Fleet.TestApplication.Port);
        await stream.Progress(5_000);
        var closed = await fleet.Client.UpdateRuleAsync(rule.Id, new RuleUpdate { Windows = [AroundNow(open: false)] });
        closed.Cut!.FlowsCut.ShouldBe(1);
        await Eventually.True(() => stream.Fault is not null, "the connection is reset when its hours are over");
    }

    [NetworkFact]
    public async Task A_rule_that_denies_cuts_what_another_goes_on_allowing()
    {
        var (host, client) = await Connect("suspect");
        using var online = client;
        await fleet.Client.AddRuleAsync(new RuleCreate { From = "device:suspect", To = "application:historian-plant" });
        await using var stream = await TcpStream.Open(host, Topology.Application, Fleet.TestApplication.Port);
        await stream.Progress(5_000);

        var deny = await fleet.Client.AddRuleAsync(new RuleCreate { From = "device:suspect", To = "application:historian-plant", Effect = "deny", For = "5s" });
        await Eventually.True(() => stream.Fault is not null, "the connection is reset");
        (await Dial.Tcp(host, Topology.Application, Fleet.TestApplication.Port)).DeniedAtOnce.ShouldBeTrue();
        await Eventually.True(
            () => Dial.Tcp(host, Topology.Application, Fleet.TestApplication.Port).GetAwaiter().GetResult().Outcome == DialOutcome.Connected,
            "allowed again when the denial ends");
        await WasRecorded("rule.expire.enforced", deny.Id, flowsCut: 0);
    }

    private async Task<(Namespace Host, OpenVpnProcess Client)> Connect(string name)
    {
        var created = await fleet.AddDevice(name, "plant");
        var host = fleet.NewHost(name);
        var client = new OpenVpnProcess(host, created.Profile!.Text);
        await fleet.Connected(client);
        return (host, client);
    }

    private async Task WasRecorded(string action, int ruleId, int flowsCut)
    {
        AuditRecord? record = null;
        await Eventually.True(
            () => (record = fleet.Client.ListAuditAsync(action: action).GetAwaiter().GetResult().Items.FirstOrDefault(one => one.Subject == $"rule:{ruleId}")) is not null,
            $"{action} of rule {ruleId} in the audit trail");
        var detail = JsonNode.Parse(record!.Detail)!;
        detail["flowsCut"]!.GetValue<int>().ShouldBe(flowsCut);
        detail["millisecondsToEnforced"]!.GetValue<double>().ShouldBeInRange(0, Late);
    }

    /// <summary>Two hours of today, by UTC, with this moment in their middle or far from them.</summary>
    private static string AroundNow(bool open)
    {
        var middle = DateTime.UtcNow.AddHours(open ? 0 : 12);
        return string.Create(CultureInfo.InvariantCulture, $"daily {middle.AddHours(-1):HH':'mm}-{middle.AddHours(1):HH':'mm} Etc/UTC");
    }
}
