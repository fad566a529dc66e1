using System.Collections.Immutable;
using System.Diagnostics;
using Sallyport.Core.Crypto;
using Sallyport.Core.Flows;
using Sallyport.Core.Gateway;
using Sallyport.Core.Ike.Proposals;
using Sallyport.Core.Ike.Session;
using Sallyport.Core.Ike.Wire;
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

namespace Sallyport.DataPlane.Tests.Ike;

/// <summary>A thread of IKE between a device and a packet thread that does nothing, so that what it is told can be looked at.</summary>
public sealed class IkeThreadTests : IDisposable
{
    private static readonly IpAddress Ours = IpAddress.Parse("127.0.0.91");
    private static readonly OuterAddress DeviceAt = new(IpAddress.Parse("203.0.113.9"), 500);

    private readonly IkeFleet _fleet = new();
    private readonly LeapingTime _time = new();
    private readonly Clock _clock;
    private readonly IkeInbox _inbox = new();
    private readonly HandshakeInbox _openVpn = new();
    private readonly Shard _shard;
    private readonly IkeThread _thread;
    private readonly Device _device = new();
    private readonly IkePath _path;
    private readonly List<ShardCommand> _told = [];

    /// <summary>The packet thread takes what it is told.</summary>
    private bool _isHeard = true;

    public IkeThreadTests()
    {
        _clock = new Clock(_time);
        IReadOnlyList<BoundSocket> sockets = [new(SocketKind.Ike, new OuterAddress(Ours, 0)), new(SocketKind.IkeNat, new OuterAddress(Ours, 0))];
        var uplink = new Uplink(_clock);
        var log = new GatewayLog(TextWriter.Null, TimeProvider.System);
        _shard = new Shard(
            new ShardOptions
            {
                Index = 0, Fabric = new Fabric(1, new Meters()), Sockets = sockets, Tcp = [], Ike = [_inbox], Flows = new FlowLimits { Capacity = 1024 },
                AskUpstream = _ => false, Ties = new NameTies(),
            },
            _clock, new SystemEntropy(), uplink, [_openVpn], log);
        var models = new ModelHolder();
        models.Replace(_fleet.Model(), new ModelChange { Everything = true });
        var context = new HandshakeContext
        {
            Shards = [_shard], Model = models, Tls = new TlsContexts(), Uplink = uplink, Clones = new CloneWatch(), Clock = _clock, Log = log, TunnelIds = new TunnelIds(),
        };
        _thread = new IkeThread(0, 1, _inbox, context, new IkeRoads(_shard.Sockets), () => null, new SystemEntropy(), null);
        _path = new IkePath(DeviceAt, new OuterAddress(Ours, _shard.Sockets[0].Bound.Port), IsNatPort: false);
        _thread.Start();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_session_ends_whose_new_SA_or_place_the_packet_thread_cannot_be_told(bool moves)
    {
        var session = Call();
        Until(() => session.IsUp && _told.OfType<OpenTunnel>().Any(), "the device is in");
        while (_shard.Mailbox.TryPost(new DetachHost()))
        {
        }

        _isHeard = false;
        _device.Endpoint.Tell(session, one =>
        {
            if (moves)
            {
                one.Move(one.Path with { Local = one.Path.Local with { Ip = IpAddress.Parse("203.0.113.10") } }, _clock.Now);
            }
            else
            {
                one.RekeyChild(_device.Children.Single(), _clock.Now);
            }
        });
        Until(() => _device.Ended is not null, "it ends, and may come again");
        _device.Ended!.Reason.ShouldBe(IkeEnd.Deleted);
    }

    /// <summary>As strongSwan does it from 6.0.2 on: it comes back with the selectors that it had.</summary>
    [Fact]
    public void Who_comes_back_without_its_new_routes_is_offered_them_once()
    {
        var site = IkeGrants.Selectors([IpPrefix.Parse("192.168.50.0/24")]);
        var session = Call();
        Until(() => _told.OfType<OpenTunnel>().Any(), "the device is in");
        SendAway(session);
        var back = Call(site);
        Until(() => back.IsUp && _told.OfType<OpenTunnel>().Count() == 2, "it is back");
        _told.OfType<OpenTunnel>().Last().Tunnel.Child!.Selectors.Local.ToArray().ShouldBe(site);

        _time.Leap(PairKeeper.FirstPause);
        _inbox.WakeAlways();
        Until(() => _told.OfType<InstallChild>().Any(), "it has the rest");
        var rest = _told.OfType<InstallChild>().Single().Child.Selectors.Local.ToArray();
        rest.ShouldNotBeEmpty();
        rest.ShouldNotContain(site[0]);

        _time.Leap(PairKeeper.LongestPause);
        _inbox.WakeAlways();
        Until(() => !session.IsUp && back.IsUp, "nothing more");
        _told.OfType<InstallChild>().Count().ShouldBe(1);
    }

    /// <summary>As for an operator who adds a site; until its old session is gone.</summary>
    private void SendAway(IkeSession session)
    {
        var opened = _told.OfType<OpenTunnel>().Last().Tunnel;
        _inbox.Put(new TunnelNotice
        {
            Kind = TunnelNoticeKind.NeedsConfiguration, Slot = opened.Slot, TunnelId = opened.TunnelId, IdentityId = opened.IdentityId,
            Handshaker = 0, Session = opened.Session, Path = opened.Path, IsIpsec = true,
        });
        _inbox.Wake();
        Until(() => !session.IsUp, "it is sent away");
    }

    public void Dispose()
    {
        _thread.Dispose();
        _shard.Start();
        _shard.Dispose();
        _device.Dispose();
        _openVpn.Dispose();
        _fleet.Dispose();
    }

    private IkeSession Call(ImmutableArray<Core.Esp.TrafficSelector>? remote = null) => _device.Endpoint.Initiate(
        new IkeTarget
        {
            Tag = "gateway",
            Local = IkeIdentity.Fqdn("pump-17.plant-a.sallyport"),
            Remote = IkeIdentity.Fqdn("gateway.example"),
            Proof = IkeProof.PreSharedKey,
            Psk = IkeFleet.Psk(IkeFleet.DevicePsk, "").Secret,
            Ike = Proposals("aes256gcm16-prfsha384-ecp384"),
            Esp = [ProposalText.TryParseEsp("aes256gcm16-none-noesn", out var esp, out _) ? esp : throw new FormatException()],
            LocalSelectors = Everything,
            RemoteSelectors = remote ?? Everything,
            WantsAddress = true,
        },
        _path, _clock.Now);

    private static ImmutableArray<Core.Esp.TrafficSelector> Everything { get; } = [Core.Esp.TrafficSelector.Of(IpPrefix.Parse("0.0.0.0/0"))];

    private static IReadOnlyList<Proposal> Proposals(string text) => [ProposalText.TryParseIke(text, out var proposal, out _) ? proposal : throw new FormatException(text)];

    /// <summary>Carries messages between the two.</summary>
    private void Until(Func<bool> holds, string what)
    {
        var began = Stopwatch.GetTimestamp();
        var room = new byte[DataPlaneLimits.DatagramOutMax];
        var pause = new SpinWait();
        while (!holds())
        {
            Stopwatch.GetElapsedTime(began).ShouldBeLessThan(TimeSpan.FromSeconds(20), what);
            while (_device.Endpoint.TryDequeueTransmit(out var datagram, out var path))
            {
                var socket = path.IsNatPort ? 1 : 0;
                _inbox.Put(new OuterPath { Peer = path.Local, Local = Ours, Shard = 0, Socket = socket }, datagram);
            }

            _inbox.Wake();
            while (_isHeard && _shard.Mailbox.TryTake(out var command))
            {
                _told.Add(command!);
            }

            while (_shard.Mailbox.TryTake(room, out var to, out var length))
            {
                var isNat = to.Socket == 1;
                var from = new IkePath(to.Peer, new OuterAddress(Ours, _shard.Sockets[to.Socket].Bound.Port), isNat);
                _device.Endpoint.HandleMessage(room.AsSpan(isNat ? 4 : 0, length - (isNat ? 4 : 0)), from, _clock.Now);
            }

            _device.Endpoint.HandleTimeout(_clock.Now);
            _device.Hear();
            pause.SpinOnce();
        }
    }

    /// <summary>The machine's, and more when it is told so.</summary>
    private sealed class LeapingTime : TimeProvider
    {
        private long _ahead;

        public override long TimestampFrequency => System.TimestampFrequency;

        public override long GetTimestamp() => System.GetTimestamp() + Interlocked.Read(ref _ahead);

        public override DateTimeOffset GetUtcNow() => System.GetUtcNow();

        public void Leap(TimeSpan time) => Interlocked.Add(ref _ahead, (long)(time.TotalSeconds * TimestampFrequency));
    }

    private sealed class Device : IIkeOwner, IDisposable
    {
        private readonly SystemEntropy _entropy = new();
        private uint _lastSpi = 0x2000;

        public Device() => Endpoint = new IkeEndpoint(
            new IkeOptions { Identity = IkeIdentity.Fqdn("pump-17.plant-a.sallyport"), Proposals = Proposals("aes256gcm16-prfsha384-ecp384") }, this, _entropy);

        public IkeEndpoint Endpoint { get; }

        public List<uint> Children { get; } = [];

        public IkeDown? Ended { get; private set; }

        public IkeCertificate? Certificate => null;

        public CertificateAnchors? Anchors => null;

        public ReadOnlyMemory<byte> AuthorityHashes => default;

        public TlsContext? EapTls => null;

        public ImmutableArray<IkeProof> EapMethods => [];

        public ulong NewIkeSpi()
        {
            Span<byte> bytes = stackalloc byte[8];
            _entropy.Fill(bytes);
            return BitConverter.ToUInt64(bytes) | 1;
        }

        public bool TryNewEspSpi(IkeSession session, out uint spi)
        {
            spi = ++_lastSpi;
            return true;
        }

        public void FreeEspSpi(uint spi)
        {
        }

        public IkeSecret? FindPsk(IkeIdentity peer) => null;

        public IkeSecret? FindEapHash(string user) => null;

        public IkeSecret? FindPpk(ReadOnlySpan<byte> id) => null;

        public IkeVerdict Judge(IkeClaim claim) => IkeVerdict.Allow(new IkeGrant
        {
            Tag = "gateway", Local = Everything, Remote = Everything, Ike = claim.Target is null ? [] : Proposals("aes256gcm16-prfsha384-ecp384"),
            Esp = [ProposalText.TryParseEsp("aes256gcm16-ecp384-none-noesn", out var esp, out _) ? esp : throw new FormatException()],
        });

        public void Hear()
        {
            while (Endpoint.TryDequeueEvent(out _, out var happened))
            {
                Ended ??= happened as IkeDown;
                if (happened is ChildUp up)
                {
                    Children.Add(up.Keys.InboundSpi);
                    up.Keys.Dispose();
                }
            }
        }

        public void Dispose() => Endpoint.Dispose();
    }
}
