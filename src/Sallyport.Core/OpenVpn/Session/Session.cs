using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Sallyport.Core.Crypto;
using Sallyport.Core.Gateway;
using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.OpenVpn.Negotiation;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.OpenVpn.Session;

/// <summary>
/// One OpenVPN session as a state machine without I/O. Its methods are of four kinds: <c>Handle…</c> take input,
/// commands change its mind, <c>TryDequeue…</c> give output, getters tell. The order for a shell is:
/// one input or command; then drain transmits and events until both say false; then wait for <see cref="NextDeadline"/> or input.
/// Data packets are not its business: it makes their keys and hands them out.
/// </summary>
public abstract class Session : IDisposable
{
    /// <summary>Time for the last words of an ended session, as stock servers give (scheduled exit, 5 s).</summary>
    private static readonly TimeSpan LingerTime = TimeSpan.FromSeconds(5);

    /// <summary>More than the record of any stock peer, whose own buffer is half of this.</summary>
    private const int TlsRecordBuffer = 2 * NegotiationLimits.PlaintextMax;

    private readonly Queue<SessionEvent> _events = new();
    private readonly TimeSpan _handshakeWindow;
    private readonly TimeSpan _renegotiateAfter;
    private SessionTimers _timers = new();
    private int _failedRenegotiations;
    private bool _ended;
    private bool _hasHello;

    private protected Session(
        ControlChannel channel, IEntropy entropy, TimeSpan handshakeWindow, TimeSpan renegotiateAfter,
        uint firstMessageId, Instant now)
    {
        Channel = channel;
        Entropy = entropy;
        _handshakeWindow = handshakeWindow;
        _renegotiateAfter = renegotiateAfter;
        Channel.StartFirstKey(firstMessageId);
        _timers.Set(SessionTimer.HandshakeWindow, now + handshakeWindow);
    }

    /// <summary>Never, once finished: what the peer did not acknowledge is nobody's any more.</summary>
    public Instant NextDeadline => IsFinished ? Instant.Never : Instant.Min(_timers.Next, Channel.NextDeadline);

    /// <summary>The first key is confirmed by both ends; from now on the session can renegotiate.</summary>
    public bool IsActive => Channel.Active is not null;

    /// <summary>The peer's first bytes of TLS have come, and the session holds what they cost.</summary>
    public bool HasTls => Channel.Active is not null || Channel.Pending is { HasTls: true };

    /// <summary>TLS has read a whole ClientHello and has its answer ready: more than bytes that anybody can make up.</summary>
    public bool HasHello => Channel.Active is not null || _hasHello;

    /// <summary>
    /// The peer has acknowledged a packet of this session: it holds the wrapping key, and receives where it says it is. Nobody shows that with
    /// packets that were captured earlier.
    /// </summary>
    public bool IsAnswered => Channel.IsAnswered;

    /// <summary>The peer has everything that was sent to it.</summary>
    public bool IsAllAcknowledged =>
        Channel.Active is not { Sender.IsEmpty: false } && Channel.Pending is not { Sender.IsEmpty: false };

    /// <summary>Nothing more will come of it: dispose.</summary>
    public bool IsFinished { get; private set; }

    /// <summary>"tls-crypt-v2", "tls-crypt", "tls-auth" or "none".</summary>
    public string Wrapping => Channel.Wrapping;

    internal ControlChannel Channel { get; }

    private protected IEntropy Entropy { get; }

    private protected bool HasEnded => _ended;

    /// <summary>Takes a control packet of this session, still wrapped. The reason is None where it was of use.</summary>
    public DropReason HandlePacket(ReadOnlySpan<byte> packet, Instant now)
    {
        if (IsFinished)
        {
            return DropReason.UnknownPeer;
        }

        var hadPending = Channel.Pending is not null;
        var reason = Channel.Accept(packet, now, out var touched);
        if (touched is not null)
        {
            WatchNewNegotiation(hadPending, now);
            Advance(touched, now);
        }

        return reason;
    }

    public void HandleTimeout(Instant now)
    {
        if (_timers.TakeExpired(SessionTimer.Linger, now))
        {
            IsFinished = true;
            return;
        }

        if (_timers.TakeExpired(SessionTimer.Hello, now))
        {
            // There are no last words to wait for.
            End(SessionEnd.HandshakeTimeout, "no TLS ClientHello came in time", now);
            IsFinished = true;
            return;
        }

        if (_timers.TakeExpired(SessionTimer.HandshakeWindow, now))
        {
            HandshakeWindowClosed(now);
        }

        if (_timers.TakeExpired(SessionTimer.Renegotiate, now))
        {
            Renegotiate(now);
        }

        if (_timers.TakeExpired(SessionTimer.PushRequest, now))
        {
            PushRequestDue(now);
        }

        if (_timers.TakeExpired(SessionTimer.PartialRecord, now))
        {
            End(SessionEnd.TlsFailed, "a TLS record did not come to its end in time", now);
        }
    }

    /// <summary>The next datagram to send now; <paramref name="datagram"/> holds at least 1,600 bytes. Call until false.</summary>
    public bool TryDequeueTransmit(Span<byte> datagram, Instant now, out int length)
    {
        length = 0;
        return !IsFinished && Channel.TryDequeueTransmit(datagram, now, out length);
    }

    public bool TryDequeueEvent([NotNullWhen(true)] out SessionEvent? happened) => _events.TryDequeue(out happened);

    /// <summary>Begins a new key. Does nothing while one is under way or before the first is active.</summary>
    public void Renegotiate(Instant now)
    {
        if (_ended || Channel.Active is null || Channel.Pending is not null)
        {
            return;
        }

        Channel.StartNextKey();
        WatchNewNegotiation(hadPending: false, now);
    }

    /// <summary>Sends a control message once a key is active; silently nothing before, or after the end.</summary>
    public void Send(ControlMessage message, Instant now)
    {
        if (!_ended && (Channel.Active ?? Channel.Pending) is { Phase: KeyPhase.Active or KeyPhase.Confirming } state)
        {
            WriteMessage(state, message);
            Channel.DrainTls(state);
            EndIfNothingIsTaken(state, now);
        }
    }

    /// <summary>What the peer has not acknowledged is due again: for an owner with less patience than the timers.</summary>
    public void SendAgain(Instant now)
    {
        Channel.Active?.Sender.SendAgain(now);
        Channel.Pending?.Sender.SendAgain(now);
    }

    /// <summary>Ends the session from this side; queued messages are still delivered for a few seconds.</summary>
    public void Close(SessionEnd reason, string detail, Instant now) => End(reason, detail, now);

    public void Dispose()
    {
        IsFinished = true;
        _timers.StopAll();
        Channel.Dispose();
        while (_events.TryDequeue(out var undelivered))
        {
            (undelivered as KeysReady)?.Keys.Dispose();
            (undelivered as AuthenticationRequired)?.Request.Dispose();
        }

        DisposeRole();
        GC.SuppressFinalize(this);
    }

    private protected virtual void DisposeRole()
    {
    }

    /// <summary>A reset came in order, with what it carried.</summary>
    private protected abstract void ResetReceived(KeyState state, Opcode opcode, ReadOnlySpan<byte> payload, Instant now);

    /// <summary>May TLS start for this key? (A client waits until its reset is acknowledged.)</summary>
    private protected abstract bool MayStartTls(KeyState state);

    /// <summary>What the peer says inside TLS is read now; until then it waits in the receive window.</summary>
    private protected virtual bool MayReadTls(KeyState state) => true;

    /// <summary>The configuration went its way: nothing is asked of a handshake that is over any more.</summary>
    private protected abstract bool IsConfigured { get; }

    private protected abstract void TlsEstablished(KeyState state, Instant now);

    private protected abstract void KeyMethodReceived(KeyState state, ReadOnlySpan<byte> plaintext, Instant now);

    private protected abstract void MessageFromPeer(KeyState state, ControlMessage message, Instant now);

    /// <summary>Our last key method message is acknowledged.</summary>
    private protected abstract void Confirmed(KeyState state, Instant now);

    /// <summary>Negotiations of a later key that may come to nothing in a row.</summary>
    private protected virtual int FailedRenegotiationsMax => int.MaxValue;

    private protected virtual void PushRequestDue(Instant now)
    {
    }

    private protected void Raise(SessionEvent happened) => _events.Enqueue(happened);

    private protected void SetTimer(SessionTimer timer, Instant deadline) => _timers.Set(timer, deadline);

    private protected void StopTimer(SessionTimer timer) => _timers.Stop(timer);

    private protected void WriteMessage(KeyState state, ControlMessage message)
    {
        Span<byte> text = stackalloc byte[NegotiationLimits.PlaintextMax];
        state.Tls.Write(text[..message.Write(text)]);
        CryptographicOperations.ZeroMemory(text);
    }

    /// <summary>Both ends export the same bytes from the TLS session of this key (tls-ekm).</summary>
    private protected static KeyMaterial ExportKeys(KeyState state)
    {
        Span<byte> exported = stackalloc byte[KeyMaterial.Length];
        Invariant.Check(state.Tls.TryExport(KeyDerivation.ExporterLabel, exported), "a finished handshake exports keys");
        return KeyDerivation.FromExporter(exported);
    }

    private protected static KeyMaterial PrfKeys(KeyState state, SessionId client, SessionId server) => KeyDerivation.FromPrf(
        state.ClientMessage!.PreMaster, state.ClientMessage.Random1, state.ClientMessage.Random2,
        state.ServerMessage!.Random1, state.ServerMessage.Random2, client, server);

    /// <summary>
    /// Later keys are negotiated under a key that only this session knows, mixed with the static one where there is one.
    /// </summary>
    private protected void UseDynamicTlsCrypt(KeyState state, ReadOnlySpan<byte> staticKey, bool isServer)
    {
        Span<byte> key = stackalloc byte[OpenVpnLimits.StaticKeyLength];
        Invariant.Check(state.Tls.TryExport("EXPORTER-OpenVPN-dynamic-tls-crypt"u8, key), "a finished handshake exports keys");
        for (var i = 0; i < staticKey.Length; i++)
        {
            key[i] ^= staticKey[i];
        }

        Channel.UseDynamicTlsCrypt(key, isServer);
        CryptographicOperations.ZeroMemory(key);
    }

    private protected static string DescribeTls(KeyState state) => $"{state.Tls.Version} {state.Tls.CipherSuite}";

    /// <summary>The negotiated key becomes the active one; the next negotiation is scheduled.</summary>
    private protected void Activate(KeyState state, Instant now)
    {
        state.Phase = KeyPhase.Active;
        _failedRenegotiations = 0;
        state.EraseSecrets();
        StopTimer(SessionTimer.HandshakeWindow);
        Channel.Promote();
        ScheduleRenegotiation(now);
        if (state.KeyId != 0)
        {
            Raise(new Renegotiated(state.KeyId));
        }
    }

    /// <summary>Ends the session once; what is queued goes out until the linger time is over.</summary>
    private protected void End(SessionEnd reason, string detail, Instant now)
    {
        if (_ended)
        {
            return;
        }

        _ended = true;
        Channel.FinishTls();
        _timers.StopAll();
        _timers.Set(SessionTimer.Linger, now + LingerTime);
        Raise(new SessionEnded(reason, detail));
    }

    private protected void Advance(KeyState state, Instant now)
    {
        TakeMessages(state, now);
        if (!state.HasTls && state.Phase == KeyPhase.Reset && MayStartTls(state))
        {
            state.StartTls(now);
        }

        if (state.HasTls)
        {
            PumpTls(state, now);
            Channel.DrainTls(state);
            EndIfNothingIsTaken(state, now);
        }

        if (!_ended && state.Phase == KeyPhase.Confirming && state.Sender.IsEmpty && state.Tls.PendingOutput == 0)
        {
            Confirmed(state, now);
        }

        if (!_ended && state.Phase == KeyPhase.Active)
        {
            Rest(state, now);
        }
    }

    /// <summary>A key in use waits for the next record, perhaps for hours, and holds as little as that takes.</summary>
    private void Rest(KeyState state, Instant now)
    {
        if (IsConfigured)
        {
            state.Tls.Settle();
        }

        if (state.Tls.HasPartialRecord)
        {
            _timers.Start(SessionTimer.PartialRecord, now + _handshakeWindow);
        }
        else
        {
            StopTimer(SessionTimer.PartialRecord);
        }
    }

    private void TakeMessages(KeyState state, Instant now)
    {
        while ((!state.ResetReceived || MayReadTls(state)) && state.Receiver.TryTakeNext(out var opcode, out var payload))
        {
            if (opcode is not (Opcode.ControlV1 or Opcode.ControlWkcV1))
            {
                ResetReceived(state, opcode, payload, now);
                continue;
            }

            if (payload.IsEmpty || _ended)
            {
                continue;
            }

            if (!state.HasTls)
            {
                state.StartTls(now);
            }

            state.Tls.Feed(payload);
        }
    }

    private void PumpTls(KeyState state, Instant now)
    {
        if (_ended)
        {
            return;
        }

        if (state.Phase == KeyPhase.Tls)
        {
            switch (state.Tls.Handshake())
            {
                case TlsStatus.WantRead:
                    NoteHello(state);
                    return;
                case TlsStatus.Done:
                    TlsEstablished(state, now);
                    break;
                case TlsStatus.Closed:
                case TlsStatus.Failed:
                    EndByTls(state, now);
                    return;
            }
        }

        Span<byte> plaintext = stackalloc byte[TlsRecordBuffer];
        while (!_ended)
        {
            var status = state.Tls.Read(plaintext, out var count);
            if (count > 0)
            {
                PlaintextReceived(state, plaintext[..count], now);
                CryptographicOperations.ZeroMemory(plaintext[..count]);
                if (_ended)
                {
                    return;
                }
            }

            if (status != TlsStatus.Done)
            {
                if (status != TlsStatus.WantRead)
                {
                    EndByTls(state, now);
                }

                return;
            }
        }
    }

    private void NoteHello(KeyState state)
    {
        if (state.Tls.PendingOutput > 0)
        {
            _hasHello = true;
            StopTimer(SessionTimer.Hello);
        }
    }

    private void PlaintextReceived(KeyState state, ReadOnlySpan<byte> plaintext, Instant now)
    {
        if (state.Phase == KeyPhase.KeyExchange)
        {
            KeyMethodReceived(state, plaintext, now);
            return;
        }

        // Before the owner has decided, and after the end, words of the peer count for nothing.
        while (!_ended && state.Phase is KeyPhase.Confirming or KeyPhase.Active && ControlMessage.TryTakeNext(ref plaintext, out var message))
        {
            MessageFromPeer(state, message, now);
        }
    }

    private void EndByTls(KeyState state, Instant now)
    {
        var what = state.Tls.Failure == TlsFailure.None ? "closed by the peer" : state.Tls.FailureDetail;
        End(SessionEnd.TlsFailed, $"{state.Tls.Failure}: {what}", now);
    }

    private void EndIfNothingIsTaken(KeyState state, Instant now)
    {
        if (state.HasTls && state.Tls.PendingOutput > TlsLimits.MaxPendingOutput)
        {
            End(SessionEnd.OutputNotTaken, "the peer has us answer and acknowledges nothing", now);
        }
    }

    private void WatchNewNegotiation(bool hadPending, Instant now)
    {
        if (!hadPending && Channel.Pending is not null)
        {
            StopTimer(SessionTimer.Renegotiate);
            SetTimer(SessionTimer.HandshakeWindow, now + _handshakeWindow);
        }
    }

    private void HandshakeWindowClosed(Instant now)
    {
        if (Channel.Active is null)
        {
            var phase = Channel.Pending?.Phase ?? KeyPhase.Reset;
            End(SessionEnd.HandshakeTimeout, $"no progress beyond {phase}", now);
            return;
        }

        // A renegotiation that came to nothing: the key in use still serves; try again, but not for ever on a key that grows old.
        Channel.AbandonPending();
        if (++_failedRenegotiations >= FailedRenegotiationsMax)
        {
            Send(ControlMessage.Restart, now);
            End(SessionEnd.RenegotiationFailed, $"{_failedRenegotiations} attempts at a new key came to nothing", now);
            return;
        }

        SetTimer(SessionTimer.Renegotiate, now + _handshakeWindow);
    }

    /// <summary>Up to a tenth earlier than configured, so that a fleet that came up together does not renegotiate together.</summary>
    private void ScheduleRenegotiation(Instant now)
    {
        if (_renegotiateAfter <= TimeSpan.Zero)
        {
            return;
        }

        Span<byte> random = stackalloc byte[2];
        Entropy.Fill(random);
        var earlier = _renegotiateAfter * (BitConverter.ToUInt16(random) / 655_360.0);
        SetTimer(SessionTimer.Renegotiate, now + _renegotiateAfter - earlier);
    }
}
