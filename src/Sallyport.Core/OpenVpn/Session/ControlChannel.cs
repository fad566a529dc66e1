using Sallyport.Core.Crypto;
using Sallyport.Core.Gateway;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.OpenVpn.Wrapping;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.OpenVpn.Session;

/// <summary>
/// The part of a session that both roles share: control packets in and out, for the active key and the one being negotiated.
/// It unwraps, acknowledges, orders and feeds TLS; what the bytes inside TLS mean is the role's business.
/// </summary>
internal sealed class ControlChannel : IDisposable
{
    /// <summary>Key ids of renegotiations: 1 to 7.</summary>
    private const int KeyIds = PacketHead.MaxKeyId;

    private readonly ControlWrapper _wrapper;
    private readonly TlsContext _tlsContext;
    private ControlWrapper? _renegotiationWrapper;

    private TokenBucket _softResets;

    /// <summary>The newest key that either end began.</summary>
    private int _lastKeyId;

    public ControlChannel(ControlWrapper wrapper, TlsContext tlsContext, SessionId local, SessionId remote)
    {
        _wrapper = wrapper;
        _tlsContext = tlsContext;
        Local = local;
        Remote = remote;
    }

    public SessionId Local { get; }

    /// <summary>Zero in the client role until the server's reset has come.</summary>
    public SessionId Remote { get; private set; }

    /// <summary>The key whose TLS session carries control messages.</summary>
    public KeyState? Active { get; private set; }

    /// <summary>The key being negotiated; the first one of a session starts here too.</summary>
    public KeyState? Pending { get; private set; }

    /// <summary>The peer has acknowledged something under our session id: it has the wrapping key, or the address, now and not only once.</summary>
    public bool IsAnswered { get; private set; }

    public string Wrapping => _wrapper.Kind switch
    {
        WrappingKind.None => "none",
        WrappingKind.TlsAuth => "tls-auth",
        WrappingKind.TlsCrypt => "tls-crypt",
        WrappingKind.TlsCryptV2 => "tls-crypt-v2",
    };

    public Instant NextDeadline
    {
        get
        {
            var next = Instant.Never;
            if (Active is { } active)
            {
                next = Instant.Min(next, active.Sender.NextDeadline);
            }

            if (Pending is { } pending)
            {
                next = Instant.Min(next, pending.Sender.NextDeadline);
            }

            return next;
        }
    }

    public KeyState StartFirstKey(uint firstMessageId)
    {
        Invariant.Check(Active is null && Pending is null, "the first key starts once");
        return Pending = new KeyState(0, _tlsContext, firstMessageId);
    }

    /// <summary>
    /// Begins the next key with our own soft reset. Never an id that was tried before: of an attempt that one end gave up, the other may have made its
    /// active key, or still have packets on their way.
    /// </summary>
    public KeyState StartNextKey()
    {
        Invariant.Check(Active is not null && Pending is null, "one negotiation at a time");
        var next = NextKeyId(_lastKeyId);
        return StartKey(next == Active!.KeyId ? NextKeyId(next) : next);
    }

    /// <summary>The negotiated key takes over; the one before has done its work.</summary>
    public void Promote()
    {
        Invariant.Check(Pending is not null, "nothing to promote");
        Active?.Dispose();
        Active = Pending;
        Pending = null;
    }

    /// <summary>Gives up the negotiation; the active key goes on.</summary>
    public void AbandonPending()
    {
        Pending?.Dispose();
        Pending = null;
    }

    /// <summary>Key ids run 0, 1 … 7, 1 … 7: zero is a session's first key only.</summary>
    public static int NextKeyId(int keyId) => keyId == KeyIds ? 1 : keyId + 1;

    /// <summary>
    /// From now on packets of later keys are wrapped with a key that only the two ends of this session know.
    /// </summary>
    public void UseDynamicTlsCrypt(ReadOnlySpan<byte> key256, bool isServer)
    {
        _renegotiationWrapper?.Dispose();
        _renegotiationWrapper = new TlsCryptWrapper(key256, isServer);
    }

    /// <summary>Takes one control packet as it came. The reason is None where it was used; then <paramref name="touched"/> has news.</summary>
    public DropReason Accept(ReadOnlySpan<byte> packet, Instant now, out KeyState? touched)
    {
        touched = null;
        if (packet.Length is 0 or > OpenVpnLimits.MaxControlPacket)
        {
            return packet.IsEmpty ? DropReason.TooShort : DropReason.TooLong;
        }

        var head = new PacketHead(packet[0]);
        if (!head.IsControl)
        {
            return DropReason.UnknownOpcode;
        }

        if (head.CarriesWrappedKey)
        {
            // Its key is known since the door; a repeated copy is passed over (CVE-2026-12932).
            if (!WrappedClientKey.TryStrip(packet, out var controlLength))
            {
                return DropReason.WrappedKeyInvalid;
            }

            packet = packet[..controlLength];
        }

        Span<byte> clear = stackalloc byte[OpenVpnLimits.MaxControlPacket];
        var reason = WrapperFor(head.KeyId).TryUnwrap(packet, clear, out var length);
        return reason == DropReason.None ? AcceptClear(clear[..length], now, out touched) : reason;
    }

    /// <summary>Takes a packet whose wrapping is already off.</summary>
    public DropReason AcceptClear(ReadOnlySpan<byte> clear, Instant now, out KeyState? touched)
    {
        touched = null;
        if (!ControlPacket.TryParse(clear, out var packet)
            || (packet.Acks.Count > 0 && packet.AckedSession != Local)
            || !IsFromPeer(packet))
        {
            return DropReason.ControlMalformed;
        }

        if (KeyStateOf(packet) is not { } state)
        {
            if (!BeginsNextKey(packet))
            {
                return DropReason.UnknownKey;
            }

            if (!_softResets.TryTake(OpenVpnLimits.SoftResetBurst, OpenVpnLimits.SoftResetInterval, now))
            {
                return DropReason.RenegotiationRateLimited;
            }

            AbandonPending();
            state = StartKey(packet.KeyId);
        }

        IsAnswered |= packet.Acks.Count > 0;
        for (var i = 0; i < packet.Acks.Count; i++)
        {
            state.Sender.HandleAck(packet.Acks[i], now);
        }

        if (packet.HasMessageId)
        {
            switch (state.Receiver.Accept(packet.MessageId, packet.Opcode, packet.Payload))
            {
                case Reliability.ReceiveResult.OutOfWindow:
                    return DropReason.ControlMalformed;
                case Reliability.ReceiveResult.New:
                case Reliability.ReceiveResult.Duplicate:
                    state.Acks.Add(packet.MessageId);
                    break;
            }
        }

        touched = state;
        return DropReason.None;
    }

    /// <summary>Moves what TLS has produced into the reliable channel, as far as its window allows.</summary>
    public void DrainTls(KeyState state)
    {
        if (!state.HasTls)
        {
            return;
        }

        Span<byte> chunk = stackalloc byte[OpenVpnLimits.MaxControlDatagram];
        while (state.Tls.PendingOutput > 0 && state.Sender.CanAccept)
        {
            var opcode = state.NextControlCarriesWrappedKey ? Opcode.ControlWkcV1 : Opcode.ControlV1;
            state.NextControlCarriesWrappedKey = false;
            var room = WrapperFor(state.KeyId).MaxPayload(opcode, OpenVpnLimits.MaxPiggybackedAcks);
            var length = state.Tls.Drain(chunk[..room]);
            state.Sender.Enqueue(opcode, chunk[..length]);
        }
    }

    /// <summary>
    /// Queues the last words of TLS and frees it: a session that lingers only to deliver them holds a few kilobytes, not fifty.
    /// </summary>
    public void FinishTls()
    {
        foreach (var state in (ReadOnlySpan<KeyState?>)[Active, Pending])
        {
            if (state is not null)
            {
                DrainTls(state);
                state.FreeTls();
            }
        }
    }

    /// <summary>The next datagram that is due, wrapped and ready to send. Call until false.</summary>
    public bool TryDequeueTransmit(Span<byte> datagram, Instant now, out int length)
    {
        length = 0;
        if ((Pending is { } pending && TryTransmit(pending, datagram, now, out length))
            || (Active is { } active && TryTransmit(active, datagram, now, out length)))
        {
            return true;
        }

        if (Pending is null)
        {
            // Hours may pass until the next control packet; tens of thousands of idle sessions share this machine's memory.
            _wrapper.Rest();
            _renegotiationWrapper?.Rest();
        }

        return false;
    }

    /// <summary>Protects a control packet as this side does for that key.</summary>
    public int Wrap(int keyId, ReadOnlySpan<byte> clear, Span<byte> datagram, Instant now) => WrapperFor(keyId).Wrap(clear, datagram, now);

    public void Dispose()
    {
        Active?.Dispose();
        Pending?.Dispose();
        Active = Pending = null;
        _wrapper.Dispose();
        _renegotiationWrapper?.Dispose();
    }

    /// <summary>The server's first reset tells its session id; from then on nothing else counts.</summary>
    private bool IsFromPeer(in ControlPacket packet)
    {
        if (Remote.IsZero && packet.Opcode == Opcode.HardResetServerV2)
        {
            Remote = packet.Sender;
        }

        return packet.Sender == Remote;
    }

    private ControlWrapper WrapperFor(int keyId) =>
        keyId > 0 && _renegotiationWrapper is { } dynamic ? dynamic : _wrapper;

    private KeyState? KeyStateOf(in ControlPacket packet) =>
        Pending is { } pending && pending.KeyId == packet.KeyId ? pending
            : Active is { } active && active.KeyId == packet.KeyId ? active
            : null;

    private bool BeginsNextKey(in ControlPacket packet) =>
        Active is not null && packet is { Opcode: Opcode.SoftResetV1, MessageId: 0, KeyId: not 0 } && MayJoin(packet.KeyId);

    /// <summary>
    /// A soft reset counts only once the current key is in use. The peer may have made attempts that never came here, so that any id may be its next;
    /// where both begin at once with different ids, the one that is behind follows.
    /// </summary>
    private bool MayJoin(int keyId) =>
        Pending is not { } pending
        || (pending is { Phase: KeyPhase.Reset, ResetReceived: false } && (keyId - pending.KeyId + KeyIds) % KeyIds <= KeyIds / 2);

    private KeyState StartKey(int keyId)
    {
        _lastKeyId = keyId;
        Pending = new KeyState(keyId, _tlsContext, firstMessageId: 0);
        Pending.Sender.Enqueue(Opcode.SoftResetV1, []);
        return Pending;
    }

    private bool TryTransmit(KeyState state, Span<byte> datagram, Instant now, out int length)
    {
        Span<uint> acks = stackalloc uint[OpenVpnLimits.MaxAcks];
        if (state.Sender.TryTakeDue(now, out var id, out var opcode, out var payload))
        {
            var count = state.Acks.Take(acks[..OpenVpnLimits.MaxPiggybackedAcks]);
            length = Wrap(state, opcode, acks[..count], id, payload, datagram, now);
            return true;
        }

        if (!state.Acks.IsEmpty)
        {
            var count = state.Acks.Take(acks);
            length = Wrap(state, Opcode.AckV1, acks[..count], null, [], datagram, now);
            return true;
        }

        length = 0;
        return false;
    }

    private int Wrap(
        KeyState state, Opcode opcode, ReadOnlySpan<uint> acks, uint? id, ReadOnlySpan<byte> payload, Span<byte> datagram, Instant now)
    {
        Span<byte> clear = stackalloc byte[OpenVpnLimits.MaxControlPacket];
        var clearLength = ControlPacket.Write(clear, opcode, state.KeyId, Local, acks, Remote, id, payload);
        return Wrap(state.KeyId, clear[..clearLength], datagram, now);
    }
}
