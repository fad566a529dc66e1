using System.Runtime.CompilerServices;
using Sallyport.Core.OpenVpn.Wire;

namespace Sallyport.Core.OpenVpn.Reliability;

/// <summary>
/// Message ids to acknowledge. Room left in a packet repeats ids acknowledged lately, which spares the peer retransmissions when an earlier
/// packet of ours was lost. Lives in one place; a fixed size whatever the peer sends.
/// </summary>
public struct AckQueue
{
    private Pending _pending;
    private int _pendingCount;

    // Latest first.
    private Recent _recent;
    private int _recentCount;

    /// <summary>Nothing waits; repeats do not count.</summary>
    public readonly bool IsEmpty => _pendingCount == 0;

    /// <summary>An id that waits already is not added twice. When full the oldest goes: the peer sends that message again.</summary>
    public void Add(uint id)
    {
        Span<uint> pending = _pending;
        if (pending[.._pendingCount].Contains(id))
        {
            return;
        }

        if (_pendingCount == OpenVpnLimits.PendingAcks)
        {
            DropFirst(1);
        }

        _pending[_pendingCount++] = id;
    }

    /// <summary>
    /// Fills up to all of <paramref name="ids"/> (at most 8) and returns how many: first what waits, oldest first, then, while fewer than
    /// <see cref="OpenVpnLimits.MaxPiggybackedAcks"/>, repeats. Whether to send a packet at all is told by <see cref="IsEmpty"/>, asked before.
    /// </summary>
    public int Take(Span<uint> ids)
    {
        var count = Math.Min(Math.Min(ids.Length, OpenVpnLimits.MaxAcks), _pendingCount);
        for (var i = 0; i < count; i++)
        {
            ids[i] = _pending[i];
        }

        var taken = count;
        var limit = Math.Min(ids.Length, OpenVpnLimits.MaxPiggybackedAcks);
        for (var i = 0; i < _recentCount && count < limit; i++)
        {
            if (!ids[..count].Contains(_recent[i]))
            {
                ids[count++] = _recent[i];
            }
        }

        for (var i = 0; i < taken; i++)
        {
            Remember(ids[i]);
        }

        DropFirst(taken);
        return count;
    }

    private void DropFirst(int count)
    {
        Span<uint> pending = _pending;
        pending[count.._pendingCount].CopyTo(pending);
        _pendingCount -= count;
    }

    private void Remember(uint id)
    {
        Span<uint> recent = _recent;
        var at = recent[.._recentCount].IndexOf(id);
        if (at < 0)
        {
            _recentCount = Math.Min(_recentCount + 1, OpenVpnLimits.RecentAcks);
            at = _recentCount - 1;
        }

        recent[..at].CopyTo(recent[1..]);
        recent[0] = id;
    }

    [InlineArray(OpenVpnLimits.PendingAcks)]
    private struct Pending
    {
        private uint _first;
    }

    [InlineArray(OpenVpnLimits.RecentAcks)]
    private struct Recent
    {
        private uint _first;
    }
}
