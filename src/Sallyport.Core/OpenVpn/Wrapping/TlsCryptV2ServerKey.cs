using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Sallyport.Core.Crypto;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.OpenVpn.Wrapping;

/// <summary>
/// The key under which a server wraps its clients' keys: 128 bytes, of which [0..31] encrypt and [64..95] authenticate.
/// Not for two threads at a time: native contexts are made at the first use and kept.
/// </summary>
public sealed class TlsCryptV2ServerKey : IDisposable
{
    public const int Length = 128;

    private const string Label = "OpenVPN tls-crypt-v2 server key";
    private const int MaxPlaintext = OpenVpnLimits.StaticKeyLength + OpenVpnLimits.MaxMetadata;

    private readonly byte[] _bytes;
    private HmacContext _mac;
    private CtrContext _cipher;

    /// <param name="bytes">128 bytes, of which a copy is kept.</param>
    public TlsCryptV2ServerKey(ReadOnlySpan<byte> bytes)
    {
        Invariant.Check(bytes.Length == Length, "a tls-crypt-v2 server key has 128 bytes");
        _bytes = bytes.ToArray();
    }

    public ReadOnlySpan<byte> Bytes => _bytes;

    public static TlsCryptV2ServerKey Generate(IEntropy entropy)
    {
        Span<byte> bytes = stackalloc byte[Length];
        entropy.Fill(bytes);
        var key = new TlsCryptV2ServerKey(bytes);
        CryptographicOperations.ZeroMemory(bytes);
        return key;
    }

    public static bool TryParsePem([NotNullWhen(true)] string? text, [NotNullWhen(true)] out TlsCryptV2ServerKey? key)
    {
        Span<byte> bytes = stackalloc byte[Length];
        key = PemText.TryReadBase64(text, Label, bytes, out var length) && length == Length ? new TlsCryptV2ServerKey(bytes) : null;
        CryptographicOperations.ZeroMemory(bytes);
        return key is not null;
    }

    public string ToPem() => PemText.WriteBase64(Label, _bytes);

    /// <summary>A new client key whose metadata names a credential.</summary>
    /// <param name="wrappedKeyId">16 bytes.</param>
    public TlsCryptV2ClientKey IssueClient(IEntropy entropy, ReadOnlySpan<byte> wrappedKeyId)
    {
        Invariant.Check(wrappedKeyId.Length == WrappedKeyMetadata.IdLength, "the id of a wrapped key has 16 bytes");
        Span<byte> metadata = stackalloc byte[WrappedKeyMetadata.Length];
        WrappedKeyMetadata.Write(metadata, wrappedKeyId);
        Span<byte> key = stackalloc byte[OpenVpnLimits.StaticKeyLength];
        entropy.Fill(key);
        var client = new TlsCryptV2ClientKey(key, WrapClient(key, metadata));
        CryptographicOperations.ZeroMemory(key);
        return client;
    }

    /// <summary>Makes a WKc.</summary>
    /// <param name="key256">The client's key.</param>
    /// <param name="metadata">At most <see cref="OpenVpnLimits.MaxMetadata"/> bytes, the first of which is its type.</param>
    public byte[] WrapClient(ReadOnlySpan<byte> key256, ReadOnlySpan<byte> metadata)
    {
        Invariant.Check(key256.Length == OpenVpnLimits.StaticKeyLength, "a static key has 256 bytes");
        Invariant.Check(metadata.Length <= OpenVpnLimits.MaxMetadata, "metadata fits a WKc");
        EnsureContexts();
        var wkc = new byte[OpenVpnLimits.MinWrappedKey + metadata.Length];
        var tag = wkc.AsSpan(0, WrappedClientKey.TagLength);
        var text = wkc.AsSpan(tag.Length..^WrappedClientKey.LengthField);
        var length = wkc.AsSpan(^WrappedClientKey.LengthField..);
        key256.CopyTo(text);
        metadata.CopyTo(text[key256.Length..]);
        BinaryPrimitives.WriteUInt16BigEndian(length, (ushort)wkc.Length);
        _mac.Compute(length, text, tag);
        _cipher.Transform(tag[..CtrContext.IvLength], text);
        return wkc;
    }

    /// <summary>Opens the WKc at the end of a packet. False, and nothing written, where there is none or it is not ours.</summary>
    /// <param name="controlLength">Where the WKc starts.</param>
    /// <param name="clientKey256">Room for 256 bytes, which the caller zeroes when done.</param>
    /// <param name="metadata">Room for <see cref="OpenVpnLimits.MaxMetadata"/> bytes.</param>
    public bool TryUnwrapClient(
        ReadOnlySpan<byte> packet,
        out int controlLength,
        Span<byte> clientKey256,
        Span<byte> metadata,
        out int metadataLength)
    {
        metadataLength = 0;
        if (!WrappedClientKey.TryStrip(packet, out controlLength))
        {
            return false;
        }

        EnsureContexts();
        var wkc = packet[controlLength..];
        var tag = wkc[..WrappedClientKey.TagLength];
        var text = wkc[WrappedClientKey.TagLength..^WrappedClientKey.LengthField];
        Span<byte> room = stackalloc byte[MaxPlaintext];
        var plain = room[..text.Length];
        text.CopyTo(plain);
        _cipher.Transform(tag[..CtrContext.IvLength], plain);
        var isOurs = _mac.Verify(wkc[^WrappedClientKey.LengthField..], plain, tag);
        if (isOurs)
        {
            plain[..OpenVpnLimits.StaticKeyLength].CopyTo(clientKey256);
            plain[OpenVpnLimits.StaticKeyLength..].CopyTo(metadata);
            metadataLength = plain.Length - OpenVpnLimits.StaticKeyLength;
        }

        CryptographicOperations.ZeroMemory(plain);
        return isOurs;
    }

    public void Dispose()
    {
        _mac.Free();
        _cipher.Free();
        CryptographicOperations.ZeroMemory(_bytes);
    }

    private void EnsureContexts()
    {
        if (!_mac.Exists)
        {
            _cipher = CtrContext.Create(_bytes.AsSpan(0, CtrContext.KeyLength));
            _mac = HmacContext.Create(HashKind.Sha256, _bytes.AsSpan(StaticKeyLayout.SlotLength, 32));
        }
    }
}
