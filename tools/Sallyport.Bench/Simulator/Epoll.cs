using System.Runtime.InteropServices;

namespace Sallyport.Bench.Simulator;

/// <summary>Waits for many sockets at once at a cost that does not grow with those that are silent.</summary>
internal sealed unsafe partial class Epoll : IDisposable
{
    private const int ControlAdd = 1;
    private const uint Readable = 1;
    private const int CloseOnExec = 0x80000;
    private const int NonBlocking = 0x800;
    private const int Interrupted = 4;
    private const int Room = 256;

    // The kernel's struct (events, then eight bytes of our own) is packed on x86-64 and naturally aligned elsewhere.
    private static readonly int EventSize = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 12 : 16;
    private static readonly int TokenOffset = EventSize - sizeof(long);

    private readonly int descriptor;
    private readonly int wake;
    private readonly byte[] events = new byte[Room * EventSize];

    public Epoll()
    {
        descriptor = Check(epoll_create1(CloseOnExec), nameof(epoll_create1));
        wake = Check(eventfd(0, CloseOnExec | NonBlocking), nameof(eventfd));
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
            Check(epoll_ctl(descriptor, ControlAdd, socket, pointer), nameof(epoll_ctl));
        }
    }

    /// <summary>Ends a wait that is under way, or the next one. From any thread.</summary>
    public void Wake()
    {
        var one = 1UL;
        _ = write(wake, &one, sizeof(ulong));
    }

    /// <summary>The tokens of those that have something to read; valid until the next call.</summary>
    public int Wait(Span<int> tokens, int milliseconds)
    {
        int count;
        fixed (byte* list = events)
        {
            count = epoll_wait(descriptor, list, Math.Min(Room, tokens.Length), milliseconds);
        }

        if (count < 0)
        {
            return Marshal.GetLastSystemError() == Interrupted ? 0 : Check(count, nameof(epoll_wait));
        }

        var found = 0;
        for (var i = 0; i < count; i++)
        {
            var token = (int)MemoryMarshal.Read<long>(events.AsSpan((i * EventSize) + TokenOffset));
            if (token < 0)
            {
                ulong drained;
                _ = read(wake, &drained, sizeof(ulong));
                continue;
            }

            tokens[found++] = token;
        }

        return found;
    }

    public void Dispose()
    {
        _ = close(wake);
        _ = close(descriptor);
    }

    private static int Check(int result, string call) =>
        result >= 0 ? result : throw new InvalidOperationException($"{call}: errno {Marshal.GetLastSystemError()}");

    [LibraryImport("libc")]
    private static partial int epoll_create1(int flags);

    [LibraryImport("libc")]
    private static partial int epoll_ctl(int epoll, int operation, int descriptor, void* wanted);

    [LibraryImport("libc")]
    private static partial int epoll_wait(int epoll, void* events, int count, int milliseconds);

    [LibraryImport("libc")]
    private static partial int eventfd(uint initial, int flags);

    [LibraryImport("libc")]
    private static partial nint write(int descriptor, void* bytes, nint count);

    [LibraryImport("libc")]
    private static partial nint read(int descriptor, void* bytes, nint count);

    [LibraryImport("libc")]
    private static partial int close(int descriptor);
}
