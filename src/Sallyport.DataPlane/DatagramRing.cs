namespace Sallyport.DataPlane;

/// <summary>
/// Packets handed from one thread to another by copy, in order, bounded, without allocation. Any thread may put, one thread takes.
/// The lock is held for the copy of one control packet only.
/// </summary>
internal sealed class DatagramRing
{
    private readonly Lock _lock = new();
    private readonly byte[] _bytes;
    private readonly Entry[] _entries;
    private readonly int _packetMax;
    private int _first;
    private int _count;

    public DatagramRing(int capacity, int packetMax)
    {
        _packetMax = packetMax;
        _entries = new Entry[capacity];
        _bytes = GC.AllocateUninitializedArray<byte>(capacity * packetMax);
    }

    /// <summary>How many wait; may have changed by the time it is read.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>False where the ring is full or the packet longer than its places: then it is the caller's to count.</summary>
    public bool TryPut(in OuterPath path, ReadOnlySpan<byte> packet)
    {
        if (packet.Length > _packetMax)
        {
            return false;
        }

        lock (_lock)
        {
            if (_count == _entries.Length)
            {
                return false;
            }

            var at = (_first + _count) % _entries.Length;
            packet.CopyTo(_bytes.AsSpan(at * _packetMax));
            _entries[at] = new Entry(path, packet.Length);
            Volatile.Write(ref _count, _count + 1);
            return true;
        }
    }

    /// <summary>Copies the oldest packet out; <paramref name="packet"/> holds at least the ring's largest.</summary>
    public bool TryTake(Span<byte> packet, out OuterPath path, out int length)
    {
        path = default;
        length = 0;

        // Asked every turn and nearly always empty: not worth the lock. What is put at this moment is announced by a wake-up.
        if (Count == 0)
        {
            return false;
        }

        lock (_lock)
        {
            if (_count == 0)
            {
                return false;
            }

            (path, length) = _entries[_first];
            _bytes.AsSpan(_first * _packetMax, length).CopyTo(packet);

            // An empty ring begins anew: memory that only a backlog needs is not touched without one.
            _first = _count == 1 ? 0 : (_first + 1) % _entries.Length;
            Volatile.Write(ref _count, _count - 1);
            return true;
        }
    }

    private readonly record struct Entry(OuterPath Path, int Length);
}
