using System.Net.Sockets;
using Sallyport.Core.Gateway;
using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.OpenVpn.Negotiation;
using Sallyport.Core.OpenVpn.Session;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Bench.Simulator;

internal enum DeviceState : byte
{
    Off,
    Connecting,

    /// <summary>It has its configuration and its keys.</summary>
    Online,

    /// <summary>The last attempt came to nothing, or the server fell silent; the reason is kept.</summary>
    Failed,
}

/// <summary>One device: a socket of its own, real handshakes, real keys, keepalives. Used by one thread.</summary>
internal sealed class SimulatedDevice(DeviceProfile profile) : IDisposable
{
    private const int KeyIds = 8;
    private static readonly TimeSpan HandshakeWindow = TimeSpan.FromSeconds(30);

    private DataKey[] keys = [];
    private Socket? socket;
    private ClientSession? session;
    private KeysReady? firstKeys;
    private PushOptions? options;
    private int sealingKey;
    private Instant started;
    private Instant lastSent;
    private Instant lastReceived;

    public DeviceProfile Profile => profile;

    public DeviceState State { get; private set; }

    /// <summary>Why it is <see cref="DeviceState.Failed"/>.</summary>
    public string Reason { get; private set; } = "";

    /// <summary>From the first packet to configuration and keys.</summary>
    public TimeSpan ConnectTime { get; private set; }

    public Instant NextDeadline
    {
        get
        {
            if (session is null)
            {
                return Instant.Never;
            }

            var next = session.NextDeadline;
            if (State == DeviceState.Online && options is not null)
            {
                next = options.PingSeconds is { } ping ? Instant.Min(next, lastSent + TimeSpan.FromSeconds(ping)) : next;
                next = options.PingRestartSeconds is { } silence ? Instant.Min(next, lastReceived + TimeSpan.FromSeconds(silence)) : next;
            }

            return next;
        }
    }

    /// <param name="connected">A non-blocking UDP socket, connected to the server; owned from now on.</param>
    public void Connect(Socket connected, Instant now)
    {
        Release();
        socket = connected;
        keys = new DataKey[KeyIds];
        session = new ClientSession(
            new ClientSessionOptions
            {
                UsesTlsCryptV2 = profile.Wrapping == Core.OpenVpn.Wrapping.WrappingKind.TlsCryptV2,
                StaticKey = profile.StaticKeyBytes,
                HandshakeWindow = HandshakeWindow,
            },
            profile.Tls, profile.NewWrapper(), SystemEntropy.Instance, now);
        State = DeviceState.Connecting;
        started = lastReceived = now;
        Drain(now);
    }

    /// <summary>Takes what has arrived, at most <paramref name="budget"/> packets, so that one device does not keep the others waiting.</summary>
    public void HandleReadable(Span<byte> buffer, Instant now, int budget = 16)
    {
        while (socket is not null && budget-- > 0)
        {
            var count = socket.Receive(buffer, SocketFlags.None, out var error);
            if (error == SocketError.WouldBlock)
            {
                return;
            }

            // Refused: nobody listens (yet); the session asks again when its time has come.
            if (error == SocketError.Success && count > 0)
            {
                HandlePacket(buffer[..count], now);
            }
        }
    }

    public void HandleTimeout(Instant now)
    {
        if (session is null)
        {
            return;
        }

        if (session.NextDeadline <= now)
        {
            session.HandleTimeout(now);
            Drain(now);
        }

        if (State != DeviceState.Online || options is null)
        {
            return;
        }

        if (options.PingRestartSeconds is { } silence && lastReceived + TimeSpan.FromSeconds(silence) <= now)
        {
            Fail("the server is silent");
        }
        else if (options.PingSeconds is { } ping && lastSent + TimeSpan.FromSeconds(ping) <= now)
        {
            SendInner(Ping.Payload, now);
        }
    }

    /// <summary>Says goodbye as this server wants to hear it, and is off.</summary>
    public void Leave(Instant now)
    {
        if (State == DeviceState.Online && options is not null)
        {
            if (options.ProtocolFlags.HasFlag(ProtocolFlags.CcExit))
            {
                session!.Send(ControlMessage.Exit, now);
                Drain(now);
            }
            else
            {
                Span<byte> exit = stackalloc byte[Occ.Length];
                SendInner(exit[..Occ.Write(exit, OccType.Exit)], now);
            }
        }

        Release();
        State = DeviceState.Off;
    }

    public void Dispose() => Release();

    private void HandlePacket(Span<byte> packet, Instant now)
    {
        var head = new PacketHead(packet[0]);
        if (!head.IsData)
        {
            if (session!.HandlePacket(packet, now) == DropReason.None)
            {
                lastReceived = now;
            }

            Drain(now);
        }
        else if (keys[head.KeyId].Exists && keys[head.KeyId].Open(packet, out _, out _) == DropReason.None)
        {
            lastReceived = now;
        }
    }

    private void Drain(Instant now)
    {
        Span<byte> datagram = stackalloc byte[OpenVpnLimits.MaxControlPacket];
        while (session is not null && session.TryDequeueTransmit(datagram, now, out var length))
        {
            Transmit(datagram[..length], now);
        }

        while (session is not null && session.TryDequeueEvent(out var happened))
        {
            Handle(happened, now);
        }
    }

    private void Handle(SessionEvent happened, Instant now)
    {
        switch (happened)
        {
            // The peer-id comes with the configuration, which may be the next event.
            case KeysReady { IsFirst: true } made when options is null:
                firstKeys = made;
                break;
            case KeysReady made:
                Use(made);
                break;
            case Established configured:
                options = configured.Options;
                if (firstKeys is { } first)
                {
                    Use(first);
                    firstKeys = null;
                }

                State = DeviceState.Online;
                ConnectTime = now - started;
                lastSent = lastReceived = now;
                break;
            case Renegotiated done:
                sealingKey = done.KeyId;
                break;
            case SessionEnded ended:
                Fail($"{ended.Reason}: {ended.Detail}");
                break;
        }
    }

    private void Use(KeysReady made)
    {
        keys[made.KeyId].Free();
        keys[made.KeyId] = DataKey.Create(made.Keys, made.Format, isServer: false, made.KeyId, options?.PeerId ?? 0);
        made.Keys.Dispose();
        if (made.IsFirst)
        {
            sealingKey = made.KeyId;
        }
    }

    private void SendInner(ReadOnlySpan<byte> inner, Instant now)
    {
        ref var key = ref keys[sealingKey];
        Span<byte> buffer = stackalloc byte[256];
        inner.CopyTo(buffer[key.Headroom..]);
        if (key.Seal(buffer, key.Headroom, inner.Length, out var start, out var length))
        {
            Transmit(buffer.Slice(start, length), now);
        }
    }

    private void Transmit(ReadOnlySpan<byte> packet, Instant now)
    {
        // What the network does not take is lost, as packets are.
        _ = socket!.Send(packet, SocketFlags.None, out _);
        lastSent = now;
    }

    private void Fail(string why)
    {
        Reason = why;
        Release();
        State = DeviceState.Failed;
    }

    private void Release()
    {
        socket?.Dispose();
        socket = null;
        session?.Dispose();
        session = null;
        firstKeys?.Keys.Dispose();
        firstKeys = null;
        foreach (ref var key in keys.AsSpan())
        {
            key.Free();
        }

        keys = [];
        options = null;
    }
}
