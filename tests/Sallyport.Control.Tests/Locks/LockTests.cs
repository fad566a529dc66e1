using Sallyport.Api.Applications;
using Sallyport.Api.Devices;
using Sallyport.Api.Locks;
using Sallyport.Api.Nodes;
using Sallyport.Api.Rules;
using Sallyport.Control.Tests.Worlds;

namespace Sallyport.Control.Tests.Locks;

public sealed class LockTests
{
    [Theory]
    [InlineData("device:pump-17")]
    [InlineData("group:pumps")]
    [InlineData("label:model=P200")]
    [InlineData("network:plant-a")]
    public async Task Who_is_locked_is_not_active_for_the_gateways_and_is_again_when_the_lock_goes(string subject)
    {
        await using var world = await WorldAsync();
        using var gateway = await FakeGateway.ConnectAsync(world);
        await gateway.ReceiveAsync<Snapshot>();
        var locking = world.Client.AddLockAsync(new LockCreate { Subject = subject, Reason = "stolen?" });
        var delta = await gateway.ReceiveAsync<Delta>();
        var pump = delta.Identities.Single(identity => identity.Name == "pump-17");
        (pump.Active, pump.WhyInactive).ShouldBe((false, "locked"));
        await gateway.SendAsync(new Acknowledge(delta.Version, delta.CommittedAt + 2_000_000, delta.CommittedAt, 1, 2));
        var made = await locking;
        (made.Cut!.TunnelsCut, made.Cut.FlowsCut).ShouldBe((1, 2));
        made.Subjects.ShouldBe(delta.Identities.Count);
        (await world.Client.GetDeviceAsync("pump-17")).Locks.ShouldBe([made.Id]);
        (await world.Client.GetDeviceAsync("pump-17")).State.ShouldBe("active", "a lock is no state");
        (await world.Client.ListAuditAsync(action: "lock.add")).Items.Single().Summary.ShouldStartWith($"lock {made.Id} added: ");

        await world.Client.DeleteLockAsync(made.Id);
        (await gateway.ReceiveAsync<Delta>()).Identities.ShouldContain(identity => identity.Name == "pump-17" && identity.Active && identity.WhyInactive == "");
        (await world.Client.ListLocksAsync()).Items.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_lock_on_several_labels_is_on_who_has_all_of_them()
    {
        await using var world = await WorldAsync();
        await world.PumpAsync("pump-18");
        await world.Client.UpdateDeviceAsync("pump-18", new DeviceUpdate { Labels = new Dictionary<string, string> { ["model"] = "P200", ["region"] = "eu" } });
        var made = await world.Client.AddLockAsync(new LockCreate { Subject = "label:region=eu,model=P200" });
        (made.Subject, made.Subjects).ShouldBe(("label:model=P200,region=eu", 1));
        (await world.Client.GetDeviceAsync("pump-17")).Locks.ShouldBeEmpty("it has but one of the two");
        (await world.Client.GetDeviceAsync("pump-18")).Locks.ShouldBe([made.Id]);
        var who = await world.Client.ExplainAsync("device:pump-18", "192.168.50.10", "tcp", 8883);
        who.Reason.ShouldBe("IdentityNotActive");
        await world.Client.UpdateDeviceAsync("pump-17", new DeviceUpdate { Labels = new Dictionary<string, string> { ["model"] = "P200", ["region"] = "eu" } });
        (await world.Client.GetDeviceAsync("pump-17")).Locks.ShouldBe([made.Id]);
    }

    [Fact]
    public async Task A_locked_application_or_rule_or_credential_is_not_there_for_the_gateways()
    {
        await using var world = await WorldAsync();
        var rule = await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-17", To = "application:historian" });
        var credential = (await world.Client.ListCredentialsAsync("device:pump-17")).Items[0];
        using var gateway = await FakeGateway.ConnectAsync(world);
        await gateway.ReceiveAsync<Snapshot>();

        (await Lock("application:historian")).Applications.Single().Locked.ShouldBeTrue();
        var why = await world.Client.ExplainAsync("device:pump-17", "192.168.50.10", "tcp", 8883);
        why.Allowed.ShouldBeFalse();
        why.Steps.ShouldContain("Lock 1 is on application:historian.plant-a.");
        var back = gateway.ReceiveAsync<Delta>();
        await world.Client.DeleteLockAsync(1);
        (await back).Applications.Single().Locked.ShouldBeFalse();

        (await Lock($"rule:{rule.Id}")).RemovedRules.ShouldBe([rule.Id]);
        (await world.Client.GetRuleAsync(rule.Id)).State.ShouldBe("locked");
        (await ControlWorld.ProblemOf(() => world.Client.DeleteRuleAsync(rule.Id))).Status.ShouldBe(409);
        (await Lock($"credential:{credential.Id}")).Identities.Single().Credentials.ShouldNotContain(one => one.Id == credential.Id);

        async Task<Delta> Lock(string subject)
        {
            var locking = world.Client.AddLockAsync(new LockCreate { Subject = subject });
            var delta = await gateway.ReceiveAsync<Delta>();
            await gateway.SendAsync(new Acknowledge(delta.Version, delta.CommittedAt, 0, 0, 0));
            await locking;
            return delta;
        }
    }

    [Fact]
    public async Task A_rule_that_denies_cannot_be_locked()
    {
        await using var world = await WorldAsync();
        var rule = await world.Client.AddRuleAsync(new RuleCreate { From = "device:pump-17", To = "application:historian", Effect = "deny" });
        var problem = await ControlWorld.ProblemOf(() => world.Client.AddLockAsync(new LockCreate { Subject = $"rule:{rule.Id}" }));
        problem.Errors.ShouldHaveSingleItem().Message.ShouldBe($"rule {rule.Id} denies: locking it would open what it closes");
    }

    [Fact]
    public async Task Who_joins_a_locked_group_is_locked_and_one_of_another_network_is_not()
    {
        await using var world = await WorldAsync();
        await world.PumpAsync("pump-18");
        await world.Client.UpdateDeviceAsync("pump-18", new DeviceUpdate { Groups = [] });
        var made = await world.Client.AddLockAsync(new LockCreate { Subject = "group:pumps", Network = "plant-a" });
        made.Network.ShouldBe("plant-a");
        (await world.Client.GetDeviceAsync("pump-18")).Locks.ShouldBeEmpty();
        await world.Client.UpdateDeviceAsync("pump-18", new DeviceUpdate { Groups = ["pumps"] });
        (await world.Client.GetDeviceAsync("pump-18")).Locks.ShouldBe([made.Id]);
    }

    [Fact]
    public async Task A_lock_ends_when_its_time_is_over_and_that_is_recorded()
    {
        await using var world = await WorldAsync();
        var made = await world.Client.AddLockAsync(new LockCreate { Subject = "device:pump-17", Reason = "checked", For = "1s" });
        (await world.Client.GetDeviceAsync("pump-17")).Locks.ShouldBe([made.Id]);
        await ControlWorld.UntilAsync(async () => (await world.Client.GetDeviceAsync("pump-17")).Locks.Count == 0);
        (await world.Client.ListAuditAsync(action: "lock.expire")).Items.Single().Subject.ShouldBe($"lock:{made.Id}");
    }

    [Fact]
    public async Task What_is_removed_takes_its_locks_along()
    {
        await using var world = await WorldAsync();
        var credential = (await world.Client.ListCredentialsAsync("device:pump-17")).Items[0];
        await world.Client.AddLockAsync(new LockCreate { Subject = "device:pump-17" });
        await world.Client.AddLockAsync(new LockCreate { Subject = $"credential:{credential.Id}" });
        await world.Client.AddLockAsync(new LockCreate { Subject = "application:historian" });
        await world.Client.AddLockAsync(new LockCreate { Subject = "group:pumps", Network = "plant-a" });
        await world.Client.AddLockAsync(new LockCreate { Subject = "group:pumps" });
        (await world.Client.ListLocksAsync("plant-a")).Items.Count.ShouldBe(5, "one of all networks concerns this one too");
        await world.Client.DeleteDeviceAsync("pump-17");
        await world.Client.DeleteApplicationAsync("historian");
        await world.Client.DeleteSiteAsync("hq");
        await world.Client.DeleteNetworkAsync("plant-a");
        (await world.Client.ListLocksAsync()).Items.Single().Network.ShouldBeNull();
        (await world.Client.ListAuditAsync(action: "lock.remove")).Items.Count.ShouldBe(4);
    }

    [Theory]
    [InlineData("pump-17", "subject", "did you mean device:pump-17?")]
    [InlineData("device:pump-71", "subject", "did you mean pump-17?")]
    [InlineData("devise:pump-17", "subject", "did you mean device?")]
    [InlineData("rule:404", "subject", "see which there are: sallyport rule list")]
    [InlineData("credential:first", "subject", "see which there are: sallyport credential list")]
    [InlineData("label:model", "subject", "write key=value with 1 to 128 printable characters after the '='")]
    public async Task A_subject_that_there_is_not_is_named_with_its_repair(string subject, string field, string hint)
    {
        await using var world = await WorldAsync();
        var error = (await ControlWorld.ProblemOf(() => world.Client.AddLockAsync(new LockCreate { Subject = subject }))).Errors.ShouldHaveSingleItem();
        (error.Field, error.Hint).ShouldBe((field, hint));
    }

    private static async Task<ControlWorld> WorldAsync()
    {
        var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        await world.HqAsync(profile: true);
        await world.PumpAsync();
        await world.Client.UpdateDeviceAsync("pump-17", new DeviceUpdate { Groups = ["pumps"] });
        await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "historian", Site = "hq", Target = "192.168.50.10", Services = ["tcp/8883"] });
        return world;
    }
}
