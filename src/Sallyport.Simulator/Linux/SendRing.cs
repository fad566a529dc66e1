using System.Runtime.InteropServices;

namespace Sallyport.Simulator.Linux;

/// <summary>Datagrams of one socket that leave with one sendmmsg.</summary>
internal sealed unsafe class SendRing : IDisposable
{
    /// <summary>Room for a datagram, head room included.</summary>
    public const int SlotBytes = 2048;

    private const int Slots = 64;
    private readonly byte* buffers = (byte*)NativeMemory.AllocZeroed(Slots, SlotBytes);
    private readonly Message* messages = (Message*)NativeMemory.AllocZeroed(Slots, (nuint)sizeof(Message));
    private readonly Vector* vectors = (Vector*)NativeMemory.AllocZeroed(Slots, (nuint)sizeof(Vector));
    private int count;

    public SendRing()
    {
        for (var i = 0; i < Slots; i++)
        {
            messages[i].Header.Vectors = &vectors[i];
            messages[i].Header.VectorCount = 1;
        }
    }

    public bool IsFull => count == Slots;

    /// <summary>Where the next datagram is written. Not to be asked while full.</summary>
    public Span<byte> Slot => new(buffers + (count * SlotBytes), SlotBytes);

    /// <summary>What lies there in <see cref="Slot"/> goes with the next flush.</summary>
    public void Add(int start, int length)
    {
        vectors[count] = new Vector { Base = buffers + (count * SlotBytes) + start, Length = (nuint)length };
        count++;
    }

    /// <summary>What the kernel does not take is lost, as packets are.</summary>
    public void Flush(DeviceSocket socket)
    {
        var done = 0;
        while (done < count)
        {
            var sent = Native.SendMessages(socket.Descriptor, messages + done, (uint)(count - done), Native.MsgDontWait | Native.MsgNoSignal);
            done += Math.Max(sent, 1);
        }

        count = 0;
    }

    public void Dispose()
    {
        NativeMemory.Free(buffers);
        NativeMemory.Free(messages);
        NativeMemory.Free(vectors);
    }
}
