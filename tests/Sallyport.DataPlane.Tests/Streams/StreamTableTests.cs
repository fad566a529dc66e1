using System.Net;
using System.Net.Sockets;
using Sallyport.Core.Gateway;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Linux;
using Sallyport.DataPlane.Streams;
using Sallyport.DataPlane.Tests.Fixtures;

namespace Sallyport.DataPlane.Tests.Streams;

public sealed class StreamTableTests : IDisposable
{
    private readonly Epoll _epoll = new();
    private readonly DropCounters _drops = new();
    private readonly StreamListener _listener = new(new OuterAddress(IpAddress.Parse("127.0.0.1"), 0), sharePort: false);
    private readonly StreamTable _streams;
    private readonly byte[] _buffer = new byte[DataPlaneLimits.StreamBytesPerTurn];
    private readonly Instant _now = Instant.FromUnixSeconds(1_800_000_000);

    public StreamTableTests() => _streams = new StreamTable(1, _epoll, new TestEntropy(3), _drops);

    [Fact]
    public void Packets_cut_anywhere_arrive_whole()
    {
        using var peer = Connect();
        var index = NextReady();
        peer.Send([0, 3, 1]);
        ReadFrames(index).ShouldBeEmpty();
        peer.Send([2, 3, 0]);
        ReadFrames(index).ShouldHaveSingleItem().ShouldBe(new byte[] { 1, 2, 3 });
        peer.Send([1, 9, 0, 2, 7, 8]);
        ReadFrames(index).Select(Convert.ToHexString).ShouldBe(["09", "0708"]);
    }

    [Fact]
    public void A_slow_peer_loses_whole_packets_and_never_a_part_of_one()
    {
        using var peer = Connect();
        var path = _streams.Path(NextReady());
        path.IsStream.ShouldBeTrue();
        path.Shard.ShouldBe(1);
        _streams.Bind(path, 5);
        var packet = new byte[1400];
        var sent = 0;
        while (_drops[DropReason.SendQueueFull] < 50)
        {
            System.Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(packet, sent++);
            _streams.Send(path, packet);
            _streams.Flush();
        }

        var arrived = ReadAll(peer, () => Turn());

        arrived.ShouldBe(sent - 50, "those that were queued, in order, none torn");
    }

    [Fact]
    public void An_illegal_stream_is_swallowed_in_silence_and_closed_later()
    {
        using var peer = Connect();
        var index = NextReady();
        peer.Send([0xff, 0xff, 1, 2, 3]);
        ReadFrames(index, out var result).ShouldBeEmpty();
        result.ShouldBe(FrameResult.Poisoned);
        peer.Send(new byte[3 * OpenVpnLimits.MinPoisonedBytes]);
        ReadFrames(index, out result).ShouldBeEmpty();
        result.ShouldBe(FrameResult.Close);
    }

    [Fact]
    public void A_connection_that_sends_nothing_valid_is_closed_after_a_short_time()
    {
        using var peer = Connect();
        _streams.HandleTimeout(_now + DataPlaneLimits.ConnectionSilence - TimeSpan.FromMilliseconds(1));
        _streams.Count.ShouldBe(1);
        _streams.HandleTimeout(_now + DataPlaneLimits.ConnectionSilence);
        _streams.Count.ShouldBe(0);
        ShouldBeClosed(peer);
    }

    [Fact]
    public void A_connection_that_passed_the_door_and_becomes_no_tunnel_is_closed_after_its_time()
    {
        using var peer = Connect();
        var proven = _now + TimeSpan.FromSeconds(9);
        _streams.Prove(_streams.Path(NextReady()), proven);
        _streams.HandleTimeout(proven + DataPlaneLimits.ConnectionGrace - TimeSpan.FromMilliseconds(1));
        _streams.Count.ShouldBe(1);
        _streams.HandleTimeout(proven + DataPlaneLimits.ConnectionGrace);
        _streams.Count.ShouldBe(0);
        ShouldBeClosed(peer);
    }

    [Fact]
    public void Silent_connections_make_room_for_newcomers_oldest_first_and_proven_ones_stay()
    {
        List<Socket> peers = [];
        try
        {
            for (var i = 0; i < DataPlaneLimits.PendingConnectionsPerPrefixMax; i++)
            {
                peers.Add(Connect());
            }

            _streams.Prove(_streams.Path(0), _now);
            _drops[DropReason.MadeRoom].ShouldBe(0);

            peers.Add(Connect());

            _drops[DropReason.MadeRoom].ShouldBe(1);
            _drops[DropReason.ResetRateLimited].ShouldBe(0);
            _streams.Count.ShouldBe(DataPlaneLimits.PendingConnectionsPerPrefixMax);
            ShouldBeClosed(peers[1]);
            _streams.IsOpen(0).ShouldBeTrue();
        }
        finally
        {
            peers.ForEach(peer => peer.Dispose());
        }
    }

    [Fact]
    public void A_connection_with_a_tunnel_stays_and_tells_when_it_breaks()
    {
        var peer = Connect();
        var index = NextReady();
        _streams.Bind(_streams.Path(index), 17);
        _streams.HandleTimeout(_now + TimeSpan.FromDays(1));
        _streams.Count.ShouldBe(1);

        peer.Dispose();
        Turn();
        _streams.Read(index, _buffer).ShouldBe(0);
        _streams.Close(index);

        _streams.OrphanedTunnels.ShouldHaveSingleItem().Tunnel.ShouldBe(17);
    }

    [Theory]
    [InlineData(false, DataPlaneLimits.FramesBeforeProof)]
    [InlineData(true, DataPlaneLimits.FramesBeforeTunnel)]
    public void A_connection_that_says_more_than_a_handshake_takes_is_poisoned(bool isProven, int most)
    {
        Connect();
        var path = _streams.Path(NextReady());
        if (isProven)
        {
            _streams.Prove(path, _now);
        }

        Enumerable.Range(0, most).ShouldAllBe(_ => _streams.TryTakeFrame(path));
        _streams.TryTakeFrame(path).ShouldBeFalse();
    }

    [Fact]
    public void A_connection_with_a_tunnel_may_say_what_it_likes()
    {
        Connect();
        var path = _streams.Path(NextReady());
        _streams.Bind(path, 3);
        Enumerable.Range(0, 10_000).ShouldAllBe(_ => _streams.TryTakeFrame(path));
    }

    [Fact]
    public void A_packet_for_a_connection_that_another_took_the_place_of_is_dropped()
    {
        var peer = Connect();
        var index = NextReady();
        var old = _streams.Path(index);
        _streams.Close(index);
        peer.Dispose();
        using var other = Connect();

        _streams.Send(old, [1, 2, 3]);
        _streams.Flush();

        _drops[DropReason.PeerOffline].ShouldBe(1);
        other.Poll(TimeSpan.FromMilliseconds(50), SelectMode.SelectRead).ShouldBeFalse();
    }

    public void Dispose()
    {
        _streams.Dispose();
        _listener.Dispose();
        _epoll.Dispose();
    }

    private Socket Connect()
    {
        var peer = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        peer.Connect(IPEndPoint.Parse(_listener.Bound.ToString()));
        var accepted = _listener.TryAccept(out var outOfDescriptors);
        outOfDescriptors.ShouldBeFalse();
        _streams.Add(accepted.ShouldNotBeNull(), _now);
        return peer;
    }

    private void ShouldBeClosed(Socket peer)
    {
        peer.ReceiveTimeout = 2000;
        peer.Receive(_buffer).ShouldBe(0);
    }

    /// <summary>The one connection there is.</summary>
    private int NextReady() => 0;

    private void Turn()
    {
        var ready = _epoll.Wait(10);
        for (var i = 0; i < ready; i++)
        {
            var (token, readiness) = _epoll.Event(i);
            if ((readiness & Readiness.Out) != 0 && _streams.Find(token) is >= 0 and var index)
            {
                _streams.HandleWritable(index);
            }
        }
    }

    private List<byte[]> ReadFrames(int index) => ReadFrames(index, out _);

    private List<byte[]> ReadFrames(int index, out FrameResult result)
    {
        List<byte[]> packets = [];
        result = FrameResult.NeedMore;
        for (var tries = 0; tries < 20 && result != FrameResult.Close; tries++)
        {
            _epoll.Wait(5);
            var count = _streams.Read(index, _buffer);
            var received = _buffer.AsSpan(0, Math.Max(0, count));
            while (count > 0 && (result = _streams.TryReadFrame(index, ref received, out var packet)) == FrameResult.Packet)
            {
                packets.Add(packet.ToArray());
            }
        }

        return packets;
    }

    private static int ReadAll(Socket peer, Action turn)
    {
        var framer = new StreamFramer(2048, 100);
        var buffer = new byte[100_000];
        var next = 0;
        peer.ReceiveTimeout = 300;
        while (true)
        {
            turn();
            int count;
            try
            {
                count = peer.Receive(buffer);
            }
            catch (SocketException)
            {
                return next;
            }

            var received = buffer.AsSpan(0, count);
            while (framer.TryRead(ref received, out var packet) == FrameResult.Packet)
            {
                packet.Length.ShouldBe(1400);
                System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(packet).ShouldBeGreaterThanOrEqualTo(next);
                next++;
            }
        }
    }
}
