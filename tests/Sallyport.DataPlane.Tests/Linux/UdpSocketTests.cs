using System.Net;
using System.Net.Sockets;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Linux;

namespace Sallyport.DataPlane.Tests.Linux;

public sealed class UdpSocketTests : IDisposable
{
    private readonly PacketSlab _slab = new(80);
    private readonly ReceiveBatch _batch;
    private long _queueFull;
    private long _failed;

    public UdpSocketTests() => _batch = new ReceiveBatch(_slab, 0, 64);

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    public void A_batch_brings_datagrams_with_their_source_and_our_address(string address)
    {
        using var ours = Open(address);
        using var peer = Peer(ours);
        peer.Send("one"u8);
        peer.Send("second"u8);

        ReceiveAll(ours).ShouldBe(2);

        Received(0).ShouldBe("one"u8.ToArray());
        Received(1).ShouldBe("second"u8.ToArray());
        var path = _batch.Path(0);
        path.Peer.ToString().ShouldBe(peer.LocalEndPoint!.ToString());
        path.Local.ToString().ShouldBe(address);
        path.Socket.ShouldBe(7);
        path.Shard.ShouldBe(2);
    }

    [Theory]
    [InlineData("0.0.0.0", "127.0.0.3")]
    [InlineData("127.0.0.1", "127.0.0.1")]
    public void A_reply_leaves_from_the_address_that_the_peer_used(string bind, string used)
    {
        using var ours = Open(bind);
        using var peer = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        peer.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        peer.SendTo("hello"u8, new IPEndPoint(IPAddress.Parse(used), ours.Bound.Port));
        ReceiveAll(ours).ShouldBe(1);

        Reply(ours, _batch.Path(0));

        EndPoint from = new IPEndPoint(IPAddress.Any, 0);
        peer.ReceiveTimeout = 2000;
        var buffer = new byte[100];
        peer.ReceiveFrom(buffer, ref from).ShouldBe(5);
        from.ShouldBe(new IPEndPoint(IPAddress.Parse(used), ours.Bound.Port));
    }

    [Fact]
    public void More_than_a_batch_comes_in_two()
    {
        using var ours = Open("127.0.0.1");
        using var peer = Peer(ours);
        for (var i = 0; i < 70; i++)
        {
            peer.Send([(byte)i]);
        }

        _batch.Receive(ours).ShouldBe(64);
        Received(63).ShouldBe(new byte[] { 63 });
        _batch.Receive(ours).ShouldBe(6);
        Received(5).ShouldBe(new byte[] { 69 });
        _batch.Receive(ours).ShouldBe(0);
    }

    [Fact]
    public void A_datagram_longer_than_a_slot_is_said_to_be()
    {
        using var ours = Open("127.0.0.1");
        using var peer = Peer(ours);
        peer.Send(new byte[PacketSlab.PacketMax + 1]);
        peer.Send(new byte[PacketSlab.PacketMax]);

        ReceiveAll(ours).ShouldBe(2);

        _batch.Length(0, out var truncated);
        truncated.ShouldBeTrue();
        _batch.Length(1, out truncated).ShouldBe(PacketSlab.PacketMax);
        truncated.ShouldBeFalse();
    }

    [Fact]
    public void One_send_batch_reaches_many_peers_and_a_refused_message_does_not_hold_up_the_rest()
    {
        using var ours = Open("127.0.0.1");
        using var first = Peer(ours);
        using var second = Peer(ours);
        using var batch = new SendBatch(_slab, ours, 8);
        "to the first"u8.CopyTo(_slab[64][PacketSlab.Headroom..]);
        "to the second"u8.CopyTo(_slab[65][PacketSlab.Headroom..]);
        batch.Add(PathTo(first), 64, PacketSlab.Headroom, 12);

        // Nothing may be sent from a loopback address to the world.
        batch.Add(new OuterPath { Peer = new OuterAddress(IpAddress.Parse("203.0.113.1"), 9), Local = IpAddress.Parse("192.0.2.77") }, 64, PacketSlab.Headroom, 12);
        batch.Add(PathTo(second), 65, PacketSlab.Headroom, 13);
        batch.Flush(ref _queueFull, ref _failed);

        ReceiveText(first).ShouldBe("to the first");
        ReceiveText(second).ShouldBe("to the second");
        _failed.ShouldBe(1);
        _queueFull.ShouldBe(0);
        batch.Count.ShouldBe(0);
    }

    [Fact]
    public void A_port_in_use_is_an_error_that_names_the_address()
    {
        using var ours = Open("127.0.0.1");
        var problem = Should.Throw<LinuxException>(() => new UdpSocket(ours.Bound, 0, 0, sharePort: false));
        problem.Message.ShouldContain(ours.Bound.ToString());
    }

    public void Dispose()
    {
        _batch.Dispose();
        _slab.Dispose();
    }

    private static UdpSocket Open(string address) => new(new OuterAddress(IpAddress.Parse(address), 0), 2, 7, sharePort: false);

    private static Socket Peer(UdpSocket ours)
    {
        var endpoint = IPEndPoint.Parse(ours.Bound.ToString());
        var peer = new Socket(endpoint.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 2000 };
        peer.Connect(endpoint);
        return peer;
    }

    private static OuterPath PathTo(Socket peer)
    {
        var endpoint = (IPEndPoint)peer.LocalEndPoint!;
        return new OuterPath { Peer = new OuterAddress(IpAddress.From(endpoint.Address), (ushort)endpoint.Port) };
    }

    private static string ReceiveText(Socket peer)
    {
        var buffer = new byte[100];
        return System.Text.Encoding.ASCII.GetString(buffer, 0, peer.Receive(buffer));
    }

    private void Reply(UdpSocket from, OuterPath to)
    {
        using var batch = new SendBatch(_slab, from, 4);
        "reply"u8.CopyTo(_slab[70][PacketSlab.Headroom..]);
        batch.Add(to, 70, PacketSlab.Headroom, 5);
        batch.Flush(ref _queueFull, ref _failed);
        _failed.ShouldBe(0);
    }

    private byte[] Received(int index) =>
        _slab[_batch.Slot(index)].Slice(PacketSlab.Headroom, _batch.Length(index, out _)).ToArray();

    private int ReceiveAll(UdpSocket socket) => _batch.Receive(socket);
}
