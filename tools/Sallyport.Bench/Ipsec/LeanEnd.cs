using System.Collections.Immutable;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Sallyport.Core.Crypto;
using Sallyport.Core.Esp;
using Sallyport.Core.Ike.Proposals;
using Sallyport.Core.Ike.Session;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;
using Sallyport.Harness;
using Sallyport.Simulator.Devices;
using Sallyport.Simulator.Fleets;
using Sallyport.Simulator.Linux;
using Sallyport.Simulator.Measures;
using Sallyport.Simulator.Traffic;
using CoreProof = Sallyport.Core.Ike.Session.IkeProof;

namespace Sallyport.Bench.Ipsec;

/// <summary>
/// An initiator that comes in by IKE as any other, and then does no more than it must: it seals packets of a stream, or counts those that arrive without opening
/// them, as the simulator's OpenVPN devices do. What a server can carry shows only where its clients are not what is full. Used by one thread.
/// </summary>
internal sealed class LeanEnd : IIkeOwner, IDisposable
{
    private const int NonEspMarker = 4;
    private const int SmallestCounted = 72;
    private const int ReceiveBuffer = 8 << 20;
    private const ushort OwnPort = 40_000;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100);
    private static readonly SourcePool Sources = SourcePool.Anywhere();

    private readonly Monotonic clock = new();
    private readonly ReceiveRing receiving = new();
    private readonly byte[] buffer = new byte[ushort.MaxValue];
    private readonly IkeCaller caller;
    private readonly IkeEndpoint endpoint;
    private readonly IkePath path;
    private readonly DeviceSocket socket;
    private EspSa sa;
    private IpAddress? own;
    private uint lastSpi = BitConverter.ToUInt32(RandomNumberGenerator.GetBytes(sizeof(uint))) | 0x1000_0000;
    private string? failure;

    /// <param name="site">The subnet that it carries; null for a device, which asks for an address.</param>
    /// <param name="coalesces">Several packets may reach it as one (UDP_GRO).</param>
    public LeanEnd(Namespace where, IkeCaller caller, IpPrefix? site, bool coalesces = false)
    {
        this.caller = caller;
        var server = new IPEndPoint(IPAddress.Parse(caller.Remote), IkePath.NatPort);
        socket = where.Run(() => Sources.Open(server));
        socket.EnlargeReceiveBuffer(ReceiveBuffer);
        if (coalesces)
        {
            socket.TryCoalesce();
        }

        path = new IkePath(new OuterAddress(default, OwnPort), new OuterAddress(IpAddress.Parse(caller.Remote), IkePath.NatPort), IsNatPort: true);
        endpoint = new IkeEndpoint(
            new IkeOptions { Identity = IkeIdentity.Fqdn("lean"), Proposals = [], ForceEncapsulation = true }, this, SystemEntropy.Instance);
        endpoint.Initiate(Target(site), path, clock.Now);
        Flush();
    }

    public int Descriptor => socket.Descriptor;

    public IkeCertificate? Certificate => null;

    public CertificateAnchors? Anchors => null;

    public ReadOnlyMemory<byte> AuthorityHashes => default;

    public TlsContext? EapTls => null;

    public ImmutableArray<CoreProof> EapMethods => [];

    public ulong NewIkeSpi() => BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong))) | 1;

    public bool TryNewEspSpi(IkeSession session, out uint spi)
    {
        spi = ++lastSpi;
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
        Tag = caller,
        Local = [.. Everything],
        Remote = [.. Everything],
        Ike = Ike,
        Esp = Esp,
    });

    /// <summary>Waits until packets can be sealed.</summary>
    /// <param name="arrivals">Watches its socket.</param>
    /// <exception cref="TimeoutException">The server did not let it in.</exception>
    public void Connect(Epoll arrivals)
    {
        Span<int> readable = stackalloc int[2];
        for (var until = clock.Now + Patience; !sa.Exists;)
        {
            Take(null);
            if (failure is not null || clock.Now > until)
            {
                throw new TimeoutException($"{caller.Name} is not let in at {caller.Remote}: {failure ?? "no answer"}");
            }

            arrivals.Wait(readable, Look);
        }
    }

    /// <summary>Sends <see cref="PacketStream.Segments"/> packets with one call. Returns how many.</summary>
    public int Pour(PacketStream stream, InnerEnd to)
    {
        var payload = stream.PacketBytes - UdpPacket.HeaderLength(to.Address);
        var (whole, segment) = (0, 0);
        for (var i = 0; i < stream.Segments; i++)
        {
            var inner = buffer.AsSpan(whole + sa.Headroom);
            UdpPacket.Complete(inner, new InnerEnd(own!.Value, OwnPort), to, payload);
            if (!sa.Seal(buffer, whole + sa.Headroom, stream.PacketBytes, out var start, out segment))
            {
                throw new InvalidOperationException("the SA of the stream is worn out");
            }

            Invariant.Check(start == whole, "segments lie one behind the other");
            whole += segment;
        }

        if (stream.Segments == 1)
        {
            socket.Send(buffer.AsSpan(0, whole));
            return 1;
        }

        return socket.TrySendSegments(buffer.AsSpan(0, whole), segment) ? stream.Segments : 0;
    }

    /// <summary>Takes what has arrived, and answers what IKE wants answered.</summary>
    /// <param name="count">Into which packets are counted; null where none are expected.</param>
    public void Take(PacketStream? count)
    {
        var (packets, bytes) = (0, 0L);
        bool more;
        do
        {
            more = receiving.Receive(socket);
            while (receiving.TryNext(out var datagram))
            {
                if (datagram.Length > NonEspMarker && datagram[..NonEspMarker].IndexOfAnyExcept((byte)0) < 0)
                {
                    endpoint.HandleMessage(datagram[NonEspMarker..], path, clock.Now);
                }
                else if (datagram.Length >= SmallestCounted)
                {
                    packets++;
                    bytes += datagram.Length;
                }
            }
        }
        while (more);

        count?.Count(packets, bytes);
        endpoint.HandleTimeout(clock.Now);
        Flush();
    }

    public void Dispose()
    {
        endpoint.Dispose();
        sa.Free();
        receiving.Dispose();
        socket.Close();
    }

    private static ImmutableArray<TrafficSelector> Everything => [TrafficSelector.Of(IpPrefix.Parse("0.0.0.0/0"))];

    private static IReadOnlyList<Proposal> Ike { get; } =
        [ProposalText.TryParseIke("aes256gcm16-prfsha384-ecp256", out var proposal, out var error) ? proposal : throw new FormatException(error)];

    private static IReadOnlyList<Proposal> Esp { get; } =
        [ProposalText.TryParseEsp($"{CharonServer.Suite}-noesn", out var proposal, out var error) ? proposal : throw new FormatException(error)];

    private IkeTarget Target(IpPrefix? site) => new()
    {
        Tag = caller,
        Local = IkeIdentity.TryParse(caller.Name, out var name) ? name : throw new FormatException($"{caller.Name} is no identity"),
        Proof = CoreProof.PreSharedKey,
        Psk = Encoding.ASCII.GetBytes(caller.Secret!),
        Ike = Ike,
        Esp = Esp,
        LocalSelectors = site is { } subnet ? [TrafficSelector.Of(subnet)] : Everything,
        RemoteSelectors = Everything,
        WantsAddress = site is null,
    };

    private void Flush()
    {
        while (endpoint.TryDequeueTransmit(out var message, out _))
        {
            var datagram = new byte[NonEspMarker + message.Length];
            message.CopyTo(datagram, NonEspMarker);
            socket.Send(datagram);
        }

        while (endpoint.TryDequeueEvent(out _, out var happened))
        {
            Hear(happened);
        }
    }

    private void Hear(IkeEvent happened)
    {
        switch (happened)
        {
            case Configured configured:
                own = configured.Addresses[0];
                break;
            case ChildUp { Keys: var keys }:
                sa.Free();
                sa = EspSa.Create(keys.Suite, EspMode.Tunnel, keys.InboundSpi, keys.OutboundSpi, keys.Inbound.Bytes, keys.Outbound.Bytes);
                keys.Dispose();
                break;
            case IkeDown down:
                failure = $"{down.Reason}: {down.Detail}";
                break;
            case NegotiationFailed failed:
                failure = failed.Detail;
                break;
            default:
                break;
        }
    }
}
