using Sallyport.Api.Applications;
using Sallyport.Api.Nodes;
using Sallyport.Api.Rules;
using Sallyport.Control.Tests.Worlds;

namespace Sallyport.Control.Tests;

public sealed class TranscriptTests
{
    /// <summary>What the readme shows, with a gateway that is played by the test.</summary>
    [Fact]
    public async Task A_device_is_denied_allowed_and_cut()
    {
        await using var world = await ControlWorld.StartAsync();
        using var gateway = await FakeGateway.ConnectAsync(world);
        await gateway.ReceiveAsync<Snapshot>();
        var network = await world.PlantAsync();
        var hq = await world.HqAsync(profile: true);
        var pump = await world.PumpAsync();
        pump.Profile!.Text.ShouldContain("<tls-crypt-v2>");
        (await gateway.ReceiveAsync<Delta>()).Networks.Single().Name.ShouldBe("plant-a");
        (await gateway.ReceiveAsync<Delta>()).Identities.Single().Subnets.ShouldBe(["192.168.50.0/24"]);
        (await gateway.ReceiveAsync<Delta>()).Identities.Single().Credentials.Single().Fingerprint.ShouldBe(pump.Profile.Fingerprint);
        var historian = await world.Client.AddApplicationAsync(
            new ApplicationCreate { Name = "historian", Site = "hq", Target = "192.168.50.10", Services = ["tcp/8883"] });
        await gateway.ReceiveAsync<Delta>();

        await gateway.SendAsync(new TunnelReport([FakeGateway.Tunnel(pump.Device.Id)]));
        await gateway.SendAsync(new FlowReport(
            [FakeGateway.Flow(network.Id, pump.Device.Id, hq.Site.Id) with { ApplicationId = historian.Id, Reason = "NoRule" }]));
        await Until(async () => (await world.Client.ListFlowsAsync("pump-17")).Items.Count == 1);
        (await world.Client.GetDeviceAsync("pump-17")).Presence.ShouldBe("online");
        var denied = (await world.Client.ListFlowsAsync("pump-17")).Items.Single();
        denied.Verdict.ShouldBe("denied");
        denied.Application.ShouldBe("historian");
        denied.AllowCommand.ShouldBe("sallyport rule add --from device:pump-17 --to application:historian");

        var before = await world.Client.ExplainAsync("device:pump-17", "192.168.50.10", "tcp", 8883);
        before.Allowed.ShouldBeFalse();
        before.AllowCommands.ShouldBe(["sallyport rule add --from device:pump-17 --to application:historian"]);
        var rule = await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-17", To = "application:historian" });
        await gateway.ReceiveAsync<Delta>();
        var after = await world.Client.ExplainAsync("device:pump-17", "192.168.50.10", "tcp", 8883);
        after.Allowed.ShouldBeTrue();
        after.RuleId.ShouldBe(rule.Id);

        var revoking = world.Client.RevokeDeviceAsync("pump-17", "stolen");
        var delta = await gateway.ReceiveAsync<Delta>();
        delta.Identities.Single().Active.ShouldBeFalse();
        delta.Identities.Single().Credentials.ShouldBeEmpty();
        await gateway.SendAsync(new Acknowledge(delta.Version, delta.CommittedAt + 4_000_000, delta.CommittedAt + 3_500_000, 1, 2));
        var cut = await revoking;
        cut.Enforced.ShouldBeTrue();
        cut.MillisecondsToLastPacket.ShouldBe(3.5);
        cut.MillisecondsToEnforced.ShouldBe(4);
        cut.FlowsCut.ShouldBe(2);

        var audit = await world.Client.ListAuditAsync();
        audit.Items.Take(2).Select(record => record.Action).ShouldBe(["device.revoke.enforced", "device.revoke"]);
        (await world.Client.VerifyAuditAsync()).Valid.ShouldBeTrue();
        (await world.Client.GetDeviceAsync("pump-17")).State.ShouldBe("retired");
    }

    private static async Task Until(Func<Task<bool>> holds)
    {
        for (var i = 0; i < 200; i++)
        {
            if (await holds())
            {
                return;
            }

            await Task.Delay(25);
        }

        throw new ShouldAssertException("it did not come to hold");
    }
}
