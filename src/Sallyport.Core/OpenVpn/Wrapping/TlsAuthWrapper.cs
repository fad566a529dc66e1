using System.Security.Cryptography;
using Sallyport.Core.Crypto;
using Sallyport.Core.Gateway;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.OpenVpn.Wrapping;

public sealed class TlsAuthWrapper : ControlWrapper
{
    private readonly HashKind _digest;
    private readonly byte[] _sendKey;
    private readonly byte[] _receiveKey;
    private TlsAuthKey _send;
    private TlsAuthKey _receive;

    /// <param name="direction">As our side's key-direction option would say.</param>
    /// <param name="firstPacketId">2 where a stateless reply used 1.</param>
    public TlsAuthWrapper(StaticKey key, KeyDirection direction, HashKind digest, uint firstPacketId = 1)
        : base(WrappingKind.TlsAuth, TlsAuthKey.OverheadOf(digest.Length()), firstPacketId)
    {
        _digest = digest;
        _sendKey = StaticKeyLayout.HmacKey(key.Bytes, direction.SendHalf(), digest.Length()).ToArray();
        _receiveKey = StaticKeyLayout.HmacKey(key.Bytes, direction.ReceiveHalf(), digest.Length()).ToArray();
    }

    public override int Wrap(ReadOnlySpan<byte> clear, Span<byte> wrapped, Instant now)
    {
        if (!_send.Exists)
        {
            _send = TlsAuthKey.Create(_digest, _sendKey);
        }

        return _send.Seal(clear, NextCounter(now), wrapped);
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
            _receive = TlsAuthKey.Create(_digest, _receiveKey);
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
        CryptographicOperations.ZeroMemory(_sendKey);
        CryptographicOperations.ZeroMemory(_receiveKey);
    }
}
