using Sallyport.Api.Nodes;
using Sallyport.DataPlane.Model;
using Sallyport.DataPlane.Nodes;

namespace Sallyport.DataPlane.Shards;

/// <summary>One model on its way into every shard and to the handshakes. The last one to take it acknowledges for all.</summary>
/// <param name="due">Where the clock made it; else control did, and waits to hear of it.</param>
internal sealed class Adoption(long version, DueRules? due, int takers)
{
    private readonly Lock _lock = new();
    private int _missing = takers;
    private long _appliedAt;
    private long _lastPacketAt;
    private int _tunnelsCut;
    private int _flowsCut;

    /// <summary>Times by the wall clock.</summary>
    public void Done(long appliedAt, long lastPacketAt, int tunnelsCut, int flowsCut, Uplink uplink)
    {
        lock (_lock)
        {
            _appliedAt = Math.Max(_appliedAt, appliedAt);
            _lastPacketAt = Math.Max(_lastPacketAt, lastPacketAt);
            _tunnelsCut += tunnelsCut;
            _flowsCut += flowsCut;
            if (--_missing == 0)
            {
                Report(uplink);
            }
        }
    }

    private void Report(Uplink uplink)
    {
        if (due is null)
        {
            uplink.Put(new Acknowledge(version, _appliedAt, _lastPacketAt, _tunnelsCut, _flowsCut));
        }
        else
        {
            uplink.Put(new ScheduleReport([.. due.Rules], due.At.Nanoseconds, _appliedAt, _lastPacketAt, _flowsCut) { Identities = [.. due.Identities] });
        }
    }
}
