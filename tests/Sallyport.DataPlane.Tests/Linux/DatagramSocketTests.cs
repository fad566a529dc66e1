using System.Net;
using System.Net.Sockets;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Linux;

namespace Sallyport.DataPlane.Tests.Linux;

public sealed class DatagramSocketTests : IDisposable
{
    private readonly PacketMemory _memory = new(64, 8);
    private readonly ReceiveBatch _batch;
    private long _queueFull;
    private long _failed;

    public DatagramSocketTests() => _batch = new ReceiveBatch(_memory, 64);

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
        var path = _batch.Read(0).From;
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

        Reply(ours, _batch.Read(0).From);

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
    public void Datagrams_for_one_peer_leave_as_runs_and_arrive_in_order_with_their_lengths()
    {
        using var ours = Open("127.0.0.1");
        using var first = Peer(ours);
        using var second = Peer(ours);
        using var batch = new SendBatch(_memory, ours, 200);
        int[] lengths = [1200, 1200, 1200, 700, 1200, 1200, 1300, 40, 1200, 0, 1200];
        for (var i = 0; i < lengths.Length; i++)
        {
            batch.Add(PathTo(first), Compose(i % 4, (byte)i, lengths[i]), lengths[i]);
            batch.Add(PathTo(second), Compose(4, 99, 100), 100);
            if (i % 4 == 3)
            {
                batch.Flush(ref _queueFull, ref _failed);
            }
        }

        ours.CanSegment.ShouldBeTrue();
        batch.Messages.ShouldBe(4, "1200 | 0 | 1200, and all for the second");
        batch.Flush(ref _queueFull, ref _failed);

        _failed.ShouldBe(0);
        for (var i = 0; i < lengths.Length; i++)
        {
            ReceiveBytes(first).ShouldBe(Enumerable.Repeat((byte)i, lengths[i]).ToArray());
            ReceiveBytes(second).Length.ShouldBe(100);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_a_peer_sends_as_a_run_is_received_datagram_by_datagram(bool offloads)
    {
        using var ours = Open("127.0.0.1", offloads);
        using var peer = Peer(ours);
        const int SolUdp = 17;
        const int UdpSegment = 103;
        peer.SetRawSocketOption(SolUdp, UdpSegment, BitConverter.GetBytes(500));
        peer.Send([.. Enumerable.Repeat((byte)1, 500), .. Enumerable.Repeat((byte)2, 500), .. Enumerable.Repeat((byte)3, 33)]);

        List<byte[]> received = [];
        for (var messages = ReceiveAll(ours); messages > 0; messages = ReceiveAll(ours))
        {
            for (var i = 0; i < messages; i++)
            {
                var datagrams = _batch.Read(i);
                received.AddRange(Enumerable.Range(0, datagrams.Count).Select(n => _memory.Packet(datagrams[n]).ToArray()));
            }
        }

        ours.CanCoalesce.ShouldBe(offloads);
        received.Select(datagram => (datagram[0], datagram.Length)).ShouldBe([((byte)1, 500), ((byte)2, 500), ((byte)3, 33)]);
    }

    [Fact]
    public void One_send_batch_reaches_many_peers_and_a_refused_message_does_not_hold_up_the_rest()
    {
        using var ours = Open("127.0.0.1");
        using var first = Peer(ours);
        using var second = Peer(ours);
        using var batch = new SendBatch(_memory, ours, 8);
        var (one, two) = (_memory.SmallSlot(0), _memory.SmallSlot(1));
        "to the first"u8.CopyTo(_memory.Blank(one));
        "to the second"u8.CopyTo(_memory.Blank(two));
        batch.Add(PathTo(first), one.Start, 12);

        // Nothing may be sent from a loopback address to the world.
        batch.Add(new OuterPath { Peer = new OuterAddress(IpAddress.Parse("203.0.113.1"), 9), Local = IpAddress.Parse("192.0.2.77") }, one.Start, 12);
        batch.Add(PathTo(second), two.Start, 13);
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
        var problem = Should.Throw<LinuxException>(() => new DatagramSocket(ours.Bound, 0, 0, sharePort: false));
        problem.Message.ShouldContain(ours.Bound.ToString());
    }

    public void Dispose()
    {
        _batch.Dispose();
        _memory.Dispose();
    }

    private static DatagramSocket Open(string address, bool offloads = true) =>
        new(new OuterAddress(IpAddress.Parse(address), 0), 2, 7, sharePort: false, offloads);

    private static Socket Peer(DatagramSocket ours)
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

    private static string ReceiveText(Socket peer) => System.Text.Encoding.ASCII.GetString(ReceiveBytes(peer));

    private static byte[] ReceiveBytes(Socket peer)
    {
        var buffer = new byte[65_536];
        return buffer[..peer.Receive(buffer)];
    }

    private int Compose(int slot, byte filling, int length)
    {
        var place = _memory.SmallSlot(slot);
        _memory.Blank(place)[..length].Fill(filling);
        return place.Start;
    }

    private void Reply(DatagramSocket from, OuterPath to)
    {
        using var batch = new SendBatch(_memory, from, 4);
        var place = _memory.SmallSlot(7);
        "reply"u8.CopyTo(_memory.Blank(place));
        batch.Add(to, place.Start, 5);
        batch.Flush(ref _queueFull, ref _failed);
        _failed.ShouldBe(0);
    }

    private byte[] Received(int index) =>
        _memory.Packet(_batch.Read(index)[0]).ToArray();

    private int ReceiveAll(DatagramSocket socket) => _batch.Receive(socket);
}
