using Sallyport.Api.Locks;
using Sallyport.Api.Rules;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Peers;

namespace Sallyport.EndToEnd.Policy;

/// <summary>Locks on what has a live connection of a stock client.</summary>
public sealed class LockTests(PolicyFixture fleet) : IClassFixture<PolicyFixture>
{
    [NetworkFact]
    public async Task A_locked_application_is_cut_off_at_once_and_is_there_again_when_the_lock_ends()
    {
        var created = await fleet.AddDevice("reader", "plant");
        var host = fleet.NewHost("reader");
        using var client = new OpenVpnProcess(host, created.Profile!.Text);
        await fleet.Connected(client);
        await fleet.Client.AddRuleAsync(new RuleCreate { From = "device:reader", To = "application:historian-plant" });
        await using var stream = await TcpStream.Open(host, Topology.Application, Fleet.TestApplication.Port);
        await stream.Progress(5_000);

        var made = await fleet.Client.AddLockAsync(new LockCreate { Subject = "application:historian-plant", For = "4s", Reason = "maintenance" });
        made.Cut!.FlowsCut.ShouldBe(1);
        await Eventually.True(() => stream.Fault is not null, "the connection is reset");
        (await Dial.Tcp(host, Topology.Application, Fleet.TestApplication.Port)).DeniedAtOnce.ShouldBeTrue();
        await Eventually.True(
            () => Dial.Tcp(host, Topology.Application, Fleet.TestApplication.Port).GetAwaiter().GetResult().Outcome == DialOutcome.Connected,
            "reached again when the lock ends");
    }

    [NetworkFact]
    public async Task A_locked_device_loses_its_tunnel_and_comes_back_when_the_lock_is_removed()
    {
        var created = await fleet.AddDevice("stray", "plant");
        using var client = new OpenVpnProcess(fleet.NewHost("stray"), created.Profile!.Text);
        await fleet.Connected(client);

        var made = await fleet.Client.AddLockAsync(new LockCreate { Subject = "device:stray", Reason = "talks to strangers" });
        made.Cut!.TunnelsCut.ShouldBe(1);
        await Eventually.True(() => fleet.Client.GetDeviceAsync("stray").GetAwaiter().GetResult().Presence == "offline", "offline");
        var locked = await fleet.Client.GetDeviceAsync("stray");
        locked.State.ShouldBe("active", "a lock is no state");
        locked.Locks.ShouldBe([made.Id]);

        await fleet.Client.DeleteLockAsync(made.Id);
        using var again = new OpenVpnProcess(fleet.NewHost("stray2"), created.Profile!.Text);
        await fleet.Connected(again);
    }
}
