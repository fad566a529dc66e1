namespace Sallyport.DataPlane.Linux;

/// <summary>Lets any thread end another thread's epoll_wait. Many signals before the wake-up cost one system call.</summary>
internal sealed unsafe class WakeUp : IDisposable
{
    private int _pending;
    private int _closed;

    public WakeUp()
    {
        Fd = Native.EventFd(0, Native.EfdNonBlock | Native.EfdCloExec);
        Native.Check(Fd, "eventfd");
    }

    public int Fd { get; }

    public void Signal()
    {
        if (Interlocked.Exchange(ref _pending, 1) == 0 && Volatile.Read(ref _closed) == 0)
        {
            ulong one = 1;
            _ = Native.Write(Fd, &one, sizeof(ulong));
        }
    }

    /// <summary>To be called by the woken thread before it looks, for the last time before it waits, whether its queues are empty.</summary>
    public void Clear()
    {
        ulong count;
        _ = Native.Read(Fd, &count, sizeof(ulong));
        Interlocked.Exchange(ref _pending, 0);
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _closed, 1) == 0)
        {
            _ = Native.Close(Fd);
        }
    }
}
