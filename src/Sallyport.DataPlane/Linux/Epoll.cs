using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Sallyport.DataPlane.Linux;

[Flags]
internal enum Readiness : uint
{
    None = 0,
    In = Native.EpollIn,
    Out = Native.EpollOut,
    Broken = Native.EpollErr | Native.EpollHup,
}

/// <summary>Level-triggered epoll. Tokens are the caller's.</summary>
internal sealed unsafe class Epoll : IDisposable
{
    private const int EventsPerWait = 256;

    // struct epoll_event is packed on x86-64 and nowhere else.
    private static readonly int Stride = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 12 : 16;
    private static readonly int DataOffset = Stride - 8;

    private readonly int _fd;
    private byte* _events;

    public Epoll()
    {
        _fd = Native.EpollCreate1(Native.EpollCloExec);
        Native.Check(_fd, "epoll_create1");
        _events = (byte*)NativeMemory.AllocZeroed((nuint)(EventsPerWait * Stride));
    }

    public void Add(int fd, Readiness interest, ulong token) => Control(Native.EpollCtlAdd, fd, interest, token);

    public void Modify(int fd, Readiness interest, ulong token) => Control(Native.EpollCtlMod, fd, interest, token);

    public void Remove(int fd) => Control(Native.EpollCtlDel, fd, Readiness.None, 0);

    /// <summary>How many events came; 0 on time-out and on a signal. A negative time-out waits for ever.</summary>
    public int Wait(int timeoutMs)
    {
        var count = Native.EpollWait(_fd, _events, EventsPerWait, timeoutMs);
        if (count < 0 && Native.Errno != Native.EIntr)
        {
            throw new LinuxException("epoll_wait", Native.Errno);
        }

        return Math.Max(count, 0);
    }

    public (ulong Token, Readiness Ready) Event(int index)
    {
        var item = _events + (index * Stride);
        return (Unsafe.ReadUnaligned<ulong>(item + DataOffset), (Readiness)Unsafe.ReadUnaligned<uint>(item));
    }

    public void Dispose()
    {
        if (_events != null)
        {
            NativeMemory.Free(_events);
            _events = null;
            _ = Native.Close(_fd);
        }
    }

    private void Control(int operation, int fd, Readiness interest, ulong token)
    {
        var item = stackalloc byte[16];
        Unsafe.WriteUnaligned(item, (uint)interest);
        Unsafe.WriteUnaligned(item + DataOffset, token);
        Native.Check(Native.EpollCtl(_fd, operation, fd, item), "epoll_ctl");
    }
}
