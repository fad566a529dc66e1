using Sallyport.Core.Ike.Proposals;
using Sallyport.Core.Ike.Session;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;
using Sallyport.Simulation.Wire;

namespace Sallyport.Simulation.Ike;

/// <summary>One address that takes all the places that there are, and what others notice of it.</summary>
public class IkeCrowdTests
{
    private static readonly IpAddress Flooder = IpAddress.Parse("192.0.2.1");
    private static readonly IpAddress Victim = IpAddress.Parse("203.0.113.9");

    /// <summary>Somebody with as many addresses as there are places, one handshake from each, and then nothing more; seconds later a fleet behind one NAT begins at once.</summary>
    [Fact]
    public void A_fleet_behind_one_NAT_gets_in_though_many_addresses_have_a_place_each()
    {
        const int places = 64;
        const int devices = 20;
        using var world = new IkeWorld(1) { Limits = new IkeEndpointLimits { CookieAbove = 1000, CookieAbovePerAddress = 1000, HalfOpenMax = places } };
        var gateway = world.Gateway.Endpoint = new IkeEndpoint(world.GatewayOptions, world.Gateway, new SeededEntropy(8), world.Limits);
        var fleet = world.Device.Endpoint = new IkeEndpoint(world.DeviceOptions, world.Device, new SeededEntropy(9));
        for (uint i = 1; i <= places; i++)
        {
            world.Inject(End.Server, IkeForge.First(i), new OuterAddress(IpAddress.FromV4(0xC633_6400 + i), 500));
        }

        gateway.HalfOpenSessions.ShouldBe(places);
        world.Now += Crowd.Silence;
        var sessions = Enumerable.Range(1, devices).Select(port => fleet.Initiate(
            world.Target, new IkePath(new OuterAddress(Victim, (ushort)(1000 + port)), world.Gateway.At, IsNatPort: false), world.Now)).ToList();
        for (var trips = 0; trips < 200 && !sessions.TrueForAll(session => session.IsUp); trips++)
        {
            Carry(fleet, gateway, world.Now);
            Carry(gateway, fleet, world.Now);
            world.Now += TimeSpan.FromSeconds(0.1);
            fleet.HandleTimeout(world.Now);
        }

        sessions.ShouldAllBe(session => session.IsUp);
    }

    /// <summary>All that one says goes to the other, from where it was sent.</summary>
    private static void Carry(IkeEndpoint from, IkeEndpoint to, Instant now)
    {
        while (from.TryDequeueTransmit(out var datagram, out var path))
        {
            to.HandleMessage(datagram, path with { Local = path.Peer, Peer = path.Local }, now);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void A_handshake_comes_through_while_another_address_takes_all_places_with_good_cookies(ulong seed)
    {
        using var world = new IkeWorld(seed, seed == 1 ? Fate.Clean : IkeHandshakeTests.Bad) { Limits = new IkeEndpointLimits { CookieAbove = 0, HalfOpenMax = 8 } };
        byte[] answer = [];
        world.Passes = (to, datagram) =>
        {
            answer = to == End.Client ? datagram : answer;
            return true;
        };
        world.Begin();
        var (knocks, end) = (0, world.Now + TimeSpan.FromSeconds(100));
        while (!world.AreUp && world.Now < end)
        {
            for (var i = 0; i < 8; i++)
            {
                Knock(world, new OuterAddress(Flooder, (ushort)(1 + (knocks % 60_000))), 1_000_000u + (ulong)++knocks, () => answer);
            }

            world.RunUntil(() => world.AreUp, TimeSpan.FromMilliseconds(10));
        }

        world.AreUp.ShouldBeTrue(IkeHandshakeTests.Story(world));
        world.Gateway.Endpoint.HalfOpenSessions.ShouldBe(8, "the flood has them all at the end");
        MadeRoom(world).ShouldBeGreaterThanOrEqualTo(knocks - 8);
    }

    [Fact]
    public void An_address_that_has_all_places_is_answered_as_before_and_makes_room_for_itself()
    {
        using var world = Quiet(new IkeEndpointLimits { CookieAbove = 0, HalfOpenMax = 6 }, out var answers);
        Knock(world, new OuterAddress(Victim, 500), 1, () => answers[^1]);
        for (ulong spi = 2; spi <= 40; spi++)
        {
            Knock(world, new OuterAddress(Flooder, (ushort)spi), spi, () => answers[^1]);
            IsLetIn(answers[^1]).ShouldBeTrue();
        }

        (world.Gateway.Endpoint.HalfOpenSessions, MadeRoom(world)).ShouldBe((6, 34));
        world.Gateway.Endpoint.Find(1).ShouldNotBeNull();
        Enumerable.Range(2, 39).Where(number => world.Gateway.Endpoint.Find(number) is not null).ShouldBe([36, 37, 38, 39, 40]);
    }

    [Fact]
    public void Of_an_attacker_with_many_addresses_the_oldest_goes_and_who_comes_next_gets_in()
    {
        using var world = Quiet(new IkeEndpointLimits { CookieAbove = 0, HalfOpenMax = 4 }, out var answers);
        for (uint i = 1; i <= 20; i++)
        {
            Knock(world, new OuterAddress(IpAddress.FromV4(0xC6336400 + i), 500), i, () => answers[^1]);
        }

        Knock(world, new OuterAddress(Victim, 500), 99, () => answers[^1]);
        IsLetIn(answers[^1]).ShouldBeTrue();
        Enumerable.Range(1, 21).Where(number => world.Gateway.Endpoint.Find(number) is not null).ShouldBe([18, 19, 20, 21]);
    }

    [Fact]
    public void What_is_over_at_once_takes_nobodys_place()
    {
        using var world = Quiet(new IkeEndpointLimits { HalfOpenMax = 4 }, out _);
        for (ulong spi = 1; spi <= 4; spi++)
        {
            world.Inject(End.Server, IkeForge.First(spi), new OuterAddress(Victim, (ushort)spi));
        }

        world.Inject(End.Server, IkeForge.First(9, value: new byte[32]), new OuterAddress(Flooder, 500));
        world.Gateway.Ends.Single().Detail.ShouldContain("value is not one");
        (world.Gateway.Endpoint.HalfOpenSessions, MadeRoom(world)).ShouldBe((4, 0));
    }

    [Fact]
    public void Handshakes_by_EAP_TLS_make_room_among_themselves_and_who_has_most_goes_first()
    {
        using var world = Eap(IkeProof.EapTls, [IkeProof.EapTls], eapTlsMax: 3);
        var victim = CallUntilTls(world, Victim, 500);
        for (ushort port = 1; port <= 5; port++)
        {
            world.Inject(End.Server, IkeForge.First(port), new OuterAddress(Flooder, port));
        }

        var flood = Enumerable.Range(10, 10).Select(port => CallUntilTls(world, Flooder, (ushort)port)).ToList();
        (world.Gateway.Endpoint.EapTlsSessions, world.Gateway.Endpoint.HalfOpenSessions, MadeRoom(world)).ShouldBe((3, 8, 8));

        // All of them say again what was not answered, and two of the flood have their places still.
        world.Now += TimeSpan.FromSeconds(5);
        world.Device.Endpoint.HandleTimeout(world.Now);
        Talk(world, () => false);
        victim.IsUp.ShouldBeTrue(IkeHandshakeTests.Story(world));
        flood.Select(session => session.IsUp).ShouldBe([.. Enumerable.Repeat(false, 8), true, true]);
        (world.Gateway.Endpoint.EapTlsSessions, world.Gateway.Endpoint.HalfOpenSessions).ShouldBe((0, 5));
    }

    [Fact]
    public void Who_is_offered_EAP_TLS_and_does_not_speak_it_costs_none_of_its_places()
    {
        using var world = Eap(IkeProof.EapTls, [IkeProof.EapTls, IkeProof.EapMschapV2], eapTlsMax: 1);
        CallUntilTls(world, Flooder, 500);
        var wasSeen = false;
        world.Target = world.Target with { Proof = IkeProof.EapMschapV2 };
        var session = Call(world, Victim, 500);
        Talk(world, () =>
        {
            wasSeen |= world.Gateway.Endpoint.EapTlsSessions != 1;
            return false;
        });
        session.IsUp.ShouldBeTrue();
        (wasSeen, MadeRoom(world)).ShouldBe((false, 0));
    }

    [Fact]
    public void A_handshake_by_EAP_TLS_that_fails_gives_its_place_back()
    {
        using var world = Eap(IkeProof.EapTls, [IkeProof.EapTls], eapTlsMax: 3);
        CallUntilTls(world, Victim, 500);
        CallUntilTls(world, Victim, 501);
        world.Gateway.Endpoint.EapTlsSessions.ShouldBe(2);
        world.Gateway.Endpoint.Tell(world.Gateway.Endpoint.Find(1)!, gateway => gateway.End(Core.Ike.Session.IkeEnd.AuthenticationFailed, "", world.Now));
        (world.Gateway.Endpoint.EapTlsSessions, world.Gateway.Endpoint.HalfOpenSessions).ShouldBe((1, 2));
        world.Now += TimeSpan.FromMinutes(2);
        world.Gateway.Endpoint.HandleTimeout(world.Now);
        (world.Gateway.Endpoint.EapTlsSessions, world.Gateway.Endpoint.HalfOpenSessions, MadeRoom(world)).ShouldBe((0, 0, 0));
    }

    private static IkeWorld Quiet(IkeEndpointLimits limits, out List<byte[]> answers)
    {
        var world = IkeAbuseTests.Quiet(1, out answers);
        world.Gateway.Endpoint = new IkeEndpoint(world.GatewayOptions, world.Gateway, new SeededEntropy(7), limits);
        return world;
    }

    private static IkeWorld Eap(IkeProof proof, IkeProof[] methods, int eapTlsMax)
    {
        var world = IkeEapTests.World(1, proof, Fate.Clean);
        world.Gateway.EapMethods = [.. methods];
        world.Gateway.Endpoint = new IkeEndpoint(
            world.GatewayOptions, world.Gateway, new SeededEntropy(8), new IkeEndpointLimits { CookieAbove = 1_000, CookieAbovePerAddress = 1_000, EapTlsMax = eapTlsMax });
        world.Device.Endpoint = new IkeEndpoint(world.DeviceOptions, world.Device, new SeededEntropy(9));
        return world;
    }

    /// <summary>A first message, and once more with the cookie that it was asked for.</summary>
    private static void Knock(IkeWorld world, OuterAddress from, ulong spi, Func<byte[]> answer)
    {
        world.Inject(End.Server, IkeForge.First(spi), from);
        var cookie = answer();
        IkeAbuseTests.Notified(cookie).ShouldBe(NotifyType.Cookie);
        world.Inject(End.Server, IkeForge.First(spi, more: (ref PayloadWriter to) => to.Notify(NotifyType.Cookie, cookie.AsSpan(IkeLimits.HeaderLength + 8))), from);
    }

    private static bool IsLetIn(byte[] answer) => IkeHeader.TryRead(answer, out var header) && header.ResponderSpi != 0;

    private static int MadeRoom(IkeWorld world)
    {
        var count = 0;
        while (world.Gateway.Endpoint.TryTakeMadeRoom())
        {
            count++;
        }

        return count;
    }

    private static IkeSession Call(IkeWorld world, IpAddress from, ushort port) =>
        world.Device.Endpoint.Initiate(world.Target, new IkePath(new OuterAddress(from, port), world.Gateway.At, IsNatPort: false), world.Now);

    /// <summary>It goes on to where the gateway has TLS for it, and leaves it there.</summary>
    private static IkeSession CallUntilTls(IkeWorld world, IpAddress from, ushort port)
    {
        var session = Call(world, from, port);
        var number = world.Gateway.Endpoint.Sessions;
        IkeSession? gateway = null;
        Talk(world, () =>
        {
            gateway ??= Enumerable.Range(number, 100).Select(one => world.Gateway.Endpoint.Find(one)).FirstOrDefault(one => one?.CameFrom == new OuterAddress(from, port));
            return gateway is { HoldsTls: true };
        });
        gateway!.HoldsTls.ShouldBeTrue();
        return session;
    }

    /// <summary>Carries messages until nobody says anything more, or it is done: what is said then gets lost.</summary>
    private static void Talk(IkeWorld world, Func<bool> done)
    {
        var (device, gateway) = (world.Device.Endpoint, world.Gateway.Endpoint);
        while (!done())
        {
            if (device.TryDequeueTransmit(out var datagram, out var path))
            {
                gateway.HandleMessage(datagram.ToArray(), path with { Local = path.Peer, Peer = path.Local }, world.Now);
            }
            else if (gateway.TryDequeueTransmit(out datagram, out path))
            {
                device.HandleMessage(datagram.ToArray(), path with { Local = path.Peer, Peer = path.Local }, world.Now);
            }
            else
            {
                break;
            }
        }

        while (device.TryDequeueTransmit(out _, out _) || gateway.TryDequeueTransmit(out _, out _))
        {
        }

        world.Drain();
    }
}
