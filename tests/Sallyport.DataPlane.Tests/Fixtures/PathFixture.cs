using Sallyport.Api.Nodes;
using Sallyport.Core.Crypto;
using Sallyport.Core.Esp;
using Sallyport.Core.Flows;
using Sallyport.Core.Gateway;
using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.OpenVpn.Wrapping;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Dns;
using Sallyport.DataPlane.Handshakes;
using Sallyport.DataPlane.Host;
using Sallyport.DataPlane.Ike;
using Sallyport.DataPlane.Linux;
using Sallyport.DataPlane.Model;
using Sallyport.DataPlane.Shards;
using Sallyport.DataPlane.Tunnels;

namespace Sallyport.DataPlane.Tests.Fixtures;

/// <summary>One shard's packet path without sockets: packets go in through a slot, what would leave is read from the batch.</summary>
internal sealed class PathFixture : IDisposable
{
    public static readonly DataFormat Gcm = new(DataCipher.Aes256Gcm, HashKind.Sha256, UsePeerId: true, CompressionFraming.None);

    private const int LaneSlots = 8;

    private readonly PacketMemory _memory = new(1, DataPlaneLimits.OwnSlots + LaneSlots, HostPath.MemoryBytes);
    private readonly Crossing _crossing;
    private readonly TestFleet _fleet = new();
    private readonly TestEntropy _entropy = new(42);
    private readonly List<PathPeer> _peers = [];
    private readonly List<EspPeer> _espPeers = [];
    private int _nextTunnel;

    public PathFixture()
        : this(new Fabric(1, new Meters()), 0)
    {
    }

    /// <summary>One of several shards.</summary>
    public PathFixture(Fabric fabric, int shard, bool withHost = false, DnsModel? dns = null)
    {
        _fleet.Network = _fleet.Network with { Dns = dns };
        Fabric = fabric;
        _crossing = new Crossing(fabric, shard);
        fabric.Join(shard, Mailbox, _ => new Lane(_memory, DataPlaneLimits.OwnSlots, LaneSlots));
        _nextTunnel = 1000 * shard;
        Model = ModelMapper.FromSnapshot(new Snapshot(1, withHost ? _fleet.ModelWithHost() : _fleet.Model()), TestFleet.Now);
        Batch = new SendBatch(_memory, null, DataPlaneLimits.SendBatchSize);
        Outbox = new Outbox(_memory, [Batch], null, Drops, firstOwnSlot: 0, DataPlaneLimits.OwnSlots);
        PeerIds = new SlotAllotter(shard, fabric.Shards, 1000);
        Spis = new EspSpis(shard, fabric.Shards, 2000, _entropy);
        Forwarder = new Forwarder(new FlowLimits { Capacity = 1024, DeniedCapacity = 1024, EndedBacklog = 1024 }, _entropy, Now, (ushort)shard, fabric.Shards, fabric.Situations, fabric.Meters, Ties);
        Forwarder.Adopt(Model.Fleet, Now);
        Names = new NameService(shard, question =>
        {
            Asked.Add(question);
            return true;
        });
        Path = new PacketPath(Tunnels, PeerIds, Forwarder, Outbox, Drops, [Inbox], _crossing, Names, Spis, [IkeInbox], (in OuterPath _) => KernelMtu);
        Host = new HostPath(Outbox, Path, _crossing, Drops);
    }

    public Instant Now { get; set; } = Instant.FromUnixSeconds(1_800_000_000);

    public GatewayModel Model { get; }

    public Fabric Fabric { get; }

    public SendBatch Batch { get; }

    public Outbox Outbox { get; }

    public SlotAllotter PeerIds { get; }

    /// <summary>Questions that other servers would be asked.</summary>
    public List<UpstreamQuestion> Asked { get; } = [];

    public NameService Names { get; }

    public NameTies Ties { get; } = new();

    public TunnelTable Tunnels { get; } = new();

    public DropCounters Drops { get; } = new();

    public Mailbox Mailbox { get; } = new();

    public HandshakeInbox Inbox { get; } = new();

    public IkeInbox IkeInbox { get; } = new();

    public EspSpis Spis { get; }

    /// <summary>What the kernel says of every path.</summary>
    public int KernelMtu { get; set; } = 1500;

    public Forwarder Forwarder { get; }

    public PacketPath Path { get; }

    public HostPath Host { get; }

    public static OuterPath At(string address, ushort port) => new() { Peer = new OuterAddress(IpAddress.Parse(address), port), Local = IpAddress.Parse("192.0.2.1") };

    public PathPeer Open(int identityId, OuterPath at, DataFormat? format = null)
    {
        PeerIds.TryAllot(out var slot).ShouldBeTrue();
        var (ours, theirs) = MakeKey(format ?? Gcm, 0, PeerIds.PeerId(slot));
        var peer = new PathPeer(this, slot, ++_nextTunnel, at, theirs, 0);
        _peers.Add(peer);
        Path.Open(new NewTunnel
        {
            Slot = slot,
            TunnelId = _nextTunnel,
            IdentityId = identityId,
            Proof = new TunnelProof { CertificateId = identityId * 10, Wrapping = WrappingKind.TlsCryptV2, Tls = TlsVersion.Tls13 },
            GrantedBy = Model.Fleet,
            AddressV4 = default,
            AddressV6 = default,
            Handshaker = 0,
            Session = _nextTunnel,
            Path = at,
            Cipher = TunnelCipher.Aes256Gcm,
            PingAfter = TimeSpan.FromSeconds(10),
            DeadAfter = TimeSpan.FromSeconds(120),
            AliveWithin = TimeSpan.FromSeconds(20),
            InnerMax = 1400,
            Key = ours,
            KeyId = 0,
        }, Now);
        return peer;
    }

    public (DataKey Ours, DataKey Theirs) MakeKey(DataFormat format, int keyId, uint peerId)
    {
        var bytes = new byte[KeyMaterial.Length];
        _entropy.Fill(bytes);
        using var material = new KeyMaterial(bytes);
        return (DataKey.Create(material, format, isServer: true, keyId, peerId), DataKey.Create(material, format, isServer: false, keyId, peerId));
    }

    /// <summary>As if it had been received.</summary>
    public DropReason Receive(ReadOnlySpan<byte> outer, OuterPath from)
    {
        var slot = _memory.ReceiveSlot(0);
        outer.CopyTo(_memory.Blank(slot));
        return Path.Handle(slot.With(slot.Start, outer.Length), from, Now);
    }

    /// <summary>As if it had been received by a socket of IPsec.</summary>
    public DropReason ReceiveIpsec(ReadOnlySpan<byte> outer, OuterPath from, byte tos = 0, SocketKind? kind = null)
    {
        var slot = _memory.ReceiveSlot(0);
        outer.CopyTo(_memory.Blank(slot));
        return Path.HandleIpsec(kind ?? (from.IsRaw ? SocketKind.Esp : SocketKind.IkeNat), slot.With(slot.Start, outer.Length), from, tos, Now);
    }

    public EspPeer OpenIpsec(
        int identityId, OuterPath at, EspSuite? suite = null, IpsecOptions options = default, int uplink = 1, bool childless = false,
        TunnelProof? proof = null)
    {
        var peer = new EspPeer(this, identityId, at, suite, options, uplink, childless, proof);
        _espPeers.Add(peer);
        return peer;
    }

    /// <summary>A model that control has sent since.</summary>
    public void Adopt(Delta delta) => Forwarder.Adopt(ModelMapper.Apply(Model, delta, TestFleet.Now, out _).Fleet, Now);

    /// <summary>As if the kernel had coalesced them: equally long, behind each other, without room between.</summary>
    public void ReceiveCoalesced(IReadOnlyList<byte[]> outers, OuterPath from)
    {
        var slot = _memory.ReceiveSlot(0);
        var all = outers.SelectMany(outer => outer).ToArray();
        all.CopyTo(_memory.Blank(slot));
        var datagrams = new Datagrams { From = from, Slot = slot, Length = all.Length, SegmentLength = outers[0].Length };
        for (var i = 0; i < datagrams.Count; i++)
        {
            Path.Handle(datagrams[i], from, Now);
        }
    }

    /// <summary>What the other shards have handed over, as a turn of the shard takes it.</summary>
    public List<DropReason> TakeHandedOver()
    {
        List<DropReason> results = [];
        foreach (var lane in _crossing.Inbound)
        {
            while (lane.TryTake(out var head, out var packet))
            {
                results.Add(Path.HandleHandedOver(head, packet, Now));
            }

            lane.Release();
        }

        return results;
    }

    /// <summary>Everything that would leave, and then nothing waits any more.</summary>
    public List<(OuterAddress To, byte[] Packet)> Sent()
    {
        List<(OuterAddress, byte[])> sent = [];
        for (var i = 0; i < Batch.Count; i++)
        {
            sent.Add((Batch.Destination(i), Batch.Payload(i).ToArray()));
        }

        Outbox.Flush();
        return sent;
    }

    public List<TunnelNotice> Notices()
    {
        List<TunnelNotice> notices = [];
        while (Path.TryDequeueNotice(out var notice))
        {
            notices.Add(notice);
        }

        return notices;
    }

    public void Dispose()
    {
        for (var slot = 0; slot < Tunnels.End; slot++)
        {
            if (Tunnels.IsLive(slot))
            {
                Path.Close(slot, TunnelEnd.GatewayStopping);
            }
            else if (Tunnels.IsGhost(slot))
            {
                Tunnels.Close(slot);
            }
        }

        _peers.ForEach(peer => peer.Dispose());
        _espPeers.ForEach(peer => peer.Dispose());
        Outbox.Dispose();
        Inbox.Dispose();
        IkeInbox.Dispose();
        Mailbox.Dispose();
        _memory.Dispose();
        _fleet.Dispose();
    }
}

/// <summary>The far end of a tunnel.</summary>
internal sealed class PathPeer(PathFixture fixture, int slot, long tunnelId, OuterPath at, DataKey key, int keyId) : IDisposable
{
    private readonly DataKey[] _keys = Seed(key, keyId);

    public int Slot { get; } = slot;

    public long TunnelId { get; } = tunnelId;

    public OuterPath At { get; set; } = at;

    public int SealingKey { get; set; } = keyId;

    public DropReason Send(ReadOnlySpan<byte> inner) => fixture.Receive(Seal(inner), At);

    public byte[] Seal(ReadOnlySpan<byte> inner)
    {
        var buffer = new byte[inner.Length + DataLimits.HeadroomMax + DataLimits.TailroomMax];
        inner.CopyTo(buffer.AsSpan(DataLimits.HeadroomMax));
        _keys[SealingKey].Seal(buffer, DataLimits.HeadroomMax, inner.Length, out var start, out var length).ShouldBeTrue();
        return buffer[start..(start + length)];
    }

    public byte[] Open(byte[] outer)
    {
        _keys[outer[0] & 7].Open(outer, out var start, out var length).ShouldBe(DropReason.None);
        return outer[start..(start + length)];
    }

    public void Use(int id, DataKey next) => _keys[id] = next;

    public void Dispose()
    {
        for (var i = 0; i < _keys.Length; i++)
        {
            _keys[i].Free();
        }
    }

    private static DataKey[] Seed(DataKey key, int keyId)
    {
        var keys = new DataKey[8];
        keys[keyId] = key;
        return keys;
    }
}
