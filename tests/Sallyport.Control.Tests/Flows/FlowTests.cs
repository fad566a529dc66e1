using Sallyport.Api.Nodes;
using Sallyport.Control.Flows;
using Sallyport.Control.Tests.Worlds;
using Microsoft.Extensions.DependencyInjection;

namespace Sallyport.Control.Tests.Flows;

public sealed class FlowTests
{
    [Fact]
    public async Task A_flow_moves_on_in_its_one_record()
    {
        await using var world = await ControlWorld.StartAsync();
        var (gateway, flow) = await FlowAsync(world);
        using (gateway)
        {
            await gateway.SendAsync(new FlowReport([flow]));
            await gateway.SendAsync(new FlowReport([flow with { BytesOut = 120, PacketsOut = 2, Ended = true }]));
            await StoredAsync(world, item => item.Ended);
            var stored = (await world.Client.ListFlowsAsync()).Items.ShouldHaveSingleItem();
            stored.BytesOut.ShouldBe(120);
            stored.From.Name.ShouldBe("pump-17");
            stored.To!.Name.ShouldBe("hq");
            stored.Reason.ShouldBe("NoApplication");
            stored.AllowCommand.ShouldBe(
                "sallyport application add hq-192-168-50-10-tcp-8883 --site hq --target 192.168.50.10 --tcp 8883\n"
                + "sallyport rule add --from device:pump-17 --to application:hq-192-168-50-10-tcp-8883");
        }
    }

    [Fact]
    public async Task An_allowed_flow_is_told_as_what_came_of_it()
    {
        await using var world = await ControlWorld.StartAsync();
        var (gateway, flow) = await FlowAsync(world);
        using (gateway)
        {
            var allowed = flow with { Allowed = true, Reason = "" };
            await gateway.SendAsync(new FlowReport(
            [
                allowed with { FlowId = 1 },
                allowed with { FlowId = 2, LastSeen = flow.FirstSeen + 3_000_000_000 },
                allowed with { FlowId = 3, Ended = true },
                allowed with { FlowId = 4, Reason = "PeerOffline" },
                allowed with { FlowId = 5, PacketsBack = 1 },
                allowed with { FlowId = 6, PacketsBack = 1, Ended = true },
                flow with { FlowId = 7 },
                flow with { FlowId = 8, Cut = true },
            ]));
            await world.FlushAsync();
            await StoredAsync(world, item => item.State == "cut");
            var flows = (await world.Client.ListFlowsAsync()).Items.Reverse().ToList();
            flows.Select(item => item.State).ShouldBe(["opening", "unanswered", "unanswered", "unreachable", "live", "ended", "denied", "cut"]);
            (flows[3].Verdict, flows[3].Reason, flows[3].ReasonText).ShouldBe(("allowed", "PeerOffline", "site hq is offline"));
            flows[3].AllowCommand.ShouldBeNull();
        }
    }

    [Fact]
    public async Task A_flow_of_somebody_who_is_shut_out_says_who_it_is()
    {
        await using var world = await ControlWorld.StartAsync();
        var (gateway, flow) = await FlowAsync(world);
        using (gateway)
        {
            await world.Client.IssueSiteProfileAsync("hq", new()); // or it would be pending, and as much to blame
            await world.Client.QuarantineDeviceAsync("pump-17", null);
            await gateway.SendAsync(new FlowReport([flow with { Reason = "IdentityNotActive" }]));
            await StoredAsync(world, item => item.ReasonText == "device pump-17 is in quarantine");
        }
    }

    [Fact]
    public async Task Lists_are_filtered_and_paged_newest_first()
    {
        await using var world = await ControlWorld.StartAsync();
        var (gateway, flow) = await FlowAsync(world);
        using (gateway)
        {
            await gateway.SendAsync(new FlowReport([.. Enumerable.Range(1, 5).Select(id => flow with { FlowId = id, SourcePort = id, Allowed = id == 3 })]));
            await StoredAsync(world, item => item.SourcePort == 5);
            var first = await world.Client.ListFlowsAsync(device: "pump-17", limit: 2);
            first.Items.Select(item => item.SourcePort).ShouldBe([5, 4]);
            var second = await world.Client.ListFlowsAsync(device: "pump-17", limit: 2, cursor: first.Next);
            second.Items.Select(item => item.SourcePort).ShouldBe([3, 2]);
            (await world.Client.ListFlowsAsync(device: "pump-17", limit: 2, cursor: second.Next)).Next.ShouldBeNull();
            (await world.Client.ListFlowsAsync(site: "hq", verdict: "allowed")).Items.Single().SourcePort.ShouldBe(3);
            (await world.Client.ListFlowsAsync(network: "plant-a", verdict: "denied")).Items.Count.ShouldBe(4);
            (await ControlWorld.ProblemOf(() => world.Client.ListFlowsAsync(device: "pmp-17"))).Errors.Single().Hint.ShouldBe("did you mean pump-17?");
            (await ControlWorld.ProblemOf(() => world.Client.ListFlowsAsync(verdict: "deny"))).Errors.Single().Field.ShouldBe("verdict");
            (await ControlWorld.ProblemOf(() => world.Client.ListFlowsAsync(limit: 0))).Errors.Single().Field.ShouldBe("limit");
            (await ControlWorld.ProblemOf(() => world.Client.ListFlowsAsync(cursor: "zzz"))).Errors.Single().Field.ShouldBe("cursor");
        }
    }

    [Fact]
    public async Task A_listener_sees_flows_as_they_come()
    {
        await using var world = await ControlWorld.StartAsync();
        var (gateway, flow) = await FlowAsync(world);
        using (gateway)
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
            await using var tail = world.Client.TailFlowsAsync(device: "pump-17", verdict: "denied", cancel: limit.Token).GetAsyncEnumerator(limit.Token);
            var next = tail.MoveNextAsync();
            var traffic = world.App.Services.GetRequiredService<TrafficLog>();
            while (!traffic.FlowBroadcast.HasListeners)
            {
                await Task.Delay(10, limit.Token);
            }

            await gateway.SendAsync(new FlowReport([flow with { FlowId = 1, Allowed = true }, flow with { FlowId = 2, SourcePort = 7 }]));
            (await next).ShouldBeTrue();
            tail.Current.SourcePort.ShouldBe(7);
        }
    }

    [Fact]
    public async Task Events_of_gateway_and_control_are_told_alike()
    {
        await using var world = await ControlWorld.StartAsync();
        var (gateway, flow) = await FlowAsync(world);
        using (gateway)
        {
            await gateway.SendAsync(new EventReport([new GatewayEvent("credential.cloned", flow.FirstSeen, flow.FromId, "203.0.113.9:5", "two\nplaces")]));
            for (var i = 0; i < 200 && (await world.Client.ListEventsAsync("credential.cloned")).Items.Count == 0; i++)
            {
                await Task.Delay(25);
            }

            var cloned = (await world.Client.ListEventsAsync("credential.cloned")).Items.Single();
            cloned.Subject.ShouldBe("device:pump-17");
            cloned.Detail.ShouldBe("two?places");
            (await world.Client.ListEventsAsync("device.create")).Items.Single().Source.ShouldBe("control");
        }
    }

    [Fact]
    public async Task Old_and_surplus_flows_are_pruned()
    {
        var time = new MovedTime();
        await using var world = await ControlWorld.StartAsync(time: time, change: options => options with { FlowsKept = 3, FlowAge = TimeSpan.FromDays(1) });
        var (gateway, flow) = await FlowAsync(world);
        using (gateway)
        {
            await gateway.SendAsync(new FlowReport([.. Enumerable.Range(1, 5).Select(id => flow with { FlowId = id, SourcePort = id })]));
            await StoredAsync(world, item => item.SourcePort == 5);
            var traffic = world.App.Services.GetRequiredService<TrafficLog>();
            traffic.Prune();
            (await world.Client.ListFlowsAsync()).Items.Select(item => item.SourcePort).ShouldBe([5, 4, 3]);
            time.By = TimeSpan.FromDays(2);
            traffic.Prune();
            (await world.Client.ListFlowsAsync()).Items.ShouldBeEmpty();
        }
    }

    [Fact]
    public async Task A_flow_keeps_its_names_when_the_device_is_gone()
    {
        await using var world = await ControlWorld.StartAsync();
        var (gateway, flow) = await FlowAsync(world);
        using (gateway)
        {
            await gateway.SendAsync(new FlowReport([flow]));
            await StoredAsync(world, _ => true);
            await world.Client.DeleteDeviceAsync("pump-17");
            var stored = (await world.Client.ListFlowsAsync()).Items.Single();
            stored.From.Name.ShouldBe("pump-17");
            stored.AllowCommand.ShouldBeNull();
        }
    }

    private static async Task<(FakeGateway Gateway, FlowState Flow)> FlowAsync(ControlWorld world)
    {
        var network = await world.PlantAsync();
        var hq = await world.HqAsync();
        var pump = await world.PumpAsync();
        var gateway = await FakeGateway.ConnectAsync(world);
        return (gateway, FakeGateway.Flow(network.Id, pump.Device.Id, hq.Site.Id));
    }

    private static async Task StoredAsync(ControlWorld world, Func<Api.Flows.FlowInfo, bool> holds)
    {
        for (var i = 0; i < 400; i++)
        {
            if ((await world.Client.ListFlowsAsync()).Items.Any(holds))
            {
                return;
            }

            await Task.Delay(25);
        }

        throw new ShouldAssertException("the flow was not stored");
    }
}
