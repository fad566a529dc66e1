using Sallyport.Core.Gateway;
using Sallyport.DataPlane.Linux;
using Sallyport.DataPlane.Streams;

namespace Sallyport.DataPlane;

/// <summary>
/// What one turn of a shard sends: datagrams by reference, stream packets by copy. Packets handed in stay untouched until <see cref="Flush"/>.
/// Has slots of its own for what the gateway says itself, and for packets that cannot be sealed where they lie.
/// </summary>
internal sealed class Outbox : IDisposable
{
    private readonly PacketMemory _memory;
    private readonly SendBatch[] _batches;
    private readonly StreamTable? _streams;
    private readonly DropCounters _drops;
    private readonly int _firstOwnSlot;
    private readonly int _ownSlots;
    private int _ownSlotsUsed;

    /// <param name="batches">One for each UDP socket, in the order of their indexes.</param>
    /// <param name="firstOwnSlot">The first of <paramref name="ownSlots"/> small slots of the memory that belong to the outbox.</param>
    public Outbox(PacketMemory memory, SendBatch[] batches, StreamTable? streams, DropCounters drops, int firstOwnSlot, int ownSlots)
    {
        Host = new HostBatch(memory);
        _memory = memory;
        _batches = batches;
        _streams = streams;
        _drops = drops;
        _firstOwnSlot = firstOwnSlot;
        _ownSlots = ownSlots;
    }

    public PacketMemory Memory => _memory;

    /// <summary>What leaves for the gateway host.</summary>
    public HostBatch Host { get; }

    /// <summary>A place to compose the next packet in; it stays free until it is sent. May flush what is queued.</summary>
    public PacketSpot FreeSlot()
    {
        if (_ownSlotsUsed == _ownSlots)
        {
            Flush();
        }

        return _memory.SmallSlot(_firstOwnSlot + _ownSlotsUsed);
    }

    /// <param name="tos">Of the outer header; of datagrams only.</param>
    public void Send(in OuterPath to, in PacketSpot packet, byte tos = 0)
    {
        if (to.IsStream)
        {
            _streams?.Send(to, _memory.Packet(packet));
            return;
        }

        var batch = _batches[to.Socket];
        if (batch.IsFull)
        {
            FlushDatagrams(batch);
        }

        batch.Add(to, packet.Start, packet.Length, tos);
        KeepOwnSlot(packet);
    }

    /// <summary>An inner IPv4 packet of a network for the gateway host.</summary>
    public DropReason SendToHost(int networkId, in PacketSpot packet)
    {
        if (Host.IsFull)
        {
            FlushHost();
        }

        var reason = Host.Add(networkId, packet);
        if (reason == DropReason.None)
        {
            KeepOwnSlot(packet);
        }

        return reason;
    }

    /// <summary>An IPv4 packet of a guest for beyond the gateway host.</summary>
    public DropReason SendToEgress(in PacketSpot packet)
    {
        if (Host.IsFull)
        {
            FlushHost();
        }

        var reason = Host.AddPlain(packet);
        if (reason == DropReason.None)
        {
            KeepOwnSlot(packet);
        }

        return reason;
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

        FlushHost();
        _streams?.Flush();
        _ownSlotsUsed = 0;
    }

    public void Dispose()
    {
        foreach (var batch in _batches)
        {
            batch.Dispose();
        }

        Host.Dispose();
    }

    /// <summary>Whatever lies in the slot that <see cref="FreeSlot"/> gave last stays there until the flush; nothing where it lies elsewhere.</summary>
    public void Keep(in PacketSpot packet) => KeepOwnSlot(packet);

    private void KeepOwnSlot(in PacketSpot packet)
    {
        if (_ownSlotsUsed < _ownSlots && packet.Floor == _memory.SmallSlot(_firstOwnSlot + _ownSlotsUsed).Floor)
        {
            _ownSlotsUsed++;
        }
    }

    private void FlushHost() => Host.Flush(ref _drops.Counter(DropReason.SendQueueFull), ref _drops.Counter(DropReason.SendFailed));

    private void FlushDatagrams(SendBatch batch) =>
        batch.Flush(ref _drops.Counter(DropReason.SendQueueFull), ref _drops.Counter(DropReason.SendFailed));
}
