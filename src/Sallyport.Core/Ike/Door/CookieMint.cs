using System.Security.Cryptography;
using Sallyport.Core.Crypto;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Door;

/// <summary>
/// Cookies that need no memory (RFC 7296 section 2.6): the number of a secret, and HMAC-SHA256(secret, Ni | address | port | SPIi). Who brings one back
/// receives at the address that it says it is at.
/// </summary>
internal sealed class CookieMint(IEntropy entropy) : IDisposable
{
    public const int Length = 1 + MacLength;

    private const int MacLength = 32;
    private const int SecretLength = 32;

    /// <summary>A cookie is good for once to twice this long. Stock peers repeat a request after 4 s, and with the cookie at once.</summary>
    private static readonly TimeSpan SecretLifetime = TimeSpan.FromSeconds(30);

    private readonly HmacContext[] _secrets = new HmacContext[2];
    private byte _number;
    private Instant? _since;

    public byte[] Make(ReadOnlySpan<byte> nonce, OuterAddress from, ulong initiatorSpi, Instant now)
    {
        Rotate(now);
        var cookie = new byte[Length];
        cookie[0] = _number;
        Compute(_secrets[_number & 1], nonce, from, initiatorSpi, cookie.AsSpan(1));
        return cookie;
    }

    public bool IsValid(ReadOnlySpan<byte> cookie, ReadOnlySpan<byte> nonce, OuterAddress from, ulong initiatorSpi, Instant now)
    {
        Rotate(now);
        if (cookie.Length != Length || (cookie[0] != _number && cookie[0] != (byte)(_number - 1)) || !_secrets[cookie[0] & 1].Exists)
        {
            return false;
        }

        Span<byte> expected = stackalloc byte[MacLength];
        Compute(_secrets[cookie[0] & 1], nonce, from, initiatorSpi, expected);
        return CryptographicOperations.FixedTimeEquals(expected, cookie[1..]);
    }

    public void Dispose()
    {
        _secrets[0].Free();
        _secrets[1].Free();
    }

    private static void Compute(in HmacContext secret, ReadOnlySpan<byte> nonce, OuterAddress from, ulong initiatorSpi, Span<byte> mac)
    {
        Span<byte> place = stackalloc byte[16 + 2 + 8];
        var writer = new ByteWriter(place);
        writer.U64((ulong)(from.Ip.Bits >> 64));
        writer.U64((ulong)from.Ip.Bits);
        writer.U16(from.Port);
        writer.U64(initiatorSpi);
        secret.Compute(place, nonce, mac);
    }

    private void Rotate(Instant now)
    {
        if (_since is { } since && now - since < SecretLifetime)
        {
            return;
        }

        // After a long silence the one before is too old as well.
        var isStale = _since is { } last && now - last >= SecretLifetime * 2;
        Span<byte> bytes = stackalloc byte[SecretLength];
        entropy.Fill(bytes);
        _number++;
        _secrets[_number & 1].Free();
        _secrets[_number & 1] = HmacContext.Create(HashKind.Sha256, bytes);
        CryptographicOperations.ZeroMemory(bytes);
        if (isStale)
        {
            _secrets[(_number - 1) & 1].Free();
        }

        _since = now;
    }
}
