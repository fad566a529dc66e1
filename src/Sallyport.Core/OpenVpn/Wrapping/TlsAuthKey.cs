using Sallyport.Core.Crypto;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.OpenVpn.Wrapping;

/// <summary>
/// One direction of tls-auth: <c>op 1 | sid 8 | HMAC | replay 8 | rest</c>, the HMAC over <c>replay | op | sid | rest</c>.
/// Mutable native state: lives in one place.
/// </summary>
internal struct TlsAuthKey
{
    private const int CoveredHead = ControlWrapper.ReplayLength + ControlPacket.HeadLength;

    private HmacContext _mac;

    public readonly bool Exists => _mac.Exists;

    public readonly int Overhead => OverheadOf(_mac.Length);

    public static int OverheadOf(int macLength) => macLength + ControlWrapper.ReplayLength;

    public static TlsAuthKey Create(HashKind digest, ReadOnlySpan<byte> key) => new() { _mac = HmacContext.Create(digest, key) };

    public static TlsAuthKey Create(HashKind digest, ReadOnlySpan<byte> key256, int half) =>
        Create(digest, StaticKeyLayout.HmacKey(key256, half, digest.Length()));

    public readonly int Seal(ReadOnlySpan<byte> clear, ulong counter, Span<byte> wrapped)
    {
        Span<byte> head = stackalloc byte[CoveredHead];
        ControlWrapper.WriteCounter(head, counter);
        clear[..ControlPacket.HeadLength].CopyTo(head[ControlWrapper.ReplayLength..]);
        var rest = clear[ControlPacket.HeadLength..];

        var writer = new ByteWriter(wrapped);
        writer.Bytes(clear[..ControlPacket.HeadLength]);
        _mac.Compute(head, rest, writer.Skip(_mac.Length));
        writer.Bytes(head[..ControlWrapper.ReplayLength]);
        writer.Bytes(rest);
        return writer.Length;
    }

    /// <param name="wrapped">Longer than the head and <see cref="Overhead"/>.</param>
    public readonly bool TryOpen(ReadOnlySpan<byte> wrapped, Span<byte> clear, out int length, out ulong counter)
    {
        var mac = wrapped.Slice(ControlPacket.HeadLength, _mac.Length);
        var replay = wrapped.Slice(ControlPacket.HeadLength + _mac.Length, ControlWrapper.ReplayLength);
        var rest = wrapped[(ControlPacket.HeadLength + Overhead)..];
        counter = ControlWrapper.ReadCounter(replay);
        length = 0;

        Span<byte> head = stackalloc byte[CoveredHead];
        replay.CopyTo(head);
        wrapped[..ControlPacket.HeadLength].CopyTo(head[ControlWrapper.ReplayLength..]);
        if (!_mac.Verify(head, rest, mac))
        {
            return false;
        }

        wrapped[..ControlPacket.HeadLength].CopyTo(clear);
        rest.CopyTo(clear[ControlPacket.HeadLength..]);
        length = ControlPacket.HeadLength + rest.Length;
        return true;
    }

    public void Free() => _mac.Free();
}
