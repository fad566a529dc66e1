using System.Runtime.InteropServices;

namespace Sallyport.Simulator.Linux;

/// <summary>Waits for many sockets at once at a cost that does not grow with those that are silent.</summary>
internal sealed unsafe class Epoll : IDisposable
{
    private const int ControlAdd = 1;
    private const uint Readable = 1;
    private const int CloseOnExec = 0x80000;
    private const int NonBlocking = 0x800;
    private const int Room = 256;

    // The kernel's struct (events, then eight bytes of our own) is packed on x86-64 and naturally aligned elsewhere.
    private static readonly int EventSize = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 12 : 16;
    private static readonly int TokenOffset = EventSize - sizeof(long);

    private readonly int descriptor;
    private readonly int wake;
    private readonly byte[] events = new byte[Room * EventSize];
    private bool waitsFinely = true;

    public Epoll()
    {
        descriptor = Native.Check(Native.EpollCreate(CloseOnExec), "epoll_create1");
        wake = Native.Check(Native.EventDescriptor(0, CloseOnExec | NonBlocking), "eventfd");
        Add(wake, -1);
    }

    /// <summary>A closed descriptor leaves by itself.</summary>
    public void Add(int socket, int token)
    {
        Span<byte> wanted = stackalloc byte[EventSize];
        MemoryMarshal.Write(wanted, Readable);
        MemoryMarshal.Write(wanted[TokenOffset..], (long)token);
        fixed (byte* pointer = wanted)
        {
            Native.Check(Native.EpollControl(descriptor, ControlAdd, socket, pointer), "epoll_ctl");
        }
    }

    /// <summary>Ends a wait that is under way, or the next one. From any thread.</summary>
    public void Wake()
    {
        var one = 1UL;
        _ = Native.Write(wake, &one, sizeof(ulong));
    }

    /// <summary>The tokens of those that have something to read.</summary>
    public int Wait(Span<int> tokens, TimeSpan patience)
    {
        int count;
        fixed (byte* list = events)
        {
            count = Wait(list, Math.Min(Room, tokens.Length), patience);
        }

        if (count < 0)
        {
            return Native.Errno == Native.ErrnoInterrupted ? 0 : Native.Check(count, "epoll_wait");
        }

        var found = 0;
        for (var i = 0; i < count; i++)
        {
            var token = (int)MemoryMarshal.Read<long>(events.AsSpan((i * EventSize) + TokenOffset));
            if (token < 0)
            {
                ulong drained;
                _ = Native.Read(wake, &drained, sizeof(ulong));
                continue;
            }

            tokens[found++] = token;
        }

        return found;
    }

    public void Dispose()
    {
        _ = Native.Close(wake);
        _ = Native.Close(descriptor);
    }

    /// <summary>In nanoseconds where the kernel can (5.11), so that packets leave when they are due and not in heaps of a millisecond.</summary>
    private int Wait(byte* list, int room, TimeSpan patience)
    {
        if (waitsFinely)
        {
            var time = new TimeSpec
            {
                Seconds = patience.Ticks / TimeSpan.TicksPerSecond,
                Nanoseconds = patience.Ticks % TimeSpan.TicksPerSecond * TimeSpan.NanosecondsPerTick,
            };
            var count = Native.EpollWaitFinely(descriptor, list, room, &time, null);
            if (count >= 0 || Native.Errno != Native.ErrnoNoSystemCall)
            {
                return count;
            }

            waitsFinely = false;
        }

        return Native.EpollWait(descriptor, list, room, (int)Math.Ceiling(patience.TotalMilliseconds));
    }
}
