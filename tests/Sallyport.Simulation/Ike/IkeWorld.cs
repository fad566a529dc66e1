using System.Security.Cryptography;
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

    /// <summary>The first byte of what the wire carries says which port of ours it is for.</summary>
    private void Deliver(End to, byte[] datagram)
    {
        var isNatPort = (datagram[0] & 1) != 0;
        var port = isNatPort ? IkePath.NatPort : IkePath.Port;
        var device = Device.At with { Port = port };
        var seen = Nat?.Invoke(device) ?? device;
        var gateway = Gateway.At with { Port = port };
        var path = to == End.Server ? new IkePath(gateway, seen, isNatPort) : new IkePath(device, gateway, isNatPort);
        (to == End.Server ? Gateway : Device).Endpoint.HandleMessage(datagram.AsSpan(1), path, Now);
        Drain();
    }

    private void Drain(IkeEnd from, End to)
    {
        while (from.Endpoint.TryDequeueTransmit(out var datagram, out var path))
        {
            if (Passes(to, datagram))
            {
                Wire.Send(to, [path.IsNatPort ? (byte)1 : (byte)0, .. datagram], Now);
            }
        }

        while (from.Endpoint.TryDequeueEvent(out var session, out var happened))
        {
            from.Hear(session, happened);
        }
    }
}
