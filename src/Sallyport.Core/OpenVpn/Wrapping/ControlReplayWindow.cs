using Sallyport.Core.OpenVpn.Wire;

namespace Sallyport.Core.OpenVpn.Wrapping;

/// <summary>
/// Which replay counters of a peer were seen, of the newest 64. A counter is the peer's time in the high 32 bits and its packet id, from 1,
/// in the low: the time may be anything that never steps back. The first packet of a peer is fresh whatever it says.
/// </summary>
internal struct ControlReplayWindow
{
    private ulong _newest;

    // Bit n: the counter n below the newest was seen.
    private ulong _seen;

    public readonly bool IsFresh(ulong counter)
    {
        if ((uint)counter == 0)
        {
            return false;
        }

        if (counter > _newest)
        {
            return true;
        }

        var behind = _newest - counter;
        return behind < OpenVpnLimits.ControlReplayWindow && (_seen & (1ul << (int)behind)) == 0;
    }

    /// <summary>Only for a counter that is fresh and whose packet is authentic.</summary>
    public void Mark(ulong counter)
    {
        if (counter <= _newest)
        {
            _seen |= 1ul << (int)(_newest - counter);
            return;
        }

        var ahead = counter - _newest;
        _seen = (ahead < OpenVpnLimits.ControlReplayWindow ? _seen << (int)ahead : 0) | 1;
        _newest = counter;
    }
}
