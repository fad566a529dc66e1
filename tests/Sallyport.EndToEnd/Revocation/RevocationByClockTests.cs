using System.Text.Json.Nodes;
using Sallyport.Api.Audit;
using Sallyport.Api.Rules;
using Sallyport.EndToEnd.Harness;
using Xunit.Abstractions;

namespace Sallyport.EndToEnd.Revocation;

/// <summary>The same for permissions that nobody takes away but the clock.</summary>
public sealed class RevocationByClockTests(RevocationFixture fleet, ITestOutputHelper output) : IClassFixture<RevocationFixture>
{
    private const double Late = 2000;

    [NetworkFact]
    public async Task A_rule_that_ends_and_hours_that_are_over_stop_their_flows_of_every_kind_and_no_others()
    {
        await using var hours = await fleet.NewCase("hours-over");
        await using var end = await fleet.NewCase("rule-ends");
        await fleet.Client.UpdateRuleAsync(hours.Rule, new RuleUpdate { Windows = [RevocationFixture.UntilTheMinute(out var minute)] });
        await fleet.Client.UpdateRuleAsync(end.Rule, new RuleUpdate { For = "5s" });
        await hours.Lost.GoOn("within its hours");
        await end.Lost.GoOn("before its end");

        await IsOver("rule.expire.enforced", end, seconds: 15);
        await hours.Lost.GoOn("while its hours last");
        await IsOver("rule.close.enforced", hours, (int)(minute - DateTime.UtcNow).TotalSeconds + 15);
        DateTime.UtcNow.ShouldBeGreaterThanOrEqualTo(minute);
    }

    private async Task IsOver(string action, RevocationCase one, int seconds)
    {
        AuditRecord? record = null;
        await Eventually.True(
            () => (record = fleet.Client.ListAuditAsync(action: action).GetAwaiter().GetResult().Items.FirstOrDefault(each => each.Subject == $"rule:{one.Rule}")) is not null,
            $"{action} of rule {one.Rule} in the audit trail", seconds);
        await one.Lost.HaveStopped(isTold: true, one.Device);
        await one.Kept!.GoOn($"after {one.Device}, to another application");
        await fleet.Witness.GoOn($"after {one.Device}");
        output.WriteLine($"{one.Device}: {record!.Detail}");
        var detail = JsonNode.Parse(record.Detail)!;
        detail["flowsCut"]!.GetValue<int>().ShouldBe(4);
        detail["millisecondsToEnforced"]!.GetValue<double>().ShouldBeInRange(0, Late);
        detail["millisecondsToLastPacket"]!.GetValue<double>().ShouldBeInRange(0, Late);
    }
}
