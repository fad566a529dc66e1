using Sallyport.Core.Esp;
using Sallyport.Core.Packets;
using Sallyport.Core.Primitives;
using Sallyport.Core.Tests.Packets;

namespace Sallyport.Core.Tests.Esp;

public sealed class EspSelectorsTests
{
    private static readonly TrafficSelector Ours = TrafficSelector.Of(Prefix("10.30.0.0/16"));
    private static readonly TrafficSelector Theirs = TrafficSelector.Of(IpAddress.Parse("10.20.0.5"));

    [Fact]
    public void Both_ends_must_lie_in_them_each_on_its_side()
    {
        var selectors = new EspSelectors([Ours], [Theirs]);
        Out(selectors, Build.Udp("10.30.0.9", 1, "10.20.0.5", 2)).ShouldBeTrue();
        Out(selectors, Build.Udp("10.31.0.9", 1, "10.20.0.5", 2)).ShouldBeFalse();
        Out(selectors, Build.Udp("10.30.0.9", 1, "10.20.0.6", 2)).ShouldBeFalse();
        Out(selectors, Build.Udp("10.20.0.5", 1, "10.30.0.9", 2)).ShouldBeFalse();
        In(selectors, Build.Udp("10.20.0.5", 1, "10.30.0.9", 2)).ShouldBeTrue();
        In(selectors, Build.Udp("10.20.0.6", 1, "10.30.0.9", 2)).ShouldBeFalse();
        In(selectors, Build.Udp("fd00::5", 1, "fd00::9", 2)).ShouldBeFalse();
        In(selectors, [0x45, 1, 2]).ShouldBeFalse();
        In(selectors, []).ShouldBeFalse();
    }

    [Fact]
    public void Any_pair_of_several_is_good()
    {
        var selectors = new EspSelectors(
            [Ours, TrafficSelector.Of(Prefix("fd30::/16"))], [Theirs, TrafficSelector.Of(Prefix("192.168.1.0/24")), TrafficSelector.Of(Prefix("fd20::/16"))]);
        Out(selectors, Build.Udp("10.30.0.9", 1, "192.168.1.77", 2)).ShouldBeTrue();
        Out(selectors, Build.Udp("fd30::1", 1, "fd20::1", 2)).ShouldBeTrue();
        Out(selectors, Build.Udp("fd30::1", 1, "fd21::1", 2)).ShouldBeFalse();
    }

    [Fact]
    public void Protocols_and_ports_are_looked_at_where_they_are_named()
    {
        var selectors = new EspSelectors([Ours with { Protocol = 17, FirstPort = 53, LastPort = 53 }], [Theirs with { Protocol = 17 }]);
        In(selectors, Build.Udp("10.20.0.5", 4711, "10.30.0.9", 53)).ShouldBeTrue();
        In(selectors, Build.Udp("10.20.0.5", 4711, "10.30.0.9", 54)).ShouldBeFalse();
        In(selectors, Build.Tcp("10.20.0.5", 4711, "10.30.0.9", 53, TcpFlags.Syn)).ShouldBeFalse();
        Out(selectors, Build.Udp("10.30.0.9", 53, "10.20.0.5", 4711)).ShouldBeTrue();

        // A later part of a datagram shows no port (RFC 4301 section 7): it is held by selectors that name none.
        var parts = Build.Fragments(Build.Udp("10.20.0.5", 4711, "10.30.0.9", 53, 200), 96, 5);
        In(selectors, parts[0]).ShouldBeTrue();
        In(selectors, parts[1]).ShouldBeFalse();
        In(new EspSelectors([Ours with { Protocol = 17 }], [Theirs with { Protocol = 17 }]), parts[1]).ShouldBeTrue();
    }

    [Fact]
    public void Type_and_code_stand_for_the_port_of_icmp()
    {
        var echo = new TrafficSelector(1, 8 << 8, 8 << 8, IpAddress.Parse("10.20.0.5"), IpAddress.Parse("10.20.0.5"));
        var selectors = new EspSelectors([Ours with { Protocol = 1 }], [echo]);
        In(selectors, Build.Echo("10.20.0.5", "10.30.0.9", 7)).ShouldBeTrue();
        In(selectors, Build.Echo("10.20.0.5", "10.30.0.9", 7, reply: true)).ShouldBeFalse();
    }

    [Fact]
    public void A_routers_error_belongs_where_the_packet_belongs_that_it_speaks_of()
    {
        var selectors = new EspSelectors([Ours], [Theirs]);
        var about = Build.Udp("10.20.0.5", 1, "10.30.0.9", 2);
        Out(selectors, Build.Error("10.99.0.1", "10.20.0.5", 3, 4, about)).ShouldBeTrue();
        Out(selectors, Build.Error("10.99.0.1", "10.20.0.5", 3, 4, Build.Udp("10.20.0.7", 1, "10.30.0.9", 2))).ShouldBeFalse();
        In(selectors, Build.Error("192.168.7.1", "10.30.0.9", 11, 0, Build.Udp("10.30.0.9", 1, "10.20.0.5", 2))).ShouldBeTrue();
        In(selectors, Build.Error("192.168.7.1", "10.30.0.9", 11, 0, about)).ShouldBeFalse();
    }

    private static bool Out(in EspSelectors selectors, byte[] packet) => selectors.Holds(packet, isOutbound: true);

    private static bool In(in EspSelectors selectors, byte[] packet) => selectors.Holds(packet, isOutbound: false);

    private static IpPrefix Prefix(string text)
    {
        IpPrefix.TryParse(text, out var prefix).ShouldBeTrue();
        return prefix;
    }
}
