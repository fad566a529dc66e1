namespace Sallyport.Simulator.Fleets;

/// <summary>
/// A stream of equal packets from some devices to one that only counts them, as fast as a window or a rate allows. For measuring
/// servers: neither end does more than it must.
/// </summary>
public sealed class PacketStream
{
    private long arrived;
    private long arrivedDatagramBytes;

    /// <summary>Of each inner packet, headers included.</summary>
    public required int PacketBytes { get; init; }

    /// <summary>Packets on their way at a time, in all; the rate decides where this is 0.</summary>
    public int Window { get; init; }

    /// <summary>Packets a second, in all.</summary>
    public double Rate { get; init; }

    /// <summary>Packets of one device that leave with one call (UDP_SEGMENT) and may arrive as one.</summary>
    public int Segments { get; init; } = 1;

    public long Sent { get; internal set; }

    public long Arrived => Volatile.Read(ref arrived);

    /// <summary>Bytes of the datagrams that arrived, tunnel overhead included.</summary>
    public long ArrivedDatagramBytes => Volatile.Read(ref arrivedDatagramBytes);

    internal void Count(int datagrams, long bytes)
    {
        Volatile.Write(ref arrived, arrived + datagrams);
        Volatile.Write(ref arrivedDatagramBytes, arrivedDatagramBytes + bytes);
    }
}
