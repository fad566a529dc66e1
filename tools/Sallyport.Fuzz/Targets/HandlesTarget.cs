using Sallyport.Core.Gateway;
using Sallyport.Core.Nat;
using Sallyport.Core.Packets;
using Sallyport.Fuzz.Engine;

namespace Sallyport.Fuzz.Targets;

/// <summary>
/// What passes between networks and the gateway host. Input: <c>offload header 10 | packet</c>; an IPv4 packet goes to the host, alone and
/// as the beginning of a piece, and what is not comes from the host.
/// </summary>
internal sealed class HandlesTarget : FuzzTarget
{
    private const int Network = 7;
    private const int SegmentsMax = 16;
    private static readonly HandleSpace Space = HandleSpace.FromGlobalId([0x12, 0x34, 0x56, 0x78, 0x9a]);

    public override string Name => "handles";

    public override int InputMax => 2048;

    public override int ReplayMutations => 8000;

    public override IEnumerable<(string Name, byte[] Input)> MakeSeeds()
    {
        var none = new byte[OffloadHeader.Length];
        var tcp = new byte[OffloadHeader.Length];
        new OffloadHeader { NeedsChecksum = true, Kind = (byte)SegmentOffload.TcpV6, SegmentSize = 9, ChecksumStart = 40, ChecksumOffset = 16 }.Write(tcp);
        var udp = new byte[OffloadHeader.Length];
        new OffloadHeader { NeedsChecksum = true, Kind = (byte)SegmentOffload.Udp, SegmentSize = 5, ChecksumStart = 40, ChecksumOffset = 6 }.Write(udp);
        foreach (var (name, packet) in PacketSeeds.All())
        {
            yield return (name, [.. none, .. packet]);
            if (InnerPacket.Read(packet, out var read) == DropReason.None && ToHost(packet.ToArray(), read) is { } translated)
            {
                yield return ("host-" + name, [.. none, .. translated]);
                yield return ("host-tcp-" + name, [.. tcp, .. translated]);
                yield return ("host-udp-" + name, [.. udp, .. translated]);
            }
        }
    }

    public override void Run(ReadOnlySpan<byte> input, Probe probe)
    {
        if (input.Length < OffloadHeader.Length)
        {
            return;
        }

        var packet = input[OffloadHeader.Length..];
        if (!packet.IsEmpty && packet[0] >> 4 == 4)
        {
            RunToHost(packet.ToArray(), probe);
            return;
        }

        RunFromHost(packet, OffloadHeader.Read(input), probe);
    }

    private static void RunToHost(byte[] packet, Probe probe)
    {
        if (InnerPacket.Read(packet, out var read) != DropReason.None)
        {
            return;
        }

        probe.Reach((long)read.Ends.Kind);
        var meter = Probe.StartMeter();
        var run = MergeRun.Begin(Network, packet, read, canMergeTcp: true, canMergeUdp: true);
        var appended = run.TryAppend(packet, read);
        probe.AllocatedAtMost(meter, 0, "merging");
        probe.Reach(appended ? 1 : 0);
        if (appended)
        {
            Span<byte> head = stackalloc byte[Ipv6View.HeaderLength + 60];
            probe.That(run.WriteHead(Space, head, out var offload) <= head.Length && offload.SegmentSize > 0, "a piece has a head and a size");
        }

        if (ToHost(packet, read) is not { } translated)
        {
            return;
        }

        var reason = SuperPacket.Read(Space, translated, default, out var back);
        if (reason != DropReason.None)
        {
            probe.Reach((long)reason);
            return;
        }

        probe.That(back.Source == read.Ends.Source && back.Destination == read.Ends.Destination && back.NetworkId == Network, "handles come back as addresses");
    }

    private static void RunFromHost(ReadOnlySpan<byte> packet, OffloadHeader offload, Probe probe)
    {
        var meter = Probe.StartMeter();
        var reason = SuperPacket.Read(Space, packet, offload, out var read);
        probe.Reach((long)reason);
        if (reason != DropReason.None)
        {
            return;
        }

        Span<byte> output = stackalloc byte[2048 + Ipv6View.HeaderLength];
        probe.That(read.LengthMax <= output.Length, "no segment is longer than the packet");
        for (var i = 0; i < Math.Min(read.Segments, SegmentsMax); i++)
        {
            var length = read.Write(packet, i, (ushort)i, output);
            probe.Reach(length == 0 ? 0 : 1);
            if (length == 0)
            {
                continue;
            }

            probe.That(length <= read.LengthMax, "a segment fits the room that was asked for");
            var malformed = InnerPacket.Read(output[..length], out var inner);
            probe.That(malformed is not (DropReason.NotIp or DropReason.IpMalformed), "a segment is an IPv4 packet");
            probe.That(inner.Length == length && inner.Ends.Source == read.Source, "a segment is from whom it says");
        }

        probe.AllocatedAtMost(meter, 0, "cutting");
    }

    private static byte[]? ToHost(byte[] packet, in InnerPacket read)
    {
        if (!read.IsV4)
        {
            return null;
        }

        if (read.Ends.Kind == PacketKind.IcmpError)
        {
            var error = new byte[HandleTranslation.ErrorMax];
            var length = HandleTranslation.ErrorToV6(Space, Network, packet, read, error);
            return length == 0 ? null : error[..length];
        }

        Span<byte> head = stackalloc byte[HandleTranslation.HeadMax];
        return HandleTranslation.ToV6(Space, Network, packet, read, head, out var headLength) == DropReason.None
            ? [.. head[..headLength], .. packet.AsSpan(read.TransportOffset..read.Length)]
            : null;
    }
}
