using System.Collections.Concurrent;
using Sallyport.DataPlane.Tunnels;

namespace Sallyport.DataPlane.Handshakes;

/// <summary>
/// How packets and news reach one handshake thread. Packets are bounded and may be refused; news are about tunnels that the thread
/// itself opened, a few for each, and are never lost.
/// </summary>
/// <param name="packetMax">Bytes.</param>
internal class HandshakeInbox(int capacity = DataPlaneLimits.ControlInCapacity, int packetMax = DataPlaneLimits.ControlPacketMax) : IDisposable
{
    private readonly DatagramRing _packets = new(capacity, packetMax);
    private readonly ConcurrentQueue<TunnelNotice> _notices = new();
    private readonly AutoResetEvent _news = new(false);
    private int _hasNews;

    /// <summary>Half of the places are for those who are known.</summary>
    public bool HasRoomForStrangers => IsBelow(quarters: 2);

    public bool IsEmpty => _packets.Count == 0 && _notices.IsEmpty;

    /// <summary>Does not wake the thread: <see cref="Wake"/> does, once per turn.</summary>
    public bool TryPut(in OuterPath from, ReadOnlySpan<byte> packet)
    {
        if (!_packets.TryPut(from, packet))
        {
            return false;
        }

        Volatile.Write(ref _hasNews, 1);
        return true;
    }

    public void Put(in TunnelNotice notice)
    {
        _notices.Enqueue(notice);
        Volatile.Write(ref _hasNews, 1);
    }

    /// <summary>Wakes the thread where something was put since the last time.</summary>
    public void Wake()
    {
        if (Volatile.Read(ref _hasNews) != 0 && Interlocked.Exchange(ref _hasNews, 0) != 0)
        {
            _news.Set();
        }
    }

    public void WakeAlways() => _news.Set();

    public bool TryTake(Span<byte> packet, out OuterPath from, out int length) => _packets.TryTake(packet, out from, out length);

    public bool TryTakeNotice(out TunnelNotice notice) => _notices.TryDequeue(out notice);

    /// <summary>Until something is put, or for the time given.</summary>
    public void Wait(TimeSpan timeout) => _news.WaitOne(timeout);

    public void Dispose() => _news.Dispose();

    /// <summary>Whether fewer places are taken than so many quarters of them.</summary>
    protected bool IsBelow(int quarters) => _packets.Count < capacity * quarters / 4;
}
