using Sallyport.Bench.Measures;
using Sallyport.Core.Crypto;
using Sallyport.Core.Gateway;
using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.OpenVpn.Door;
using Sallyport.Core.OpenVpn.Session;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.OpenVpn.Wrapping;
using Sallyport.Core.Primitives;
using Sallyport.Harness.Stock;
using Sallyport.Simulator.Devices;

namespace Sallyport.Bench.Handshakes;

/// <summary>
/// The same handshake with all that our protocol core does for it: the stateless door, tls-crypt-v2, the reliable channel, key method 2, exported
/// keys, data keys, the configuration. No sockets and no threads.
/// </summary>
internal sealed class SessionHandshakes : IDisposable
{
    private const int TurnsMax = 100;
    private Instant now = Instant.FromUnixSeconds(DateTimeOffset.UtcNow.ToUnixTimeSeconds());
    private static readonly OuterAddress From = new(IpAddress.Parse("192.0.2.1"), 1194);

    private readonly TlsContext server;
    private readonly TlsContext client;
    private readonly TlsCryptV2ClientKey clientKey;
    private readonly Door door;
    private readonly Directory directory = new();
    private readonly byte[] datagram = new byte[OpenVpnLimits.MaxControlPacket];
    private readonly Queue<byte[]> toServer = [];
    private readonly Queue<byte[]> toClient = [];

    public SessionHandshakes(StockCredential gateway, StockCredential device, byte[] authority)
    {
        server = TlsContext.CreateServer(new() { ChainDer = [gateway.CertificateDer], PrivateKeyPkcs8 = gateway.KeyPkcs8, AnchorsDer = [authority] });
        client = TlsContext.CreateClient(new() { ChainDer = [device.CertificateDer], PrivateKeyPkcs8 = device.KeyPkcs8, AnchorsDer = [authority] });
        using var serverKey = TlsCryptV2ServerKey.Generate(SystemEntropy.Instance);
        clientKey = serverKey.IssueClient(SystemEntropy.Instance, new byte[16]);
        door = new Door(SystemEntropy.Instance, new DoorOptions { ServerKeys = [serverKey] });
    }

    /// <summary>One full handshake; only the server's side is measured.</summary>
    public void Run(ThreadCpu cpu)
    {
        using var asking = new ClientSession(
            new ClientSessionOptions { UsesTlsCryptV2 = true, StaticKey = clientKey.Key256.ToArray() },
            client, TlsCryptWrapper.ForClient(clientKey), SystemEntropy.Instance, now);
        ServerSession? answering = null;
        var (up, keys) = (false, default(DataKey));
        for (var turn = 0; turn < TurnsMax && !up; turn++)
        {
            up = DrainClient(asking);
            while (toServer.TryDequeue(out var packet))
            {
                cpu.Start();
                answering = Answer(packet, answering, ref keys);
                cpu.Stop();
            }

            while (toClient.TryDequeue(out var packet))
            {
                asking.HandlePacket(packet, now);
            }
        }

        cpu.Start();
        answering?.Dispose();
        keys.Free();
        cpu.Stop();
        toServer.Clear();
        toClient.Clear();
        // A device that came back every moment would be told to wait.
        now += TimeSpan.FromSeconds(3);
        if (!up)
        {
            throw new InvalidOperationException("a session did not come up");
        }
    }

    public void Dispose()
    {
        door.Dispose();
        clientKey.Dispose();
        server.Dispose();
        client.Dispose();
    }

    /// <summary>True once the client has its configuration.</summary>
    private bool DrainClient(ClientSession asking)
    {
        var up = false;
        while (asking.TryDequeueTransmit(datagram, now, out var length))
        {
            toServer.Enqueue(datagram[..length]);
        }

        while (asking.TryDequeueEvent(out var happened))
        {
            up |= happened is Established;
            (happened as KeysReady)?.Keys.Dispose();
        }

        return up;
    }

    private ServerSession? Answer(byte[] packet, ServerSession? session, ref DataKey keys)
    {
        if (session is null)
        {
            var verdict = door.Handle(packet, From, isStream: false, directory, now, datagram, out var replyLength, out var admission);
            if (verdict.Action == DoorAction.Reply)
            {
                toClient.Enqueue(datagram[..replyLength]);
            }

            if (admission is null)
            {
                return null;
            }

            session = new ServerSession(new ServerSessionOptions(), server, admission, SystemEntropy.Instance, now);
        }
        else if (session.HandlePacket(packet, now) is not DropReason.None and var reason)
        {
            throw new InvalidOperationException($"a packet was dropped: {reason}");
        }

        Drain(session, ref keys);
        return session;
    }

    private void Drain(ServerSession session, ref DataKey keys)
    {
        bool more;
        do
        {
            more = false;
            while (session.TryDequeueTransmit(datagram, now, out var length))
            {
                toClient.Enqueue(datagram[..length]);
            }

            while (session.TryDequeueEvent(out var happened))
            {
                more = true;
                switch (happened)
                {
                    case AuthenticationRequired required:
                        required.Request.Dispose();
                        session.Accept(Grant, now);
                        break;
                    case KeysReady made:
                        keys = DataKey.Create(made.Keys, made.Format, isServer: true, made.KeyId, Grant.PeerId);
                        made.Keys.Dispose();
                        break;
                    case SessionEnded ended:
                        throw new InvalidOperationException($"the server's session ended: {ended.Reason}, {ended.Detail}");
                    default:
                        break;
                }
            }
        }
        while (more);
    }

    private static SessionGrant Grant { get; } = new()
    {
        Ciphers = [DataCipher.Aes256Gcm],
        PeerId = 1,
        AddressV4 = IpAddress.Parse("10.20.0.2"),
        NetworkV4 = IpPrefix.Parse("10.20.0.0/16"),
    };

    /// <summary>Everybody is known.</summary>
    private sealed class Directory : ICredentialDirectory
    {
        public IReadOnlyList<LegacyWrapping> LegacyWrappings => [];

        public bool IsKnown(ReadOnlySpan<byte> wrappedKeyId16) => true;
    }
}
