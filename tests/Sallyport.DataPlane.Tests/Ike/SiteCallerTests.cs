using Sallyport.Api.Nodes;
using Sallyport.Core.Ike.Proposals;
using Sallyport.Core.Ike.Session;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Ike;
using Sallyport.DataPlane.Linux;
using Sallyport.DataPlane.Model;
using Sallyport.DataPlane.Tests.Fixtures;

namespace Sallyport.DataPlane.Tests.Ike;

/// <summary>Where a site is called, and with what: where it sent us, and the ticket that it gave. <see cref="SiteCallTimesTests"/> has when.</summary>
public sealed class SiteCallerTests : IDisposable
{
    private static readonly TimeSpan Minutes = TimeSpan.FromMinutes(2);
    private static readonly IpAddress At = IpAddress.Parse("127.0.0.9");

    private readonly IkeFleet _fleet = new();
    private readonly SiteCaller _caller;
    private Instant _now = TestFleet.Now;

    public SiteCallerTests()
    {
        _caller = new SiteCaller(new IkeRoads([new BoundSocket(SocketKind.Ike, new OuterAddress(IpAddress.Parse("0.0.0.0"), 500))]), new TestEntropy(7), () => { });
        _fleet.Site = _fleet.Site with { Ipsec = new IpsecPeerModel { Remotes = [At.ToString()] } };
    }

    public void Dispose()
    {
        _caller.Dispose();
        _fleet.Dispose();
    }

    [Fact]
    public void A_site_that_sends_us_elsewhere_is_called_there_at_once_and_then_at_its_own_address_again()
    {
        _caller.UseModel(_fleet.Model(), _now);
        var first = Next();
        (first.Path.Peer.Ip, first.RedirectedFrom).ShouldBe((At, (IpAddress?)null));
        _caller.TryFollow(first.Site, "127.0.0.10", At, _now).ShouldBeTrue();
        _caller.Failed(first.Site, _now);
        _caller.NextDeadline.ShouldBe(_now);
        var second = Next();
        (second.Path.Peer.Ip, second.RedirectedFrom).ShouldBe((IpAddress.Parse("127.0.0.10"), At));

        // There is nobody.
        _caller.Failed(second.Site, _now);
        _caller.NextDeadline.ShouldBeGreaterThan(_now);
        var third = Next();
        (third.Path.Peer.Ip, third.RedirectedFrom).ShouldBe((At, (IpAddress?)null));
    }

    [Fact]
    public void A_name_that_is_not_found_is_told_of_and_tried_again()
    {
        // No name server is asked for it: it is no name.
        _fleet.Site = _fleet.Site with { Ipsec = new IpsecPeerModel { Remotes = ["no such name.invalid"] } };
        _caller.UseModel(_fleet.Model(), _now);
        _now += Minutes;
        (SiteCall Call, string Why) lost = default;
        SpinWait.SpinUntil(() => _caller.TryTakeDue(_now, out _) || _caller.TryTakeLost(out lost), TimeSpan.FromSeconds(20)).ShouldBeTrue();
        (lost.Call?.IdentityId, lost.Why).ShouldBe((TestFleet.SiteId, "the name no such name.invalid is not found"));
        _caller.NextDeadline.ShouldBeGreaterThan(_now);
        _caller.NextDeadline.ShouldNotBe(Instant.Never);
    }

    [Fact]
    public void A_call_is_wanted_as_long_as_it_goes_where_the_site_is_said_to_be()
    {
        _caller.UseModel(_fleet.Model(), _now).ShouldBeTrue();
        var call = Next().Site;
        _caller.Wants(call).ShouldBeTrue();
        _fleet.Site = _fleet.Site with { Ipsec = new IpsecPeerModel { Remotes = ["127.0.0.77"] } };
        _caller.UseModel(_fleet.Model(), _now);
        _caller.Wants(call).ShouldBeFalse();
        _fleet.Site = _fleet.Site with { Ipsec = null };
        _caller.UseModel(_fleet.Model(), _now);
        _caller.Wants(call).ShouldBeFalse();
    }

    [Fact]
    public void Who_is_up_and_sends_us_elsewhere_is_called_there_when_it_is_gone()
    {
        _caller.UseModel(_fleet.Model(), _now);
        var first = Next();
        _caller.CameUp(first.Site.IdentityId, first.Site.Uplink);
        _caller.TryTakeArrival(_now, out _, out _).ShouldBeTrue();
        _caller.TryFollow(first.Site, "127.0.0.10", At, _now).ShouldBeTrue();
        _caller.TryTakeDue(_now + Minutes, out _).ShouldBeFalse();
        _caller.Left(first.Site.IdentityId, first.Site.Uplink);
        _caller.TryTakeArrival(_now, out _, out _).ShouldBeFalse();
        _caller.TryTakeDue(_now, out var second).ShouldBeTrue();
        second!.Path.Peer.Ip.ShouldBe(IpAddress.Parse("127.0.0.10"));
    }

    /// <summary>RFC 5685 section 4: five times in five minutes.</summary>
    [Fact]
    public void Two_that_send_us_to_one_another_do_not_keep_us_going()
    {
        _caller.UseModel(_fleet.Model(), _now);
        var call = Next();
        for (var i = 0; i < 12; i++)
        {
            _caller.TryFollow(call.Site, i % 2 == 0 ? "127.0.0.10" : "127.0.0.9", call.Path.Peer.Ip, _now).ShouldBe(i < 5);
            _caller.Failed(call.Site, _now);
            (_caller.NextDeadline == _now).ShouldBe(i < 5);
            call = i < 5 ? Next() : call;
            _now += TimeSpan.FromSeconds(1);
        }

        _now += TimeSpan.FromSeconds(300);
        _caller.TryFollow(call.Site, "127.0.0.10", At, _now).ShouldBeTrue();
    }

    [Fact]
    public void A_ticket_is_for_one_call_of_those_whose_it_is()
    {
        var model = _fleet.Model();
        _caller.UseModel(model, _now);
        var first = Next();
        first.Ticket.ShouldBeNull();
        _caller.Keep(first.Site, Ticket());
        _caller.Failed(first.Site, _now);
        var second = Next();
        second.Ticket.ShouldNotBeNull();
        _caller.Failed(second.Site, _now);
        Next().Ticket.ShouldBeNull();

        // A model that is made anew, with the same credential, changes nothing. Of another credential, or of another place, it is none.
        var kept = Ticket();
        _caller.UseModel(_fleet.Model(), _now);
        _caller.Keep(first.Site, kept);
        _caller.UseModel(_fleet.Model(), _now);
        kept.Derivation.ShouldNotBe(new byte[32]);
        _fleet.Site = _fleet.Site with { Credentials = [IkeFleet.Psk(IkeFleet.SecondPsk, IkeFleet.SiteName)] };
        _caller.UseModel(_fleet.Model(), _now);
        kept.Derivation.ShouldBe(new byte[32]);
        _caller.Keep(first.Site, Ticket());
        _caller.Failed(first.Site, _now);
        Next().Ticket.ShouldBeNull();
    }

    [Fact]
    public void A_ticket_is_asked_for_and_used_where_tickets_are_given_and_its_network_takes_it()
    {
        _caller.UseModel(_fleet.Model(), _now);
        var due = Next() with { Ticket = Ticket() };
        var target = SiteTargets.For(due.Site, _fleet.Model(), due.Path)!;
        target.WantsTicket.ShouldBeTrue();
        SiteTargets.For(target, due).Ticket.ShouldBe(due.Ticket);

        // Sent from elsewhere it is the whole way, and so it is with what the network takes no more, or from another peer.
        SiteTargets.For(target, due with { RedirectedFrom = At }).Ticket.ShouldBeNull();
        SiteTargets.For(target, due with { RedirectedFrom = At }).RedirectedFrom.ShouldBe(At);
        SiteTargets.For(target, due with { Ticket = Ticket("aes128gcm16-prfsha384-ecp521") }).Ticket.ShouldBeNull();
        SiteTargets.For(target, due with { Ticket = Ticket(peer: "another.plant-a.sallyport") }).Ticket.ShouldBeNull();

        _fleet.TicketKey = [];
        var without = SiteTargets.For(due.Site, _fleet.Model(), due.Path)!;
        without.WantsTicket.ShouldBeFalse();
        SiteTargets.For(without, due).Ticket.ShouldBeNull();
    }

    private static ResumptionTicket Ticket(string ike = "aes256gcm16-prfsha384-ecp384", string peer = IkeFleet.SiteName)
    {
        ProposalText.TryParseIke(ike, out var agreed, out var error).ShouldBeTrue(error);
        return new ResumptionTicket([1, 2, 3], [.. Enumerable.Repeat((byte)9, 32)], agreed!, IkeIdentity.Fqdn(peer), TestFleet.Now + Minutes);
    }

    private DueCall Next()
    {
        _now = Instant.Min(_caller.NextDeadline, _now + Minutes);
        _caller.TryTakeDue(_now, out var call).ShouldBeTrue();
        return call!;
    }
}
