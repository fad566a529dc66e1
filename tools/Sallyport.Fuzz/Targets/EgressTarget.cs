using Sallyport.Core.Dns;
using Sallyport.Core.Gateway;
using Sallyport.Core.Nat;
using Sallyport.Core.Packets;
using Sallyport.Fuzz.Engine;

namespace Sallyport.Fuzz.Targets;

/// <summary>
/// What comes from beyond the gateway host, and the first bytes of a TLS client. Input: <c>offload header 10 | packet</c>; the packet is
/// also read as a client's hello.
/// </summary>
internal sealed class EgressTarget : FuzzTarget
{
    private const int SegmentsMax = 16;

    /// <summary>The name alone.</summary>
    private const int NameAllocationMax = 1024;

    private static readonly NamePool Names = new();

    public override string Name => "egress";

    public override int InputMax => 2048;

    public override IEnumerable<(string Name, byte[] Input)> MakeSeeds()
    {
        var none = new byte[OffloadHeader.Length];
        var tcp = new byte[OffloadHeader.Length];
        new OffloadHeader { NeedsChecksum = true, Kind = (byte)SegmentOffload.TcpV4, SegmentSize = 9 }.Write(tcp);
        var udp = new byte[OffloadHeader.Length];
        new OffloadHeader { NeedsChecksum = true, Kind = (byte)SegmentOffload.Udp, SegmentSize = 5 }.Write(udp);
        foreach (var (name, packet) in PacketSeeds.All())
        {
            yield return (name, [.. none, .. packet]);
            yield return ("tcp-" + name, [.. tcp, .. packet]);
            yield return ("udp-" + name, [.. udp, .. packet]);
        }

        byte[] server = [0, 0, 0, 9, 0, 7, 0, 0, 4, .. "a.bc"u8];
        byte[] body = [3, 3, .. new byte[32], 0, 0, 2, 0x13, 1, 1, 0, 0, (byte)server.Length, .. server];
        yield return ("hello", [.. none, 22, 3, 1, 0, (byte)(body.Length + 4), 1, 0, 0, (byte)body.Length, .. body]);
    }

    public override void Run(ReadOnlySpan<byte> input, Probe probe)
    {
        if (input.Length < OffloadHeader.Length)
        {
            return;
        }

        var packet = input[OffloadHeader.Length..];
        RunHello(packet, probe);
        var meter = Probe.StartMeter();
        var reason = PlainPiece.Read(packet, OffloadHeader.Read(input), out var piece);
        probe.Reach((long)reason);
        if (reason != DropReason.None)
        {
            return;
        }

        Span<byte> output = stackalloc byte[2048];
        probe.That(piece.LengthMax <= packet.Length, "no segment is longer than the piece");
        for (var i = 0; i < Math.Min(piece.Segments, SegmentsMax); i++)
        {
            var length = piece.Write(packet, i, 0, output);
            probe.That(length <= piece.LengthMax, "a segment fits the room that was asked for");
            probe.That(InnerPacket.Read(output[..length], out var inner) is not (DropReason.NotIp or DropReason.IpMalformed), "a segment is an IPv4 packet");
            probe.That(inner.Ends.Destination == piece.Destination, "a segment is for whom the piece is");
        }

        probe.AllocatedAtMost(meter, 0, "cutting a piece");
    }

    private static void RunHello(ReadOnlySpan<byte> bytes, Probe probe)
    {
        var meter = Probe.StartMeter();
        var reading = TlsHello.Read(bytes, Names, out var name);
        probe.AllocatedAtMost(meter, NameAllocationMax, "reading a hello");
        probe.Reach(100 + (long)reading);
        probe.That(reading != HelloReading.Name || (name.Length is > 0 and < 254 && !name.AsSpan().ContainsAnyExceptInRange('-', 'z')), "a name can be shown");
    }
}
