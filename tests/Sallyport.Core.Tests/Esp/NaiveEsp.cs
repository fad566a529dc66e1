using System.Buffers.Binary;
using System.Security.Cryptography;
using Sallyport.Core.Crypto;
using Sallyport.Core.Esp;

namespace Sallyport.Core.Tests.Esp;

/// <summary>ESP as the RFCs draw it, by the cryptography of the runtime.</summary>
internal static class NaiveEsp
{
    /// <summary>A whole packet around <paramref name="text"/>, which is payload, padding and trailer.</summary>
    public static byte[] Seal(EspSuite suite, uint spi, ulong sequence, byte[] keymat, byte[] text)
    {
        var head = new byte[8];
        BinaryPrimitives.WriteUInt32BigEndian(head, spi);
        BinaryPrimitives.WriteUInt32BigEndian(head.AsSpan(4), (uint)sequence);
        var high = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(high, (uint)(sequence >> 32));
        high = suite.ExtendedSequence ? high : [];
        return suite.IsCbc ? SealCbc(suite, head, high, keymat, text) : SealAead(suite, head, high, sequence, keymat, text);
    }

    private static byte[] SealAead(EspSuite suite, byte[] head, byte[] high, ulong sequence, byte[] keymat, byte[] text)
    {
        var iv = new byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(iv, sequence);
        byte[] nonce = [.. keymat[^4..], .. iv];
        byte[] aad = [.. head[..4], .. high, .. head[4..]];
        var sealedText = new byte[text.Length];
        var tag = new byte[16];
        if (suite.Cipher == EspCipher.ChaCha20Poly1305)
        {
            using var chacha = new ChaCha20Poly1305(keymat[..^4]);
            chacha.Encrypt(nonce, text, sealedText, tag, aad);
        }
        else
        {
            using var gcm = new AesGcm(keymat[..^4], 16);
            if (suite.Cipher is EspCipher.Aes128Gmac or EspCipher.Aes256Gmac)
            {
                gcm.Encrypt(nonce, Array.Empty<byte>(), Array.Empty<byte>(), tag, (byte[])[.. aad, .. iv, .. text]);
                sealedText = text;
            }
            else
            {
                gcm.Encrypt(nonce, text, sealedText, tag, aad);
            }
        }

        return [.. head, .. iv, .. sealedText, .. tag];
    }

    private static byte[] SealCbc(EspSuite suite, byte[] head, byte[] high, byte[] keymat, byte[] text)
    {
        var keyLength = suite.Cipher == EspCipher.Aes128Cbc ? 16 : 32;
        var iv = SHA256.HashData(head)[..16];
        using var aes = Aes.Create();
        aes.Key = keymat[..keyLength];
        byte[] packet = [.. head, .. iv, .. aes.EncryptCbc(text, iv, PaddingMode.None)];
        byte[] covered = [.. packet, .. high];
        var key = keymat[keyLength..];
        var tag = suite.Integrity switch
        {
#pragma warning disable CA5350 // Old routers have nothing else.
            HashKind.Sha1 => HMACSHA1.HashData(key, covered)[..12],
#pragma warning restore CA5350
            HashKind.Sha256 => HMACSHA256.HashData(key, covered)[..16],
            HashKind.Sha384 => HMACSHA384.HashData(key, covered)[..24],
            _ => HMACSHA512.HashData(key, covered)[..32],
        };
        return [.. packet, .. tag];
    }
}
