using System.Security.Cryptography;
using Sallyport.Core.Gateway;
using Sallyport.Core.Ike.Session;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;
using Sallyport.Simulation.Wire;

namespace Sallyport.Simulation.Ike;

/// <summary>A device and a gateway that speak IKE over a wire that is as bad as it is told to be. Time passes as events need it.</summary>
internal sealed class IkeWorld : IDisposable
{
    public static readonly Instant Start = Instant.FromUnixSeconds(1_800_000_000);

    public const string DeviceName = "pump-17.plant-a.sallyport";
    public const string GatewayName = "vpn.example.com";

    private const byte OnNatPort = 1;
    private const byte IsEsp = 2;
    private const byte IsRekeyed = 4;

    private static readonly string[] AllIke = ["aes256gcm16-prfsha256-x25519-ecp256-ecp384-modp2048"];
    private static readonly string[] AllEsp = ["aes256gcm16-x25519-none-noesn"];

    public static readonly byte[] Psk = SHA256.HashData("the key of pump-17"u8);

    public IkeWorld(ulong seed, Fate? fate = null)
    {
        Chance = new SeededEntropy(seed);
        Wire = new NoisyWire(Chance, fate ?? Fate.Clean);
        Now = Start;
        Device = new IkeEnd("device", new SeededEntropy(seed ^ 0xd), new OuterAddress(IpAddress.Parse("203.0.113.9"), 500));
        Gateway = new IkeEnd("gateway", new SeededEntropy(seed ^ 0x6), new OuterAddress(IpAddress.Parse("198.51.100.1"), 500));
        Gateway.Psks[DeviceName] = Psk;
        Gateway.Grant = new IkeGrant
        {
            Tag = "pump-17",
            AddressV4 = IpAddress.Parse("10.20.0.2"),
            DnsServers = [IpAddress.Parse("10.20.0.1")],
            DnsDomain = "plant-a.sallyport",
            Local = IkeEnd.Selectors("10.20.0.0/16", "192.168.50.0/24"),
            Remote = IkeEnd.Selectors("10.20.0.2/32"),
            Ike = IkeEnd.Ike(AllIke),
            Esp = IkeEnd.Esp(AllEsp),
        };
        Device.Grant = Gateway.Grant with { Tag = "vpn", Local = Gateway.Grant.Remote, Remote = Gateway.Grant.Local };
        GatewayOptions = new IkeOptions { Identity = IkeIdentity.Fqdn(GatewayName), Proposals = Gateway.Grant.Ike, TicketKey = SHA256.HashData("tickets"u8) };
        DeviceOptions = new IkeOptions { Identity = IkeIdentity.Fqdn(DeviceName), Proposals = Gateway.Grant.Ike };
        Target = new IkeTarget
        {
            Tag = "vpn",
            Local = IkeIdentity.Fqdn(DeviceName),
            Remote = IkeIdentity.Fqdn(GatewayName),
            Proof = IkeProof.PreSharedKey,
            Psk = Psk,
            Ike = Gateway.Grant.Ike,
            Esp = Gateway.Grant.Esp,
            LocalSelectors = IkeEnd.Selectors("0.0.0.0/0"),
            RemoteSelectors = IkeEnd.Selectors("0.0.0.0/0"),
            WantsAddress = true,
        };
    }

    public SeededEntropy Chance { get; }

    public NoisyWire Wire { get; }

    public Instant Now { get; set; }

    public IkeEnd Device { get; }

    public IkeEnd Gateway { get; }

    public IkeOptions GatewayOptions { get; set; }

    public IkeOptions DeviceOptions { get; set; }

    public IkeTarget Target { get; set; }

    public IkeEndpointLimits Limits { get; set; } = new();

    /// <summary>Where the device's datagrams seem to come from: a NAT is between where it is not where the device is.</summary>
    public Func<OuterAddress, OuterAddress>? Nat { get; set; }

    /// <summary>Looks at, or swallows, each datagram on its way.</summary>
    public Func<End, byte[], bool> Passes { get; set; } = (_, _) => true;

    public void Begin()
    {
        Gateway.Endpoint ??= new IkeEndpoint(GatewayOptions, Gateway, Gateway0(), Limits);
        Device.Endpoint ??= new IkeEndpoint(DeviceOptions, Device, Device0());
        Device.Session = Device.Endpoint.Initiate(Target, new IkePath(Device.At, Gateway.At, IsNatPort: false), Now);
        Drain();
    }

    /// <summary>Brings both up, or fails.</summary>
    public void Up(TimeSpan? most = null)
    {
        Begin();
        RunUntil(() => AreUp, most ?? TimeSpan.FromSeconds(100)).ShouldBeTrue(IkeHandshakeTests.Story(this));
    }

    /// <summary>Both come, and are asked to come, by certificates.</summary>
    public void UseCertificates(IkeCertificate device, IkeCertificate gateway)
    {
        (Device.Certificate, Device.Anchors) = (device, IkePki.Anchors());
        (Gateway.Certificate, Gateway.Anchors, Gateway.AuthorityHashes) = (gateway, IkePki.Anchors(), IkePki.AuthorityHash());
        Target = Target with { Proof = IkeProof.Certificate };
    }

    /// <summary>What both offer and take for the IKE SA.</summary>
    public void UseIke(string device, string? gateway = null)
    {
        Target = Target with { Ike = IkeEnd.Ike(device) };
        GatewayOptions = GatewayOptions with { Proposals = IkeEnd.Ike(gateway ?? device) };
        Gateway.Grant = Gateway.Grant with { Ike = GatewayOptions.Proposals };
    }

    public void UseEsp(string device, string? gateway = null)
    {
        Target = Target with { Esp = IkeEnd.Esp(device) };
        Gateway.Grant = Gateway.Grant with { Esp = IkeEnd.Esp(gateway ?? device) };
    }

    public void UseLifetimes(IkeLifetimes lifetimes)
    {
        Target = Target with { Lifetimes = lifetimes };
        Gateway.Grant = Gateway.Grant with { Lifetimes = lifetimes };
    }

    /// <summary>Both know who the other is.</summary>
    public bool AreUp => Device.IsUp && Gateway.IsUp;

    public bool RunUntil(Func<bool> done, TimeSpan most)
    {
        var end = Now + most;
        while (!done())
        {
            var next = Instant.Min(Wire.NextArrival, Instant.Min(Device.Endpoint.NextDeadline, Gateway.Endpoint.NextDeadline));
            if (next > end)
            {
                Now = end;
                return done();
            }

            Now = next > Now ? next : Now;
            Step();
        }

        return true;
    }

    public void Run(TimeSpan time) => RunUntil(() => false, time);

    /// <summary>As <see cref="Run"/>, while both ends send under all that they send with, again and again: nothing may come that its receiver does not take.</summary>
    public void RunWithTraffic(TimeSpan time, TimeSpan every)
    {
        for (var end = Now + time; Now < end;)
        {
            Send(Device, End.Server);
            Send(Gateway, End.Client);
            Run(every);
        }
    }

    /// <summary>Packets that came, and of them those under a pair of SAs that their receiver had not.</summary>
    public int Packets { get; private set; }

    public List<string> NotTaken { get; } = [];

    /// <summary>SPIs that somebody deleted on purpose: what is on its way then is lost.</summary>
    public HashSet<uint> Condemned { get; } = [];

    /// <summary>Both halves of a pair.</summary>
    public void Condemn(IkeEnd end, uint inboundSpi)
    {
        Condemned.Add(inboundSpi);
        Condemned.Add(end.Live[inboundSpi].OutboundSpi);
    }

    /// <summary>Nothing is lost any more, and no keys get old.</summary>
    public void UseQuiet()
    {
        Wire.Fate = Fate.Clean;
        foreach (var end in new[] { Device, Gateway })
        {
            Tell(end, session =>
            {
                session.StopTimer(IkeTimer.Rekey);
                foreach (var child in session.Children.All)
                {
                    (child.RekeyAt, child.ExpiresAt) = (Instant.Never, Instant.Never);
                }
            });
        }
    }

    /// <summary>After everything has settled: same SAs, same keys, no number that was allotted and not used, one pair of SPIs.</summary>
    public void ShouldAgree(string what = "")
    {
        var story = $"{what}\n{IkeHandshakeTests.Story(this)}";
        Match().ShouldBeTrue(story);
        foreach (var end in new[] { Device, Gateway })
        {
            end.IkeSpis.Keys.Order().ShouldBe(end.Endpoint.LocalSpis.Order(), story);
        }

        Device.Allotted.ShouldBeEmpty(story);
        Gateway.Allotted.ShouldBeEmpty(story);
        if (AreUp)
        {
            Device.Session!.LocalSpis.Count().ShouldBe(1, story);
            Gateway.Session!.LocalSpis.Count().ShouldBe(1, story);
            Device.Session.Current.RemoteSpi.ShouldBe(Gateway.Session.Current.LocalSpi, story);
            Gateway.Session.Current.RemoteSpi.ShouldBe(Device.Session.Current.LocalSpi, story);
            Device.Session.Current.Keys!.Derivation.ToArray().ShouldBe(Gateway.Session.Current.Keys!.Derivation.ToArray(), story);
            Device.Sending.Select(keys => keys.OutboundSpi).Order().ShouldBe(Gateway.Live.Keys.Order(), story);
            Gateway.Sending.Select(keys => keys.OutboundSpi).Order().ShouldBe(Device.Live.Keys.Order(), story);
        }
    }

    /// <summary>Whether each end receives with what the other sends with, and with the same keys.</summary>
    public bool Match()
    {
        if (Device.Live.Count != Gateway.Live.Count)
        {
            return false;
        }

        foreach (var ours in Device.Live.Values)
        {
            if (!Gateway.Live.TryGetValue(ours.OutboundSpi, out var theirs) || theirs.OutboundSpi != ours.InboundSpi
                || !ours.Outbound.Bytes.SequenceEqual(theirs.Inbound.Bytes) || !ours.Inbound.Bytes.SequenceEqual(theirs.Outbound.Bytes)
                || ours.Suite != theirs.Suite || !ours.Local.SequenceEqual(theirs.Remote) || !ours.Remote.SequenceEqual(theirs.Local))
            {
                return false;
            }
        }

        return true;
    }

    public void Tell(IkeEnd end, Action<IkeSession> command)
    {
        end.Endpoint.Tell(end.Session!, command);
        Drain();
    }

    /// <summary>Somebody's message comes in at once, by no wire.</summary>
    public DropReason Inject(End to, ReadOnlySpan<byte> message, OuterAddress? from = null)
    {
        var path = to == End.Server ? new IkePath(Gateway.At, from ?? Seen(IkePath.Port), false) : new IkePath(Device.At, from ?? Gateway.At, false);
        var reason = (to == End.Server ? Gateway : Device).Endpoint.HandleMessage(message.ToArray(), path, Now);
        Drain();
        return reason;
    }

    public void Drain()
    {
        Drain(Device, End.Server);
        Drain(Gateway, End.Client);
    }

    public void Dispose()
    {
        Device.Dispose();
        Gateway.Dispose();
    }

    private SeededEntropy Gateway0() => new(Chance.Next());

    private SeededEntropy Device0() => new(Chance.Next());

    private void Step()
    {
        while (Wire.TryReceive(Now, out var to, out var datagram))
        {
            Deliver(to, datagram);
        }

        Device.Endpoint.HandleTimeout(Now);
        Gateway.Endpoint.HandleTimeout(Now);
        Drain();
    }

    private void Send(IkeEnd from, End to)
    {
        foreach (var keys in from.Sending)
        {
            if (Condemned.Contains(keys.Replaces))
            {
                // It has just taken the place of what was deleted on purpose.
                Condemn(from, keys.InboundSpi);
            }

            Wire.Send(to, [keys.Replaces == 0 ? IsEsp : (byte)(IsEsp | IsRekeyed), .. BitConverter.GetBytes(keys.OutboundSpi)], Now);
        }
    }

    /// <summary>The first byte of what the wire carries says which port of ours it is for.</summary>
    private void Deliver(End to, byte[] datagram)
    {
        var receiver = to == End.Server ? Gateway : Device;
        if ((datagram[0] & IsEsp) != 0)
        {
            Take(receiver, BitConverter.ToUInt32(datagram, 1), (datagram[0] & IsRekeyed) != 0);
            return;
        }

        var isNatPort = (datagram[0] & OnNatPort) != 0;
        var port = isNatPort ? IkePath.NatPort : IkePath.Port;
        var gateway = Gateway.At with { Port = port };
        var path = to == End.Server ? new IkePath(gateway, Seen(port), isNatPort) : new IkePath(Device.At with { Port = port }, gateway, isNatPort);
        receiver.Endpoint.HandleMessage(datagram.AsSpan(1), path, Now);
        Drain();
    }

    /// <summary>The very first packets under a pair that is not a rekey may overtake the answer that their receiver needs for them.</summary>
    private void Take(IkeEnd receiver, uint spi, bool isRekeyed)
    {
        Packets++;
        var isKnown = isRekeyed || receiver.Ever.Contains(spi);
        if (isKnown && !receiver.Receives(spi, Now) && !Condemned.Contains(spi))
        {
            NotTaken.Add($"{receiver.Name} has no SA {spi:x} at {(Now - Start).TotalSeconds}");
        }
    }

    private OuterAddress Seen(ushort port)
    {
        var device = Device.At with { Port = port };
        return Nat?.Invoke(device) ?? device;
    }

    private void Drain(IkeEnd from, End to)
    {
        while (from.Endpoint.TryDequeueTransmit(out var datagram, out var path))
        {
            // Where the device is not (any more), nothing arrives.
            var arrives = to == End.Server || path.Peer == Seen(path.IsNatPort ? IkePath.NatPort : IkePath.Port);
            if (Passes(to, datagram) && arrives)
            {
                Wire.Send(to, [path.IsNatPort ? OnNatPort : (byte)0, .. datagram], Now);
            }
        }

        while (from.Endpoint.TryDequeueEvent(out var session, out var happened))
        {
            from.Hear(session, happened, Now);
        }
    }
}
