using System.Net;
using System.Net.Sockets;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Linux;

namespace Sallyport.DataPlane.Tests.Linux;

/// <summary>Sockets of IPsec on the loopback device: ESP as an IP protocol needs root.</summary>
public sealed class EspSocketTests : IDisposable
{
    private readonly PacketMemory _memory = new(64, 8);
    private readonly ReceiveBatch _batch;
    private long _queueFull;
    private long _failed;

    public EspSocketTests() => _batch = new ReceiveBatch(_memory, 64);

    [Theory]
    [InlineData("127.0.0.71", "127.0.0.72")]
    [InlineData("::1", "::1")]
    public void Esp_comes_without_its_ip_header_and_with_its_addresses_and_type_of_service_and_so_does_the_answer(string ours, string theirs)
    {
        using var socket = Open(ours, SocketKind.Esp);
        using var peer = Open(theirs, SocketKind.Esp);
        byte[] packet = [1, 2, 3, 4, 5, 6, 7, 8, 9];
        Send(peer, new OuterPath { Peer = new OuterAddress(IpAddress.Parse(ours), 0) }, packet, tos: 0x03);

        // On ::1 all sockets of the protocol hear all of it.
        var (from, tos, received) = Receive(socket);
        received.ShouldBe(packet);
        tos.ShouldBe((byte)0x03);
        (from.Peer.Ip.ToString(), from.Local.ToString(), from.IsRaw, from.Socket).ShouldBe((theirs, ours, true, 3));

        while (_batch.Receive(peer) > 0)
        {
        }

        Send(socket, from, [5, 6, 7, 8], tos: 0x02);
        (from, tos, received) = Receive(peer);
        received.ShouldBe([5, 6, 7, 8]);
        (from.Peer.Ip.ToString(), tos).ShouldBe((ours, (byte)0x02));
    }

    [Fact]
    public void An_answer_leaves_from_the_address_that_was_used()
    {
        using var socket = Open("0.0.0.0", SocketKind.Esp);
        using var peer = Open("127.0.0.74", SocketKind.Esp);
        Send(peer, new OuterPath { Peer = new OuterAddress(IpAddress.Parse("127.0.0.73"), 0) }, [9, 9, 9, 9]);
        var from = Receive(socket).From;
        while (from.Local.ToString() != "127.0.0.73")
        {
            // Another test's.
            from = Receive(socket).From;
        }

        Send(socket, from, [1, 2, 3, 4]);
        Receive(peer).From.Peer.Ip.ToString().ShouldBe("127.0.0.73");
    }

    [Fact]
    public void A_deaf_socket_hears_nothing()
    {
        using var hearing = Open("127.0.0.75", SocketKind.Esp);
        using var deaf = new DatagramSocket(new OuterAddress(IpAddress.Parse("127.0.0.75"), 0), 1, 3, sharePort: true, kind: SocketKind.Esp, isDeaf: true);
        using var peer = Open("127.0.0.76", SocketKind.Esp);
        Send(peer, new OuterPath { Peer = new OuterAddress(IpAddress.Parse("127.0.0.75"), 0) }, [1, 2, 3, 4]);
        Receive(hearing).Packet.ShouldBe([1, 2, 3, 4]);
        _batch.Receive(deaf).ShouldBe(0);
        Send(deaf, new OuterPath { Peer = new OuterAddress(IpAddress.Parse("127.0.0.76"), 0) }, [5, 6, 7, 8]);
        Receive(peer).Packet.ShouldBe([5, 6, 7, 8]);
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    public void The_type_of_service_comes_and_goes_with_udp_too_and_no_run_has_two(string address)
    {
        using var socket = Open(address, SocketKind.IkeNat);
        using var peer = new Socket(IPAddress.Parse(address).AddressFamily, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 2000 };
        peer.Bind(new IPEndPoint(IPAddress.Parse(address), 0));
        SetTos(peer, 0xb9);
        peer.SendTo([1, 2, 3, 4], new IPEndPoint(IPAddress.Parse(address), socket.Bound.Port));
        ReceiveAll(socket).ShouldBe(1);
        var datagrams = _batch.Read(0);
        datagrams.Tos.ShouldBe((byte)0xb9);

        using var other = Open(address, SocketKind.IkeNat);
        using var batch = new SendBatch(_memory, socket, 8);
        var to = datagrams.From with { Peer = other.Bound };
        foreach (var tos in new byte[] { 2, 2, 0, 3 })
        {
            var slot = _memory.SmallSlot(tos);
            batch.Add(to, slot.Start, 100, tos);
        }

        batch.Messages.ShouldBe(3);
        batch.Flush(ref _queueFull, ref _failed);
        var seen = new List<byte>();
        for (var i = 0; i < 1000 && seen.Count < 4; i++)
        {
            var count = _batch.Receive(other);
            for (var n = 0; n < count; n++)
            {
                var got = _batch.Read(n);
                seen.AddRange(Enumerable.Repeat(got.Tos, got.Count));
            }
        }

        seen.ShouldBe([2, 2, 0, 3]);
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    public void Esp_in_udp_is_steered_by_its_spi_and_ike_by_its_addresses(string address)
    {
        const int Shards = 3;
        var sockets = new DatagramSocket[Shards];
        var bound = new OuterAddress(IpAddress.Parse(address), 0);
        for (var i = 0; i < Shards; i++)
        {
            sockets[i] = new DatagramSocket(bound, i, 0, sharePort: true, kind: SocketKind.IkeNat);
            bound = sockets[i].Bound;
        }

        Steering.TryAttach(sockets[0], Shards).ShouldBeTrue();
        var ike = new int[Shards];
        for (uint i = 0; i < 60; i++)
        {
            using var peer = new Socket(IPAddress.Parse(address).AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            peer.Connect(IPEndPoint.Parse(bound.ToString()));
            var spi = 0x8000_0000u + (i * 7919);
            peer.Send([(byte)(spi >> 24), (byte)(spi >> 16), (byte)(spi >> 8), (byte)spi, 9, 9, 9, 9]);
            sockets.Select(socket => _batch.Receive(socket)).ToArray().ShouldBe(Enumerable.Range(0, Shards).Select(shard => shard == (int)(spi % Shards) ? 1 : 0));

            peer.Send([0xff]);
            sockets.Sum(socket => _batch.Receive(socket)).ShouldBe(1, "a keepalive comes wherever it may");
            peer.Send([0, 0, 0, 0, 1, 2, 3, 4]);
            ike[Array.IndexOf([.. sockets.Select(socket => _batch.Receive(socket))], 1)]++;
        }

        ike.ShouldAllBe(count => count > 0);
        Array.ForEach(sockets, socket => socket.Dispose());
    }

    [Fact]
    public void The_kernel_knows_how_long_packets_of_a_path_may_be()
    {
        using var probe = new PathProbe();
        foreach (var address in new[] { "127.0.0.1", "::1" })
        {
            probe.MtuTo(new OuterPath { Peer = new OuterAddress(IpAddress.Parse(address), 4500) }).ShouldBeGreaterThanOrEqualTo(1280);
            probe.MtuTo(new OuterPath { Peer = new OuterAddress(IpAddress.Parse(address), 0) }).ShouldBeGreaterThanOrEqualTo(1280);
        }

        probe.MtuTo(new OuterPath { Peer = new OuterAddress(IpAddress.Parse("fe80::1"), 4500) }).ShouldBe(0, "a link that is not named");
    }

    public void Dispose()
    {
        _batch.Dispose();
        _memory.Dispose();
    }

    private static DatagramSocket Open(string address, SocketKind kind) => new(new OuterAddress(IpAddress.Parse(address), 0), 0, 3, sharePort: false, kind: kind);

    private void Send(DatagramSocket socket, in OuterPath to, byte[] packet, byte tos = 0)
    {
        using var batch = new SendBatch(_memory, socket, 8);
        var slot = _memory.SmallSlot(0);
        packet.CopyTo(_memory.Blank(slot));
        batch.Add(to, slot.Start, packet.Length, tos);
        batch.Flush(ref _queueFull, ref _failed);
        (_queueFull, _failed).ShouldBe((0, 0));
    }

    private (OuterPath From, byte Tos, byte[] Packet) Receive(DatagramSocket socket)
    {
        _batch.Receive(socket).ShouldBeGreaterThan(0);
        var datagrams = _batch.Read(0);
        datagrams.Count.ShouldBe(1);
        return (datagrams.From, datagrams.Tos, _memory.Packet(datagrams[0]).ToArray());
    }

    private static void SetTos(Socket socket, int tos)
    {
        var isV4 = socket.AddressFamily == AddressFamily.InterNetwork;
        socket.SetRawSocketOption(isV4 ? Native.IpProtoIp : Native.IpProtoIpv6, isV4 ? Native.IpTos : Native.Ipv6TClass, BitConverter.GetBytes(tos));
    }

    /// <summary>Loopback delivers before the sender returns.</summary>
    private int ReceiveAll(DatagramSocket socket) => _batch.Receive(socket);
}
