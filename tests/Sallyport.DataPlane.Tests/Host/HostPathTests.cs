using System.Buffers.Binary;
using Sallyport.Core.Crypto;
using Sallyport.Core.Gateway;
using Sallyport.Core.Nat;
using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.Packets;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Shards;
using Sallyport.DataPlane.Tests.Fixtures;

namespace Sallyport.DataPlane.Tests.Host;

/// <summary>One shard between a device's tunnel and the gateway host's queue.</summary>
public sealed class HostPathTests : IDisposable
{
    private const byte Ack = 0x10;
    private const byte Syn = 0x02;
    private static readonly OuterPath DeviceAt = PathFixture.At("198.51.100.2", 2000);
    private static readonly IpAddress Device = TestFleet.DeviceAddress;
    private static readonly IpAddress Host = TestFleet.HostAddress;

    private readonly Fabric _fabric = new(1, new Meters());
    private readonly PathFixture _fixture;
    private readonly TestTun _tun = new();

    public HostPathTests()
    {
        _fixture = new PathFixture(_fabric, 0, withHost: true);
        _fixture.Outbox.Host.Attach(_tun.Queue, TestTun.Handles);
    }

    [Fact]
    public void Segments_of_one_batch_reach_the_host_in_one_piece()
    {
        var device = _fixture.Open(TestFleet.DeviceId, DeviceAt);
        OpenFromDevice(device);
        var packets = Stream(Device, 4000, Host, 8080, 40, 1000, last: 333);

        _fixture.ReceiveCoalesced([.. packets.Select(packet => device.Seal(packet))], DeviceAt);
        _fixture.Outbox.Flush();

        var (offload, piece) = _tun.Received().ShouldHaveSingleItem();
        (offload.Kind, offload.SegmentSize, offload.NeedsChecksum).ShouldBe(((byte)SegmentOffload.TcpV6, (ushort)1000, true));
        Cut(piece, offload).Select(packet => packet[20..]).ShouldBe(packets.Select(packet => packet[20..]));
    }

    [Fact]
    public void Without_offloads_each_packet_goes_by_itself()
    {
        using var plain = new TestTun(offloads: false);
        _fixture.Outbox.Host.Detach();
        _fixture.Outbox.Host.Attach(plain.Queue, TestTun.Handles);
        var device = _fixture.Open(TestFleet.DeviceId, DeviceAt);
        OpenFromDevice(device);
        var packets = Stream(Device, 4000, Host, 8080, 10, 1000, last: 1000);

        _fixture.ReceiveCoalesced([.. packets.Select(packet => device.Seal(packet))], DeviceAt);
        _fixture.Outbox.Flush();

        var received = plain.Received()[1..];
        received.ShouldAllBe(one => one.Offload == default);
        received.Select(one => Cut(one.Packet, default).Single()[20..]).ShouldBe(packets.Select(packet => packet[20..]));
    }

    [Theory]
    [InlineData(DataCipher.Aes256Gcm, true, CompressionFraming.None)]
    [InlineData(DataCipher.Aes256Gcm, true, CompressionFraming.StubSwap)]
    [InlineData(DataCipher.Aes128Cbc, false, CompressionFraming.Lzo)]
    public void A_piece_of_the_host_becomes_packets_of_the_device(DataCipher cipher, bool usePeerId, CompressionFraming compression)
    {
        var device = _fixture.Open(TestFleet.DeviceId, DeviceAt, new DataFormat(cipher, HashKind.Sha256, usePeerId, compression));
        var (offload, piece) = Piece(payload: 30_500, size: 1000);
        _tun.Send(offload, piece);

        _fixture.Host.Receive(_fixture.Model.Fleet, _fixture.Now);

        _fixture.Batch.Messages.ShouldBe(1, "one run, which the kernel cuts up");
        var sent = _fixture.Sent();
        sent.ShouldAllBe(one => one.To == DeviceAt.Peer);
        sent.Select(one => device.Open(one.Packet)).ShouldBe(Cut(piece, offload));
        sent.Count.ShouldBe(31);
    }

    [Fact]
    public void More_than_the_room_for_sealed_packets_goes_out_in_order()
    {
        var device = _fixture.Open(TestFleet.DeviceId, DeviceAt);
        for (var i = 0; i < 3; i++)
        {
            var (offload, piece) = Piece(payload: 60_000, size: 100, sequence: (uint)(60_000 * i));
            _tun.Send(offload, piece);
        }

        // What was sealed first has been flushed to make room, which a batch without a socket forgets.
        _fixture.Host.Receive(_fixture.Model.Fleet, _fixture.Now);
        var sent = _fixture.Sent().Select(one => BinaryPrimitives.ReadUInt32BigEndian(device.Open(one.Packet).AsSpan(24))).ToList();
        sent.Count.ShouldBeInRange(1, 1799);
        sent.ShouldBe(sent.Order());
        sent[^1].ShouldBe(179_900u);
    }

    [Fact]
    public void Without_a_rule_the_host_is_refused_and_told()
    {
        _fixture.Open(TestFleet.DeviceId, DeviceAt);
        _tun.Send(default, V6(InnerPackets.Tcp(Host, Device, 5000, 22, Syn)));

        _fixture.Host.Receive(_fixture.Model.Fleet, _fixture.Now);

        _fixture.Sent().ShouldBeEmpty();
        var answer = Cut(_tun.Received().ShouldHaveSingleItem().Packet, default).Single();
        InnerPacket.Read(answer, out var read).ShouldBe(DropReason.None);
        read.Ends.Destination.ShouldBe(Host);
        _fixture.Forwarder.Drops[(int)DropReason.NoApplication].ShouldBe(1);
    }

    [Fact]
    public void A_device_without_a_rule_does_not_reach_the_host()
    {
        var other = _fixture.Open(TestFleet.OtherDeviceId, DeviceAt);
        other.Send(InnerPackets.Tcp(TestFleet.OtherDeviceAddress, Host, 4000, 8080, Syn));
        _fixture.Outbox.Flush();
        _tun.Received().ShouldBeEmpty();
        _fixture.Forwarder.Drops[(int)DropReason.NoRule].ShouldBe(1);
    }

    [Fact]
    public void A_rule_for_one_service_of_the_host_opens_no_other()
    {
        var device = _fixture.Open(TestFleet.DeviceId, DeviceAt);
        device.Send(InnerPackets.Tcp(Device, Host, 4000, 8081, Syn));
        _fixture.Outbox.Flush();
        _tun.Received().ShouldBeEmpty();
        _fixture.Forwarder.Drops[(int)DropReason.NoApplication].ShouldBe(1);
    }

    [Theory]
    [InlineData("fd12:3456:789a:1::a14:b", DropReason.SpoofedSource)] // another device's
    [InlineData("fd12:3456:789a:2::a14:1", DropReason.SpoofedSource)] // the host's in another network
    [InlineData("2001:db8::1", DropReason.SpoofedSource)]
    public void The_host_speaks_from_its_own_handle_only(string source, DropReason reason)
    {
        _fixture.Open(TestFleet.DeviceId, DeviceAt);
        var packet = V6(InnerPackets.Udp(Host, Device, 5000, 161));
        IpAddress.Parse(source).Write(packet.AsSpan(8));
        _tun.Send(default, packet);

        _fixture.Host.Receive(_fixture.Model.Fleet, _fixture.Now);

        _fixture.Sent().ShouldBeEmpty();
        CountOf(reason).ShouldBe(1);
    }

    [Fact]
    public void A_device_does_not_reach_the_host_by_a_handle()
    {
        var device = _fixture.Open(TestFleet.DeviceId, DeviceAt);
        device.Send(V6(InnerPackets.Udp(Device, Host, 4000, 53)));
        _fixture.Outbox.Flush();
        _tun.Received().ShouldBeEmpty();
        _fixture.Forwarder.Drops[(int)DropReason.SpoofedSource].ShouldBe(1);
    }

    [Fact]
    public void Without_the_device_an_application_at_the_host_is_unreachable()
    {
        _fixture.Outbox.Host.Detach();
        var device = _fixture.Open(TestFleet.DeviceId, DeviceAt);
        device.Send(InnerPackets.Tcp(Device, Host, 4000, 8080, Syn));
        device.Open(_fixture.Sent().ShouldHaveSingleItem().Packet)[9].ShouldBe((byte)1, "an ICMP error");
        _fixture.Forwarder.TryDequeueFlow(out var flow).ShouldBeTrue();
        (flow.ToId, flow.Allowed, flow.Reason).ShouldBe((TestFleet.HostId, true, DropReason.PeerOffline));
    }

    [Fact]
    public void The_host_is_told_of_a_device_that_is_offline()
    {
        _tun.Send(default, V6(InnerPackets.Tcp(Host, Device, 5000, 502, Syn)));
        _fixture.Host.Receive(_fixture.Model.Fleet, _fixture.Now);
        _fixture.Outbox.Flush();
        var answer = _tun.Received().ShouldHaveSingleItem().Packet;
        (answer[6], answer[40], answer[41]).ShouldBe(((byte)58, (byte)1, (byte)0));
    }

    [Fact]
    public void A_large_segment_size_is_clamped_on_the_way_to_the_host()
    {
        var device = _fixture.Open(TestFleet.DeviceId, DeviceAt);
        device.Send(InnerPackets.Tcp(Device, Host, 4000, 8080, Syn, mss: 9000));
        _fixture.Outbox.Flush();
        var packet = _tun.Received().ShouldHaveSingleItem().Packet;
        BinaryPrimitives.ReadUInt16BigEndian(packet.AsSpan(62)).ShouldBe((ushort)1360);
    }

    [Fact]
    public void Nothing_is_allocated_either_way()
    {
        var device = _fixture.Open(TestFleet.DeviceId, DeviceAt);
        OpenFromDevice(device);
        var packets = Stream(Device, 4000, Host, 8080, 40, 1000, last: 1000);
        var sealedPackets = Enumerable.Range(0, 3).Select(_ => packets.Select(packet => device.Seal(packet)).ToArray()).ToArray();
        var (offload, piece) = Piece(payload: 30_000, size: 1000);
        var allocated = 0L;
        foreach (var round in sealedPackets)
        {
            _tun.Send(offload, piece);
            var before = GC.GetAllocatedBytesForCurrentThread();
            foreach (var packet in round)
            {
                _fixture.Receive(packet, DeviceAt);
            }

            _fixture.Host.Receive(_fixture.Model.Fleet, _fixture.Now);
            _fixture.Outbox.Flush();
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        }

        allocated.ShouldBe(0);
    }

    public void Dispose()
    {
        _fixture.Outbox.Host.Detach();
        _fixture.Dispose();
        _tun.Dispose();
    }

    private void OpenFromDevice(PathPeer device)
    {
        device.Send(InnerPackets.Tcp(Device, Host, 4000, 8080, Syn)).ShouldBe(DropReason.None);
        _fixture.Outbox.Flush();
        _tun.Received();
    }

    private long CountOf(DropReason reason)
    {
        var sums = new long[DropCounters.Reasons];
        _fixture.Drops.AddTo(sums);
        return sums[(int)reason];
    }

    private static byte[][] Stream(IpAddress from, ushort fromPort, IpAddress to, ushort toPort, int count, int size, int last) =>
    [
        .. Enumerable.Range(0, count).Select(i => InnerPackets.Tcp(
            from, to, fromPort, toPort, Ack, sequence: (uint)(1000 + (i * size)), payload: i == count - 1 ? last : size)),
    ];

    /// <summary>What a TSO-capable kernel hands over.</summary>
    private static (OffloadHeader Offload, byte[] Packet) Piece(int payload, int size, uint sequence = 1000)
    {
        var packet = V6(InnerPackets.Tcp(Host, Device, 5000, 502, Ack, sequence: sequence, payload: payload));
        return (new OffloadHeader { NeedsChecksum = true, Kind = (byte)SegmentOffload.TcpV6, SegmentSize = (ushort)size, ChecksumStart = 40, ChecksumOffset = 16 }, packet);
    }

    private static byte[] V6(byte[] packet)
    {
        InnerPacket.Read(packet, out var read).ShouldBe(DropReason.None);
        var copy = packet.ToArray();
        var head = new byte[HandleTranslation.HeadMax];
        HandleTranslation.ToV6(TestTun.Handles, TestFleet.NetworkId, copy, read, head, out var length).ShouldBe(DropReason.None);
        return [.. head[..length], .. copy[20..]];
    }

    private static List<byte[]> Cut(byte[] packet, OffloadHeader offload)
    {
        SuperPacket.Read(TestTun.Handles, packet, offload, out var read).ShouldBe(DropReason.None);
        var all = new List<byte[]>();
        for (var i = 0; i < read.Segments; i++)
        {
            var output = new byte[read.LengthMax];
            all.Add(output[..read.Write(packet, i, (ushort)i, output)]);
        }

        return all;
    }
}
