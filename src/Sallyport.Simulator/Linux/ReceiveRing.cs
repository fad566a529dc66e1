using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Sallyport.Simulator.Linux;

/// <summary>Many datagrams with one recvmmsg; coalesced ones (UDP_GRO) are handed out one by one.</summary>
internal sealed unsafe class ReceiveRing : IDisposable
{
    private const int Slots = 64;
    private const int SlotBytes = 65_536;
    private const int ControlBytes = 32;
    private readonly byte* buffers = (byte*)NativeMemory.AllocZeroed(Slots, SlotBytes);
    private readonly Message* messages = (Message*)NativeMemory.AllocZeroed(Slots, (nuint)sizeof(Message));
    private readonly Vector* vectors = (Vector*)NativeMemory.AllocZeroed(Slots, (nuint)sizeof(Vector));
    private readonly byte* controls = (byte*)NativeMemory.AllocZeroed(Slots, ControlBytes);
    private int count;
    private int current;
    private int offset;

    public ReceiveRing()
    {
        for (var i = 0; i < Slots; i++)
        {
            vectors[i] = new Vector { Base = buffers + (i * SlotBytes), Length = SlotBytes };
            messages[i].Header.Vectors = &vectors[i];
            messages[i].Header.VectorCount = 1;
            messages[i].Header.Control = controls + (i * ControlBytes);
            messages[i].Header.ControlLength = ControlBytes;
        }
    }

    /// <summary>Whether there was as much as fits: there may be more.</summary>
    public bool Receive(DeviceSocket socket)
    {
        for (var i = 0; i < count; i++)
        {
            messages[i].Header.ControlLength = ControlBytes;
        }

        count = Math.Max(Native.ReceiveMessages(socket.Descriptor, messages, Slots, Native.MsgDontWait, null), 0);
        current = offset = 0;
        return count == Slots;
    }

    /// <summary>The next datagram, valid until the next <see cref="Receive"/>.</summary>
    public bool TryNext(out Span<byte> datagram)
    {
        while (current < count)
        {
            var whole = (int)messages[current].Transferred;
            if (offset < whole)
            {
                var length = Math.Min(Segment(current) is var segment and > 0 ? segment : whole, whole - offset);
                datagram = new Span<byte>(vectors[current].Base + offset, length);
                offset += length;
                return true;
            }

            current++;
            offset = 0;
        }

        datagram = default;
        return false;
    }

    public void Dispose()
    {
        NativeMemory.Free(buffers);
        NativeMemory.Free(messages);
        NativeMemory.Free(vectors);
        NativeMemory.Free(controls);
    }

    /// <summary>0 where the datagram is whole.</summary>
    private int Segment(int index)
    {
        ref var header = ref messages[index].Header;
        if (header.ControlLength < (nuint)(sizeof(ControlHeader) + sizeof(int)))
        {
            return 0;
        }

        var head = Unsafe.ReadUnaligned<ControlHeader>(header.Control);
        return head is { Level: Native.SolUdp, Type: Native.UdpGro } ? Unsafe.ReadUnaligned<int>(header.Control + sizeof(ControlHeader)) : 0;
    }
}
