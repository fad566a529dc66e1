using System.Runtime.InteropServices;
using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane.Linux;

/// <summary>
/// Packet buffers in native memory, addressed by slot. Each slot has room before and after what is received, so that a packet
/// can be opened and sealed again, for any cipher, without being moved.
/// </summary>
internal sealed unsafe class PacketSlab : IDisposable
{
    /// <summary>
    /// Largest overhead in front of an inner packet: head with peer-id 4, HMAC-SHA512 64, IV 16, packet id 4, compression byte 1; rounded up.
    /// </summary>
    public const int Headroom = 128;

    /// <summary>CBC padding 16 or an AEAD tag 16, and one byte that the swapped compression framing moves to the end; rounded up.</summary>
    public const int Tailroom = 64;

    /// <summary>Largest datagram taken: an inner packet of 1500 with every overhead fits; clients with a larger tun-mtu fragment outside.</summary>
    public const int PacketMax = 2048;

    public const int SlotSize = 2304;

    private byte* _memory;

    public PacketSlab(int slots)
    {
        Invariant.Check(SlotSize >= Headroom + PacketMax + Tailroom, "a slot holds a packet and its rooms");
        Slots = slots;
        _memory = (byte*)NativeMemory.AlignedAlloc((nuint)(slots * SlotSize), 64);
        NativeMemory.Clear(_memory, (nuint)(slots * SlotSize));
    }

    public int Slots { get; }

    /// <summary>The whole slot; what was received starts at <see cref="Headroom"/>.</summary>
    public Span<byte> this[int slot]
    {
        get
        {
            Invariant.Check((uint)slot < (uint)Slots, "slot exists");
            return new Span<byte>(_memory + (slot * SlotSize), SlotSize);
        }
    }

    /// <summary>For system calls only; the memory lives as long as the slab.</summary>
    internal byte* Pointer(int slot, int start, int length)
    {
        Invariant.Check((uint)slot < (uint)Slots && start >= 0 && length >= 0 && start + length <= SlotSize, "packet lies in its slot");
        return _memory + (slot * SlotSize) + start;
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(_memory);
        _memory = null;
    }
}
