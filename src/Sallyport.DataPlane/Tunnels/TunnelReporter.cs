using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane.Tunnels;

/// <summary>Decides when a tunnel's counters are worth a line to control.</summary>
internal static class TunnelReporter
{
    private static readonly TimeSpan CountersEvery = TimeSpan.FromSeconds(2);

    /// <summary>A tunnel that only pings: else a large idle fleet would report itself all the time.</summary>
    private static readonly TimeSpan IdleEvery = TimeSpan.FromSeconds(30);

    public static bool TryTake(ref Tunnel tunnel, Instant now, out TunnelCounters counters)
    {
        counters = default;
        if (!tunnel.IsLive)
        {
            return false;
        }

        var packets = tunnel.PacketsIn + tunnel.PacketsOut;
        var isDue = packets != tunnel.ReportedPackets
            ? now - tunnel.ReportedAt >= CountersEvery
            : tunnel.LastReceived > tunnel.ReportedAt && now - tunnel.ReportedAt >= IdleEvery;
        if (!isDue && !tunnel.HasOtherChildren)
        {
            return false;
        }

        tunnel.HasOtherChildren = false;

        tunnel.ReportedAt = now;
        tunnel.ReportedPackets = packets;
        counters = TunnelCounters.Of(tunnel);
        return true;
    }
}
