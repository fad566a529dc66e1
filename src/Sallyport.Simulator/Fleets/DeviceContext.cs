using Sallyport.Simulator.Linux;

namespace Sallyport.Simulator.Fleets;

/// <summary>What the devices of one thread share.</summary>
internal sealed class DeviceContext(FleetOptions options) : IDisposable
{
    public FleetOptions Options => options;

    public Epoll Epoll { get; } = new();

    /// <summary>Replaced where a report begins anew.</summary>
    public Recorder Recorder { get; set; } = new();

    public ReceiveRing Receiving { get; } = new();

    public SendRing Sending { get; } = new();

    /// <summary>For a single datagram.</summary>
    public byte[] Buffer { get; } = new byte[ushort.MaxValue];

    public void Dispose()
    {
        Epoll.Dispose();
        Receiving.Dispose();
        Sending.Dispose();
    }
}
