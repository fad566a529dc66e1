using Sallyport.Core.Gateway;
using Sallyport.Core.OpenVpn.Negotiation;
using Sallyport.Core.OpenVpn.Session;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.Primitives;
using Sallyport.Simulation.Wire;

namespace Sallyport.Simulation.OpenVpn;

/// <summary>Sessions whose TLS has given libssl's part back.</summary>
public sealed class SleepingTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    [Fact]
    public void Both_ends_give_libssl_back_once_the_configuration_is_there_and_after_every_renegotiation()
    {
        using var world = Up(1);
        for (var key = 1; key <= 3; key++)
        {
            Asleep(world).ShouldBeTrue();
            world.Client.Session.Renegotiate(world.Now);
            world.RunUntil(() => world.Server.Renegotiations == key && world.Client.Renegotiations == key, 10 * Second).ShouldBeTrue();
            world.RunFor(Second);
        }

        Asleep(world).ShouldBeTrue();
    }

    [Fact]
    public void An_owner_that_takes_its_time_still_gets_everything_of_the_handshake()
    {
        using var world = new World(2, Fate.Clean, new Scenario()) { Decide = Decision.Later };
        world.RunFor(5 * Second);
        world.Server.Asked.ShouldBe(1);
        world.Server.Session!.Channel.Pending!.Tls.Ssl.ShouldNotBe(0);
    }

    [Fact]
    public void A_goodbye_wakes_a_sleeping_session()
    {
        using var world = Up(3);
        world.RunFor(TimeSpan.FromMinutes(20));
        Asleep(world).ShouldBeTrue();
        world.Client.Session.Send(ControlMessage.Exit, world.Now);
        world.RunUntil(() => world.Server.Ended is not null, Second).ShouldBeTrue();
        world.Server.Ended!.Reason.ShouldBe(SessionEnd.PeerExit);
    }

    [Fact]
    public void Messages_reach_a_sleeping_peer_though_packets_are_lost()
    {
        using var world = Up(4);
        world.RunFor(TimeSpan.FromMinutes(5));
        world.Wire.Fate = new Fate { Lose = 0.3, Duplicate = 0.3 };
        for (var i = 1; i <= 20; i++)
        {
            world.Server.Session!.Send(ControlMessage.Restart, world.Now);
            world.RunUntil(() => world.Client.Heard.Count == i, TimeSpan.FromMinutes(2)).ShouldBeTrue();
        }

        world.Client.Heard.ShouldAllBe(message => message.Kind == ControlMessageKind.Restart);
        Asleep(world).ShouldBeTrue();
    }

    [Fact]
    public void A_record_that_is_not_genuine_ends_a_sleeping_session_with_a_reason()
    {
        using var world = Up(5);
        Forge(world, [23, 3, 3, 0, 20, .. new byte[20]]).ShouldBe(DropReason.None);
        world.Server.Ended!.Reason.ShouldBe(SessionEnd.TlsFailed);
        world.Server.Ended.Detail.ShouldContain("not genuine");
    }

    [Fact]
    public void The_beginning_of_a_record_does_not_hold_a_session_s_memory_for_ever()
    {
        using var world = Up(6);
        Forge(world, [23, 3, 3, 0x40, 0]);
        world.Server.Session!.Channel.Active!.Tls.HasPartialRecord.ShouldBeTrue();
        world.RunFor(50 * Second);
        world.Server.Ended.ShouldBeNull();
        world.RunFor(20 * Second);
        world.Server.Ended!.Reason.ShouldBe(SessionEnd.TlsFailed);
        world.Server.Ended.Detail.ShouldContain("in time");
    }

    private static World Up(ulong seed)
    {
        var world = new World(seed, Fate.Clean, new Scenario());
        world.RunUntil(() => world is { Server.IsUp: true, Client.IsUp: true }, TimeSpan.FromMinutes(1)).ShouldBeTrue();
        world.RunFor(5 * Second);
        return world;
    }

    private static bool Asleep(World world) =>
        world.Server.Session!.Channel.Active!.Tls.Ssl == 0 && world.Client.Session.Channel.Active!.Tls.Ssl == 0;

    private static DropReason Forge(World world, ReadOnlySpan<byte> payload)
    {
        var active = world.Client.Session.Channel.Active!;
        return world.Forge(Opcode.ControlV1, active.KeyId, active.Sender.NextId, payload);
    }
}
