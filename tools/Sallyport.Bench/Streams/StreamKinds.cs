using Sallyport.Simulator.Fleets;

namespace Sallyport.Bench.Streams;

/// <summary>The streams that servers are measured with.</summary>
internal static class StreamKinds
{
    public const int SmallDevices = 1000;

    public const int LowRate = 10_000;

    /// <summary>UDP with 200 bytes of payload, in IPv4.</summary>
    private const int SmallPacket = 228;

    /// <summary>Fits a default MTU with every tunnel's overhead.</summary>
    private const int FullPacket = 1400;

    /// <summary>
    /// On their way at a time: enough that the server never waits for the senders, few enough for the socket buffers of a stock server
    /// (208 KiB, in which a small packet takes about 800 bytes), so that nothing is sent in vain.
    /// </summary>
    private const int SmallWindow = 192;

    /// <summary>Of full packets, in runs; as many as a TCP stream of 360 KB has on its way.</summary>
    private const int FullWindow = 256;

    private const int Run = 32;

    public static PacketStream SmallSaturated() => new() { PacketBytes = SmallPacket, Window = SmallWindow };

    /// <summary>For a gateway of ours alone, whose sockets have room: every packet thread finds as many as it wants.</summary>
    public static PacketStream SmallFlooded() => new() { PacketBytes = SmallPacket, Window = 4 * SmallWindow };

    public static PacketStream SmallAt(int rate) => new() { PacketBytes = SmallPacket, Rate = rate };

    /// <summary>Each packet with a call of its own, as most devices send.</summary>
    public static PacketStream Full() => new() { PacketBytes = FullPacket, Window = FullWindow };

    /// <summary>Runs of equal packets that leave with one call, so that they arrive coalesced.</summary>
    public static PacketStream Coalesced() => new() { PacketBytes = FullPacket, Window = FullWindow, Segments = Run };
}
