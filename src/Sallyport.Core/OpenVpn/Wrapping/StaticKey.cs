using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.OpenVpn.Wrapping;

/// <summary>The 256 bytes that tls-auth and tls-crypt share, as in the file that <c>openvpn --genkey secret</c> writes. Zeroed when disposed.</summary>
public sealed class StaticKey : IDisposable
{
    private const string Begin = "-----BEGIN OpenVPN Static key V1-----";
    private const string End = "-----END OpenVPN Static key V1-----";
    private const int BytesPerLine = 16;

    private readonly byte[] _bytes;

    /// <param name="bytes">256 bytes, of which a copy is kept.</param>
    public StaticKey(ReadOnlySpan<byte> bytes)
    {
        Invariant.Check(bytes.Length == OpenVpnLimits.StaticKeyLength, "a static key has 256 bytes");
        _bytes = bytes.ToArray();
    }

    public ReadOnlySpan<byte> Bytes => _bytes;

    public static StaticKey Generate(IEntropy entropy)
    {
        Span<byte> bytes = stackalloc byte[OpenVpnLimits.StaticKeyLength];
        entropy.Fill(bytes);
        var key = new StaticKey(bytes);
        CryptographicOperations.ZeroMemory(bytes);
        return key;
    }

    /// <summary>Reads exactly 256 bytes of hexadecimal digits between the first pair of marks; what stands around the marks does not matter.</summary>
    public static bool TryParsePem([NotNullWhen(true)] string? text, [NotNullWhen(true)] out StaticKey? key)
    {
        key = null;
        if (!PemText.TryFindBody(text, Begin, End, out var body))
        {
            return false;
        }

        Span<byte> bytes = stackalloc byte[OpenVpnLimits.StaticKeyLength];
        var digits = 0;
        foreach (var c in body)
        {
            if (char.IsWhiteSpace(c))
            {
                continue;
            }

            if (!char.IsAsciiHexDigit(c) || digits == 2 * bytes.Length)
            {
                return false;
            }

            ref var b = ref bytes[digits / 2];
            b = (byte)((b << 4) | HexValue(c));
            digits++;
        }

        if (digits == 2 * bytes.Length)
        {
            key = new StaticKey(bytes);
        }

        CryptographicOperations.ZeroMemory(bytes);
        return key is not null;
    }

    public string ToPem()
    {
        var text = new StringBuilder(Begin).Append('\n');
        for (var at = 0; at < _bytes.Length; at += BytesPerLine)
        {
            text.Append(Convert.ToHexStringLower(_bytes, at, BytesPerLine)).Append('\n');
        }

        return text.Append(End).Append('\n').ToString();
    }

    public void Dispose() => CryptographicOperations.ZeroMemory(_bytes);

    private static int HexValue(char c) => char.IsAsciiDigit(c) ? c - '0' : (c | 0x20) - 'a' + 10;
}
