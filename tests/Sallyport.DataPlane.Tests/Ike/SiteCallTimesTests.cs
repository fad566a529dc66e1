using Sallyport.Api.Nodes;
using Sallyport.Core.Ike.Session;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Ike;
using Sallyport.DataPlane.Linux;
using Sallyport.DataPlane.Model;
using Sallyport.DataPlane.Tests.Fixtures;

namespace Sallyport.DataPlane.Tests.Ike;

/// <summary>When which site is called. Where it goes is asked of the kernel: the sites of these tests are on this machine.</summary>
public sealed class SiteCallTimesTests : IDisposable
{
    private const string Here = "127.0.0.1";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private static readonly Instant Begin = TestFleet.Now;
    private readonly IkeFleet _fleet = new();
    private readonly AutoResetEvent _woken = new(false);
    private readonly SiteCaller _caller;

    public SiteCallTimesTests()
    {
        _caller = new SiteCaller(new IkeRoads([new BoundSocket(SocketKind.Ike, new OuterAddress(IpAddress.Parse("0.0.0.0"), 500))]), new TestEntropy(7), () => _woken.Set());
        _fleet.Site = _fleet.Site with { Ipsec = new IpsecPeerModel { Remotes = [Here] } };
    }

    [Fact]
    public void A_site_gets_time_to_come_by_itself_and_is_called_then()
    {
        Use(Begin);
        Calls(Begin + TimeSpan.FromSeconds(1.4)).ShouldBeEmpty("it may come by itself");
        var due = _caller.NextDeadline;
        (due - Begin).TotalSeconds.ShouldBeInRange(1.5, 2.5);
        var (call, path) = Calls(due).ShouldHaveSingleItem();
        (call.IdentityId, call.Uplink, call.Remote, call.Credential.Id).ShouldBe((TestFleet.SiteId, 1, Here, IkeFleet.SitePsk));
        path.Peer.ShouldBe(new OuterAddress(IpAddress.Parse(Here), IkePath.Port));
        Calls(due + TimeSpan.FromMinutes(5)).ShouldBeEmpty("it is being called");
    }

    [Fact]
    public void A_call_that_comes_to_nothing_is_made_again_each_time_later_and_never_later_than_a_minute_or_so()
    {
        Use(Begin);
        var now = Begin;
        var pauses = new List<double>();
        for (var i = 0; i < 9; i++)
        {
            pauses.Add((_caller.NextDeadline - now).TotalSeconds);
            now = _caller.NextDeadline;
            _caller.Failed(Calls(now).ShouldHaveSingleItem().Call, now);
        }

        var usual = new double[] { 2, 4, 8, 16, 32, 60, 60, 60, 60 };
        foreach (var (pause, expected) in pauses.Zip(usual))
        {
            pause.ShouldBeInRange(0.75 * expected, 1.25 * expected);
        }
    }

    [Fact]
    public void Who_is_there_is_not_called_by_whatever_call_it_came()
    {
        Use(Begin);
        _caller.CameUp(TestFleet.SiteId, 1);
        _caller.TryTakeArrival(Begin, out var identity, out var uplink).ShouldBeTrue();
        (identity, uplink).ShouldBe((TestFleet.SiteId, 1));
        _caller.NextDeadline.ShouldBe(Instant.Never);

        // A second session of it comes, and the first one goes: it is there all the time.
        _caller.CameUp(TestFleet.SiteId, 1);
        _caller.Left(TestFleet.SiteId, 1);
        News(Begin);
        _caller.NextDeadline.ShouldBe(Instant.Never);
        _caller.Left(TestFleet.SiteId, 1);
        News(Begin + TimeSpan.FromHours(1));
        (_caller.NextDeadline - (Begin + TimeSpan.FromHours(1))).TotalSeconds.ShouldBeInRange(1.5, 2.5);
    }

    [Fact]
    public void Who_comes_while_the_way_to_it_is_looked_for_is_not_called()
    {
        _fleet.Site = _fleet.Site with { Ipsec = new IpsecPeerModel { Remotes = ["localhost"] } };
        Use(Begin);
        var due = _caller.NextDeadline;
        _caller.TryTakeDue(due, out _).ShouldBeFalse("names are asked for beside this thread");
        _caller.CameUp(TestFleet.SiteId, 1);
        News(due);
        _woken.WaitOne(Patience);
        for (var i = 0; i < 20; i++)
        {
            _caller.TryTakeDue(due + TimeSpan.FromMinutes(1), out _).ShouldBeFalse();
            _woken.WaitOne(TimeSpan.FromMilliseconds(25));
        }
    }

    [Fact]
    public void What_comes_up_and_goes_at_once_is_called_as_seldom_as_what_does_not_come_up()
    {
        Use(Begin);
        var now = Begin;
        for (var i = 0; i < 5; i++)
        {
            now = _caller.NextDeadline;
            Calls(now).ShouldHaveSingleItem();
            _caller.CameUp(TestFleet.SiteId, 1);
            News(now);
            _caller.Left(TestFleet.SiteId, 1);
            News(now + TimeSpan.FromSeconds(1));
        }

        (_caller.NextDeadline - now).TotalSeconds.ShouldBeGreaterThan(20);
    }

    [Fact]
    public void What_somebody_mends_is_tried_soon()
    {
        Use(Begin);
        var now = Begin;
        for (var i = 0; i < 6; i++)
        {
            now = _caller.NextDeadline;
            _caller.Failed(Calls(now).ShouldHaveSingleItem().Call, now);
        }

        (_caller.NextDeadline - now).TotalSeconds.ShouldBeGreaterThan(40);
        _fleet.Site = _fleet.Site with { Credentials = [IkeFleet.Psk(IkeFleet.SecondPsk, IkeFleet.SiteName)] };
        Use(now);
        (_caller.NextDeadline - now).TotalSeconds.ShouldBeInRange(1.5, 2.5);
        Calls(_caller.NextDeadline).ShouldHaveSingleItem().Call.Credential.Id.ShouldBe(IkeFleet.SecondPsk);
    }

    [Fact]
    public void Only_who_has_an_address_and_a_credential_and_is_active_is_called()
    {
        foreach (var site in new[]
        {
            _fleet.Site with { Active = false },
            _fleet.Site with { Credentials = [] },
            _fleet.Site with { Ipsec = new IpsecPeerModel() },
            _fleet.Site with { Ipsec = new IpsecPeerModel { Remotes = ["", Here] } },
        })
        {
            _fleet.Site = site;
            Use(Begin);
            _caller.NextDeadline.ShouldBe(Instant.Never);
        }

        // The second of its ways is called as soon as it has something to be known by there.
        _fleet.Site = _fleet.Site with { Credentials = [IkeFleet.Psk(IkeFleet.SitePsk, IkeFleet.SiteName), IkeFleet.Psk(IkeFleet.SecondPsk, "2." + IkeFleet.SiteName, 2)] };
        Use(Begin);
        var (call, _) = Calls(_caller.NextDeadline).ShouldHaveSingleItem();
        (call.Uplink, call.Credential.Id).ShouldBe((2, IkeFleet.SecondPsk));
        _fleet.Site = _fleet.Site with { Active = false };
        Use(Begin);
        _caller.NextDeadline.ShouldBe(Instant.Never);
    }

    [Fact]
    public void A_name_that_leads_nowhere_is_asked_for_again()
    {
        _fleet.Site = _fleet.Site with { Ipsec = new IpsecPeerModel { Remotes = ["nobody.invalid"] } };
        Use(Begin);
        var now = _caller.NextDeadline;
        do
        {
            _caller.TryTakeDue(now, out _).ShouldBeFalse();
        }
        while (_caller.NextDeadline == Instant.Never && _woken.WaitOne(Patience));

        (_caller.NextDeadline - now).TotalSeconds.ShouldBeInRange(3, 5);
    }

    public void Dispose()
    {
        _caller.Dispose();
        _woken.Dispose();
        _fleet.Dispose();
    }

    private void Use(Instant now) => _caller.UseModel(_fleet.Model(), now);

    private void News(Instant now)
    {
        while (_caller.TryTakeArrival(now, out _, out _))
        {
        }
    }

    /// <summary>Those that are made at a moment. The way of each is found beside this thread.</summary>
    private List<(SiteCall Call, IkePath Path)> Calls(Instant now)
    {
        var made = new List<(SiteCall, IkePath)>();
        var isDue = _caller.NextDeadline <= now;
        do
        {
            while (_caller.TryTakeDue(now, out var due))
            {
                made.Add((due.Site, due.Path));
            }
        }
        while (isDue && made.Count == 0 && _woken.WaitOne(Patience));

        return made;
    }
}
