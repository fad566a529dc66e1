using System.Net;
using System.Net.Sockets;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Linux;

namespace Sallyport.DataPlane.Tests.Linux;

public sealed class SteeringTests
{
    private const int Shards = 3;

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    public void A_data_packet_comes_to_the_shard_of_its_peer_id_wherever_it_was_sent_from(string address)
    {
        using var memory = new PacketMemory(64, 1);
        using var batch = new ReceiveBatch(memory, 64);
        var sockets = Open(address);
        Steering.TryAttach(sockets[0], Shards).ShouldBeTrue();
        for (uint peerId = 0; peerId < 40; peerId++)
        {
            using var peer = Peer(sockets[0]);
            peer.Send([PacketHead.Of(Opcode.DataV2, 1).Value, 0, (byte)(peerId * 7), (byte)peerId, 1, 2, 3]);
            var expected = (int)(((peerId * 7 & 0xff) << 8 | peerId) % Shards);

            sockets.Select(socket => batch.Receive(socket)).ToArray().ShouldBe(Enumerable.Range(0, Shards).Select(i => i == expected ? 1 : 0));
        }

        Array.ForEach(sockets, socket => socket.Dispose());
    }

    [Fact]
    public void Everything_else_stays_with_its_addresses_and_is_spread()
    {
        using var memory = new PacketMemory(64, 1);
        using var batch = new ReceiveBatch(memory, 64);
        var sockets = Open("127.0.0.1");
        Steering.TryAttach(sockets[0], Shards).ShouldBeTrue();
        byte[][] packets =
        [
            [PacketHead.Of(Opcode.ControlV1, 0).Value, 1, 2, 3], [PacketHead.Of(Opcode.DataV1, 0).Value, 0, 0, 1],
            [PacketHead.Of(Opcode.DataV2, 0).Value, 0xff, 0xff, 0xff],
        ];
        var seen = new int[Shards];
        for (var i = 0; i < 60; i++)
        {
            using var peer = Peer(sockets[0]);
            Array.ForEach(packets, packet => peer.Send(packet));
            var received = sockets.Select(socket => batch.Receive(socket)).ToArray();
            received.Order().ShouldBe([0, 0, packets.Length]);
            seen[Array.IndexOf(received, packets.Length)]++;
        }

        seen.ShouldAllBe(count => count > 0);
        Array.ForEach(sockets, socket => socket.Dispose());
    }

    private static DatagramSocket[] Open(string address)
    {
        var sockets = new DatagramSocket[Shards];
        var bound = new OuterAddress(IpAddress.Parse(address), 0);
        for (var i = 0; i < Shards; i++)
        {
            sockets[i] = new DatagramSocket(bound, i, 0, sharePort: true);
            bound = sockets[i].Bound;
        }

        return sockets;
    }

    private static Socket Peer(DatagramSocket ours)
    {
        var endpoint = IPEndPoint.Parse(ours.Bound.ToString());
        var peer = new Socket(endpoint.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        peer.Connect(endpoint);
        return peer;
    }
}
