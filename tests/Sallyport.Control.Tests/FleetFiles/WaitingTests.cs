using Microsoft.Extensions.DependencyInjection;
using Sallyport.Api.Audit;
using Sallyport.Api.Fleets;
using Sallyport.Api.Policy;
using Sallyport.Control.Changes;
using Sallyport.Control.FleetFiles;
using Sallyport.Control.Http;
using Sallyport.Control.Tests.Worlds;
using Sallyport.Control.Users;

namespace Sallyport.Control.Tests.FleetFiles;

/// <summary>Who is to be shut out does not wait for a file: not for a plan at all, and not for the whole of an apply.</summary>
public class WaitingTests
{
    private const string Plant = FleetFileWorld.Plant;
    private const string Reach = "tests:\n  - { from: \"device:pump-17\", to: \"application:historian\", must: reach }\n";

    [Fact]
    public async Task Revocation_is_done_while_a_plan_is_made()
    {
        using var time = new HeldTime();
        await using var world = await ControlWorld.StartAsync(time: time);
        await world.ApplyAsync(Plant);
        var files = world.App.Services.GetRequiredService<FleetFileCommands>();
        var planning = time.RunHeld(0, () => files.PlanAsync(Actor.System, FleetFileWorld.Bytes(Plant.Replace("pump-3", "pump-4", StringComparison.Ordinal)), prune: false).GetAwaiter().GetResult());

        await world.Client.RevokeDeviceAsync("pump-3", null);
        planning.IsCompleted.ShouldBeFalse();
        (await world.Client.GetDeviceAsync("pump-3")).State.ShouldBe("retired");

        time.LetGo();
        var plan = await planning;
        plan.Changes.Select(change => change.Subject).ShouldBe(["device:pump-4.plant-a", "device:pump-3.plant-a"], "of the moment at which it began");
        (await ControlWorld.ProblemOf(() => world.ApplyAsync(Plant, version: plan.Version))).Status.ShouldBe(412, "and its version is that moment's");
    }

    [Fact]
    public async Task Revocation_is_done_while_a_draft_is_tried()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.ApplyAsync(Plant);
        using var reached = new ManualResetEventSlim();
        using var free = new ManualResetEventSlim();
        var trying = Task.Run(() => world.Control.Drafts.OfAsync(Actor.System, _ =>
        {
            reached.Set();
            free.Wait();
        }));
        reached.Wait();
        await world.Client.RevokeDeviceAsync("pump-3", null);
        trying.IsCompleted.ShouldBeFalse();
        free.Set();
        var draft = await trying;
        draft.Before.Version.ShouldBeLessThan(world.Control.Feed.State.Version);
        draft.After.Identities.Count.ShouldBe(draft.Before.Identities.Count);
    }

    [Fact]
    public async Task Revocation_overtakes_an_apply_which_begins_anew_behind_it()
    {
        using var time = new HeldTime();
        await using var world = await ControlWorld.StartAsync(time: time);
        await world.ApplyAsync(Plant);
        var files = world.App.Services.GetRequiredService<FleetFileCommands>();
        var text = Plant.Replace("[tcp/8883]", "[tcp/8884]", StringComparison.Ordinal) + "  - { from: \"label:model=P100\", to: \"application:historian\" }\n" + Reach;

        // Once while it is thought through, once when it begins in earnest, and then for each record.
        var applying = time.RunHeld(2, () => files.ApplyAsync(Actor.System, FleetFileWorld.Bytes(text), prune: false, null, default).GetAwaiter().GetResult());
        var revoking = Task.Run(() => world.Client.RevokeDeviceAsync("pump-3", null));
        await ControlWorld.UntilAsync(() => Task.FromResult(world.Control.Fleet.IsAskedFor));
        time.LetGo();

        await revoking;
        (await applying).Applied.ShouldBeTrue();
        var trail = (await world.Client.ListAuditAsync()).Items.OrderBy(record => record.Sequence).Select(record => record.Action)
            .SkipWhile(action => action != "fleet.apply").Skip(1).Where(action => !action.EndsWith(".enforced", StringComparison.Ordinal)).ToList();
        trail.ShouldBe(["device.revoke", "application.update", "rule.create", "fleet.apply"], "what it had done before was undone");
        (await world.Client.GetApplicationAsync("historian")).Services.ShouldBe(["tcp/8884"]);
    }

    [Fact]
    public async Task What_was_changed_behind_the_back_of_an_apply_is_judged_by_its_tests()
    {
        using var time = new HeldTime();
        await using var world = await ControlWorld.StartAsync(time: time);
        await world.ApplyAsync(Plant);
        var files = world.App.Services.GetRequiredService<FleetFileCommands>();
        var text = "networks:\n  plant-b: { prefixes: [10.21.0.0/16] }\n" + Reach;
        var applying = time.RunHeld(0, () => files.ApplyAsync(Actor.System, FleetFileWorld.Bytes(text), prune: false, null, default).GetAwaiter().GetResult());
        await world.Client.DeleteRuleAsync((await world.Client.ListRulesAsync()).Items.Single().Id);
        time.LetGo();

        var refused = await applying.ShouldThrowAsync<ProblemException>();
        refused.Problem.Errors.ShouldHaveSingleItem().Message.ShouldContain("must reach application:historian, but does not");
        (await world.Client.ListNetworksAsync()).Items.Select(network => network.Name).ShouldBe(["plant-a"]);
    }

    [Fact]
    public async Task What_somebody_else_did_meanwhile_is_not_said_to_be_applied()
    {
        using var time = new HeldTime();
        await using var world = await ControlWorld.StartAsync(time: time);
        await world.ApplyAsync(Plant);
        var files = world.App.Services.GetRequiredService<FleetFileCommands>();
        const string Other = "networks:\n  plant-b: { prefixes: [10.21.0.0/16] }\n";
        var applying = time.RunHeld(0, () => files.ApplyAsync(Actor.System, FleetFileWorld.Bytes(Other), prune: false, null, default).GetAwaiter().GetResult());
        await world.Client.AddNetworkAsync(new Api.Networks.NetworkCreate { Name = "plant-b", Prefixes = ["10.21.0.0/16"] });
        time.LetGo();

        var plan = await applying;
        (plan.Applied, plan.Changes.Count, plan.Cut).ShouldBe((false, 0, null));
        plan.Version.ShouldBe(world.Control.Feed.State.Version);
    }

    [Fact]
    public async Task Who_shuts_out_without_end_keeps_no_long_command_from_its_end()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.ApplyAsync(Plant);
        var commands = world.Control.Commands;
        var (tries, others) = (0, new List<Task>());
        commands.RunLong(Actor.System, change =>
        {
            tries++;
            others.Add(Task.Run(() => commands.RunFirst(Actor.System, other =>
            {
                other.Audit("test.first", "test");
                return true;
            })));
            SpinWait.SpinUntil(() => world.Control.Fleet.IsAskedFor, TimeSpan.FromSeconds(30)).ShouldBeTrue();
            change.Attempt(() => true);
            change.Audit("test.long", "test");
            return true;
        });
        await Task.WhenAll(others);
        tries.ShouldBe(11);
        var trail = (await world.Client.ListAuditAsync()).Items.Select(record => record.Action).ToList();
        (trail.Count(action => action == "test.long"), trail.Count(action => action == "test.first")).ShouldBe((1, 11));
        (await world.Client.VerifyAuditAsync()).Valid.ShouldBeTrue();
    }

    [Fact]
    public async Task Several_who_shut_out_without_a_pause_keep_no_long_command_from_its_end()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.ApplyAsync(Plant);
        var commands = world.Control.Commands;
        var isDone = false;
        var others = Enumerable.Range(0, 3).Select(_ => Task.Factory.StartNew(
            () =>
            {
                while (!Volatile.Read(ref isDone))
                {
                    commands.RunFirst(Actor.System, change =>
                    {
                        change.Audit("test.first", "test");
                        return true;
                    });
                }
            },
            TaskCreationOptions.LongRunning)).ToList();
        var applying = Task.Factory.StartNew(
            () => commands.RunLong(Actor.System, change =>
            {
                change.Attempt(() => true);
                change.Audit("test.long", "test");
                return true;
            }),
            TaskCreationOptions.LongRunning);
        var first = await Task.WhenAny(applying, Task.Delay(TimeSpan.FromSeconds(60)));
        Volatile.Write(ref isDone, true);
        await Task.WhenAll(others);
        first.ShouldBe(applying);
        (await applying).Value.ShouldBeTrue();
    }

    [Fact]
    public async Task Replay_with_a_file_leaves_no_trace()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.ApplyAsync(Plant);
        var (before, version) = (await FleetFileWorld.PictureAsync(world), world.Control.Feed.State.Version);
        var records = (await world.Client.ListAuditAsync()).Items.Count;
        await world.Client.ReplayAsync(new ReplayRequest { File = Plant.Replace("pump-3", "pump-4", StringComparison.Ordinal), Prune = true });
        (await FleetFileWorld.PictureAsync(world)).ShouldBe(before);
        ((await world.Client.ListAuditAsync()).Items.Count, world.Control.Feed.State.Version).ShouldBe((records, version));
    }
}
