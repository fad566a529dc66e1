using Sallyport.Api.Applications;
using Sallyport.Api.Audit;
using Sallyport.Api.Devices;
using Sallyport.Api.Dns;
using Sallyport.Api.Networks;
using Sallyport.Api.Rules;
using Sallyport.Control.Audit;
using Sallyport.Control.Tests.Worlds;

namespace Sallyport.Control.Tests.Audit;

public sealed class AuditSentenceTests
{
    [Fact]
    public async Task Every_record_of_a_life_is_a_sentence()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        await world.HqAsync();
        await world.PumpAsync();
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "historian", Site = "hq", Target = "192.168.50.10", Services = ["tcp/8883"] });
        await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-17", To = "application:historian" });
        await world.Client.UpdateDeviceAsync("pump-17", new DeviceUpdate { Labels = new Dictionary<string, string>(), Groups = ["pumps"] });
        await world.Client.QuarantineDeviceAsync("pump-17", "odd traffic");
        await world.Client.ReleaseDeviceAsync("pump-17", null);
        await world.Client.DeleteRuleAsync(1);
        await world.Client.RevokeDeviceAsync("pump-17", "stolen");
        await world.Client.DeleteDeviceAsync("pump-17");

        var said = (await world.Client.ListAuditAsync(limit: 100)).Items.Reverse().Select(record => record.Summary!).ToList();

        said.RemoveAll(sentence => sentence.StartsWith("profile issued for device pump-17: credential 1; tls-crypt-v2; valid until ", StringComparison.Ordinal))
            .ShouldBe(1);
        said.ShouldBe(
        [
            "token of user administrator made: in admin.token",
            "network plant-a added: 10.20.0.0/16",
            "site hq added: 10.20.0.2; carries 192.168.50.0/24",
            "device pump-17 added: 10.20.0.3; labels model=P200",
            "application historian added: 192.168.50.10 tcp/8883 at site hq",
            "rule 1 added: device pump-17 may reach application historian",
            "device pump-17 changed: no labels; groups pumps",
            "device pump-17 quarantined: dark; odd traffic",
            "device pump-17 quarantined: no gateway was connected to enforce it",
            "device pump-17 released",
            "rule 1 removed: device pump-17 could reach application historian",
            "rule 1 removed: no gateway was connected to enforce it",
            "device pump-17 revoked: stolen; with it credential 1",
            "device pump-17 revoked: no gateway was connected to enforce it",
            "device pump-17 removed",
            "device pump-17 removed: no gateway was connected to enforce it",
        ]);
        await world.FlushAsync();
        (await world.Client.ListEventsAsync("device.revoke")).Items.Single().Detail.ShouldBe(
            "device pump-17 revoked: stolen; with it credential 1 (by administrator)");
    }

    [Fact]
    public async Task Names_ranges_answers_for_names_and_the_network_of_a_subject_are_told()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        await world.PumpAsync();
        await world.Client.AddNetworkAsync(new NetworkCreate { Name = "plant-b", Prefixes = ["10.21.0.0/16"], DefaultRoute = true, Dns = new NetworkDnsInput { Serve = false } });
        await world.Client.UpdateNetworkAsync(
            "plant-a", new NetworkUpdate { ServiceRanges = ["198.18.8.0/24"], GuestPools = ["198.19.8.0/24"], Guests = "shared", Dns = new NetworkDnsInput { Forward = ["corp.example=10.0.0.53"] } });
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "updates", Host = "internet", Names = ["*.vendor.example", "time.example"], Services = ["tcp/443"] });
        await world.Client.UpdateApplicationAsync("updates", new ApplicationUpdate { Target = "203.0.113.0/24" });
        await world.Client.AddRuleAsync(new RuleCreate { From = "label:model=P200", FromNetwork = "plant-a", To = "application:updates" });
        await world.Client.AddRuleAsync(new RuleCreate { From = "network:plant-a", To = "application:updates" });
        var said = (await world.Client.ListAuditAsync(limit: 100)).Items.Select(record => record.Summary!).ToList();
        said.ShouldContain("network plant-b added: 10.21.0.0/16; everything goes into the tunnel; names are not answered");
        said.Single(sentence => sentence.StartsWith("network plant-a changed: ", StringComparison.Ordinal))
            .ShouldEndWith("; services of others in 198.18.8.0/24; guests in 198.19.8.0/24; guests shared; other names are asked of corp.example=10.0.0.53");
        said.ShouldContain("application updates added: *.vendor.example, time.example tcp/443 at host internet");
        said.ShouldContain("application updates changed: *.vendor.example, time.example in 203.0.113.0/24 tcp/443 at host internet");
        said.ShouldContain("rule 1 added: label model=P200 of network plant-a may reach application updates");
        said.ShouldContain("rule 2 added: network plant-a may reach application updates");
    }

    [Fact]
    public async Task A_sentence_is_no_part_of_what_is_proven()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        using var export = new MemoryStream();
        await world.Client.ExportAuditAsync(export);
        System.Text.Encoding.UTF8.GetString(export.ToArray()).ShouldNotContain("summary");
    }

    [Theory]
    [InlineData("not JSON at all")]
    [InlineData("[]")]
    [InlineData("""{"enforced":"yes"}""")]
    [InlineData("""{"enforced":true,"tunnelsCut":"many","millisecondsToLastPacket":[]}""")]
    public void An_altered_record_is_shown_as_it_is(string detail)
    {
        AuditSentence.Of(Record("device.revoke.enforced", "device:pump-17.plant-a", detail)).ShouldBe($"device pump-17, device.revoke: {detail}");
    }

    [Fact]
    public void A_label_keeps_its_dots() =>
        AuditSentence.Of(Record("rule.create", "rule:4", """{"from":"label:version=2.1","to":"application:historian.plant-a"}"""))
            .ShouldBe("rule 4 added: label version=2.1 may reach application historian");

    private static AuditRecord Record(string action, string subject, string detail) => new()
    {
        Sequence = 1,
        At = 1,
        Actor = "administrator",
        Action = action,
        Subject = subject,
        Detail = detail,
        PreviousHash = "",
        Hash = "",
    };
}
