using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.OpenVpn.Wrapping;

/// <summary>What a tls-crypt-v2 client holds: its own key, and the same key wrapped for the server. The key is zeroed when disposed.</summary>
public sealed class TlsCryptV2ClientKey : IDisposable
{
    private const string Label = "OpenVPN tls-crypt-v2 client key";

    private readonly byte[] _key;
    private readonly byte[] _wkc;

    /// <param name="key256">256 bytes, of which a copy is kept.</param>
    /// <param name="wkc">290 to 1024 bytes, of which a copy is kept.</param>
    public TlsCryptV2ClientKey(ReadOnlySpan<byte> key256, ReadOnlySpan<byte> wkc)
    {
        Invariant.Check(key256.Length == OpenVpnLimits.StaticKeyLength, "a static key has 256 bytes");
        Invariant.Check(wkc.Length is >= OpenVpnLimits.MinWrappedKey and <= OpenVpnLimits.MaxWrappedKey, "a WKc has 290 to 1024 bytes");
        _key = key256.ToArray();
        _wkc = wkc.ToArray();
    }

    public ReadOnlySpan<byte> Key256 => _key;

    public ReadOnlySpan<byte> Wkc => _wkc;

    internal ReadOnlyMemory<byte> WkcMemory => _wkc;

    public static bool TryParsePem([NotNullWhen(true)] string? text, [NotNullWhen(true)] out TlsCryptV2ClientKey? key)
    {
        Span<byte> bytes = stackalloc byte[OpenVpnLimits.StaticKeyLength + OpenVpnLimits.MaxWrappedKey];
        key = PemText.TryReadBase64(text, Label, bytes, out var length)
            && length >= OpenVpnLimits.StaticKeyLength + OpenVpnLimits.MinWrappedKey
                ? new TlsCryptV2ClientKey(bytes[..OpenVpnLimits.StaticKeyLength], bytes[OpenVpnLimits.StaticKeyLength..length])
                : null;
        CryptographicOperations.ZeroMemory(bytes);
        return key is not null;
    }

    public string ToPem()
    {
        Span<byte> bytes = stackalloc byte[_key.Length + _wkc.Length];
        _key.CopyTo(bytes);
        _wkc.CopyTo(bytes[_key.Length..]);
        var text = PemText.WriteBase64(Label, bytes);
        CryptographicOperations.ZeroMemory(bytes);
        return text;
    }

    public void Dispose() => CryptographicOperations.ZeroMemory(_key);
}
