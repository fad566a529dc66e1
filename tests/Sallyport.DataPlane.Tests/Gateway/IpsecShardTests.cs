using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Sallyport.Api.Nodes;
using Sallyport.Core.Crypto;
using Sallyport.Core.Esp;
using Sallyport.Core.Flows;
using Sallyport.Core.Gateway;
using Sallyport.Core.Ike.Session;
using Sallyport.Core.OpenVpn.Wrapping;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Dns;
using Sallyport.DataPlane.Handshakes;
using Sallyport.DataPlane.Ike;
using Sallyport.DataPlane.Linux;
using Sallyport.DataPlane.Model;
using Sallyport.DataPlane.Nodes;
using Sallyport.DataPlane.Shards;
using Sallyport.DataPlane.Tests.Fixtures;
using Sallyport.DataPlane.Tunnels;

namespace Sallyport.DataPlane.Tests.Gateway;

/// <summary>
/// Two packet threads with real sockets: a device with ESP in UDP on the first, a site with ESP as an IP protocol on the second, which hears
/// of it through the first. What IKE would say comes from here.
/// </summary>
public sealed class IpsecShardTests : IDisposable
{
    private const string Ours = "127.0.0.81";
    private const string SitesAddress = "127.0.0.83";
    private const long DeviceTunnel = 11;
    private const long SiteTunnel = 12;
    private const long NobodysTunnel = 99;

    private readonly TestFleet _fleet = new();
    private readonly Clock _clock = new(TimeProvider.System);
    private readonly Uplink _uplink;
    private readonly HandshakeInbox _openVpn = new();
    private readonly IkeInbox _ike = new();
    private readonly Shard[] _shards;
    private readonly Socket _device = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 5000 };
    private readonly DatagramSocket _site = new(new OuterAddress(IpAddress.Parse(SitesAddress), 0), 0, 0, sharePort: false, kind: SocketKind.Esp);
    private readonly PacketMemory _memory = new(64, 8);
    private readonly ReceiveBatch _batch;
    private EspSa _deviceSa;
    private EspSa _siteSa;

    public IpsecShardTests()
    {
        _uplink = new Uplink(_clock);
        _batch = new ReceiveBatch(_memory, 64);
        _device.Bind(new IPEndPoint(IPAddress.Parse("127.0.0.82"), 0));
        var fleet = _fleet.Model();
        var ipsec = new IpsecModel { Ike = ["aes256gcm16-prfsha256-ecp256"], Esp = ["aes256gcm16"], Authentication = ["psk"] };
        var model = ModelMapper.FromSnapshot(new Snapshot(1, fleet with { Networks = [fleet.Networks[0] with { Ipsec = ipsec }] }), TestFleet.Now);
        var fabric = new Fabric(2, new Meters());
        var address = new OuterAddress(IpAddress.Parse(Ours), 0);
        IReadOnlyList<BoundSocket> sockets = [new(SocketKind.Ike, address), new(SocketKind.IkeNat, address), new(SocketKind.Esp, address)];
        var first = Make(0, fabric, sockets);
        _shards = [first, Make(1, fabric, first.Sockets)];
        first.TrySteer().ShouldBeTrue();
        var adoption = new Adoption(1, null, 2);
        foreach (var shard in _shards)
        {
            shard.Mailbox.Order(new AdoptModel(model, new ModelChange { Everything = true }, adoption));
            shard.Start();
        }

        Open(first, model, TestFleet.DeviceId, DeviceTunnel, PathTo(_device.LocalEndPoint!.ToString()!, SocketKind.IkeNat, 0), TestFleet.DeviceAddress, out _deviceSa);
        Open(_shards[1], model, TestFleet.SiteId, SiteTunnel, PathTo(SitesAddress + ":0", SocketKind.Esp, 1), TestFleet.SiteAddress, out _siteSa);

        // Each on its own thread: what comes for one that is not open yet is lost.
        var open = new HashSet<long>();
        Eventually(
            () =>
            {
                open.UnionWith(_uplink.Take().OfType<TunnelReport>().SelectMany(report => report.Tunnels).Select(tunnel => tunnel.TunnelId));
                return open.Count == 2;
            },
            "tunnels open");
    }

    [Fact]
    public void A_device_with_udp_and_a_site_without_speak_through_two_packet_threads()
    {
        for (var round = 0; round < 20; round++)
        {
            var (request, answer) = (Request(900 + round), Answer(900 + round));
            _device.SendTo(Seal(ref _deviceSa, request), NatPort());
            Open(ref _siteSa, ReceiveAtSite()).ShouldBe(request);

            SendFromSite(Seal(ref _siteSa, answer));
            var buffer = new byte[2048];
            var length = _device.Receive(buffer);
            Open(ref _deviceSa, buffer[..length]).ShouldBe(answer);
        }

        var states = new Dictionary<long, TunnelState>();
        Eventually(
            () =>
            {
                foreach (var state in _uplink.Take().OfType<TunnelReport>().SelectMany(report => report.Tunnels))
                {
                    states[state.TunnelId] = state;
                }

                return states.Count == 2 && states.Values.All(state => state is { PacketsIn: 20, PacketsOut: 20, Sas.Count: 1 });
            },
            "tunnels and SAs are reported");
        var sa = states[DeviceTunnel].Sas[0];
        (sa.InboundSpi, sa.OutboundSpi, sa.Suite, sa.Mode, sa.Sends).ShouldBe((_deviceSa.OutboundSpi, _deviceSa.InboundSpi, "AES-256-GCM/ESN", "tunnel", true));
        (sa.PacketsIn, sa.PacketsOut, sa.BytesIn, sa.BadTags).ShouldBe((20, 20, 20 * 928 + 190, 0));
        (sa.Local[0], sa.Remote[0]).ShouldBe(("0.0.0.0/0", TestFleet.DeviceAddress.ToString()));
    }

    [Fact]
    public void Ike_is_heard_on_both_ports_and_answers_from_where_it_was_asked()
    {
        var message = new byte[200];
        message[19] = 0x08;
        foreach (var (kind, marker) in new[] { (SocketKind.Ike, 0), (SocketKind.IkeNat, 4) })
        {
            var port = new IPEndPoint(IPAddress.Parse(Ours), PortOf(kind));
            _device.SendTo([.. new byte[marker], .. message], port);
            var room = new byte[DataPlaneLimits.IkeMessageMax];
            OuterPath from = default;
            var length = 0;
            Eventually(() => _ike.TryTake(room, out from, out length), "the message is there");
            room[..length].ShouldBe(message);
            (from.Peer.ToString(), from.Local.ToString()).ShouldBe((_device.LocalEndPoint!.ToString(), Ours));
            _shards[from.Shard].Sockets[from.Socket].Kind.ShouldBe(kind);

            _shards[from.Shard].Mailbox.TryPost(from, [.. new byte[marker], 1, 2, 3]).ShouldBeTrue();
            EndPoint answered = new IPEndPoint(IPAddress.Any, 0);
            _device.ReceiveFrom(room, ref answered).ShouldBe(marker + 3);
            answered.ShouldBe(port);
        }
    }

    [Fact]
    public void A_rekey_by_command_takes_over_and_an_sa_for_nobody_is_forgotten()
    {
        var shard = _shards[0];
        var tunnel = Slot(shard);
        var (next, peers) = MakeChild(shard, isUsed: false);
        shard.Mailbox.TryPost(new InstallChild(tunnel, DeviceTunnel, next)).ShouldBeTrue();
        shard.Mailbox.TryPost(new UseChild(tunnel, DeviceTunnel, next.Sa.InboundSpi)).ShouldBeTrue();
        shard.Mailbox.TryPost(new RemoveChild(tunnel, DeviceTunnel, _deviceSa.OutboundSpi, TimeSpan.Zero)).ShouldBeTrue();
        var (unwanted, lost) = MakeChild(shard, isUsed: false);
        shard.Mailbox.TryPost(new InstallChild(tunnel, NobodysTunnel, unwanted)).ShouldBeTrue();
        Eventually(() => _uplink.Take().OfType<TunnelReport>().SelectMany(report => report.Tunnels).Any(state => state.TunnelId == DeviceTunnel && state.Sas.Count == 1 && state.Sas[0].InboundSpi == next.Sa.InboundSpi), "the new SA is reported alone");

        _device.SendTo(Seal(ref peers, Request(10)), NatPort());
        Open(ref _siteSa, ReceiveAtSite()).ShouldBe(Request(10));
        peers.Free();
        lost.Free();
    }

    public void Dispose()
    {
        Array.ForEach(_shards, shard => shard.Dispose());
        _deviceSa.Free();
        _siteSa.Free();
        _batch.Dispose();
        _memory.Dispose();
        _device.Dispose();
        _site.Dispose();
        _openVpn.Dispose();
        _ike.Dispose();
        _fleet.Dispose();
    }

    private static byte[] Request(int payload) => InnerPackets.Udp(TestFleet.DeviceAddress, TestFleet.ApplicationAddress, 40_000, 5_000, payload);

    private static byte[] Answer(int payload) => InnerPackets.Udp(TestFleet.ApplicationAddress, TestFleet.DeviceAddress, 5_000, 40_000, payload);

    private static void Eventually(Func<bool> holds, string what)
    {
        var began = Stopwatch.GetTimestamp();
        var pause = new SpinWait();
        while (!holds())
        {
            Stopwatch.GetElapsedTime(began).ShouldBeLessThan(TimeSpan.FromSeconds(20), what);
            pause.SpinOnce();
        }
    }

    private Shard Make(int index, Fabric fabric, IReadOnlyList<BoundSocket> sockets) => new(
        new ShardOptions
        {
            Index = index,
            Fabric = fabric,
            Sockets = sockets,
            Tcp = [],
            Ike = [_ike],
            Flows = new FlowLimits { Capacity = 1024 },
            AskUpstream = _ => false,
            Ties = new NameTies(),
        },
        _clock, new SystemEntropy(), _uplink, [_openVpn], new GatewayLog(TextWriter.Null, TimeProvider.System));

    private int PortOf(SocketKind kind) => _shards[0].Sockets[_shards[0].SocketOf(kind, isV4: true)].Bound.Port;

    private IPEndPoint NatPort() => new(IPAddress.Parse(Ours), PortOf(SocketKind.IkeNat));

    private OuterPath PathTo(string peer, SocketKind kind, int shard)
    {
        var endpoint = IPEndPoint.Parse(peer);
        return new OuterPath
        {
            Peer = new OuterAddress(IpAddress.From(endpoint.Address), (ushort)endpoint.Port),
            Local = IpAddress.Parse(Ours),
            Shard = shard,
            Socket = _shards[0].SocketOf(kind, isV4: true),
        };
    }

    private static (NewChild Ours, EspSa Peers) MakeChild(Shard shard, bool isUsed, TrafficSelector[]? remote = null)
    {
        var suite = new EspSuite(EspCipher.Aes256Gcm, default, ExtendedSequence: true);
        shard.Spis.TryAllot(out var spi).ShouldBeTrue();
        var (inbound, outbound) = (new byte[suite.KeyLength], new byte[suite.KeyLength]);
        new SystemEntropy().Fill(inbound);
        new SystemEntropy().Fill(outbound);
        var theirs = spi ^ 0x0f0f_0000 | 0x1000;
        var child = new NewChild(
            EspSa.Create(suite, EspMode.Tunnel, spi, theirs, inbound, outbound), new EspSelectors(EspPeer.Everything, remote ?? EspPeer.Everything)) { IsUsed = isUsed };
        return (child, EspSa.Create(suite, EspMode.Tunnel, theirs, spi, outbound, inbound));
    }

    private void Open(Shard shard, GatewayModel model, int identityId, long tunnelId, OuterPath path, IpAddress address, out EspSa peers)
    {
        _uplink.Announce(new TunnelDescription
        {
            TunnelId = tunnelId, IdentityId = identityId, Protocol = "ipsec", OuterAddress = path.ToString(), Cipher = "", Tls = "", Wrapping = "", ClientVersion = "", ClientPlatform = "", Since = 0,
        });
        (var child, peers) = MakeChild(shard, isUsed: true, [TrafficSelector.Of(address), EspPeer.Everything[0]]);
        shard.PeerIds.TryAllot(out var slot).ShouldBeTrue();
        shard.Mailbox.TryPost(new OpenTunnel(new NewTunnel
        {
            Kind = TunnelKind.Ipsec,
            Slot = slot,
            TunnelId = tunnelId,
            IdentityId = identityId,
            Proof = new TunnelProof { Wrapping = WrappingKind.None, Tls = TlsVersion.Tls13, Ike = IkeProof.PreSharedKey },
            GrantedBy = model.Fleet,
            AddressV4 = address,
            AddressV6 = default,
            Handshaker = 0,
            Session = tunnelId,
            Path = path,
            Cipher = TunnelCipher.Aes256Gcm,
            PingAfter = TimeSpan.MaxValue,
            DeadAfter = TimeSpan.MaxValue,
            AliveWithin = TimeSpan.FromSeconds(60),
            Child = child,
        })).ShouldBeTrue();
    }

    /// <summary>The first of the shard.</summary>
    private static int Slot(Shard shard)
    {
        shard.PeerIds.TryAllot(out var next).ShouldBeTrue();
        return next - 1;
    }

    private static byte[] Seal(ref EspSa sa, byte[] inner)
    {
        var buffer = new byte[sa.Headroom + inner.Length + sa.Tailroom(inner.Length)];
        inner.CopyTo(buffer, sa.Headroom);
        sa.Seal(buffer, sa.Headroom, inner.Length, out var start, out var length).ShouldBeTrue();
        return buffer[start..(start + length)];
    }

    private static byte[] Open(ref EspSa sa, byte[] packet)
    {
        sa.Open(packet, out var start, out var length).ShouldBe(DropReason.None);
        return packet[start..(start + length)];
    }

    private void SendFromSite(byte[] packet)
    {
        using var batch = new SendBatch(_memory, _site, 8);
        var slot = _memory.SmallSlot(0);
        packet.CopyTo(_memory.Blank(slot));
        batch.Add(new OuterPath { Peer = new OuterAddress(IpAddress.Parse(Ours), 0) }, slot.Start, packet.Length);
        long full = 0;
        long failed = 0;
        batch.Flush(ref full, ref failed);
        (full, failed).ShouldBe((0, 0));
    }

    private byte[] ReceiveAtSite()
    {
        Eventually(() => _batch.Receive(_site) > 0, "the site hears of it");
        return _memory.Packet(_batch.Read(0)[0]).ToArray();
    }
}
