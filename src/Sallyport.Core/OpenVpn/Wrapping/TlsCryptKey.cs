using System.Security.Cryptography;
using Sallyport.Core.Crypto;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.OpenVpn.Wrapping;

/// <summary>
/// One direction of tls-crypt: <c>op 1 | sid 8 | replay 8 | tag 32 | ciphertext</c>. The tag is HMAC-SHA256 over everything before it and the
/// plaintext; its first half is the counter block of AES-256-CTR. Mutable native state: lives in one place.
/// </summary>
internal struct TlsCryptKey
{
    public const int TagLength = 32;
    public const int Overhead = ControlWrapper.ReplayLength + TagLength;

    /// <summary>Cipher key, then HMAC key.</summary>
    public const int KeyLength = CtrContext.KeyLength + HmacKeyLength;

    private const int HmacKeyLength = 32;
    private const int CoveredHead = ControlPacket.HeadLength + ControlWrapper.ReplayLength;

    private HmacContext _mac;
    private CtrContext _cipher;

    public readonly bool Exists => _mac.Exists;

    /// <summary>The shortest packet: head, overhead and a count of acknowledgements.</summary>
    public static int MinPacket => ControlPacket.HeadLength + Overhead + 1;

    /// <summary>Copies a half's two keys out of a static key.</summary>
    public static void CopyKeys(ReadOnlySpan<byte> key256, int half, Span<byte> keys)
    {
        StaticKeyLayout.CipherKey(key256, half, CtrContext.KeyLength).CopyTo(keys);
        StaticKeyLayout.HmacKey(key256, half, HmacKeyLength).CopyTo(keys[CtrContext.KeyLength..]);
    }

    /// <param name="keys"><see cref="KeyLength"/> bytes, as <see cref="CopyKeys"/> makes them.</param>
    public static TlsCryptKey Create(ReadOnlySpan<byte> keys) => new()
    {
        _cipher = CtrContext.Create(keys[..CtrContext.KeyLength]),
        _mac = HmacContext.Create(HashKind.Sha256, keys.Slice(CtrContext.KeyLength, HmacKeyLength)),
    };

    public static TlsCryptKey Create(ReadOnlySpan<byte> key256, int half)
    {
        Span<byte> keys = stackalloc byte[KeyLength];
        CopyKeys(key256, half, keys);
        var created = Create(keys);
        CryptographicOperations.ZeroMemory(keys);
        return created;
    }

    public readonly int Seal(ReadOnlySpan<byte> clear, ulong counter, Span<byte> wrapped)
    {
        var rest = clear[ControlPacket.HeadLength..];
        var writer = new ByteWriter(wrapped);
        writer.Bytes(clear[..ControlPacket.HeadLength]);
        ControlWrapper.WriteCounter(writer.Skip(ControlWrapper.ReplayLength), counter);
        var tag = writer.Skip(TagLength);
        _mac.Compute(wrapped[..CoveredHead], rest, tag);
        var text = writer.Skip(rest.Length);
        rest.CopyTo(text);
        _cipher.Transform(tag[..CtrContext.IvLength], text);
        return writer.Length;
    }

    /// <param name="wrapped">At least <see cref="MinPacket"/> bytes.</param>
    public readonly bool TryOpen(ReadOnlySpan<byte> wrapped, Span<byte> clear, out int length, out ulong counter)
    {
        var head = wrapped[..CoveredHead];
        var tag = wrapped.Slice(CoveredHead, TagLength);
        var text = wrapped[(CoveredHead + TagLength)..];
        counter = ControlWrapper.ReadCounter(head[ControlPacket.HeadLength..]);
        length = ControlPacket.HeadLength + text.Length;

        head[..ControlPacket.HeadLength].CopyTo(clear);
        var rest = clear[ControlPacket.HeadLength..length];
        text.CopyTo(rest);
        _cipher.Transform(tag[..CtrContext.IvLength], rest);
        if (_mac.Verify(head, rest, tag))
        {
            return true;
        }

        clear[..length].Clear();
        length = 0;
        return false;
    }

    public void Free()
    {
        _mac.Free();
        _cipher.Free();
    }
}
