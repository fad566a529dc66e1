using System.Collections.Immutable;
using Sallyport.Core.Crypto;
using Sallyport.Core.Esp;
using Sallyport.Core.Gateway;
using Sallyport.Core.Ike.Keys;
using Sallyport.Core.Ike.Session;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;
using Sallyport.Fuzz.Engine;

namespace Sallyport.Fuzz.Targets;

/// <summary>How far a device has come with its gateway when something else comes instead of the next message.</summary>
internal enum IkeStage : byte
{
    /// <summary>Nobody has said anything.</summary>
    Silence,

    /// <summary>The device has sent its first message.</summary>
    Called,

    /// <summary>Both have keys; the device has sent IKE_AUTH, which did not arrive.</summary>
    Keyed,
    Up,

    /// <summary>And the device has a request of each kind under way.</summary>
    Asking,
}

/// <summary>A gateway and a device without a wire: a message arrives at once, unless it is kept. Messages can be made with the keys of either.</summary>
internal sealed class IkeWorldOfTwo : IDisposable
{
    private static readonly OuterAddress DeviceAt = new(IpAddress.Parse("203.0.113.9"), 500);
    private static readonly OuterAddress GatewayAt = new(IpAddress.Parse("198.51.100.1"), 500);
    private static readonly byte[] Psk = new Chance(31).Bytes(32);

    private readonly Chance _chance = new(32);
    private ulong _counter = 1ul << 40;

    public IkeWorldOfTwo(IkeStage stage)
    {
        Gateway = new Party(33);
        Device = new Party(34);
        var options = new IkeOptions { Identity = IkeIdentity.Fqdn("gw"), Proposals = IkeSeeds.Ike, TicketKey = new Chance(35).Bytes(32) };
        Gateway.Endpoint = new IkeEndpoint(options, Gateway, Gateway.Entropy);
        Device.Endpoint = new IkeEndpoint(options with { Identity = IkeIdentity.Fqdn(IkeSeeds.DeviceName) }, Device, Device.Entropy);
        if (stage > IkeStage.Silence)
        {
            Bring(stage);
        }
    }

    public Instant Now { get; private set; } = Keys.Start;

    public Party Gateway { get; }

    public Party Device { get; }

    /// <summary>Datagrams that went out since this was set to zero.</summary>
    public int Sent { get; set; }

    /// <summary>Nothing of either reaches the other.</summary>
    public bool IsCut { get; set; }

    public DropReason Give(Party to, ReadOnlySpan<byte> message)
    {
        var path = to == Gateway ? new IkePath(GatewayAt, DeviceAt, false) : new IkePath(DeviceAt, GatewayAt, false);
        var reason = to.Endpoint.HandleMessage(message.ToArray(), path, Now);
        Drain();
        return reason;
    }

    /// <summary>As the party would send it: sealed where it has keys.</summary>
    public byte[] Make(Party from, ExchangeType exchange, uint id, bool isResponse, PayloadType first, ReadOnlySpan<byte> payloads, int parts = 1)
    {
        var sa = from.Session!.Current;
        if (sa.Keys is null)
        {
            return sa.ComposeClear(exchange, id, isResponse, first, payloads);
        }

        var datagram = new byte[payloads.Length + 200];
        var length = parts == 1
            ? MessageCipher.Seal(sa.Keys, sa.Header(exchange, id, isResponse), first, payloads, _counter++, _chance, datagram)
            : MessageCipher.SealFragment(sa.Keys, sa.Header(exchange, id, isResponse), first, payloads, 1, parts, _counter++, _chance, datagram);
        return datagram[..length];
    }

    public void Pass(TimeSpan time)
    {
        for (var end = Now + time; Now < end;)
        {
            Now = Instant.Min(end, Instant.Min(Device.Endpoint.NextDeadline, Gateway.Endpoint.NextDeadline) is var next && next > Now ? next : Now + TimeSpan.FromMilliseconds(1));
            Device.Endpoint.HandleTimeout(Now);
            Gateway.Endpoint.HandleTimeout(Now);
            Drain();
        }
    }

    public void Dispose()
    {
        Gateway.Endpoint.Dispose();
        Device.Endpoint.Dispose();
    }

    private void Bring(IkeStage stage)
    {
        IsCut = stage == IkeStage.Called;
        Device.Session = Device.Endpoint.Initiate(
            new IkeTarget
            {
                Tag = "gw", Local = IkeIdentity.Fqdn(IkeSeeds.DeviceName), Proof = IkeProof.PreSharedKey, Psk = Psk, Ike = IkeSeeds.Ike, Esp = IkeSeeds.Esp,
                LocalSelectors = [TrafficSelector.Of(IpAddress.Parse("10.20.0.2"))], RemoteSelectors = IkeSeeds.Selectors, WantsAddress = true, WantsTicket = true,
            },
            new IkePath(DeviceAt, GatewayAt, false),
            Now);
        Device.Holds = stage == IkeStage.Keyed ? ExchangeType.IkeAuth : ExchangeType.None;
        Drain();
        Gateway.Session = Gateway.Heard;
        if (stage == IkeStage.Asking)
        {
            IsCut = true;
            var child = Device.Live.First();
            Device.Endpoint.Tell(Device.Session, session =>
            {
                session.RekeyChild(child, Now);
                session.Probe(Now);
                session.Move(new IkePath(DeviceAt with { Port = 501 }, GatewayAt, false), Now);
            });
            Drain();
        }
    }

    private void Drain()
    {
        var isAny = true;
        while (isAny)
        {
            isAny = Drain(Device, Gateway) | Drain(Gateway, Device);
        }
    }

    private bool Drain(Party from, Party to)
    {
        var isAny = false;
        while (from.Endpoint.TryDequeueTransmit(out var datagram, out var path))
        {
            isAny = true;
            Sent++;
            if (!IsCut && datagram[18] != (byte)from.Holds)
            {
                to.Endpoint.HandleMessage(datagram, new IkePath(path.Peer, path.Local, path.IsNatPort), Now);
            }
        }

        while (from.Endpoint.TryDequeueEvent(out var session, out var happened))
        {
            from.Hear(session, happened);
        }

        return isAny;
    }

    /// <summary>Remembers the last link that was given: nothing else that an endpoint draws has eight bytes.</summary>
    public sealed class LinkRecorder(ulong seed) : IEntropy
    {
        private readonly Chance _chance = new(seed);

        public byte[] Link { get; private set; } = new byte[8];

        public void Fill(Span<byte> bytes)
        {
            _chance.Fill(bytes);
            Link = bytes.Length == Link.Length ? bytes.ToArray() : Link;
        }
    }

    /// <summary>Owner of one endpoint.</summary>
    public sealed class Party(ulong seed) : IIkeOwner
    {
        private static readonly List<Type> Kinds =
            [typeof(IkeUp), typeof(Configured), typeof(ChildUp), typeof(ChildUse), typeof(ChildDown), typeof(IkeMoved), typeof(IkeRekeyed), typeof(IkeRedirected), typeof(TicketReceived), typeof(NegotiationFailed), typeof(ProofDue)];

        private readonly Chance _chance = new(seed);
        private uint _lastSpi = 0x2000;

        /// <summary>What its endpoint draws.</summary>
        public LinkRecorder Entropy { get; } = new(seed + 3);

        public IkeEndpoint Endpoint { get; set; } = null!;

        public IkeSession? Session { get; set; }

        public IkeSession? Heard { get; private set; }

        public ExchangeType Holds { get; set; }

        public HashSet<uint> Live { get; } = [];

        public HashSet<uint> Allotted { get; } = [];

        public int Ups { get; private set; }

        /// <summary>What it heard last.</summary>
        public int Last { get; private set; }

        public IkeCertificate? Certificate => null;

        public CertificateAnchors? Anchors => null;

        public ReadOnlyMemory<byte> AuthorityHashes => default;

        public TlsContext? EapTls => null;

        public ImmutableArray<IkeProof> EapMethods => [];

        public ulong NewIkeSpi() => _chance.Next() | 1;

        public bool TryNewEspSpi(IkeSession session, out uint spi) => Allotted.Add(spi = ++_lastSpi);

        public void FreeEspSpi(uint spi)
        {
            if (!Allotted.Remove(spi))
            {
                throw new PropertyException("a number that was not allotted, or is in use, is given back");
            }
        }

        public IkeSecret? FindPsk(IkeIdentity peer) => peer.ToString() == IkeSeeds.DeviceName ? new IkeSecret("pump", Psk) : null;

        public IkeSecret? FindEapHash(string user) => null;

        public IkeSecret? FindPpk(ReadOnlySpan<byte> id) => id.SequenceEqual("ppk-1"u8) ? new IkeSecret("ppk", Psk) : null;

        public IkeVerdict Judge(IkeClaim claim) => IkeVerdict.Allow(new IkeGrant
        {
            Tag = "pump", AddressV4 = IpAddress.Parse("10.20.0.2"), Local = IkeSeeds.Selectors, Remote = [TrafficSelector.Of(IpAddress.Parse("10.20.0.2"))], Ike = IkeSeeds.Ike, Esp = IkeSeeds.Esp,
        });

        public void Hear(IkeSession session, IkeEvent happened)
        {
            Last = happened is IkeDown end ? 100 + (int)end.Reason : Kinds.IndexOf(happened.GetType());
            switch (happened)
            {
                case IkeUp:
                    Heard = session;
                    Ups++;
                    break;
                case ChildUp up:
                    using (up.Keys)
                    {
                        if (!Live.Add(up.Keys.InboundSpi) || !Allotted.Remove(up.Keys.InboundSpi))
                        {
                            throw new PropertyException("a pair has a number that was allotted for it, and once");
                        }
                    }

                    break;
                case ChildDown down when !Live.Remove(down.InboundSpi):
                    throw new PropertyException("what goes was there");
                default:
                    break;
            }
        }
    }
}
