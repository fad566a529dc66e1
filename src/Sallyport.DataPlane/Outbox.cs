using Sallyport.Core.Gateway;
using Sallyport.DataPlane.Linux;
using Sallyport.DataPlane.Streams;

namespace Sallyport.DataPlane;

/// <summary>
/// What one turn of a shard sends: datagrams by reference, stream packets by copy. Slots handed in stay untouched until <see cref="Flush"/>.
/// Has slots of its own for what the gateway says itself.
/// </summary>
internal sealed class Outbox : IDisposable
{
    private readonly PacketSlab _slab;
    private readonly SendBatch[] _batches;
    private readonly StreamTable? _streams;
    private readonly DropCounters _drops;
    private readonly int _firstOwnSlot;
    private int _ownSlotsUsed;

    /// <param name="batches">One for each UDP socket, in the order of their indexes.</param>
    /// <param name="firstOwnSlot">The slab's slots from here on belong to the outbox.</param>
    public Outbox(PacketSlab slab, SendBatch[] batches, StreamTable? streams, DropCounters drops, int firstOwnSlot)
    {
        _slab = slab;
        _batches = batches;
        _streams = streams;
        _drops = drops;
        _firstOwnSlot = firstOwnSlot;
    }

    public Span<byte> this[int slot] => _slab[slot];

    /// <summary>A slot to compose the next packet in; it stays free until it is sent. May flush what is queued.</summary>
    public int FreeSlot()
    {
        if (_firstOwnSlot + _ownSlotsUsed == _slab.Slots)
        {
            Flush();
        }

        return _firstOwnSlot + _ownSlotsUsed;
    }

    public void Send(in OuterPath to, int slot, int start, int length)
    {
        if (to.IsStream)
        {
            _streams?.Send(to, _slab[slot].Slice(start, length));
            return;
        }

        var batch = _batches[to.Socket];
        if (batch.IsFull)
        {
            FlushDatagrams(batch);
        }

        batch.Add(to, slot, start, length);
        if (slot == _firstOwnSlot + _ownSlotsUsed)
        {
            _ownSlotsUsed++;
        }
    }

    public void Flush()
    {
        foreach (var batch in _batches)
        {
            if (batch.Count > 0)
            {
                FlushDatagrams(batch);
            }
        }

        _streams?.Flush();
        _ownSlotsUsed = 0;
    }

    public void Dispose()
    {
        foreach (var batch in _batches)
        {
            batch.Dispose();
        }
    }

    private void FlushDatagrams(SendBatch batch) =>
        batch.Flush(ref _drops.Counter(DropReason.SendQueueFull), ref _drops.Counter(DropReason.SendFailed));
}
