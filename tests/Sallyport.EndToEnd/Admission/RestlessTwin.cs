using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Sallyport.Core.Crypto;
using Sallyport.Core.OpenVpn.Session;
using Sallyport.Core.OpenVpn.Wrapping;
using Sallyport.Core.Primitives;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Peers;

namespace Sallyport.EndToEnd.Admission;

/// <summary>Our client role with a device's profile of the tls-crypt kind: it begins one session after the other and stays in none.</summary>
internal sealed class RestlessTwin : IDisposable
{
    private readonly Namespace from;
    private readonly IPEndPoint gateway;
    private readonly StaticKey key;
    private readonly TlsContext tls;
    private readonly Thread thread;
    private volatile bool stop;
    private int sentAway;

    public RestlessTwin(Namespace from, string profile, IPEndPoint gateway)
    {
        this.from = from;
        this.gateway = gateway;
        StaticKey.TryParsePem(profile.Block("tls-crypt"), out var parsed).ShouldBeTrue();
        key = parsed!;
        using var certificate = X509Certificate2.CreateFromPem(profile.Block("cert"), profile.Block("key"));
        using var ecdsa = certificate.GetECDsaPrivateKey()!;
        var anchors = new X509Certificate2Collection();
        anchors.ImportFromPem(profile.Block("ca"));
        tls = TlsContext.CreateClient(new TlsClientOptions
        {
            ChainDer = [certificate.RawData],
            PrivateKeyPkcs8 = ecdsa.ExportPkcs8PrivateKey(),
            AnchorsDer = [.. anchors.Select(anchor => anchor.RawData)],
        });
        thread = new Thread(Loop) { IsBackground = true };
        thread.Start();
    }

    /// <summary>Sessions that were refused with AUTH_FAILED.</summary>
    public int SentAway => Volatile.Read(ref sentAway);

    public void Stop()
    {
        stop = true;
        thread.Join();
    }

    public void Dispose()
    {
        Stop();
        tls.Dispose();
        key.Dispose();
    }

    private void Loop()
    {
        while (!stop)
        {
            using var socket = from.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));
            socket.Connect(gateway);
            using var session = new ClientSession(
                new ClientSessionOptions { StaticKey = key.Bytes.ToArray() }, tls,
                new TlsCryptWrapper(key.Bytes, isServer: false), new SystemEntropy(), Now());
            if (RunToDecision(session, socket) is SessionEnded { Reason: SessionEnd.AuthenticationFailed })
            {
                Interlocked.Increment(ref sentAway);
            }
        }
    }

    /// <summary>Until it is established or refused.</summary>
    private SessionEvent? RunToDecision(ClientSession session, Socket socket)
    {
        var buffer = new byte[4096];
        while (!stop)
        {
            while (session.TryDequeueTransmit(buffer, Now(), out var length))
            {
                socket.Send(buffer.AsSpan(0, length));
            }

            while (session.TryDequeueEvent(out var happened))
            {
                (happened as KeysReady)?.Keys.Dispose();
                if (happened is Established or SessionEnded)
                {
                    return happened;
                }
            }

            if (socket.Poll(TimeSpan.FromMilliseconds(5), SelectMode.SelectRead))
            {
                session.HandlePacket(buffer.AsSpan(0, socket.Receive(buffer)), Now());
            }

            session.HandleTimeout(Now());
        }

        return null;
    }

    private static Instant Now() => Instant.FromUnixSeconds(0) + (DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch);
}
