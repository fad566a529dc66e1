using Sallyport.Api.Applications;
using Sallyport.Api.Client;
using Sallyport.Api.Devices;
using Sallyport.Api.Locks;
using Sallyport.Api.Rules;
using Sallyport.Api.Sites;
using Sallyport.EndToEnd.Harness;
using Xunit.Abstractions;

namespace Sallyport.EndToEnd.Revocation;

/// <summary>
/// Every way to take a permission away that somebody decides, against every kind of flow: what it concerns stops, and nothing else does.
/// The measured times go into the test's output; <c>./bench policy</c> has their distribution.
/// </summary>
public sealed class RevocationMatrixTests(RevocationFixture fleet, ITestOutputHelper output) : IClassFixture<RevocationFixture>
{
    /// <summary>99 of 100 cuts are to take less than 100 ms; one cut on a busy machine gets more.</summary>
    private const double Late = 2000;

    private SallyportClient Client => fleet.Client;

    [NetworkTheory]
    [InlineData("rule-removed")]
    [InlineData("rule-denies")]
    [InlineData("rule-locked")]
    [InlineData("hours-edited")]
    [InlineData("application-moved")]
    [InlineData("application-removed")]
    [InlineData("application-locked")]
    [InlineData("group-taken")]
    [InlineData("label-taken")]
    [InlineData("posture-worse")]
    [InlineData("quarantined-to-management")]
    [InlineData("quarantined-to-one")]
    public async Task A_permission_that_is_taken_away_stops_its_flows_of_every_kind_and_no_others(string way)
    {
        await using var one = await fleet.NewCase(
            way,
            grant: (device, application) => way switch
            {
                "group-taken" => new RuleCreate { From = $"group:{way}-group", To = application },
                "label-taken" => new RuleCreate { From = $"label:case={way}", To = application },
                "posture-worse" => new RuleCreate { From = device, To = application, Conditions = new ConditionInput { Posture = ["firmware>=2.4.1"] } },
                _ => new RuleCreate { From = device, To = application },
            },
            facts: way == "posture-worse" ? new() { ["firmware"] = "2.10.0" } : null);
        var cut = way switch
        {
            "rule-removed" => await Client.DeleteRuleAsync(one.Rule),
            "rule-denies" => (await Client.AddRuleAsync(new RuleCreate { From = $"device:{way}", To = $"application:{one.Application}", Effect = "deny" })).Cut,
            "rule-locked" => await Lock($"rule:{one.Rule}"),
            "hours-edited" => (await Client.UpdateRuleAsync(one.Rule, new RuleUpdate { Windows = [RevocationFixture.FarFromNow()] })).Cut,
            "application-moved" => (await Client.UpdateApplicationAsync(one.Application, new ApplicationUpdate { Target = "192.168.50.9" })).Cut,
            "application-removed" => await RemoveApplication(one),
            "application-locked" => await Lock($"application:{one.Application}"),
            "group-taken" => (await Client.UpdateDeviceAsync(way, new DeviceUpdate { Groups = [] })).Cut,
            "label-taken" => (await Client.UpdateDeviceAsync(way, new DeviceUpdate { Labels = new Dictionary<string, string>() })).Cut,
            "posture-worse" => (await Client.ReportDevicePostureAsync(way, new PostureUpdate { Facts = new Dictionary<string, string?> { ["firmware"] = "2.4.0" } })).Cut,
            "quarantined-to-management" => await Client.QuarantineDeviceToAsync(way, new QuarantineRequest { Degree = "management", Reason = "test" }),
            "quarantined-to-one" => await Client.QuarantineDeviceToAsync(
                way, new QuarantineRequest { Degree = "forensic", Application = "steady", Reason = "test" }),
            _ => throw new ArgumentOutOfRangeException(nameof(way), way, "no such way"),
        };
        WasCut(cut, way, flows: 4, tunnels: 0);
        await one.Lost.HaveStopped(isTold: true, way);
        await one.Kept!.GoOn($"after {way}, to another application");
        await fleet.Witness.GoOn($"after {way}");
        one.Client.Connections.ShouldBe(1, "its tunnel lives on");
    }

    [NetworkTheory]
    [InlineData("device-revoked")]
    [InlineData("device-locked")]
    [InlineData("device-quarantined")]
    [InlineData("credential-revoked")]
    [InlineData("credential-locked")]
    [InlineData("group-locked")]
    public async Task A_device_that_is_cut_off_loses_its_flows_of_every_kind_and_others_keep_theirs(string way)
    {
        await using var one = await fleet.NewCase(way);
        var cut = way switch
        {
            "device-revoked" => await Client.RevokeDeviceAsync(way, "stolen"),
            "device-locked" => await Lock($"device:{way}"),
            "device-quarantined" => await Client.QuarantineDeviceAsync(way, "speaks to strangers"),
            "credential-revoked" => await Client.RevokeCredentialAsync(await CredentialOf(way), "its key was copied"),
            "credential-locked" => await Lock($"credential:{await CredentialOf(way)}"),
            "group-locked" => await Lock($"group:{way}-group"),
            _ => throw new ArgumentOutOfRangeException(nameof(way), way, "no such way"),
        };
        WasCut(cut, way, flows: 0, tunnels: 1);
        await one.Lost.HaveStopped(isTold: false, way);
        await one.Kept!.HaveStopped(isTold: false, $"{way}, to another application");
        await fleet.Witness.GoOn($"after {way}");
    }

    [NetworkTheory]
    [InlineData("site-revoked")]
    [InlineData("site-quarantined")]
    [InlineData("site-locked")]
    public async Task A_site_that_is_withdrawn_takes_its_flows_of_every_kind_with_it_and_no_others(string way)
    {
        await using var one = await fleet.NewCase(way, RevocationFixture.Annex(way));
        var cut = way switch
        {
            "site-revoked" => await Client.RevokeSiteAsync(one.Site, "dismantled"),
            "site-quarantined" => await Client.QuarantineSiteAsync(one.Site, "speaks to strangers"),
            "site-locked" => await Lock($"site:{one.Site}"),
            _ => throw new ArgumentOutOfRangeException(nameof(way), way, "no such way"),
        };
        WasCut(cut, way, flows: 4, tunnels: 1);
        await one.Lost.HaveStopped(isTold: true, way);
        await one.Kept!.GoOn($"after {way}, to another site");
        await fleet.Witness.GoOn($"after {way}");
    }

    /// <summary>A subnet stays while an application is in it: what cuts is that the application goes, to another subnet of the site.</summary>
    [NetworkFact]
    public async Task A_subnet_that_is_taken_from_its_site_takes_its_flows_of_every_kind_with_it_and_no_others()
    {
        const string Way = "subnet-taken";
        await using var one = await fleet.NewCase(Way, RevocationFixture.Depot);
        var left = new SiteUpdate { Subnets = [RevocationFixture.OtherSubnetOfDepot] };
        (await Should.ThrowAsync<ApiException>(() => Client.UpdateSiteAsync(one.Site, left))).Message.ShouldContain(one.Application);
        await one.Lost.GoOn("after a change that was refused");

        WasCut((await Client.UpdateApplicationAsync(one.Application, new ApplicationUpdate { Target = "192.168.60.9" })).Cut, Way, flows: 4, tunnels: 0);
        await one.Lost.HaveStopped(isTold: true, Way);
        await Client.UpdateSiteAsync(one.Site, left);
        await one.Lost.HaveStopped(isTold: false, $"{Way}, and nobody carries the address");
        await one.Kept!.GoOn($"after {Way}, to another site");
        await fleet.Witness.GoOn($"after {Way}");
    }

    [NetworkFact]
    public async Task A_rule_that_leads_beyond_the_gateway_host_stops_its_flows_of_every_kind_too_and_no_others()
    {
        const string Way = "egress-removed";
        await using var one = await fleet.NewCase(Way, RevocationFixture.Internet);
        WasCut(await Client.DeleteRuleAsync(one.Rule), Way, flows: 4, tunnels: 0);
        await one.Lost.HaveStopped(isTold: true, Way);
        await one.Kept!.GoOn($"after {Way}, to another application");
        await fleet.Witness.GoOn($"after {Way}");
    }

    [NetworkFact]
    public async Task A_throttled_device_keeps_its_flows_of_every_kind()
    {
        const string Way = "throttled";
        await using var one = await fleet.NewCase(Way);
        var cut = await Client.QuarantineDeviceToAsync(Way, new QuarantineRequest { Degree = "throttled", Rate = "2mbit", Reason = "test" });
        (cut.Enforced, cut.FlowsCut, cut.TunnelsCut).ShouldBe((true, 0, 0), cut.Summary);
        await one.Lost.GoOn("slowly");
        await fleet.Witness.GoOn($"after {Way}");
    }

    [NetworkFact]
    public async Task A_locked_network_stands_still_and_another_one_does_not()
    {
        await using var one = await fleet.NewCase("network-locked", RevocationFixture.Yard);
        WasCut(await Lock($"network:{RevocationFixture.Yard}"), "network-locked", flows: 0, tunnels: 2);
        await one.Lost.HaveStopped(isTold: false, "network-locked");
        await fleet.Witness.GoOn("after network-locked");
    }

    private async Task<CutResult?> Lock(string subject) => (await Client.AddLockAsync(new LockCreate { Subject = subject, Reason = "test" })).Cut;

    private async Task<int> CredentialOf(string device) => (await Client.ListCredentialsAsync($"device:{device}")).Items.ShouldHaveSingleItem().Id;

    /// <summary>It is not removed while rules lead to it, so what cuts is the last of them.</summary>
    private async Task<CutResult> RemoveApplication(RevocationCase one)
    {
        await Should.ThrowAsync<ApiException>(() => Client.DeleteApplicationAsync(one.Application));
        await one.Lost.GoOn("after a removal that was refused");
        var cut = await Client.DeleteRuleAsync(one.Rule);
        await Client.DeleteApplicationAsync(one.Application);
        return cut;
    }

    private void WasCut(CutResult? cut, string way, int flows, int tunnels)
    {
        cut.ShouldNotBeNull(way);
        output.WriteLine($"{way}: last packet {cut.MillisecondsToLastPacket} ms, enforced {cut.MillisecondsToEnforced} ms after the commit; {cut.FlowsCut} flows, {cut.TunnelsCut} tunnels");
        cut.Enforced.ShouldBeTrue(cut.Summary);
        cut.MillisecondsToEnforced!.Value.ShouldBeInRange(0, Late, cut.Summary);
        cut.MillisecondsToLastPacket!.Value.ShouldBeInRange(0, Late, cut.Summary);
        cut.FlowsCut.ShouldBeGreaterThanOrEqualTo(flows, cut.Summary);
        cut.TunnelsCut.ShouldBe(tunnels, cut.Summary);
    }
}
