using System.Runtime.InteropServices;
using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane.Linux;

/// <summary>
/// The packets of one shard in one block of native memory: large slots that the kernel fills, with a whole run of coalesced datagrams each
/// where it can, and small ones for single packets. Each slot has room before and behind, so that a packet can be opened and sealed again
/// for any cipher without being moved.
/// </summary>
internal sealed unsafe class PacketMemory : IDisposable
{
    /// <summary>
    /// Largest overhead in front of an inner packet: head with peer-id 4, HMAC-SHA512 64, IV 16, packet id 4, compression byte 1; rounded up.
    /// </summary>
    public const int Headroom = 128;

    /// <summary>CBC padding 16 or an AEAD tag 16, and one byte that the swapped compression framing moves to the end; rounded up.</summary>
    public const int Tailroom = 64;

    /// <summary>Largest datagram taken: an inner packet of 1500 with every overhead fits; clients with a larger tun-mtu fragment outside.</summary>
    public const int PacketMax = 2048;

    /// <summary>Room for one packet and what it may grow by.</summary>
    public const int SmallSlotSize = 2304;

    /// <summary>A UDP datagram, or what UDP_GRO makes of many, is never longer (udp(7)).</summary>
    public const int ReceiveMax = 65_535;

    /// <summary>
    /// Pages of the large slots stay untouched until something long arrives. The stride is no power of two, so that single packets, which
    /// lie at the start of each, do not all compete for the same lines of the cache.
    /// </summary>
    private const int ReceiveStride = Headroom + ReceiveMax + 1 + Tailroom + 1984;

    private readonly int _receiveSlots;
    private readonly int _firstSpareByte;
    private readonly int _size;
    private byte* _memory;

    /// <param name="spareBytes">Beside the slots, for whoever lays packets out in its own way: <see cref="Spare"/>.</param>
    public PacketMemory(int receiveSlots, int smallSlots, int spareBytes = 0)
    {
        Invariant.Check(SmallSlotSize >= Headroom + PacketMax + Tailroom, "a slot holds a packet and its rooms");
        _receiveSlots = receiveSlots;
        SmallSlots = smallSlots;
        _firstSpareByte = (receiveSlots * ReceiveStride) + (smallSlots * SmallSlotSize);
        _size = _firstSpareByte + spareBytes;
        _memory = (byte*)NativeMemory.AllocZeroed((nuint)_size);
    }

    public int SmallSlots { get; }

    /// <summary>An empty large slot; what is received starts behind its head room.</summary>
    public PacketSpot ReceiveSlot(int index)
    {
        Invariant.Check((uint)index < (uint)_receiveSlots, "a receive slot exists");
        var floor = index * ReceiveStride;
        return new PacketSpot(floor + Headroom, 0, floor, floor + Headroom + ReceiveMax + 1 + Tailroom);
    }

    /// <summary>An empty slot for one packet.</summary>
    public PacketSpot SmallSlot(int index)
    {
        Invariant.Check((uint)index < (uint)SmallSlots, "a slot exists");
        var floor = (_receiveSlots * ReceiveStride) + (index * SmallSlotSize);
        return new PacketSpot(floor + Headroom, 0, floor, floor + SmallSlotSize);
    }

    /// <summary>The memory beside the slots.</summary>
    public PacketSpot Spare => new(_firstSpareByte, _size - _firstSpareByte, _firstSpareByte, _size);

    /// <summary>The packet alone.</summary>
    public Span<byte> Packet(in PacketSpot spot) => new(Pointer(spot.Start, spot.Length), spot.Length);

    /// <summary>Everything that may be written around the packet; it lies at Start - Floor.</summary>
    public Span<byte> Room(in PacketSpot spot) => new(Pointer(spot.Floor, spot.Ceiling - spot.Floor), spot.Ceiling - spot.Floor);

    /// <summary>From the packet's place to where its tail room begins: what may be composed there.</summary>
    public Span<byte> Blank(in PacketSpot spot) => new(Pointer(spot.Start, spot.Ceiling - Tailroom - spot.Start), spot.Ceiling - Tailroom - spot.Start);

    /// <summary>For system calls only; the memory lives as long as this object.</summary>
    internal byte* Pointer(int start, int length)
    {
        Invariant.Check(start >= 0 && length >= 0 && start + length <= _size, "a packet lies in its memory");
        return _memory + start;
    }

    public void Dispose()
    {
        NativeMemory.Free(_memory);
        _memory = null;
    }
}
