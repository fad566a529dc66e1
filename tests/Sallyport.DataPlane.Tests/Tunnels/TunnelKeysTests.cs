using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Tests.Fixtures;
using Sallyport.DataPlane.Tunnels;

namespace Sallyport.DataPlane.Tests.Tunnels;

public sealed class TunnelKeysTests : IDisposable
{
    private readonly PathFixture _fixture = new();
    private readonly Instant _start = Instant.FromUnixSeconds(1_800_000_000);
    private TunnelKeys _keys = TunnelKeys.Empty;

    [Fact]
    public void The_first_key_seals_at_once()
    {
        _keys.Sealing(_start).ShouldBe(-1);
        Install(0, _start);
        SealingId(_start).ShouldBe(0);
    }

    [Fact]
    public void A_later_key_takes_over_at_its_time_and_not_before()
    {
        Install(0, _start);
        Install(1, _start + TimeSpan.FromSeconds(60));

        SealingId(_start + TimeSpan.FromSeconds(59.9)).ShouldBe(0);
        SealingId(_start + TimeSpan.FromSeconds(60)).ShouldBe(1);
    }

    [Fact]
    public void A_key_that_the_peer_used_takes_over_at_once()
    {
        Install(0, _start);
        Install(1, _start + TimeSpan.FromSeconds(60));

        _keys.PeerUsed(_keys.Find(0), _start);
        SealingId(_start).ShouldBe(0);
        _keys.PeerUsed(_keys.Find(1), _start);
        SealingId(_start).ShouldBe(1);
    }

    /// <summary>A stock peer keeps one old key: while it negotiates key 2 it can open 1, and 0 no more.</summary>
    [Fact]
    public void The_newest_takes_over_when_the_peer_negotiates_another()
    {
        Install(0, _start);
        Install(1, _start + TimeSpan.FromSeconds(60));
        _keys.PromoteNewest(_start);
        SealingId(_start).ShouldBe(1);
        Install(2, _start + TimeSpan.FromSeconds(60));
        SealingId(_start).ShouldBe(1);
        _keys.Find(0).ShouldBeGreaterThanOrEqualTo(0);
    }

    [Fact]
    public void The_oldest_gives_way_and_ids_come_round()
    {
        for (var i = 0; i < 20; i++)
        {
            var id = i == 0 ? 0 : ((i - 1) % 7) + 1;
            Install(id, _start + TimeSpan.FromSeconds(i));
            _keys.Find(id).ShouldBeGreaterThanOrEqualTo(0);
        }

        SealingId(_start + TimeSpan.FromSeconds(60)).ShouldBe(5);
        _keys.Find(4).ShouldBeGreaterThanOrEqualTo(0);
        _keys.Find(3).ShouldBeGreaterThanOrEqualTo(0);
        _keys.Find(2).ShouldBe(-1);
    }

    [Fact]
    public void An_old_key_is_freed_after_the_transition_window()
    {
        Install(0, _start);
        Install(1, _start);
        SealingId(_start).ShouldBe(1);

        _keys.FreeExpired(_start + DataPlaneLimits.TransitionWindow - TimeSpan.FromSeconds(1));
        _keys.Find(0).ShouldBeGreaterThanOrEqualTo(0);
        _keys.FreeExpired(_start + DataPlaneLimits.TransitionWindow);
        _keys.Find(0).ShouldBe(-1);
        SealingId(_start + DataPlaneLimits.TransitionWindow).ShouldBe(1);
    }

    public void Dispose()
    {
        _keys.Free();
        _fixture.Dispose();
    }

    private void Install(int id, Instant sealFrom)
    {
        var (ours, theirs) = _fixture.MakeKey(PathFixture.Gcm, id, 0);
        theirs.Free();
        _keys.Install(ours, id, _start, sealFrom);
    }

    private int SealingId(Instant now)
    {
        Span<byte> buffer = stackalloc byte[200];
        _keys[_keys.Sealing(now)].Seal(buffer, DataLimits.HeadroomMax, 10, out var start, out _).ShouldBeTrue();
        return buffer[start] & 7;
    }
}
