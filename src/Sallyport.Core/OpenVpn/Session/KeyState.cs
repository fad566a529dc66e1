using Sallyport.Core.Crypto;
using Sallyport.Core.OpenVpn.Negotiation;
using Sallyport.Core.OpenVpn.Reliability;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.OpenVpn.Session;

/// <summary>How far the negotiation of one key has come. Only ever moves down this list.</summary>
internal enum KeyPhase : byte
{
    /// <summary>The resets are on their way.</summary>
    Reset,

    /// <summary>TLS shakes hands.</summary>
    Tls,

    /// <summary>Key method 2: client's message out, server's not yet in (client); nothing in yet (server).</summary>
    KeyExchange,

    /// <summary>Server: the peer's message is in, the owner decides.</summary>
    Authentication,

    /// <summary>Both messages are exchanged; ours is not yet acknowledged, or the configuration not yet here.</summary>
    Confirming,

    /// <summary>Data keys exist and control messages may be sent.</summary>
    Active,
}

/// <summary>One key id: its own reliable channel, its own TLS session, and how far they have come.</summary>
internal sealed class KeyState : IDisposable
{
    private readonly TlsContext _tlsContext;
    private TlsPump? _tls;
    private AckQueue _acks;

    /// <param name="firstMessageId">1 where message 0, the reset, went both ways before this state was made.</param>
    public KeyState(int keyId, TlsContext tlsContext, uint firstMessageId)
    {
        KeyId = keyId;
        _tlsContext = tlsContext;
        Sender = new ReliableSender(firstMessageId);
        Receiver = new ReliableReceiver(firstMessageId);
    }

    public int KeyId { get; }

    public KeyPhase Phase { get; set; }

    public ReliableSender Sender { get; }

    public ReliableReceiver Receiver { get; }

    public ref AckQueue Acks => ref _acks;

    /// <summary>The peer's reset for this key has come (or the door has seen it).</summary>
    public bool ResetReceived { get; set; }

    /// <summary>Client role: our first TLS packet carries the wrapped client key (RESEND_WKC).</summary>
    public bool NextControlCarriesWrappedKey { get; set; }

    /// <summary>The two messages of key method 2; erased once the data keys are derived.</summary>
    public KeyMethod2Client? ClientMessage { get; set; }

    public KeyMethod2Server? ServerMessage { get; set; }

    public bool HasTls => _tls is not null;

    public TlsPump Tls => _tls ?? throw new InvariantException("TLS is used before the resets are exchanged");

    public void StartTls(Instant now)
    {
        Invariant.Check(_tls is null, "TLS starts once per key");
        _tls = new TlsPump(_tlsContext, now);
        Phase = KeyPhase.Tls;
    }

    /// <summary>Nothing is said or heard inside TLS any more; what was queued is in the reliable channel.</summary>
    public void FreeTls()
    {
        _tls?.Dispose();
        _tls = null;
    }

    public void EraseSecrets()
    {
        ClientMessage?.Dispose();
        ServerMessage?.Dispose();
        ClientMessage = null;
        ServerMessage = null;
    }

    public void Dispose()
    {
        EraseSecrets();
        Sender.Clear();
        Receiver.Clear();
        FreeTls();
    }
}
