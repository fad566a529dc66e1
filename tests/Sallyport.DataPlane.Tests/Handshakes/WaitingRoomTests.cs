using Sallyport.Core.OpenVpn.Door;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.OpenVpn.Wrapping;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Handshakes;
using Sallyport.DataPlane.Tests.Fixtures;

namespace Sallyport.DataPlane.Tests.Handshakes;

public sealed class WaitingRoomTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(45);

    private readonly WaitingRoom _room = new(capacity: 16, Patience);
    private readonly List<Admission> _admissions = [];
    private Instant _now = Instant.FromUnixSeconds(1_800_000_000);

    [Fact]
    public void Who_came_first_leaves_first_with_its_path()
    {
        Put(1).ShouldBeTrue();
        Put(2).ShouldBeTrue();

        Take().ShouldBe(1);
        Take().ShouldBe(2);
        Take().ShouldBeNull();
        _room.IsEmpty.ShouldBeTrue();
    }

    [Fact]
    public void Who_is_here_is_known_until_it_leaves()
    {
        Put(1);
        _room.Holds(Key(1)).ShouldBeTrue();
        _room.Holds(Key(2)).ShouldBeFalse();
        Take();
        _room.Holds(Key(1)).ShouldBeFalse();
        Put(1).ShouldBeTrue();
    }

    [Fact]
    public void A_full_room_refuses_and_keeps_what_it_has()
    {
        for (var peer = 1; peer <= 16; peer++)
        {
            Put(peer).ShouldBeTrue();
        }

        Put(17).ShouldBeFalse();
        _room.Holds(Key(17)).ShouldBeFalse();
        Take().ShouldBe(1);
        Put(17).ShouldBeTrue();
    }

    [Fact]
    public void Keys_that_many_know_leave_half_of_the_places_to_own_ones()
    {
        for (var peer = 1; peer <= 8; peer++)
        {
            Put(peer * 256, isOwn: false).ShouldBeTrue();
        }

        Put(9 * 256, isOwn: false).ShouldBeFalse();
        for (var peer = 1; peer <= 8; peer++)
        {
            Put(peer).ShouldBeTrue();
        }
    }

    [Fact]
    public void One_prefix_has_a_quarter_of_the_places_for_shared_keys()
    {
        Put(1, isOwn: false).ShouldBeTrue();
        Put(2, isOwn: false).ShouldBeTrue();
        Put(3, isOwn: false).ShouldBeFalse();
        Put(256, isOwn: false).ShouldBeTrue("that is another /24");
    }

    [Fact]
    public void Who_waited_too_long_is_passed_over_and_its_place_is_free()
    {
        for (var peer = 1; peer <= 16; peer++)
        {
            Put(peer);
        }

        _now += Patience;
        Take().ShouldBe(1, "to the last moment");
        Put(17);
        _now += TimeSpan.FromMilliseconds(1);
        Take().ShouldBe(17);
        Take().ShouldBeNull();
        _room.Holds(Key(2)).ShouldBeFalse();
        Put(2).ShouldBeTrue();
    }

    public void Dispose()
    {
        _room.Dispose();
        _admissions.ForEach(admission => admission.Dispose());
    }

    private static OuterPath Path(int peer) => new() { Peer = new OuterAddress(IpAddress.FromV4((uint)peer), 1194) };

    private static SessionKey Key(int peer) => SessionKey.Of(Path(peer), remote: 7);

    private bool Put(int peer, bool isOwn = true)
    {
        var entropy = new TestEntropy((ulong)peer);
        var key = new byte[OpenVpnLimits.StaticKeyLength];
        var admission = new Admission
        {
            Wrapper = isOwn ? new TlsCryptWrapper(key, isServer: true, WrappingKind.TlsCryptV2, 1) : new PlainWrapper(),
            Remote = SessionId.Generate(entropy),
            Local = SessionId.Generate(entropy),
            FirstPacket = [],
            ResetExchanged = true,
            IsCounted = isOwn,
        };
        _admissions.Add(admission);
        return _room.TryPut(Key(peer), Path(peer), admission, _now);
    }

    private int? Take()
    {
        if (!_room.TryTake(_now, out var guest))
        {
            return null;
        }

        guest.Key.ShouldBe(Key((int)guest.From.Peer.Ip.V4));
        return (int)guest.From.Peer.Ip.V4;
    }
}
