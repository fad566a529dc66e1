using System.Buffers;
using System.Runtime.InteropServices;

namespace Sallyport.DataPlane.Handshakes;

/// <summary>
/// Packets that would begin a handshake, and what came behind them, in the order in which they came. While there is other work they wait
/// here: a thread that began with everybody at once would bring nobody to an end before all had given up. A client that repeats itself
/// while it waits gets no more places than a first flight needs.
/// </summary>
internal sealed class WaitingRoom(int capacity)
{
    /// <summary>A wrapped key and a ClientHello with post-quantum key shares.</summary>
    private const int PacketsOfClient = 3;

    private readonly Queue<Entry> _entries = new();
    private readonly Dictionary<SessionKey, int> _clients = [];

    public bool IsEmpty => _entries.Count == 0;

    public bool Holds(SessionKey key) => _clients.ContainsKey(key);

    /// <summary>False where all places are taken. True, and nothing more, where the client has all of its own.</summary>
    public bool TryPut(SessionKey key, in OuterPath from, ReadOnlySpan<byte> packet)
    {
        var places = _clients.GetValueOrDefault(key);
        if (places == PacketsOfClient)
        {
            return true;
        }

        if (_entries.Count >= capacity)
        {
            return false;
        }

        var copy = ArrayPool<byte>.Shared.Rent(packet.Length);
        packet.CopyTo(copy);
        _clients[key] = places + 1;
        _entries.Enqueue(new Entry(key, from, copy, packet.Length));
        return true;
    }

    /// <summary>Copies the oldest packet out.</summary>
    public bool TryTake(Span<byte> packet, out OuterPath from, out int length)
    {
        if (!_entries.TryDequeue(out var entry))
        {
            from = default;
            length = 0;
            return false;
        }

        if (--CollectionsMarshal.GetValueRefOrNullRef(_clients, entry.Key) == 0)
        {
            _clients.Remove(entry.Key);
        }

        (from, length) = (entry.From, entry.Length);
        entry.Packet.AsSpan(0, length).CopyTo(packet);
        ArrayPool<byte>.Shared.Return(entry.Packet);
        return true;
    }

    private readonly record struct Entry(SessionKey Key, OuterPath From, byte[] Packet, int Length);
}
