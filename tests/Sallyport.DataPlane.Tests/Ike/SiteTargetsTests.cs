using Sallyport.Api.Nodes;
using Sallyport.Core.Esp;
using Sallyport.Core.Ike.Session;
using Sallyport.Core.Ike.Wire;
using Sallyport.DataPlane.Ike;
using Sallyport.DataPlane.Tests.Fixtures;

namespace Sallyport.DataPlane.Tests.Ike;

/// <summary>What a call to a site says.</summary>
public sealed class SiteTargetsTests : IDisposable
{
    private readonly IkeFleet _fleet = new();

    [Fact]
    public void A_site_is_called_by_its_key_and_must_be_who_that_belongs_to()
    {
        var target = Target().ShouldNotBeNull();
        target.Proof.ShouldBe(IkeProof.PreSharedKey);
        target.Local.ShouldBe(IkeIdentity.Fqdn("gateway.example"));
        target.Remote.ShouldBe(IkeIdentity.Fqdn(IkeFleet.SiteName));
        target.Psk.ShouldBe("the key number 101 of them all"u8.ToArray());
        target.LocalSelectors.ShouldBe([Selector("10.20.0.0/16")]);
        target.RemoteSelectors.ShouldBe([Selector("10.20.0.2/32"), Selector("192.168.50.0/24")]);
        (target.WantsTransport, target.IsAgain).ShouldBe((false, false));
        Pairs().ShouldBeEmpty();
    }

    [Fact]
    public void With_single_pairs_the_first_comes_with_the_call_and_all_are_rows_of_the_sheet()
    {
        _fleet.Site = _fleet.Site with { Subnets = ["192.168.50.0/24", "192.168.51.0/24"], Ipsec = new IpsecPeerModel { Remotes = [IkeFleet.Remote], SinglePairs = true } };
        _fleet.Network = _fleet.Network with { Elsewhere = ["198.18.0.0/16"] };
        var target = Target().ShouldNotBeNull();
        (target.LocalSelectors.ShouldHaveSingleItem(), target.RemoteSelectors.ShouldHaveSingleItem()).ShouldBe((Selector("10.20.0.0/16"), Selector("192.168.50.0/24")));
        Pairs().ShouldBe(
        [
            (Selector("10.20.0.0/16"), Selector("192.168.50.0/24")), (Selector("198.18.0.0/16"), Selector("192.168.50.0/24")),
            (Selector("10.20.0.0/16"), Selector("192.168.51.0/24")), (Selector("198.18.0.0/16"), Selector("192.168.51.0/24")),
        ]);
    }

    [Fact]
    public void A_pair_is_of_one_family()
    {
        _fleet.Network = _fleet.Network with { Prefixes = ["10.20.0.0/16", "fd20::/64"] };
        _fleet.Site = _fleet.Site with
        {
            AddressV6 = "fd20::2", Subnets = ["192.168.50.0/24", "fd50::/64"], Ipsec = new IpsecPeerModel { Remotes = [IkeFleet.Remote], SinglePairs = true },
        };
        Pairs().ShouldBe([(Selector("10.20.0.0/16"), Selector("192.168.50.0/24")), (Selector("fd20::/64"), Selector("fd50::/64"))]);
    }

    [Fact]
    public void In_transport_mode_it_is_about_the_two_ends_of_the_path_alone()
    {
        _fleet.Site = _fleet.Site with { Ipsec = new IpsecPeerModel { Remotes = [IkeFleet.Remote], Mode = "transport", SinglePairs = true } };
        var target = Target().ShouldNotBeNull();
        target.WantsTransport.ShouldBeTrue();
        target.LocalSelectors.ShouldBe([Selector("198.51.100.1/32")]);
        target.RemoteSelectors.ShouldBe([Selector("203.0.113.5/32")]);
        Pairs().ShouldBeEmpty();
    }

    [Fact]
    public void Nobody_is_called_who_may_not_come_in()
    {
        var call = IkeFleet.Call(_fleet.Model());
        _fleet.Site = _fleet.Site with { Active = false };
        SiteTargets.For(call, _fleet.Model(), IkeFleet.Path).ShouldBeNull("it is not active");
        _fleet.Site = _fleet.Site with { Active = true, Credentials = [] };
        SiteTargets.For(call, _fleet.Model(), IkeFleet.Path).ShouldBeNull("its key has been revoked");
    }

    public void Dispose() => _fleet.Dispose();

    private static TrafficSelector Selector(string prefix) => IkeGrantsTests.Selector(prefix);

    private IkeTarget? Target()
    {
        var model = _fleet.Model();
        return SiteTargets.For(IkeFleet.Call(model), model, IkeFleet.Path);
    }

    private IReadOnlyList<(TrafficSelector Local, TrafficSelector Remote)> Pairs()
    {
        var model = _fleet.Model();
        return SiteTargets.Pairs(IkeFleet.Call(model), model);
    }
}
