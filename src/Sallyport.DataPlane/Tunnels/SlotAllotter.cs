using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane.Tunnels;

/// <summary>
/// Hands out the places of one shard's tunnel table, and with them the peer-ids. Any thread. A place rests before it is used
/// again, so that late packets of its last tunnel meet nobody.
/// </summary>
internal sealed class SlotAllotter(int shardIndex, int shardCount, int capacity)
{
    private const int RestingMin = 256;

    private readonly Lock _lock = new();
    private readonly Queue<int> _resting = new();
    private int _next;

    /// <summary>False where every place is taken.</summary>
    public bool TryAllot(out int slot)
    {
        lock (_lock)
        {
            if (_resting.Count > RestingMin || (_next == capacity && _resting.Count > 0))
            {
                slot = _resting.Dequeue();
                return true;
            }

            slot = _next;
            _next += _next < capacity ? 1 : 0;
            return slot < capacity;
        }
    }

    public void Return(int slot)
    {
        lock (_lock)
        {
            Invariant.Check(slot < _next, "a slot was allotted before it comes back");
            _resting.Enqueue(slot);
        }
    }

    /// <summary>24 bits; id modulo the number of shards is the shard.</summary>
    public uint PeerId(int slot) => (uint)((slot * shardCount) + shardIndex);

    /// <summary>-1 where the peer-id is another shard's.</summary>
    public int Slot(uint peerId) => peerId % (uint)shardCount == (uint)shardIndex ? (int)(peerId / (uint)shardCount) : -1;
}
