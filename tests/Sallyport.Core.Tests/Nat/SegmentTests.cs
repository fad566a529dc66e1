using System.Buffers.Binary;
using Sallyport.Core.Gateway;
using Sallyport.Core.Nat;
using Sallyport.Core.Packets;
using Sallyport.Core.Tests.OpenVpn;
using Sallyport.Core.Tests.Packets;

namespace Sallyport.Core.Tests.Nat;

/// <summary>What goes into one piece comes out of it as it was: merging and cutting are each other's opposite.</summary>
public sealed class SegmentTests
{
    private const string Device = "10.20.0.7";
    private const string Host = "10.20.0.1";

    [Fact]
    public void Random_streams_come_out_of_merging_and_cutting_byte_for_byte()
    {
        var random = new SeededEntropy(30);
        var pieces = 0;
        for (var i = 0; i < 3_000; i++)
        {
            var packets = random.Below(3) == 0 ? Datagrams(random) : Stream(random);
            var (merged, count) = Merge(packets);
            merged.ShouldBe(packets.Select(Handles.MayFragment));
            pieces += packets.Count - count;
        }

        pieces.ShouldBeGreaterThan(10_000, "most of them are merged");
    }

    [Fact]
    public void A_merged_piece_is_the_packet_of_a_host_that_sends_it_whole()
    {
        List<byte[]> packets = [Segment(0, 1000), Segment(1000, 1000), Segment(2000, 300, TcpFlags.Ack | TcpFlags.Psh)];
        var run = Begin(packets[0]);
        Append(ref run, packets[1]).ShouldBeTrue();
        Append(ref run, packets[2]).ShouldBeTrue();
        var piece = Piece(run, packets, out var offload);
        offload.ShouldBe(new OffloadHeader
        {
            NeedsChecksum = true, Kind = 4, HeadLength = 60, SegmentSize = 1000, ChecksumStart = 40, ChecksumOffset = 16,
        });
        piece[13 + 40].ShouldBe((byte)(TcpFlags.Ack | TcpFlags.Psh));

        // As the kernel finishes a partial checksum: the field takes part in the sum.
        var sum = InternetChecksum.Compute(piece.AsSpan(40));
        BinaryPrimitives.WriteUInt16BigEndian(piece.AsSpan(56), sum);
        piece.ShouldHaveValidChecksums();
    }

    [Fact]
    public void What_does_not_follow_is_not_merged()
    {
        var first = Segment(0, 1000);
        Joins(first, Segment(1000, 1000)).ShouldBeTrue();
        Joins(first, Segment(1001, 1000)).ShouldBeFalse("a hole");
        Joins(first, Segment(0, 1000)).ShouldBeFalse("a repetition");
        Joins(first, Segment(1000, 1001)).ShouldBeFalse("a longer one");
        Joins(first, Segment(1000, 0)).ShouldBeFalse("an acknowledgement");
        Joins(first, Segment(1000, 1000, TcpFlags.Ack | TcpFlags.Fin)).ShouldBeFalse("an end");
        Joins(first, Segment(1000, 1000, TcpFlags.Ack | TcpFlags.Urg)).ShouldBeFalse("urgent");
        Joins(first, Segment(1000, 1000, acknowledgement: 2)).ShouldBeFalse("another acknowledgement");
        Joins(first, Segment(1000, 1000, options: [1, 1, 1, 1])).ShouldBeFalse("other options");
        Joins(first, Changed(Segment(1000, 1000), 1, 8)).ShouldBeFalse("another class");
        Joins(first, Changed(Segment(1000, 1000), 8, 3)).ShouldBeFalse("another time to live");
        Joins(Segment(0, 1000, TcpFlags.Ack | TcpFlags.Psh), Segment(1000, 1000)).ShouldBeFalse("behind a push");
    }

    [Fact]
    public void A_packet_with_a_broken_checksum_stays_alone()
    {
        var broken = Segment(1000, 1000);
        broken[^1] ^= 1;
        Joins(Segment(0, 1000), broken).ShouldBeFalse();
        broken = Segment(0, 1000);
        broken[30] ^= 1;
        Joins(broken, Segment(1000, 1000)).ShouldBeFalse();
        Joins(Build.Udp(Device, 1, Host, 2, 100), Broken(Build.Udp(Device, 1, Host, 2, 100))).ShouldBeFalse();
    }

    [Fact]
    public void Nothing_joins_behind_a_packet_that_could_not()
    {
        var run = Begin(Segment(0, 1000));
        Append(ref run, Segment(1000, 0)).ShouldBeFalse();
        Append(ref run, Segment(1000, 1000)).ShouldBeFalse("it would overtake the acknowledgement");
    }

    [Fact]
    public void A_piece_stays_below_64_KiB_and_64_packets()
    {
        var run = Begin(Segment(0, 1400));
        var count = 1;
        while (Append(ref run, Segment((uint)(1400 * count), 1400)))
        {
            count++;
        }

        (40 + 20 + run.Bytes).ShouldBeLessThanOrEqualTo(65_535);
        count.ShouldBe(46);
        run = Begin(Build.Udp(Device, 1, Host, 2, 20));
        while (Append(ref run, Build.Udp(Device, 1, Host, 2, 20)))
        {
        }

        run.Packets.ShouldBe(MergeRun.PacketsMax);
    }

    [Fact]
    public void Without_offloads_nothing_is_merged()
    {
        InnerPacket.Read(Segment(0, 1000), out var read);
        var run = MergeRun.Begin(Handles.Plant, Segment(0, 1000), read, canMergeTcp: false, canMergeUdp: false);
        Append(ref run, Segment(1000, 1000)).ShouldBeFalse();
    }

    [Fact]
    public void Only_the_first_segment_carries_CWR_and_only_the_last_the_end()
    {
        var whole = Build.Tcp(
            Handles.Handle(Host), 80, Handles.Handle(Device), 4000, TcpFlags.Ack | TcpFlags.Cwr | TcpFlags.Fin | TcpFlags.Psh, payload: 2500);
        var offload = new OffloadHeader { NeedsChecksum = true, Kind = 0x80 | 4, SegmentSize = 1000 };
        var segments = Handles.ToV4(whole, offload);
        segments.Select(segment => (TcpFlags)segment[33]).ShouldBe(
            [TcpFlags.Ack | TcpFlags.Cwr, TcpFlags.Ack, TcpFlags.Ack | TcpFlags.Fin | TcpFlags.Psh]);
        segments.ForEach(segment => segment.ShouldHaveValidChecksums());
        segments.Select(segment => segment.Length).ShouldBe([1040, 1040, 540]);
    }

    [Fact]
    public void A_partial_checksum_is_finished()
    {
        var whole = Build.Udp(Handles.Handle(Host), 80, Handles.Handle(Device), 4000, 77);
        var pseudo = InternetChecksum.PseudoHeader(
            Core.Primitives.IpAddress.Parse(Handles.Handle(Host)), Core.Primitives.IpAddress.Parse(Handles.Handle(Device)), 17, 85);
        BinaryPrimitives.WriteUInt16BigEndian(whole.AsSpan(46), InternetChecksum.Partial(pseudo));
        Handles.ToV4(whole, new OffloadHeader { NeedsChecksum = true, ChecksumStart = 40, ChecksumOffset = 6 })
            .ShouldHaveSingleItem().ShouldBe(Handles.MayFragment(Build.Udp(Host, 80, Device, 4000, 77)));
    }

    [Theory]
    [InlineData("fd12:3456:789a:8::a14:1", "fd12:3456:789a:7::a14:7", DropReason.SpoofedSource)]
    [InlineData("2001:db8::1", "fd12:3456:789a:7::a14:7", DropReason.SpoofedSource)]
    [InlineData("fd12:3456:789a:7::a14:1", "2001:db8::1", DropReason.NotRouted)]
    [InlineData("fd12:3456:789a:7::a14:1", "fd12:3456:789a:7:1::a14:7", DropReason.NotRouted)]
    [InlineData("fe80::1", "ff02::2", DropReason.NotUnicast)]
    [InlineData("fe80::1", "fe80::2", DropReason.LinkLocal)]
    public void Only_from_a_handle_to_a_handle_of_the_same_network(string source, string destination, DropReason reason) =>
        SuperPacket.Read(Handles.Space, Build.Udp(source, 1, destination, 2), default, out _).ShouldBe(reason);

    [Fact]
    public void Extension_headers_and_other_protocols_fail_closed()
    {
        var packet = Build.Udp(Handles.Handle(Host), 1, Handles.Handle(Device), 2);
        foreach (var next in new byte[] { 0, 43, 60, 51, 59, 132 })
        {
            packet[6] = next;
            SuperPacket.Read(Handles.Space, packet, default, out _).ShouldBe(DropReason.IpExtensionHeader);
        }

        packet[6] = 1;
        SuperPacket.Read(Handles.Space, packet, default, out _).ShouldBe(DropReason.ProtocolNotSupported);
    }

    [Fact]
    public void Noise_never_throws()
    {
        var random = new SeededEntropy(31);
        for (var i = 0; i < 50_000; i++)
        {
            var packet = Build.Tcp(Handles.Handle(Host), 80, Handles.Handle(Device), 4000, TcpFlags.Ack, payload: random.Below(3000));
            for (var flips = random.Below(4); flips > 0; flips--)
            {
                packet[random.Below(packet.Length)] = (byte)random.Below(256);
            }

            packet[6] = random.Below(3) == 0 ? (byte)(random.Below(2) == 0 ? 44 : 58) : packet[6];
            var offload = OffloadHeader.Read(random.Bytes(OffloadHeader.Length));
            offload = random.Below(2) == 0 ? default : offload with { Kind = (byte)random.Below(6), SegmentSize = (ushort)random.Below(600) };
            if (SuperPacket.Read(Handles.Space, packet.AsSpan(0, random.Below(packet.Length + 1)), offload, out var read) != DropReason.None)
            {
                continue;
            }

            var output = new byte[read.LengthMax];
            for (var segment = 0; segment < Math.Min(read.Segments, 8); segment++)
            {
                var length = read.Write(packet, segment, 1, output);
                (length == 0 || InnerPacket.Read(output.AsSpan(0, length), out _) != DropReason.NotIp).ShouldBeTrue();
            }
        }
    }

    [Fact]
    public void Nothing_is_allocated()
    {
        var packets = Enumerable.Range(0, 40).Select(i => Segment((uint)(1000 * i), 1000)).ToArray();
        var head = new byte[128];
        var output = new byte[2048];
        var whole = Build.Tcp(Handles.Handle(Host), 80, Handles.Handle(Device), 4000, TcpFlags.Ack, payload: 30_000);
        var before = 0L;
        for (var round = 0; round < 3; round++)
        {
            before = GC.GetAllocatedBytesForCurrentThread();
            var run = Begin(packets[0]);
            for (var i = 1; i < packets.Length; i++)
            {
                Append(ref run, packets[i]);
            }

            run.WriteHead(Handles.Space, head, out _);
            SuperPacket.Read(Handles.Space, whole, new OffloadHeader { NeedsChecksum = true, Kind = 4, SegmentSize = 1000 }, out var read);
            for (var i = 0; i < read.Segments; i++)
            {
                read.Write(whole, i, 0, output);
            }
        }

        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBe(0);
    }

    /// <summary>All packets, merged as the shell does it and cut up again, and how many pieces there were.</summary>
    private static (List<byte[]> Packets, int Pieces) Merge(List<byte[]> packets)
    {
        var output = new List<byte[]>();
        var pieces = 0;
        for (var at = 0; at < packets.Count;)
        {
            var run = Begin(packets[at]);
            var from = at++;
            while (at < packets.Count && Append(ref run, packets[at]))
            {
                at++;
            }

            pieces++;
            var members = packets[from..at];
            run.Packets.ShouldBe(members.Count);
            if (members.Count == 1)
            {
                output.AddRange(Handles.ToV4(Handles.ToV6(members[0])!));
                continue;
            }

            var piece = Piece(run, members, out var offload);
            output.AddRange(Handles.ToV4(piece, offload));
        }

        return (output, pieces);
    }

    private static byte[] Piece(MergeRun run, List<byte[]> members, out OffloadHeader offload)
    {
        var head = new byte[128];
        var length = run.WriteHead(Handles.Space, head, out offload);
        return [.. head[..length], .. members.SelectMany(member => member[Payload(run, member)..])];
    }

    private static int Payload(MergeRun run, byte[] packet)
    {
        InnerPacket.Read(packet, out var read);
        return run.PayloadOffset(read);
    }

    private static List<byte[]> Stream(SeededEntropy random)
    {
        var packets = new List<byte[]>();
        var (sequence, size, acknowledgement) = ((uint)random.Below(int.MaxValue) * 2, 1 + random.Below(1400), 5u);
        var options = random.Below(2) == 0 ? [1, 1, 8, 10, .. random.Bytes(8)] : Array.Empty<byte>();
        for (var i = random.Below(80); i >= 0; i--)
        {
            var (length, flags) = (size, TcpFlags.Ack);
            switch (random.Below(30))
            {
                case 0:
                    length = random.Below(1400);
                    break;
                case 1:
                    flags |= TcpFlags.Psh;
                    break;
                case 2:
                    flags |= TcpFlags.Fin;
                    break;
                case 3:
                    acknowledgement++;
                    break;
                case 4:
                    sequence += 17;
                    break;
                default:
                    break;
            }

            packets.Add(Build.Tcp(Device, 4000, Host, 80, flags, sequence, acknowledgement, length, options));
            sequence += (uint)length;
        }

        return packets;
    }

    private static List<byte[]> Datagrams(SeededEntropy random)
    {
        var size = 1 + random.Below(1400);
        return [.. Enumerable.Range(0, 1 + random.Below(80)).Select(_ => Build.Udp(Device, 4000, Host, 53, random.Below(9) == 0 ? random.Below(1400) : size))];
    }

    private static byte[] Segment(
        uint sequence, int payload, TcpFlags flags = TcpFlags.Ack, uint acknowledgement = 1, byte[]? options = null) =>
        Build.Tcp(Device, 4000, Host, 80, flags, sequence, acknowledgement, payload, options);

    private static byte[] Changed(byte[] packet, int at, byte value)
    {
        packet[at] = value;
        return packet;
    }

    private static byte[] Broken(byte[] packet) => Changed(packet, packet.Length - 1, (byte)~packet[^1]);

    private static bool Joins(byte[] first, byte[] second)
    {
        var run = Begin(first);
        return Append(ref run, second);
    }

    private static MergeRun Begin(byte[] packet)
    {
        InnerPacket.Read(packet, out var read);
        return MergeRun.Begin(Handles.Plant, packet, read, canMergeTcp: true, canMergeUdp: true);
    }

    private static bool Append(ref MergeRun run, byte[] packet)
    {
        InnerPacket.Read(packet, out var read);
        return run.TryAppend(packet, read);
    }
}
