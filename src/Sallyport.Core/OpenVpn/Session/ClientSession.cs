using System.Security.Cryptography;
using System.Text;
using Sallyport.Core.Crypto;
using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.OpenVpn.Negotiation;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.OpenVpn.Wrapping;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.OpenVpn.Session;

/// <summary>What the client's side brings along.</summary>
public sealed record ClientSessionOptions
{
    /// <summary>In order of preference; offered to the server, which chooses. The first is used where the server pushes none.</summary>
    public IReadOnlyList<DataCipher> Ciphers { get; init; } =
        [DataCipher.Aes256Gcm, DataCipher.Aes128Gcm, DataCipher.ChaCha20Poly1305];

    /// <summary>Digest of CBC packets; both ends must be configured alike.</summary>
    public HashKind AuthDigest { get; init; } = HashKind.Sha256;

    public string Username { get; init; } = "";

    public string Password { get; init; } = "";

    public TimeSpan HandshakeWindow { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Own renegotiation; zero leaves it to the server.</summary>
    public TimeSpan RenegotiateAfter { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Over TCP.</summary>
    public bool IsStream { get; init; }

    /// <summary>Whether the wrapper holds a tls-crypt-v2 client key: the session then begins with HARD_RESET_CLIENT_V3.</summary>
    public bool UsesTlsCryptV2 { get; init; }

    /// <summary>The 256 key bytes of tls-crypt, tls-crypt-v2 or tls-auth that dynamic tls-crypt mixes in; null without wrapping.</summary>
    public byte[]? StaticKey { get; init; }

    /// <summary>What we can; leave bits out to play an older client.</summary>
    public IvProto Proto { get; init; } =
        IvProto.DataV2 | IvProto.RequestPush | IvProto.TlsKeyExport | IvProto.CcExitNotify | IvProto.AuthFailTemp | IvProto.DynTlsCrypt;

    /// <summary>Lines of peer info beside IV_PROTO and IV_CIPHERS.</summary>
    public IReadOnlyList<PeerInfoLine> PeerInfo { get; init; } = [new("IV_VER", "2.6.0"), new("IV_PLAT", "sallyport"), new("IV_NCP", "2")];
}

/// <summary>
/// The client's side of one session: serves tests, the fleet simulator and, later, the agent. One attempt: where it ends,
/// the owner makes a new one.
/// </summary>
public sealed class ClientSession : Session
{
    /// <summary>Stock clients ask every five seconds until the configuration comes.</summary>
    private static readonly TimeSpan PushRequestInterval = TimeSpan.FromSeconds(5);

    private readonly ClientSessionOptions _options;
    private readonly PushReplyReader _pushReply = new();
    private DataFormat _format;
    private bool _useExporter;
    private bool _configured;

    /// <param name="wrapper">Owned by this session from now on.</param>
    public ClientSession(ClientSessionOptions options, TlsContext tls, ControlWrapper wrapper, IEntropy entropy, Instant now)
        : base(
            new ControlChannel(wrapper, tls, SessionId.Generate(entropy), default), entropy,
            options.HandshakeWindow, options.RenegotiateAfter, firstMessageId: 0, now)
    {
        _options = options;
        Channel.Pending!.Sender.Enqueue(options.UsesTlsCryptV2 ? Opcode.HardResetClientV3 : Opcode.HardResetClientV2, []);
    }

    /// <summary>Whether the wrapped client key is to be repeated was said by the server's reset.</summary>
    private protected override void ResetReceived(KeyState state, Opcode opcode, ReadOnlySpan<byte> payload, Instant now)
    {
        if (opcode == Opcode.HardResetServerV2 && state.KeyId == 0 && !state.ResetReceived)
        {
            state.NextControlCarriesWrappedKey = _options.UsesTlsCryptV2
                && EarlyNegotiation.TryParse(payload, out var flags) && flags.HasFlag(EarlyNegotiationFlags.ResendWkc);
        }

        state.ResetReceived = true;
    }

    /// <summary>After the resets went both ways; stock servers do not take TLS before.</summary>
    private protected override bool MayStartTls(KeyState state) => state.ResetReceived && state.Sender.IsEmpty;

    private protected override bool IsConfigured => _configured;

    private protected override void TlsEstablished(KeyState state, Instant now)
    {
        var settings = new OptionSettings(
            _options.Ciphers[0], _options.AuthDigest, HasCompression: false, _options.IsStream, TunMtu: 1500, TlsAuth: false, KeyDirection: null);
        state.ClientMessage = KeyMethod2Client.Create(
            Entropy, OptionString.Create(settings, isServer: false), _options.Username, Encoding.UTF8.GetBytes(_options.Password), OwnPeerInfo());
        Span<byte> message = stackalloc byte[NegotiationLimits.PlaintextMax];
        state.Tls.Write(message[..state.ClientMessage.Write(message)]);
        CryptographicOperations.ZeroMemory(message);
        state.Phase = KeyPhase.KeyExchange;
    }

    private protected override void KeyMethodReceived(KeyState state, ReadOnlySpan<byte> plaintext, Instant now)
    {
        if (KeyMethod2Server.TryParse(plaintext, out var message) != KeyMethod2Status.Complete)
        {
            End(SessionEnd.KeyExchangeMalformed, "the key method 2 message cannot be read", now);
            return;
        }

        state.ServerMessage = message;
        state.Phase = KeyPhase.Confirming;
        if (state.KeyId == 0)
        {
            SetTimer(SessionTimer.PushRequest, now);
            return;
        }

        RaiseKeys(state);
    }

    private protected override void MessageFromPeer(KeyState state, ControlMessage message, Instant now)
    {
        switch (message.Kind)
        {
            case ControlMessageKind.PushReply when state.KeyId == 0 && !_configured:
                PushReplyReceived(state, message, now);
                break;
            case ControlMessageKind.AuthFailed:
                End(SessionEnd.AuthenticationFailed, message.Argument, now);
                break;
            default:
                Raise(new MessageReceived(message));
                break;
        }
    }

    /// <summary>The first key is in use only with the configuration; the later ones as soon as all is acknowledged.</summary>
    private protected override void Confirmed(KeyState state, Instant now)
    {
        if (state.KeyId != 0 || _configured)
        {
            Activate(state, now);
        }
    }

    private protected override void PushRequestDue(Instant now)
    {
        if (!HasEnded && !_configured && Channel.Pending is { Phase: KeyPhase.Confirming } state)
        {
            WriteMessage(state, ControlMessage.PushRequest);
            Channel.DrainTls(state);
            SetTimer(SessionTimer.PushRequest, now + PushRequestInterval);
        }
    }

    private void PushReplyReceived(KeyState state, ControlMessage message, Instant now)
    {
        switch (_pushReply.Add(message))
        {
            case PushReadStatus.More:
                return;
            case PushReadStatus.Complete:
                break;
            default:
                End(SessionEnd.ConfigurationRefused, "the push reply is longer than a client takes", now);
                return;
        }

        var options = _pushReply.Options;
        _configured = true;
        StopTimer(SessionTimer.PushRequest);
        _useExporter = options.KeyDerivationTlsEkm || options.ProtocolFlags.HasFlag(ProtocolFlags.TlsEkm);
        _format = new DataFormat(
            options.Cipher ?? _options.Ciphers[0], _options.AuthDigest, UsePeerId: options.PeerId is not null, options.Compression);
        if (options.ProtocolFlags.HasFlag(ProtocolFlags.DynTlsCrypt))
        {
            UseDynamicTlsCrypt(state, _options.StaticKey, isServer: false);
        }

        RaiseKeys(state);
        Raise(new Established(options));
    }

    private void RaiseKeys(KeyState state)
    {
        var keys = _useExporter ? ExportKeys(state) : PrfKeys(state, client: Channel.Local, server: Channel.Remote);
        Raise(new KeysReady(state.KeyId, keys, _format, IsFirst: state.KeyId == 0));
        state.EraseSecrets();
    }

    private PeerInfo OwnPeerInfo() => PeerInfo.Of(
    [
        .. _options.PeerInfo,
        new("IV_PROTO", ((uint)_options.Proto).ToString(System.Globalization.CultureInfo.InvariantCulture)),
        new("IV_CIPHERS", string.Join(':', _options.Ciphers.Select(c => c.Name()))),
    ]);
}
