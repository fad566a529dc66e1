using System.Security.Cryptography;
using Sallyport.Core.Crypto;
using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.OpenVpn.Door;
using Sallyport.Core.OpenVpn.Negotiation;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.OpenVpn.Session;

/// <summary>What every session of a gateway has in common.</summary>
public sealed record ServerSessionOptions
{
    /// <summary>From the first packet to the first key in use (hand-window).</summary>
    public TimeSpan HandshakeWindow { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>From the first packet to a whole ClientHello; null gives it as long as the rest.</summary>
    public TimeSpan? HelloWindow { get; init; }

    /// <summary>Own renegotiation (reneg-sec); zero leaves it to the peer.</summary>
    public TimeSpan RenegotiateAfter { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Over TCP.</summary>
    public bool IsStream { get; init; }

    /// <summary>TLS, which is what a session costs, begins with <see cref="ServerSession.Begin"/>; where the resets were exchanged statelessly, at once.</summary>
    public bool WaitsForOwner { get; init; }
}

/// <summary>
/// The server's side of one session: TLS, key method 2, the owner's decision, the pushed configuration, renegotiation.
/// Nothing is granted before <see cref="Accept"/>: no key is derived and no configuration leaves (CVE-2020-15078).
/// </summary>
public sealed class ServerSession : Session
{
    private readonly ServerSessionOptions _options;
    private byte[]? _staticKey;
    private PeerInfo _peerInfo = PeerInfo.Empty;
    private OptionString _peerOptions = OptionString.Empty;
    private SessionGrant? _grant;
    private CipherDecision _cipher;
    private DataFormat _format;
    private bool _useExporter;
    private bool _configured;
    private bool _isWaiting;

    /// <param name="admission">What the door made of the peer's first packets; this session owns its wrapper and key from now on.</param>
    public ServerSession(ServerSessionOptions options, TlsContext tls, Admission admission, IEntropy entropy, Instant now)
        : base(new ControlChannel(admission.Wrapper, tls, admission.Local, admission.Remote), entropy,
               options.HandshakeWindow, options.RenegotiateAfter, FirstMessageId(admission), now)
    {
        _options = options;
        _staticKey = admission.StaticKey;
        _isWaiting = options.WaitsForOwner && !admission.ResetExchanged;
        if (options.HelloWindow is { } window)
        {
            SetTimer(SessionTimer.Hello, now + window);
        }

        if (admission.ResetExchanged)
        {
            // The stateless reply may have had no room to acknowledge the peer's reset.
            Channel.Pending!.ResetReceived = true;
            Channel.Pending.Acks.Add(0);
        }

        Channel.AcceptClear(admission.FirstPacket, now, out var touched);
        if (touched is not null)
        {
            Advance(touched, now);
        }
    }

    /// <summary>The owner has room for what TLS takes (<see cref="ServerSessionOptions.WaitsForOwner"/>).</summary>
    public void Begin(Instant now)
    {
        _isWaiting = false;
        if (!HasEnded && Channel.Pending is { } state)
        {
            Advance(state, now);
        }
    }

    /// <summary>The owner knows the peer and lets it in with this configuration (of a renegotiation: it may go on).</summary>
    public void Accept(SessionGrant grant, Instant now)
    {
        if (HasEnded || Channel.Pending is not { Phase: KeyPhase.Authentication } state)
        {
            return;
        }

        if (state.KeyId == 0)
        {
            Negotiate(grant);
            if (_cipher.Origin == CipherOrigin.NoSharedCipher)
            {
                Refuse(state, ControlMessage.AuthFailed(CipherNegotiation.NoSharedCipherReason));
                End(SessionEnd.NoSharedCipher, NoSharedCipherDetail(grant), now);
                return;
            }
        }

        WriteKeyMethod(state);
        Raise(new KeysReady(state.KeyId, DeriveKeys(state), _format, IsFirst: state.KeyId == 0));
        state.EraseSecrets();
        state.Phase = KeyPhase.Confirming;
        if (state.KeyId == 0 && _peerInfo.Proto.HasFlag(IvProto.RequestPush))
        {
            Configure(state);
        }

        Channel.DrainTls(state);
    }

    /// <summary>The owner does not let the peer in. <paramref name="message"/> is an AUTH_FAILED.</summary>
    /// <param name="detail">For the operator; the peer reads <paramref name="message"/> alone.</param>
    public void Reject(ControlMessage message, string detail, Instant now)
    {
        if (HasEnded || Channel.Pending is not { Phase: KeyPhase.Authentication } state)
        {
            return;
        }

        Refuse(state, message);
        End(SessionEnd.AuthenticationFailed, detail, now);
    }

    private protected override void ResetReceived(KeyState state, Opcode opcode, ReadOnlySpan<byte> payload, Instant now)
    {
        if (state.KeyId == 0 && !state.ResetReceived && opcode is Opcode.HardResetClientV2 or Opcode.HardResetClientV3)
        {
            state.Sender.Enqueue(Opcode.HardResetServerV2, []);
        }

        state.ResetReceived = true;
    }

    /// <summary>The peer's ClientHello starts it.</summary>
    private protected override bool MayStartTls(KeyState state) => false;

    private protected override bool MayReadTls(KeyState state) => !_isWaiting;

    private protected override bool IsConfigured => _configured;

    private protected override void TlsEstablished(KeyState state, Instant now) => state.Phase = KeyPhase.KeyExchange;

    private protected override void KeyMethodReceived(KeyState state, ReadOnlySpan<byte> plaintext, Instant now)
    {
        var status = KeyMethod2Client.TryParse(plaintext, out var message);
        if (message is null)
        {
            End(SessionEnd.KeyExchangeMalformed, "the key method 2 message cannot be read", now);
            return;
        }

        state.ClientMessage = message;
        state.Phase = KeyPhase.Authentication;
        if (state.KeyId == 0)
        {
            _peerInfo = message.PeerInfo;
            _peerOptions = message.Options;
        }

        if (status != KeyMethod2Status.Complete)
        {
            Reject(ControlMessage.AuthFailed("user name or password not acceptable"), $"user name or password: {status}", now);
            return;
        }

        Raise(new AuthenticationRequired(new AuthenticationRequest
        {
            Certificate = state.Tls.PeerCertificateDer(),
            Username = message.Username,
            Password = message.Password.ToArray(),
            PeerInfo = _peerInfo,
            Tls = DescribeTls(state),
            IsRenegotiation = state.KeyId != 0,
        }));
    }

    private protected override void MessageFromPeer(KeyState state, ControlMessage message, Instant now)
    {
        switch (message.Kind)
        {
            case ControlMessageKind.PushRequest:
                // Once: the reply is on the reliable channel, and asking again does not speed it up.
                if (_grant is not null && !_configured)
                {
                    Configure(state);
                }

                break;
            case ControlMessageKind.Exit:
                End(SessionEnd.PeerExit, "the peer left", now);
                break;
            default:
                Raise(new MessageReceived(message));
                break;
        }
    }

    /// <summary>Who cannot be asked for its certificate again does not stay. A client leaves that to its server.</summary>
    private protected override int FailedRenegotiationsMax => OpenVpnLimits.FailedRenegotiationsMax;

    private protected override void Confirmed(KeyState state, Instant now) => Activate(state, now);

    private protected override void DisposeRole() => ForgetStaticKey();

    /// <summary>Where the door answered the reset without keeping state, message 0 has gone both ways.</summary>
    private static uint FirstMessageId(Admission admission) => admission.ResetExchanged ? 1u : 0u;

    private void Negotiate(SessionGrant grant)
    {
        _grant = grant;
        _cipher = CipherNegotiation.Choose(grant.Ciphers, _peerInfo, _peerOptions);
        _useExporter = _peerInfo.Proto.HasFlag(IvProto.TlsKeyExport);
        _format = new DataFormat(
            _cipher.Cipher, grant.AuthDigest, UsePeerId: _peerInfo.Proto.HasFlag(IvProto.DataV2),
            CompressionNegotiation.Choose(_peerInfo, _peerOptions));
    }

    private string NoSharedCipherDetail(SessionGrant grant)
    {
        var theirs = _peerInfo.Find("IV_CIPHERS")
            ?? (_peerInfo.SupportsNcp ? "AES-256-GCM:AES-128-GCM and " : "") + (_peerOptions.CipherName ?? "no cipher named");
        return $"the network allows {string.Join(':', grant.Ciphers.Select(c => c.Name()))}, the peer has {theirs}";
    }

    private void WriteKeyMethod(KeyState state)
    {
        var settings = new OptionSettings(
            _format.Cipher, _format.Auth, _format.Compression != CompressionFraming.None, _options.IsStream,
            TunMtu: 1500, TlsAuth: false, KeyDirection: null);
        state.ServerMessage = KeyMethod2Server.Create(Entropy, _peerOptions.Answer(settings, pushesTunMtu: false));
        Span<byte> message = stackalloc byte[NegotiationLimits.PlaintextMax];
        state.Tls.Write(message[..state.ServerMessage.Write(message)]);
        CryptographicOperations.ZeroMemory(message);
    }

    /// <summary>The peer reads AUTH_FAILED only behind a key method message, so it gets one; keys are never derived.</summary>
    private void Refuse(KeyState state, ControlMessage message)
    {
        WriteKeyMethod(state);
        WriteMessage(state, message);
        state.EraseSecrets();
    }

    private KeyMaterial DeriveKeys(KeyState state) =>
        _useExporter ? ExportKeys(state) : PrfKeys(state, client: Channel.Remote, server: Channel.Local);

    /// <summary>Sends the configuration: the session is up.</summary>
    private void Configure(KeyState state)
    {
        _configured = true;
        var useDynamicWrapping = _useExporter && _peerInfo.Proto.HasFlag(IvProto.DynTlsCrypt) && _peerInfo.Proto.HasFlag(IvProto.CcExitNotify);
        foreach (var part in ControlMessage.Push(Configuration.For(_grant!, _peerInfo, _cipher, _format, useDynamicWrapping)))
        {
            WriteMessage(state, part);
        }

        if (useDynamicWrapping)
        {
            UseDynamicTlsCrypt(state, _staticKey, isServer: true);
        }

        // Sent once; a session lives for months after it.
        ForgetStaticKey();
        _grant = null;
        Raise(new Established(null));
    }

    private void ForgetStaticKey()
    {
        CryptographicOperations.ZeroMemory(_staticKey);
        _staticKey = null;
    }
}
