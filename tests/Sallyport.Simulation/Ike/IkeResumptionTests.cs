using Sallyport.Core.Ike.Session;
using Sallyport.Core.Ike.Wire;

namespace Sallyport.Simulation.Ike;

public class IkeResumptionTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Day = TimeSpan.FromDays(1);

    private static readonly byte[] Data = [.. "data of ours"u8];

    [Fact]
    public void A_ticket_brings_a_device_back_without_a_key_exchange()
    {
        var ticket = Ticket();
        for (ulong seed = 1; seed <= 10; seed++)
        {
            using var world = new IkeWorld(seed, IkeHandshakeTests.Bad);
            world.Target = world.Target with { Ticket = ticket, WantsTicket = true };
            world.Gateway.Grant = world.Gateway.Grant with { TicketData = Data };
            world.Up();
            world.Run(TimeSpan.FromSeconds(20));
            world.ShouldAgree($"seed {seed}");
            var claim = world.Gateway.Claims.Single();
            claim.Proof.ShouldBe(IkeProof.Ticket);
            claim.Peer.ShouldBe(IkeIdentity.Fqdn(IkeWorld.DeviceName));
            claim.TicketData.ShouldBe(Data);
            ticket = world.Device.Events.OfType<TicketReceived>().Single().Ticket;
        }
    }

    [Fact]
    public void A_resumed_session_is_rekeyed_as_any()
    {
        using var world = new IkeWorld(2);
        world.Target = world.Target with { Ticket = Ticket() };
        world.Up(Soon);
        world.Tell(world.Gateway, session => session.RekeyIke(world.Now));
        world.Run(Soon);
        world.Tell(world.Device, session => session.RekeyChild(world.Device.Live.Keys.Single(), world.Now));
        world.Run(TimeSpan.FromSeconds(20));
        world.ShouldAgree();
    }

    [Fact]
    public void A_ticket_is_good_for_no_longer_than_who_holds_it_believes_in_what_it_stands_for()
    {
        using var world = new IkeWorld(8);
        world.Target = world.Target with { WantsTicket = true };
        world.UseLifetimes(new IkeLifetimes { Reauthenticate = TimeSpan.FromHours(3) });
        world.Gateway.Grant = world.Gateway.Grant with { Lifetimes = new IkeLifetimes() };
        world.Up(Soon);
        world.Device.Events.OfType<TicketReceived>().Single().Ticket.Expires.ShouldBeInRange(IkeWorld.Start + TimeSpan.FromHours(3), world.Now + TimeSpan.FromHours(3));
    }

    /// <summary>Whoever comes back by tickets again and again would otherwise never prove anything again.</summary>
    [Fact]
    public void Who_came_back_by_a_ticket_proves_itself_again_when_the_first_proof_is_over()
    {
        using var world = new IkeWorld(10);
        var rest = TimeSpan.FromHours(1);
        world.Target = world.Target with { Ticket = Ticket() with { Expires = world.Now + rest }, Lifetimes = new IkeLifetimes { Reauthenticate = TimeSpan.FromHours(8) } };
        world.Up(Soon);
        world.RunUntil(() => world.Device.Events.OfType<ProofDue>().Any(), rest).ShouldBeTrue();
        world.RunUntil(() => world.Device.Ends.Any(), rest).ShouldBeTrue();
        (world.Now - IkeWorld.Start).ShouldBeInRange(rest * 0.99, rest * 1.02);
    }

    /// <summary>However often it comes back meanwhile, by a ticket that came of a ticket.</summary>
    [Fact]
    public void Nobody_is_in_by_tickets_when_the_certificate_behind_them_is_over()
    {
        ResumptionTicket? ticket = null;
        for (ulong seed = 20; seed <= 22; seed++)
        {
            using var world = new IkeWorld(seed);
            if (ticket is null)
            {
                world.UseCertificates(IkePki.Issue("p256", IkeWorld.DeviceName, IkePki.ClientUse, age: 1, days: 2), IkePki.Gateway());
            }

            world.Now += TimeSpan.FromHours(seed - 20);
            world.Target = world.Target with { Ticket = ticket, WantsTicket = true };
            world.Up(Soon);
            ticket = world.Device.Events.OfType<TicketReceived>().Single().Ticket;
            if (seed == 22)
            {
                world.Gateway.Claims.Single().Proof.ShouldBe(IkeProof.Ticket);
                world.Run(TimeSpan.FromDays(3));
                world.Gateway.IsUp.ShouldBeFalse("two days after the certificate was over");
            }
        }
    }

    [Fact]
    public void Whoever_answers_to_a_ticket_is_who_gave_it()
    {
        using var world = new IkeWorld(9);
        world.Target = world.Target with { Remote = null, Ticket = Ticket() with { Remote = IkeIdentity.Fqdn("another.example.com") } };
        world.Begin();
        world.RunUntil(() => world.Device.Ends.Any(), Soon).ShouldBeTrue();
        world.Device.Ends.Single().Detail.ShouldContain("another.example.com is expected");
        world.Device.Live.ShouldBeEmpty();
    }

    [Fact]
    public void A_ticket_of_another_key_means_the_whole_way()
    {
        using var world = new IkeWorld(3, IkeHandshakeTests.Bad);
        world.Target = world.Target with { Ticket = Ticket() };
        world.GatewayOptions = world.GatewayOptions with { TicketKey = new byte[32] };
        world.Up();
        world.Run(TimeSpan.FromSeconds(20));
        world.ShouldAgree();
        world.Gateway.Claims.Single().Proof.ShouldBe(IkeProof.PreSharedKey);
    }

    [Fact]
    public void A_ticket_that_is_too_old_means_the_whole_way_whatever_its_holder_says()
    {
        using var world = new IkeWorld(4);
        world.Now += Day + Day;
        var ticket = Ticket();
        world.Target = world.Target with { Ticket = ticket with { Expires = world.Now + Day } };
        world.Up(Soon);
        world.Gateway.Claims.Single().Proof.ShouldBe(IkeProof.PreSharedKey);

        using var honest = new IkeWorld(5);
        honest.Now += Day + Day;
        honest.Target = honest.Target with { Ticket = ticket };
        honest.Up(Soon);
        honest.Gateway.Endpoint.TryDequeueRefusal(out _).ShouldBeFalse();
    }

    [Fact]
    public void A_ticket_is_of_no_use_without_the_key_it_stands_for()
    {
        using var world = new IkeWorld(6);
        world.Target = world.Target with { Ticket = Ticket() with { Derivation = new byte[32] } };
        world.Begin();
        world.RunUntil(() => world.Gateway.Ends.Any(), TimeSpan.FromSeconds(60)).ShouldBeTrue();
        world.Gateway.Claims.ShouldBeEmpty();
        world.Gateway.Live.ShouldBeEmpty();
    }

    [Fact]
    public void A_ticket_of_one_does_not_let_another_in()
    {
        using var world = new IkeWorld(7);
        world.Target = world.Target with { Ticket = Ticket(), Local = IkeIdentity.Fqdn("pump-18.plant-a.sallyport") };
        world.Begin();
        world.RunUntil(() => world.Device.Ends.Any(), Soon).ShouldBeTrue();
        world.Gateway.Ends.Single().Detail.ShouldContain("came with a ticket of pump-17");
        world.Gateway.Claims.ShouldBeEmpty();
    }

    [Fact]
    public void An_owner_that_says_no_keeps_a_ticket_out()
    {
        using var world = new IkeWorld(8);
        world.Target = world.Target with { Ticket = Ticket() };
        world.Gateway.Refusal = claim => claim.Proof == IkeProof.Ticket ? "blocked" : null;
        world.Begin();
        world.RunUntil(() => world.Device.Ends.Any(), Soon).ShouldBeTrue();
        world.Gateway.Live.ShouldBeEmpty();
    }

    private static ResumptionTicket Ticket()
    {
        using var world = new IkeWorld(99);
        world.Target = world.Target with { WantsTicket = true };
        world.Gateway.Grant = world.Gateway.Grant with { TicketData = Data };
        world.Up(Soon);
        return world.Device.Events.OfType<TicketReceived>().Single().Ticket;
    }
}
