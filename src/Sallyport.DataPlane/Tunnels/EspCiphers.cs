using Sallyport.Core.Esp;
using Sallyport.Core.Policy;

namespace Sallyport.DataPlane.Tunnels;

/// <summary>What rules call the ciphers of ESP.</summary>
internal static class EspCiphers
{
    public static TunnelCipher TunnelCipher(this EspSuite suite) => suite.Cipher switch
    {
        EspCipher.Aes128Gcm => Core.Policy.TunnelCipher.Aes128Gcm,
        EspCipher.Aes256Gcm => Core.Policy.TunnelCipher.Aes256Gcm,
        EspCipher.ChaCha20Poly1305 => Core.Policy.TunnelCipher.ChaCha20Poly1305,
        EspCipher.Aes128Cbc => Core.Policy.TunnelCipher.Aes128Cbc,
        EspCipher.Aes256Cbc => Core.Policy.TunnelCipher.Aes256Cbc,
        EspCipher.Aes128Gmac => Core.Policy.TunnelCipher.Aes128Gmac,
        EspCipher.Aes256Gmac => Core.Policy.TunnelCipher.Aes256Gmac,
    };

    /// <summary>The one that protects less: where a tunnel has SAs of both, rules are told of that.</summary>
    public static TunnelCipher Weaker(TunnelCipher a, TunnelCipher b) => Strength(a) <= Strength(b) ? a : b;

    private static int Strength(TunnelCipher cipher) => cipher switch
    {
        Core.Policy.TunnelCipher.None => 0,
        Core.Policy.TunnelCipher.Aes128Gmac => 1,
        Core.Policy.TunnelCipher.Aes256Gmac => 2,
        Core.Policy.TunnelCipher.Aes128Cbc => 3,
        Core.Policy.TunnelCipher.Aes256Cbc => 4,
        Core.Policy.TunnelCipher.Aes128Gcm => 5,
        Core.Policy.TunnelCipher.ChaCha20Poly1305 => 6,
        Core.Policy.TunnelCipher.Aes256Gcm => 7,
    };
}
