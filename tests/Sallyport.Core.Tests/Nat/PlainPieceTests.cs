using System.Buffers.Binary;
using Sallyport.Core.Gateway;
using Sallyport.Core.Nat;
using Sallyport.Core.Packets;
using Sallyport.Core.Primitives;
using Sallyport.Core.Tests.Packets;

namespace Sallyport.Core.Tests.Nat;

/// <summary>What the kernel of the gateway host passes on to guests, cut into packets.</summary>
public sealed class PlainPieceTests
{
    private const string Server = "203.0.113.10";
    private const string Guest = "198.19.0.10";

    [Fact]
    public void A_whole_packet_is_what_it_was()
    {
        var packet = Build.Udp(Server, 53, Guest, 4000, 100);
        PlainPiece.Read(packet, default, out var piece).ShouldBe(DropReason.None);
        (piece.Segments, piece.Destination, piece.DestinationPort).ShouldBe((1, IpAddress.Parse(Guest), (ushort)4000));
        Cut(packet, piece).ShouldBe([packet]);
    }

    [Theory]
    [InlineData(SegmentOffload.TcpV4)]
    [InlineData(SegmentOffload.Udp)]
    public void A_piece_becomes_segments_with_right_checksums_and_all_of_its_bytes(SegmentOffload kind)
    {
        var packet = kind == SegmentOffload.Udp
            ? Build.Udp(Server, 53, Guest, 4000, 3333)
            : Build.Tcp(Server, 443, Guest, 4000, TcpFlags.Ack | TcpFlags.Psh | TcpFlags.Fin, 1000, payload: 3333);
        var offload = new OffloadHeader { NeedsChecksum = true, Kind = (byte)kind, SegmentSize = 1000 };
        PlainPiece.Read(packet, offload, out var piece).ShouldBe(DropReason.None);
        piece.Segments.ShouldBe(4);
        var cut = Cut(packet, piece);
        cut.ForEach(segment => segment.ShouldHaveValidChecksums());
        var heads = kind == SegmentOffload.Udp ? 28 : 40;
        cut.SelectMany(segment => segment[heads..]).ShouldBe(packet[heads..]);
        if (kind == SegmentOffload.TcpV4)
        {
            cut.Select(segment => BinaryPrimitives.ReadUInt32BigEndian(segment.AsSpan(24))).ShouldBe([1000u, 2000u, 3000u, 4000u]);
            cut.Select(segment => (TcpFlags)segment[33]).ShouldBe([TcpFlags.Ack, TcpFlags.Ack, TcpFlags.Ack, TcpFlags.Ack | TcpFlags.Psh | TcpFlags.Fin]);
        }
    }

    [Fact]
    public void An_error_is_for_who_sent_what_it_quotes()
    {
        var sent = Build.Udp(Guest, 4321, Server, 123);
        PlainPiece.Read(Build.Error("10.99.0.1", Guest, 3, 1, sent), default, out var piece).ShouldBe(DropReason.None);
        piece.DestinationPort.ShouldBe((ushort)4321);
    }

    [Fact]
    public void What_cannot_be_cut_is_refused()
    {
        var udp = Build.Udp(Server, 53, Guest, 4000, 100);
        PlainPiece.Read(udp, new OffloadHeader { Kind = (byte)SegmentOffload.TcpV4, SegmentSize = 10 }, out _).ShouldBe(DropReason.IpMalformed);
        PlainPiece.Read(udp, new OffloadHeader { Kind = (byte)SegmentOffload.Udp, SegmentSize = 0 }, out _).ShouldBe(DropReason.IpMalformed);
        PlainPiece.Read(udp.AsSpan(0, 10), default, out _).ShouldNotBe(DropReason.None);
        PlainPiece.Read(Build.Udp("fd00::1", 53, "fd00::2", 4000), default, out _).ShouldBe(DropReason.NotRouted);
    }

    private static List<byte[]> Cut(byte[] packet, PlainPiece piece)
    {
        var cut = new List<byte[]>();
        for (var i = 0; i < piece.Segments; i++)
        {
            var output = new byte[piece.LengthMax];
            cut.Add(output[..piece.Write(packet, i, 0, output)]);
        }

        return cut;
    }
}
