using Sallyport.Api.Nodes;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Nodes;
using Sallyport.DataPlane.Tunnels;

namespace Sallyport.DataPlane.Tests.Nodes;

/// <summary>A peer of IPsec that sends no packets is seen by what it says by IKE.</summary>
public sealed class LastSeenTests
{
    private readonly Clock _clock = new(TimeProvider.System);
    private readonly Uplink _uplink;
    private readonly Instant _now;

    public LastSeenTests()
    {
        _uplink = new Uplink(_clock);
        _now = _clock.Now;
        _uplink.Announce(new TunnelDescription
        {
            TunnelId = 7, IdentityId = 3, Protocol = "ipsec/udp", OuterAddress = "203.0.113.5:4500", Cipher = "AES-256-GCM", Tls = "IKEv2", Wrapping = "psk", ClientVersion = "",
            ClientPlatform = "", Since = 0,
        });
        _uplink.Put(Notice(TunnelNoticeKind.Opened, TunnelEnd.None));
        Reported().ShouldBe(_now);
    }

    [Fact]
    public void Its_messages_count_as_its_packets_do()
    {
        var later = _now + TimeSpan.FromMinutes(5);
        _uplink.Heard(7, later);
        Reported().ShouldBe(later);
        _uplink.Put([CountersAt(_now + TimeSpan.FromMinutes(1))]);
        Reported().ShouldBe(later, "a report of older packets takes nothing back");
        _uplink.Put([CountersAt(later + TimeSpan.FromMinutes(1))]);
        Reported().ShouldBe(later + TimeSpan.FromMinutes(1));

        _uplink.Heard(7, later + TimeSpan.FromMinutes(2));
        _uplink.Put(Notice(TunnelNoticeKind.Ended, TunnelEnd.Silent));
        Reported().ShouldBe(later + TimeSpan.FromMinutes(2), "nor does its end");
    }

    [Fact]
    public void Nothing_new_is_no_report()
    {
        _uplink.Heard(7, _now + TimeSpan.FromMinutes(5));
        Reported().ShouldNotBeNull();
        _uplink.Heard(7, _now + TimeSpan.FromMinutes(5));
        Reported().ShouldBeNull();
        _uplink.Heard(8, _now);
        Reported().ShouldBeNull();
    }

    private Instant? Reported() =>
        _uplink.Take().OfType<TunnelReport>().SelectMany(report => report.Tunnels).SingleOrDefault() is { } state ? _now + TimeSpan.FromTicks((state.LastSeen - _clock.ToWall(_now)) / 100) : null;

    private TunnelNotice Notice(TunnelNoticeKind kind, TunnelEnd end) => new()
    {
        Kind = kind, Slot = 0, TunnelId = 7, IdentityId = 3, Handshaker = 0, Session = 1, Path = default, End = end, Counters = CountersAt(_now),
    };

    private static TunnelCounters CountersAt(Instant at) => new(7, at.Nanoseconds, 0, 0, 0, 0);
}
