using Sallyport.Core.Gateway;
using Sallyport.Core.Ike.Session;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;
using Sallyport.Simulation.Wire;

namespace Sallyport.Simulation.Ike;

public class IkeMoveTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(2);
    private static readonly IpAddress Public = IpAddress.Parse("192.0.2.77");

    [Fact]
    public void Without_a_NAT_nothing_is_encapsulated()
    {
        using var world = new IkeWorld(1);
        world.Up(Soon);
        (world.Device.Session!.IsEncapsulated, world.Gateway.Session!.IsEncapsulated).ShouldBe((false, false));
        world.Gateway.Session.Path.IsNatPort.ShouldBeFalse();
    }

    [Fact]
    public void Behind_a_NAT_both_go_to_the_port_for_it()
    {
        for (ulong seed = 1; seed <= 10; seed++)
        {
            using var world = new IkeWorld(seed, IkeHandshakeTests.Bad) { Nat = Mapped(30_000) };
            world.Up();
            world.Run(TimeSpan.FromSeconds(20));
            world.ShouldAgree();
            (world.Device.Session!.IsEncapsulated, world.Gateway.Session!.IsEncapsulated).ShouldBe((true, true));
            (world.Device.Session.NeedsKeepalive, world.Gateway.Session.NeedsKeepalive).ShouldBe((true, false));
            world.Gateway.Session.IsPeerBehindNat.ShouldBeTrue();
            world.Gateway.Session.Path.Peer.ShouldBe(new OuterAddress(Public, (ushort)(30_000 + 4_500)));
            world.Gateway.Session.Path.IsNatPort.ShouldBeTrue();
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Who_cannot_do_without_UDP_gets_it(bool isGateway)
    {
        using var world = new IkeWorld(2);
        if (isGateway)
        {
            world.GatewayOptions = world.GatewayOptions with { ForceEncapsulation = true };
        }
        else
        {
            world.DeviceOptions = world.DeviceOptions with { ForceEncapsulation = true };
        }

        world.Up(Soon);
        (world.Device.Session!.IsEncapsulated, world.Gateway.Session!.IsEncapsulated).ShouldBe((true, true));
        world.Device.Session.Path.IsNatPort.ShouldBeTrue();
    }

    [Fact]
    public void A_device_moves_and_takes_its_session_along_whatever_the_wire_does()
    {
        for (ulong seed = 1; seed <= 30; seed++)
        {
            using var world = new IkeWorld(seed, IkeHandshakeTests.Bad) { Nat = seed % 2 == 0 ? Mapped(30_000) : null };
            world.Up();
            world.Run(TimeSpan.FromSeconds(5));
            if (seed % 3 == 0)
            {
                world.Tell(world.Gateway, session => session.RekeyIke(world.Now));
                world.Run(TimeSpan.FromMilliseconds(50 * (int)seed));
            }

            for (var i = 1; i <= 3; i++)
            {
                MoveTo(world, $"203.0.113.{100 + i}");
                world.Run(TimeSpan.FromMilliseconds(40 * (int)seed));
            }

            world.Run(TimeSpan.FromSeconds(200));
            world.ShouldAgree($"seed {seed}");
            var seen = world.Nat is { } nat ? nat(world.Device.At with { Port = 4500 }) : world.Device.At;
            world.Gateway.Session!.Path.Peer.Ip.ShouldBe(seen.Ip, $"seed {seed}\n{IkeHandshakeTests.Story(world)}");
            world.Tell(world.Gateway, session => session.Probe(world.Now));
            world.Run(TimeSpan.FromSeconds(100));
            world.AreUp.ShouldBeTrue();
            world.Gateway.Ends.ShouldBeEmpty();
        }
    }

    [Fact]
    public void Who_says_that_it_moved_and_is_not_there_is_dropped()
    {
        using var world = new IkeWorld(3);
        world.Up(Soon);

        // Its datagrams come from an address at which it receives nothing.
        var victim = IpAddress.Parse("192.0.2.1");
        world.Nat = seen => seen with { Ip = victim };
        world.Passes = (to, _) => to == End.Server;
        MoveTo(world, "203.0.113.77");
        world.Run(TimeSpan.FromSeconds(200));
        world.Gateway.Ends.Single().Reason.ShouldBe(Core.Ike.Session.IkeEnd.Silent);
    }

    /// <summary>Rules judge by where a peer has shown that it receives, whatever it says meanwhile.</summary>
    [Fact]
    public void A_peer_that_moved_is_taken_to_be_there_when_it_has_shown_it()
    {
        using var world = new IkeWorld(8);
        world.Up(Soon);
        var session = world.Gateway.Session!;
        var before = world.Device.At.Ip;
        world.Passes = (to, _) => to == End.Server;
        MoveTo(world, "203.0.113.77");
        world.Run(TimeSpan.FromSeconds(1));
        (session.Path.Peer.Ip, session.ShownAt).ShouldBe((world.Device.At.Ip, before));

        world.Passes = (_, _) => true;
        world.Run(TimeSpan.FromSeconds(10));
        session.ShownAt.ShouldBe(world.Device.At.Ip);
        world.Gateway.Events.OfType<Core.Ike.Session.IkeMoved>().Count().ShouldBe(2, "the second says where it was shown to be");
        world.AreUp.ShouldBeTrue();
    }

    /// <summary>
    /// It says that it is where it cannot receive, goes back, where what it was asked there reaches it, too, and says again that it is there: the answer to the first
    /// question, which it has by then, shows nothing.
    /// </summary>
    [Fact]
    public void What_a_peer_was_asked_at_one_place_and_learned_at_another_shows_nothing()
    {
        using var world = new IkeWorld(9);
        world.Up(Soon);
        var (session, home) = (world.Gateway.Session!, world.Device.At.Ip.ToString());
        const string victim = "203.0.113.77";
        var (hears, withheld) = (false, new List<byte[]>());
        world.Passes = (to, datagram) =>
        {
            if (to == End.Server && IkeHeader.TryRead(datagram, out var header) && header.IsResponse)
            {
                withheld.Add(datagram);
                return false;
            }

            return to == End.Server || hears;
        };
        MoveTo(world, victim);
        world.Run(TimeSpan.FromMilliseconds(500));
        session.Path.Peer.Ip.ToString().ShouldBe(victim);

        hears = true;
        MoveTo(world, home);
        world.RunUntil(() => withheld.Count > 0, TimeSpan.FromSeconds(10)).ShouldBeTrue("it is asked again");

        hears = false;
        MoveTo(world, victim);
        world.Run(TimeSpan.FromMilliseconds(500));
        session.Path.Peer.Ip.ToString().ShouldBe(victim);
        world.Inject(End.Server, withheld[0], world.Device.At).ShouldBe(DropReason.None);
        session.ShownAt.ToString().ShouldBe(home);
        world.RunUntil(() => world.Gateway.Ends.Any(), TimeSpan.FromSeconds(60)).ShouldBeTrue("the question of where it is now is not answered");
        session.ShownAt.ToString().ShouldBe(home);
    }

    /// <summary>
    /// A device whose rules hold at home goes elsewhere, and says again that it moved before it answers where it is: by each answer it has moved since the question. It
    /// does so for a minute, at one address, between two, or by saying in between that it is at home.
    /// </summary>
    [Theory]
    [InlineData("203.0.113.77", "203.0.113.77", true)]
    [InlineData("203.0.113.77", "203.0.113.78", true)]
    [InlineData("203.0.113.77", "203.0.113.9", false)]
    public void Who_moves_whenever_it_is_asked_where_it_is_does_not_stay_without_an_answer(string one, string other, bool hears)
    {
        using var world = new IkeWorld(11);
        world.Up(Soon);
        var (session, home) = (world.Gateway.Session!, world.Device.At.Ip);
        world.Device.At.Ip.ToString().ShouldBe("203.0.113.9");
        var withheld = new Queue<byte[]>();
        world.Passes = (to, datagram) =>
        {
            if (to == End.Server && IkeHeader.TryRead(datagram, out var header) && header.IsResponse)
            {
                withheld.Enqueue(datagram);
                return false;
            }

            // Whoever says that it is at home, and is not, does not hear what is said there.
            return to == End.Server || hears || world.Device.At.Ip != home;
        };
        MoveTo(world, one);
        for (var i = 0; i < 600 && !world.Gateway.Ends.Any() && session.ShownAt == home; i++)
        {
            world.Run(TimeSpan.FromMilliseconds(100));
            var late = withheld.Count;
            MoveTo(world, world.Device.At.Ip.ToString() == one ? other : one);
            world.Run(TimeSpan.FromMilliseconds(60));
            for (; late > 0; late--)
            {
                world.Inject(End.Server, withheld.Dequeue(), world.Device.At);
            }
        }

        (session.ShownAt != home || world.Gateway.Ends.Any()).ShouldBeTrue(IkeHandshakeTests.Story(world));
    }

    /// <summary>What was asked under keys that are replaced is asked again under the new ones.</summary>
    [Fact]
    public void New_keys_for_the_IKE_SA_give_no_more_time_to_answer()
    {
        using var world = new IkeWorld(12);
        world.Up(Soon);
        var (session, home) = (world.Gateway.Session!, world.Device.At.Ip);
        world.Passes = (to, datagram) => to == End.Client || !IkeHeader.TryRead(datagram, out var header) || !header.IsResponse;
        MoveTo(world, "203.0.113.77");
        for (var i = 0; i < 20 && !world.Gateway.Ends.Any(); i++)
        {
            world.Run(TimeSpan.FromSeconds(3));
            world.Tell(world.Device, device => device.RekeyIke(world.Now));
        }

        session.ShownAt.ShouldBe(home);
        world.Gateway.Ends.Single().Detail.ShouldContain("does not show that it receives");
        world.Gateway.Events.OfType<IkeRekeyed>().ShouldNotBeEmpty();
    }

    [Fact]
    public void Who_proves_who_it_is_from_elsewhere_than_where_it_began_is_there_when_it_has_shown_it()
    {
        using var world = new IkeWorld(10);
        var elsewhere = IpAddress.Parse("203.0.113.99");
        world.Begin();
        world.RunUntil(() => world.Gateway.Endpoint.Sessions == 1, Soon).ShouldBeTrue();
        world.Nat = seen => seen with { Ip = elsewhere };
        world.Passes = (to, _) => to == End.Server;
        world.RunUntil(() => world.Gateway.IsUp, Soon).ShouldBeTrue();
        var session = world.Gateway.Session!;
        (session.Path.Peer.Ip, session.ShownAt).ShouldBe((elsewhere, world.Device.At.Ip));

        world.Passes = (_, _) => true;
        world.RunUntil(() => session.ShownAt == elsewhere, TimeSpan.FromSeconds(30)).ShouldBeTrue();
        world.AreUp.ShouldBeTrue();
    }

    [Fact]
    public void With_MOBIKE_a_message_from_elsewhere_moves_nothing_and_is_answered_where_it_came_from()
    {
        using var world = new IkeWorld(4);
        world.Up(Soon);
        var before = world.Gateway.Session!.Path;
        world.Device.At = world.Device.At with { Ip = IpAddress.Parse("203.0.113.200") };
        world.Tell(world.Device, session => session.Probe(world.Now));
        world.Run(TimeSpan.FromSeconds(1));
        world.Gateway.Session.Path.ShouldBe(before);
        world.Device.Session!.Current.HasRequestUnderWay.ShouldBeFalse();
    }

    [Fact]
    public void A_NAT_that_forgets_its_port_is_noticed_by_who_can_move()
    {
        using var world = new IkeWorld(5) { Nat = Mapped(30_000) };
        world.DeviceOptions = world.DeviceOptions with { ProbeAfter = TimeSpan.FromSeconds(10) };
        world.Up(Soon);
        world.Nat = Mapped(40_000);
        world.Run(TimeSpan.FromSeconds(30));
        world.Gateway.Session!.Path.Peer.Port.ShouldBe((ushort)44_500);
        world.AreUp.ShouldBeTrue();
    }

    [Fact]
    public void Without_MOBIKE_a_device_behind_a_NAT_is_followed_and_no_other()
    {
        foreach (var isBehindNat in new[] { true, false })
        {
            using var world = new IkeWorld(6) { Nat = isBehindNat ? Mapped(30_000) : null };
            world.DeviceOptions = world.DeviceOptions with { Mobike = false };
            world.Up(Soon);
            world.Gateway.Session!.HasMobike.ShouldBeFalse();
            var before = world.Gateway.Session.Path;
            world.Nat = Mapped(40_000);
            world.Tell(world.Device, session => session.Probe(world.Now));
            world.Run(TimeSpan.FromSeconds(1));
            (world.Gateway.Session.Path != before).ShouldBe(isBehindNat);

            // As ESP tells, not IKE.
            var elsewhere = before with { Peer = before.Peer with { Port = 50_000 } };
            var path = world.Gateway.Session.Path;
            world.Tell(world.Gateway, session => session.Follow(elsewhere, world.Now));
            world.Gateway.Session.Path.ShouldBe(isBehindNat ? elsewhere : path);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_peer_that_is_gone_is_found_out(bool isDevice)
    {
        using var world = new IkeWorld(7);
        world.DeviceOptions = world.DeviceOptions with { ProbeAfter = TimeSpan.FromSeconds(30) };
        world.GatewayOptions = world.GatewayOptions with { ProbeAfter = TimeSpan.FromSeconds(30) };
        world.Up(Soon);
        world.Run(TimeSpan.FromMinutes(10));
        world.AreUp.ShouldBeTrue("a quiet peer is not a dead one");
        world.Passes = (_, _) => false;
        var end = isDevice ? world.Device : world.Gateway;
        world.RunUntil(() => end.Ends.Any(), TimeSpan.FromSeconds(200)).ShouldBeTrue();
        end.Ends.Single().Reason.ShouldBe(Core.Ike.Session.IkeEnd.Silent);
        end.Live.ShouldBeEmpty();
        world.Run(TimeSpan.FromSeconds(60));
        end.Endpoint.Sessions.ShouldBe(0);
    }

    private static Func<OuterAddress, OuterAddress> Mapped(int offset) => seen => new OuterAddress(Public, (ushort)(seen.Port + offset));

    /// <summary>Somebody who can receive in one place begins there and goes on from another: it cannot be asked where it is, and says that no NAT is between.</summary>
    [Fact]
    public void Who_cannot_be_asked_where_it_is_does_not_prove_who_it_is_from_elsewhere_than_where_it_began()
    {
        using var world = new IkeWorld(13);
        GoesOnElsewhere(world);
        world.RunUntil(() => world.Gateway.Ends.Any(), TimeSpan.FromSeconds(30)).ShouldBeTrue(IkeHandshakeTests.Story(world));
        world.Gateway.Ends.Single().Detail.ShouldContain("from elsewhere than where it began");
        world.Gateway.Claims.ShouldBeEmpty();
    }

    /// <summary>A NAT may have two addresses, one for each port.</summary>
    [Fact]
    public void Who_cannot_be_asked_and_is_behind_a_NAT_is_where_it_proves_who_it_is()
    {
        using var world = new IkeWorld(14);
        world.Nat = seen => seen with { Ip = IpAddress.Parse("203.0.113.98"), Port = (ushort)(seen.Port + 1000) };
        var elsewhere = GoesOnElsewhere(world);
        world.RunUntil(() => world.AreUp, TimeSpan.FromSeconds(30)).ShouldBeTrue(IkeHandshakeTests.Story(world));
        (world.Gateway.Session!.Path.Peer.Ip, world.Gateway.Session.ShownAt).ShouldBe((elsewhere, elsewhere));
    }

    private static IpAddress GoesOnElsewhere(IkeWorld world)
    {
        var elsewhere = IpAddress.Parse("203.0.113.99");
        world.DeviceOptions = world.DeviceOptions with { Mobike = false };
        world.Begin();
        world.RunUntil(() => world.Gateway.Endpoint.Sessions == 1, Soon).ShouldBeTrue();
        world.Run(TimeSpan.FromMilliseconds(1));
        world.Nat = seen => seen with { Ip = elsewhere };
        world.Passes = (_, _) => true;
        return elsewhere;
    }

    private static void MoveTo(IkeWorld world, string address)
    {
        world.Device.At = world.Device.At with { Ip = IpAddress.Parse(address) };
        world.Tell(world.Device, session => session.Move(session.Path with { Local = session.Path.Local with { Ip = world.Device.At.Ip } }, world.Now));
    }
}
