using System.Security.Cryptography;
using Sallyport.Core.Gateway;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.OpenVpn.Wrapping;

/// <summary>tls-crypt, and tls-crypt-v2 once the client's own key is known. Also what protects renegotiations with a dynamic tls-crypt key.</summary>
public sealed class TlsCryptWrapper : ControlWrapper
{
    private readonly byte[] _sendKeys = new byte[TlsCryptKey.KeyLength];
    private readonly byte[] _receiveKeys = new byte[TlsCryptKey.KeyLength];
    private readonly ReadOnlyMemory<byte> _wkc;
    private TlsCryptKey _send;
    private TlsCryptKey _receive;

    /// <param name="key256">The network's static key or the client's own; not kept.</param>
    /// <param name="kind">TlsCrypt or TlsCryptV2: the same bytes, told apart in reports.</param>
    /// <param name="firstPacketId">2 where a stateless reply used 1.</param>
    public TlsCryptWrapper(ReadOnlySpan<byte> key256, bool isServer, WrappingKind kind = WrappingKind.TlsCrypt, uint firstPacketId = 1)
        : this(key256, isServer, kind, firstPacketId, wkc: default)
    {
    }

    private TlsCryptWrapper(ReadOnlySpan<byte> key256, bool isServer, WrappingKind kind, uint firstPacketId, ReadOnlyMemory<byte> wkc)
        : base(kind, TlsCryptKey.Overhead, firstPacketId)
    {
        Invariant.Check(key256.Length == OpenVpnLimits.StaticKeyLength, "a static key has 256 bytes");
        Invariant.Check(kind is WrappingKind.TlsCrypt or WrappingKind.TlsCryptV2, "tls-crypt is one of two kinds");
        _wkc = wkc;
        TlsCryptKey.CopyKeys(key256, isServer ? 0 : 1, _sendKeys);
        TlsCryptKey.CopyKeys(key256, isServer ? 1 : 0, _receiveKeys);
    }

    /// <summary>
    /// For a tls-crypt-v2 client: appends the WKc to resets (V3) and CONTROL_WKC_V1, and offers early negotiation by where its counter starts.
    /// </summary>
    public static TlsCryptWrapper ForClient(TlsCryptV2ClientKey key) =>
        new(key.Key256, isServer: false, WrappingKind.TlsCryptV2, EarlyNegotiation.FirstPacketId, key.WkcMemory);

    public override int TrailerLength(Opcode opcode) =>
        opcode is Opcode.HardResetClientV3 or Opcode.ControlWkcV1 ? _wkc.Length : 0;

    public override int Wrap(ReadOnlySpan<byte> clear, Span<byte> wrapped, Instant now)
    {
        if (!_send.Exists)
        {
            _send = TlsCryptKey.Create(_sendKeys);
        }

        var length = _send.Seal(clear, NextCounter(now), wrapped);
        var trailer = TrailerLength(new PacketHead(clear[0]).Opcode);
        _wkc.Span[..trailer].CopyTo(wrapped[length..]);
        return length + trailer;
    }

    public override DropReason TryUnwrap(ReadOnlySpan<byte> wrapped, Span<byte> clear, out int length)
    {
        length = 0;
        var reason = CheckLength(wrapped, clear, Overhead);
        if (reason != DropReason.None)
        {
            return reason;
        }

        if (!_receive.Exists)
        {
            _receive = TlsCryptKey.Create(_receiveKeys);
        }

        if (!_receive.TryOpen(wrapped, clear, out length, out var counter))
        {
            return DropReason.WrapInvalid;
        }

        reason = JudgeReplay(counter);
        length = reason == DropReason.None ? length : 0;
        return reason;
    }

    public override void Rest()
    {
        _send.Free();
        _receive.Free();
    }

    private protected override void ZeroKeys()
    {
        CryptographicOperations.ZeroMemory(_sendKeys);
        CryptographicOperations.ZeroMemory(_receiveKeys);
    }
}
