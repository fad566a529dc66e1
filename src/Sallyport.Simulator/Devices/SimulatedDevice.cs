using Sallyport.Core.Crypto;
using Sallyport.Core.Gateway;
using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.OpenVpn.Negotiation;
using Sallyport.Core.OpenVpn.Session;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.OpenVpn.Wrapping;
using Sallyport.Core.Primitives;
using Sallyport.Simulator.Fleets;
using Sallyport.Simulator.Linux;
using Sallyport.Simulator.Measures;
using Sallyport.Simulator.Profiles;
using Sallyport.Simulator.Traffic;

namespace Sallyport.Simulator.Devices;

/// <summary>One device: a socket of its own, real handshakes, real keys, keepalives, and what it has to say. Used by one thread.</summary>
internal sealed class SimulatedDevice(DeviceProfile profile, uint number) : IDisposable
{
    /// <summary>As many as may wait at once for one device, before others have their turn.</summary>
    private const int ReceiveBudget = 16;

    /// <summary>Longer than keepalives, which are not of the stream.</summary>
    private const int SmallestCounted = 72;

    private const int CountingBuffer = 8 << 20;
    private const ushort OwnPort = 40_000;
    // Stock's connect-retry doubles from one second, too; its longest pause is five minutes.
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(32);

    private DeviceSocket socket;
    private ClientSession? session;
    private TlsContext? tls;
    private DeviceKeys? keys;
    private KeysReady? firstKeys;
    private PushOptions? options;
    private PacketStream? stream;
    private TrafficProfile traffic = TrafficProfile.Idle;
    private TrafficPlan plan = TrafficPlan.None;
    private InnerEnd target;
    private uint sequence;
    private DeviceRole role;
    private byte failedAttempts;
    private int token;
    private Instant wanted;
    private Instant lastSent;
    private Instant lastReceived;
    private Instant tlsFreedAt = Instant.Never;
    private Instant retryAt = Instant.Never;
    private Instant deafUntil;

    public DeviceProfile Profile => profile;

    public DeviceState State { get; private set; }

    /// <summary>Why it is <see cref="DeviceState.Failed"/> or <see cref="DeviceState.Waiting"/>.</summary>
    public string Reason { get; private set; } = "";

    /// <summary>Whether an attempt has failed since this was asked.</summary>
    public bool TakeFailure(out string reason)
    {
        reason = Reason;
        Reason = "";
        return reason.Length > 0;
    }

    /// <summary>From the first attempt to configuration and keys.</summary>
    public TimeSpan ConnectTime { get; private set; }

    /// <summary>0 to 1, spread evenly over a fleet (by the golden ratio).</summary>
    private double Share => number * 0.618034 % 1.0;

    /// <summary>Its address inside the tunnel; null until it is told.</summary>
    public IpAddress? InnerAddress => options?.Ifconfig?.Address ?? options?.Ifconfig6?.Address;

    public Instant NextDeadline
    {
        get
        {
            if (State is DeviceState.Waiting)
            {
                return retryAt;
            }

            var next = session?.NextDeadline ?? Instant.Never;
            if (State == DeviceState.Online && options is not null)
            {
                next = options.PingSeconds is { } ping ? Instant.Min(next, lastSent + TimeSpan.FromSeconds(ping)) : next;
                next = options.PingRestartSeconds is { } silence ? Instant.Min(next, lastReceived + TimeSpan.FromSeconds(silence)) : next;
                next = Instant.Min(next, Instant.Min(tlsFreedAt, plan.NextDue(traffic)));
            }

            return next;
        }
    }

    /// <param name="token">By which the thread knows the socket.</param>
    public void Connect(DeviceContext context, int token, Instant now)
    {
        this.token = token;
        wanted = now;
        failedAttempts = 0;
        Attempt(context, now);
    }

    /// <summary>What this device says from now on, and to whom.</summary>
    public void Speak(TrafficProfile profile, InnerEnd to, Instant now)
    {
        traffic = profile;
        target = to;
        plan = TrafficPlan.Start(profile, now, Share);
    }

    public void BeQuiet()
    {
        traffic = TrafficProfile.Idle;
        plan = TrafficPlan.None;
    }

    public void Answer()
    {
        role = DeviceRole.Answers;
        EnlargeBuffer();
    }

    public void Count(PacketStream into, bool coalesces)
    {
        stream = into;
        role = DeviceRole.Counts;
        EnlargeBuffer();
        if (coalesces && socket.Exists)
        {
            socket.TryCoalesce();
        }
    }

    /// <summary>Hears nothing and is not heard for so long, as without radio; what it keeps in mind goes on.</summary>
    public void GoDeaf(Instant until) => deafUntil = until;

    /// <summary>Goes on from another address and port with the same keys.</summary>
    public void Roam(DeviceContext context, Instant now)
    {
        if (State != DeviceState.Online)
        {
            return;
        }

        Open(context);
        context.Recorder.Roams++;
        SendInner(context, Ping.Payload, now);
    }

    /// <summary>Takes what has arrived, within a budget, so that one device does not keep the others waiting.</summary>
    public void HandleReadable(DeviceContext context, Instant now)
    {
        if (role != DeviceRole.Asks)
        {
            HandleMany(context, now);
            return;
        }

        for (var i = 0; i < ReceiveBudget && socket.Exists; i++)
        {
            var count = socket.Receive(context.Buffer);
            if (count <= 0)
            {
                return;
            }

            HandlePacket(context, context.Buffer.AsSpan(0, count), now);
        }
    }

    public void HandleTimeout(DeviceContext context, Instant now)
    {
        if (State == DeviceState.Waiting && retryAt <= now)
        {
            Attempt(context, now);
            return;
        }

        if (session is not null && session.NextDeadline <= now)
        {
            session.HandleTimeout(now);
            Drain(context, now);
        }

        if (State != DeviceState.Online || options is null)
        {
            return;
        }

        if (tlsFreedAt <= now)
        {
            FreeTls();
        }

        if (options.PingRestartSeconds is { } silence && lastReceived + TimeSpan.FromSeconds(silence) <= now)
        {
            Fail(context, "the server is silent", now);
            return;
        }

        if (plan.NextDue(traffic) <= now)
        {
            Say(context, plan.Take(traffic, now), now);
        }

        if (options.PingSeconds is { } ping && lastSent + TimeSpan.FromSeconds(ping) <= now)
        {
            SendInner(context, Ping.Payload, now);
        }
    }

    /// <summary>Sends packets of a stream: <see cref="PacketStream.Segments"/> with one call. Returns how many.</summary>
    public int Pour(DeviceContext context, PacketStream into, InnerEnd to, Instant now)
    {
        if (State != DeviceState.Online || InnerAddress is not { } address)
        {
            return 0;
        }

        ref var key = ref keys!.Sealing;
        var buffer = context.Buffer.AsSpan();
        var payload = into.PacketBytes - UdpPacket.HeaderLength(address);
        var (whole, segment) = (0, 0);
        for (var i = 0; i < into.Segments; i++)
        {
            var inner = buffer[(whole + key.Headroom)..];
            new Probe { Device = number, Sequence = sequence++, Sent = 0 }.Write(inner[UdpPacket.HeaderLength(address)..]);
            var length = UdpPacket.Complete(inner, new InnerEnd(address, OwnPort), to, payload);
            if (!key.Seal(buffer, whole + key.Headroom, length, out var start, out segment))
            {
                return i;
            }

            Invariant.Check(start == whole, "segments lie one behind the other");
            whole += segment;
        }

        if (into.Segments == 1)
        {
            socket.Send(buffer[..whole]);
        }
        else if (!socket.TrySendSegments(buffer[..whole], segment))
        {
            return 0;
        }

        lastSent = now;
        return into.Segments;
    }

    /// <summary>Says goodbye as this server wants to hear it, and is off.</summary>
    public void Leave(DeviceContext context, Instant now)
    {
        if (State == DeviceState.Online && options is not null)
        {
            if (options.ProtocolFlags.HasFlag(ProtocolFlags.CcExit) && session is not null)
            {
                session.Send(ControlMessage.Exit, now);
                Drain(context, now);
            }
            else
            {
                Span<byte> exit = stackalloc byte[Occ.Length];
                SendInner(context, exit[..Occ.Write(exit, OccType.Exit)], now);
            }
        }

        Drop();
    }

    /// <summary>Is off without a word, as without current.</summary>
    public void Drop()
    {
        Release();
        State = DeviceState.Off;
    }

    public void Dispose() => Drop();

    private void Attempt(DeviceContext context, Instant now)
    {
        Release();
        Open(context);
        keys = new DeviceKeys();
        tls = profile.NewTls();
        var wrapper = profile.NewWrapper(out var staticKey);
        session = new ClientSession(
            new ClientSessionOptions
            {
                UsesTlsCryptV2 = profile.Wrapping == WrappingKind.TlsCryptV2,
                StaticKey = staticKey,
                HandshakeWindow = context.Options.HandshakeWindow,
            },
            tls, wrapper, SystemEntropy.Instance, now);
        State = DeviceState.Connecting;
        lastReceived = now;
        Drain(context, now);
    }

    private void Open(DeviceContext context)
    {
        var before = socket;
        socket = context.Options.Sources.Open(profile.Server);
        before.Close();
        context.Epoll.Add(socket.Descriptor, token);
        if (role != DeviceRole.Asks)
        {
            EnlargeBuffer();
        }
    }

    private void EnlargeBuffer()
    {
        if (socket.Exists)
        {
            socket.EnlargeReceiveBuffer(CountingBuffer);
        }
    }

    private void HandleMany(DeviceContext context, Instant now)
    {
        var (datagrams, bytes) = (0, 0L);
        bool more;
        do
        {
            more = socket.Exists && context.Receiving.Receive(socket);
            while (context.Receiving.TryNext(out var datagram))
            {
                if (role == DeviceRole.Counts && datagram.Length >= SmallestCounted && new PacketHead(datagram[0]).IsData)
                {
                    datagrams++;
                    bytes += datagram.Length;
                    continue;
                }

                HandlePacket(context, datagram, now);
            }
        }
        while (more);

        if (datagrams > 0)
        {
            lastReceived = now;
            stream!.Count(datagrams, bytes);
        }

        if (socket.Exists)
        {
            context.Sending.Flush(socket);
        }
    }

    private void HandlePacket(DeviceContext context, Span<byte> packet, Instant now)
    {
        if (packet.IsEmpty || now < deafUntil)
        {
            return;
        }

        var head = new PacketHead(packet[0]);
        if (head.IsData)
        {
            if (keys is not null && keys.Open(head.KeyId, packet, out var start, out var length) == DropReason.None)
            {
                lastReceived = now;
                HandleInner(context, packet.Slice(start, length), now);
            }
        }
        else if (session is not null)
        {
            if (session.HandlePacket(packet, now) == DropReason.None)
            {
                lastReceived = now;
            }

            Drain(context, now);
        }
        else if (State == DeviceState.Online && head.Opcode == Opcode.SoftResetV1)
        {
            Fail(context, "asked for new keys after TLS was freed", now);
        }
    }

    private void HandleInner(DeviceContext context, ReadOnlySpan<byte> inner, Instant now)
    {
        if (!UdpPacket.TryRead(inner, out var from, out var to, out var payload) || !Probe.TryRead(payload, out var probe))
        {
            return;
        }

        if (probe.IsAnswer)
        {
            if (probe.Device == number)
            {
                context.Recorder.Answered(probe, payload.Length);
                if (probe.IsLastAnswer)
                {
                    plan.Answered(now);
                }
            }
        }
        else if (role == DeviceRole.Answers)
        {
            context.Recorder.Arrived(probe, payload.Length);
            for (byte i = 0; i < probe.Answers; i++)
            {
                Queue(context, probe with { IsAnswer = true, Index = i }, probe.AnswerBytes, to, from, now);
            }
        }
    }

    private void Say(DeviceContext context, int packets, Instant now)
    {
        if (InnerAddress is not { } address)
        {
            return;
        }

        for (var i = 0; i < packets; i++)
        {
            var probe = new Probe
            {
                Device = number,
                Sequence = sequence++,
                Sent = Monotonic.Nanoseconds,
                Answers = (byte)traffic.Answers,
                AnswerBytes = (ushort)traffic.AnswerBytes,
            };
            context.Recorder.Sent(traffic.Bytes, traffic.Answers > 0);
            var port = (ushort)(OwnPort + (probe.Sequence % (uint)traffic.Conversations));
            Queue(context, probe, traffic.Bytes, new InnerEnd(address, port), target, now);
        }

        context.Sending.Flush(socket);
    }

    /// <summary>Seals a packet into the ring, which leaves when it is full or flushed.</summary>
    private void Queue(DeviceContext context, Probe probe, int payloadLength, InnerEnd from, InnerEnd to, Instant now)
    {
        if (now < deafUntil)
        {
            return;
        }

        ref var key = ref keys!.Sealing;
        var slot = context.Sending.Slot;
        var ip = UdpPacket.HeaderLength(from.Address);
        var length = Math.Clamp(payloadLength, Probe.Length, SendRing.SlotBytes - key.Headroom - key.Tailroom - ip);
        var inner = slot[key.Headroom..];
        inner.Slice(ip, length).Clear();
        probe.Write(inner[ip..]);
        if (!key.Seal(slot, key.Headroom, UdpPacket.Complete(inner, from, to, length), out var start, out var sealedLength))
        {
            return;
        }

        context.Sending.Add(start, sealedLength);
        lastSent = now;
        if (context.Sending.IsFull)
        {
            context.Sending.Flush(socket);
        }
    }

    private void SendInner(DeviceContext context, ReadOnlySpan<byte> inner, Instant now)
    {
        ref var key = ref keys!.Sealing;
        var buffer = context.Sending.Slot;
        inner.CopyTo(buffer[key.Headroom..]);
        if (key.Seal(buffer, key.Headroom, inner.Length, out var start, out var length))
        {
            Transmit(buffer.Slice(start, length), now);
        }
    }

    private void Drain(DeviceContext context, Instant now)
    {
        Span<byte> datagram = stackalloc byte[OpenVpnLimits.MaxControlPacket];
        while (session is not null && session.TryDequeueTransmit(datagram, now, out var length))
        {
            Transmit(datagram[..length], now);
        }

        while (session is not null && session.TryDequeueEvent(out var happened))
        {
            Handle(context, happened, now);
        }
    }

    private void Handle(DeviceContext context, SessionEvent happened, Instant now)
    {
        switch (happened)
        {
            // The peer-id comes with the configuration, which may be the next event.
            case KeysReady { IsFirst: true } made when options is null:
                firstKeys = made;
                break;
            case KeysReady made:
                TakeKeys(made);
                break;
            case Established configured:
                Configured(context, configured.Options, now);
                break;
            case Renegotiated done:
                keys!.Use(done.KeyId);
                break;
            case SessionEnded ended:
                Fail(context, $"{ended.Reason}: {ended.Detail}", now);
                break;
        }
    }

    private void Configured(DeviceContext context, PushOptions? pushed, Instant now)
    {
        options = pushed;
        if (firstKeys is { } first)
        {
            TakeKeys(first);
            firstKeys = null;
        }

        State = DeviceState.Online;
        failedAttempts = 0;
        ConnectTime = now - wanted;
        lastSent = lastReceived = now;
        tlsFreedAt = context.Options.FreesTlsAfter is { } after ? now + after : Instant.Never;
        context.Recorder.Connected(ConnectTime);
    }

    private void TakeKeys(KeysReady made)
    {
        keys!.Add(made, options?.PeerId ?? 0);
        made.Keys.Dispose();
    }

    private void Transmit(ReadOnlySpan<byte> packet, Instant now)
    {
        if (now >= deafUntil)
        {
            socket.Send(packet);
        }

        lastSent = now;
    }

    private void Fail(DeviceContext context, string why, Instant now)
    {
        context.Recorder.Failed(why);
        context.Recorder.Lost += State == DeviceState.Online ? 1 : 0;
        wanted = State == DeviceState.Online ? now : wanted;
        Reason = why;
        Release();
        State = context.Options.Reconnects ? DeviceState.Waiting : DeviceState.Failed;
        retryAt = now + Pause();
        failedAttempts = (byte)Math.Min(failedAttempts + 1, 16);
    }

    /// <summary>Doubled with each attempt, and not the same for all: a fleet must not come back in step.</summary>
    private TimeSpan Pause()
    {
        var usual = TimeSpan.FromTicks(Math.Min(FirstPause.Ticks << failedAttempts, LongestPause.Ticks));
        return usual * (0.5 + Share);
    }

    private void FreeTls()
    {
        tlsFreedAt = Instant.Never;
        session?.Dispose();
        session = null;
        tls?.Dispose();
        tls = null;
    }

    private void Release()
    {
        socket.Close();
        socket = default;
        FreeTls();
        firstKeys?.Keys.Dispose();
        firstKeys = null;
        keys?.Free();
        keys = null;
        options = null;
    }
}
