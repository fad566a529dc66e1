using Sallyport.Core.Primitives;

namespace Sallyport.Core.Flows;

/// <summary>
/// Later parts of datagrams that came before the first one, which alone has the ports by which policy judges. They wait for it for a
/// moment, in a place that is bounded for all and for each sender; when the first part has passed they are judged as if they came now.
/// </summary>
internal sealed class HeldFragments(FlowLimits limits)
{
    private readonly Entry[] _entries = new Entry[limits.HeldFragments];
    private byte[] _bytes = [];
    private FragmentKey _released;
    private bool _isReleasing;
    private int _count;

    /// <summary>False where it is too long, or its sender has too many: then it is the caller's to drop.</summary>
    public bool TryHold(in FragmentKey key, ReadOnlySpan<byte> packet, Instant now)
    {
        if (packet.Length > limits.HeldFragmentBytes)
        {
            return false;
        }

        var (place, own) = (-1, 0);
        for (var i = 0; i < _entries.Length; i++)
        {
            ref var entry = ref _entries[i];
            own += entry.Length > 0 && entry.Key.SenderId == key.SenderId ? 1 : 0;
            place = entry.Length == 0 && place < 0 ? i : place;
        }

        if (place < 0 || own >= limits.HeldFragmentsPerIdentity)
        {
            return false;
        }

        // Made with the first use: few fleets send fragments out of order.
        _bytes = _bytes.Length == 0 ? new byte[limits.HeldFragments * limits.HeldFragmentBytes] : _bytes;
        packet.CopyTo(_bytes.AsSpan(place * limits.HeldFragmentBytes));
        _entries[place] = new Entry { Key = key, Length = packet.Length, Expires = now + limits.HoldFragment };
        _count++;
        return true;
    }

    /// <summary>The first part has passed: what waited for it is to be taken.</summary>
    public void Release(in FragmentKey key)
    {
        if (_count > 0)
        {
            (_released, _isReleasing) = (key, true);
        }
    }

    /// <summary>Forgets parts whose first one never came; returns how many.</summary>
    public int Expire(Instant now)
    {
        var lost = 0;
        for (var i = 0; i < _entries.Length && _count > 0; i++)
        {
            ref var entry = ref _entries[i];
            if (entry.Length > 0 && entry.Expires <= now)
            {
                Forget(ref entry);
                lost++;
            }
        }

        return lost;
    }

    /// <summary>Copies the next of them of this sender; returns its length, 0 where there is none.</summary>
    /// <param name="packet">At least <see cref="FlowLimits.HeldFragmentBytes"/> long, or shorter parts only are there.</param>
    public int Take(int senderId, Span<byte> packet, Instant now)
    {
        if (!_isReleasing || _released.SenderId != senderId)
        {
            return 0;
        }

        for (var i = 0; i < _entries.Length; i++)
        {
            ref var entry = ref _entries[i];
            if (entry.Length == 0 || entry.Expires <= now || entry.Key != _released || entry.Length > packet.Length)
            {
                continue;
            }

            var length = entry.Length;
            _bytes.AsSpan(i * limits.HeldFragmentBytes, length).CopyTo(packet);
            Forget(ref entry);
            return length;
        }

        _isReleasing = false;
        return 0;
    }

    private void Forget(ref Entry entry)
    {
        entry = default;
        _count--;
    }

    private struct Entry
    {
        public FragmentKey Key;

        /// <summary>0 for a place that is free.</summary>
        public int Length;
        public Instant Expires;
    }
}
