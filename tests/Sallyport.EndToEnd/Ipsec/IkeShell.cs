using System.Collections.Immutable;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Sallyport.Core.Crypto;
using Sallyport.Core.Ike.Session;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Peers;

namespace Sallyport.EndToEnd.Ipsec;

/// <summary>
/// The thinnest shell around an <see cref="IkeEndpoint"/>: two sockets, one thread, one certificate. For what our own authority never issues; its CHILD_SAs carry nothing.
/// </summary>
internal sealed class IkeShell : IIkeOwner, IDisposable
{
    private const int MarkerLength = 4;
    private readonly Lock gate = new();
    private readonly IkeEndpoint endpoint;
    private readonly Socket[] sockets;
    private readonly OuterAddress[] bound;
    private readonly Thread thread;
    private readonly SystemEntropy entropy = new();
    private readonly long started = Stopwatch.GetTimestamp();
    private readonly Instant epoch = Instant.FromUnixSeconds(DateTimeOffset.UtcNow.ToUnixTimeSeconds());
    private readonly CertificateAnchors anchors;
    private readonly IkeGrant grant;
    private readonly List<string> story = [];
    private readonly byte[] room = new byte[65_536];
    private uint lastSpi = 0x1000;
    private int received;
    private volatile bool stop;
    private Exception? fault;

    public IkeShell(Namespace where, string own, IkeCertificate certificate, byte[] root, IkeOptions options, IkeGrant grant)
    {
        anchors = new CertificateAnchors([root]);
        (Certificate, this.grant) = (certificate, grant);
        AuthorityHashes = CertificateNames.TryRead(root, out var names) ? names.PublicKeySha1 : default;
        endpoint = new IkeEndpoint(options, this, entropy);
        var ip = IpAddress.Parse(own);
        bound = [new OuterAddress(ip, IkePath.Port), new OuterAddress(ip, IkePath.NatPort)];
        sockets = [.. bound.Select(at => where.Run(() =>
        {
            var made = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            made.Bind(new IPEndPoint(IPAddress.Parse(own), at.Port));
            return made;
        }))];
        thread = new Thread(Loop) { IsBackground = true };
        thread.Start();
    }

    public IkeCertificate? Certificate { get; }

    public CertificateAnchors? Anchors => anchors;

    public ReadOnlyMemory<byte> AuthorityHashes { get; }

    public TlsContext? EapTls => null;

    public ImmutableArray<IkeProof> EapMethods => [];

    /// <summary>The claim of the peer that was let in last.</summary>
    public IkeClaim? Claim { get; private set; }

    /// <summary>Datagrams that came.</summary>
    public int Received => Volatile.Read(ref received);

    public void Call(IkeTarget target, string peer)
    {
        lock (gate)
        {
            endpoint.Initiate(target, new IkePath(bound[0], new OuterAddress(IpAddress.Parse(peer), IkePath.Port), IsNatPort: false), Now);
            Drain();
        }
    }

    /// <summary>Waits until it was told of something, as in "IkeUp".</summary>
    public Task Until(string happened) => Eventually.True(
        () =>
        {
            lock (gate)
            {
                return fault is not null || story.Exists(line => line.StartsWith(happened, StringComparison.Ordinal));
            }
        },
        $"{happened} at our end", IpsecDevice.Patience);

    public override string ToString()
    {
        lock (gate)
        {
            return $"{fault}\n{string.Join('\n', story)}";
        }
    }

    public ulong NewIkeSpi()
    {
        var spi = new byte[8];
        entropy.Fill(spi);
        return BitConverter.ToUInt64(spi) | 1;
    }

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

    public IkeVerdict Judge(IkeClaim claim)
    {
        Claim = claim;
        return IkeVerdict.Allow(grant);
    }

    public void Dispose()
    {
        stop = true;
        thread.Join();
        Array.ForEach(sockets, socket => socket.Dispose());
        endpoint.Dispose();
        anchors.Dispose();
    }

    private Instant Now => epoch + Stopwatch.GetElapsedTime(started);

    private void Loop()
    {
        try
        {
            while (!stop)
            {
                var readable = new List<Socket>(sockets);
                Socket.Select(readable, null, null, TimeSpan.FromMilliseconds(20));
                lock (gate)
                {
                    readable.ForEach(Take);
                    endpoint.HandleTimeout(Now);
                    Drain();
                }
            }
        }
        catch (Exception e) when (e is SocketException or InvalidOperationException or ArgumentException)
        {
            fault = e;
        }
    }

    private void Take(Socket socket)
    {
        EndPoint from = new IPEndPoint(IPAddress.Any, 0);
        var length = socket.ReceiveFrom(room, ref from);
        var isNatPort = socket == sockets[1];
        var skip = isNatPort ? MarkerLength : 0;
        if (length <= skip || (isNatPort && room.AsSpan(0, MarkerLength).ContainsAnyExcept((byte)0)))
        {
            return;
        }

        Interlocked.Increment(ref received);
        var peer = (IPEndPoint)from;
        endpoint.HandleMessage(room.AsSpan(skip, length - skip), new IkePath(bound[isNatPort ? 1 : 0], new OuterAddress(IpAddress.Parse(peer.Address.ToString()), (ushort)peer.Port), isNatPort), Now);
    }

    private void Drain()
    {
        while (endpoint.TryDequeueEvent(out _, out var happened))
        {
            story.Add(happened.ToString());
            (happened as ChildUp)?.Keys.Dispose();
        }

        while (endpoint.TryDequeueTransmit(out var datagram, out var path))
        {
            var socket = sockets[path.IsNatPort ? 1 : 0];
            byte[] marked = path.IsNatPort ? [0, 0, 0, 0, .. datagram] : datagram;
            socket.SendTo(marked, new IPEndPoint(IPAddress.Parse(path.Peer.Ip.ToString()), path.Peer.Port));
        }
    }
}
