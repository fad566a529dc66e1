using Sallyport.Api.Nodes;
using Sallyport.Core.Esp;
using Sallyport.Core.Ike.Session;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Ike;
using Sallyport.DataPlane.Tests.Fixtures;

namespace Sallyport.DataPlane.Tests.Ike;

public sealed class IkeGrantsTests : IDisposable
{
    private readonly IkeFleet _fleet = new();

    [Fact]
    public void A_device_may_send_from_its_own_address_alone_and_to_what_lies_behind_the_gateway()
    {
        var grant = For(TestFleet.DeviceId, IkeFleet.DevicePsk);
        grant.Remote.ShouldBe([Selector("10.20.0.10/32")]);
        grant.Local.ShouldBe([Selector("10.20.0.0/16"), Selector("192.168.50.0/24")]);
        (grant.AddressV4, grant.AddressV6).ShouldBe((TestFleet.DeviceAddress, null));
        (grant.MayTransport, grant.SinglePairs).ShouldBe((false, false));
    }

    [Fact]
    public void A_site_may_send_from_its_subnets_and_its_own_are_not_behind_the_gateway()
    {
        _fleet.Site = _fleet.Site with { Ipsec = new IpsecPeerModel { Mode = "transport", SinglePairs = true } };
        var grant = For(TestFleet.SiteId, IkeFleet.SitePsk);
        grant.Remote.ShouldBe([Selector("10.20.0.2/32"), Selector("192.168.50.0/24")]);
        grant.Local.ShouldBe([Selector("10.20.0.0/16")]);
        (grant.MayTransport, grant.SinglePairs).ShouldBe((true, true));
        grant.DnsServers.ShouldBeEmpty("a router resolves names for a whole plant");
    }

    [Fact]
    public void With_a_default_route_all_of_IPv4_lies_behind_the_gateway_for_devices_and_not_for_sites()
    {
        _fleet.Network = _fleet.Network with { DefaultRoute = true };
        For(TestFleet.DeviceId, IkeFleet.DevicePsk).Local.ShouldBe([Selector("0.0.0.0/0")]);
        For(TestFleet.SiteId, IkeFleet.SitePsk).Local.ShouldBe([Selector("10.20.0.0/16")]);
    }

    [Fact]
    public void Selectors_that_lie_in_another_are_left_out_whichever_came_first()
    {
        var prefixes = new[] { "10.1.0.0/16", "10.0.0.0/8", "10.2.0.0/16", "fd00::/64", "fd00::5/128" }.Select(IpPrefix.Parse);
        IkeGrants.Selectors(prefixes).ShouldBe([Selector("10.0.0.0/8"), Selector("fd00::/64")]);
    }

    [Fact]
    public void There_are_no_more_selectors_than_a_payload_holds()
    {
        var many = Enumerable.Range(0, IkeLimits.SelectorsMax + 50).Select(i => IpPrefix.Parse($"10.{i / 256}.{i % 256}.0/32"));
        IkeGrants.Selectors(many).Length.ShouldBe(IkeLimits.SelectorsMax);
    }

    public void Dispose() => _fleet.Dispose();

    internal static TrafficSelector Selector(string prefix) => TrafficSelector.Of(IpPrefix.Parse(prefix));

    private IkeGrant For(int identity, int credential)
    {
        var model = _fleet.Model();
        return IkeJudge.Judge(IkeFleet.Claim(model, credential, identity), model).Grant.ShouldNotBeNull();
    }
}
