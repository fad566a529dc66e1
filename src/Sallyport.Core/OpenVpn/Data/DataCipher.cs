using Sallyport.Core.Crypto;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.OpenVpn.Data;

/// <summary>Ciphers of the data channel that we speak. 64-bit block ciphers are left out on purpose (SWEET32, CVE-2016-6329).</summary>
public enum DataCipher : byte
{
    Aes256Gcm,
    Aes128Gcm,
    ChaCha20Poly1305,
    Aes256Cbc,
    Aes128Cbc,
}

public static class DataCiphers
{
    private static readonly string[] Names = ["AES-256-GCM", "AES-128-GCM", "CHACHA20-POLY1305", "AES-256-CBC", "AES-128-CBC"];

    /// <summary>As OpenVPN spells it in `cipher` and IV_CIPHERS.</summary>
    public static string Name(this DataCipher cipher) => Names[(int)cipher];

    public static bool IsAead(this DataCipher cipher) => cipher < DataCipher.Aes256Cbc;

    /// <summary>Whether the key wears out by encrypted blocks (GCM), beside packet ids.</summary>
    public static bool HasBlockLimit(this DataCipher cipher) => cipher is DataCipher.Aes256Gcm or DataCipher.Aes128Gcm;

    /// <summary>Bytes.</summary>
    public static int KeyLength(this DataCipher cipher) => cipher is DataCipher.Aes128Gcm or DataCipher.Aes128Cbc ? 16 : 32;

    /// <summary>Names are compared without regard to case, as stock peers do.</summary>
    public static bool TryParse(ReadOnlySpan<char> name, out DataCipher cipher)
    {
        for (var i = 0; i < Names.Length; i++)
        {
            if (name.Equals(Names[i], StringComparison.OrdinalIgnoreCase))
            {
                cipher = (DataCipher)i;
                return true;
            }
        }

        cipher = default;
        return false;
    }

    internal static AeadAlgorithm Aead(this DataCipher cipher)
    {
        Invariant.Check(cipher.IsAead(), "only an AEAD cipher has an AEAD algorithm");
        return cipher switch
        {
            DataCipher.Aes256Gcm => AeadAlgorithm.Aes256Gcm,
            DataCipher.Aes128Gcm => AeadAlgorithm.Aes128Gcm,
            _ => AeadAlgorithm.ChaCha20Poly1305,
        };
    }
}
