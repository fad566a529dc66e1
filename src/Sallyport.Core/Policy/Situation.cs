using Sallyport.Core.Primitives;

namespace Sallyport.Core.Policy;

/// <summary>Over what a sender's tunnel came.</summary>
public enum TunnelProtocol : byte
{
    /// <summary>It has none: the gateway host, or who was not here since the gateway started.</summary>
    None,
    OpenVpnUdp,
    OpenVpnTcp,

    /// <summary>ESP in UDP (RFC 3948).</summary>
    IpsecUdp,

    /// <summary>ESP as IP protocol 50.</summary>
    IpsecEsp,
}

/// <summary>What seals a tunnel's packets.</summary>
public enum TunnelCipher : byte
{
    None,
    Aes256Gcm,
    Aes128Gcm,
    ChaCha20Poly1305,
    Aes256Cbc,
    Aes128Cbc,

    /// <summary>Integrity alone (RFC 4543): the network said so.</summary>
    Aes256Gmac,
    Aes128Gmac,
}

/// <summary>What a sender's tunnel is, and where its other end is outside. The default one is that of who has no tunnel.</summary>
public readonly record struct Situation(TunnelProtocol Protocol, TunnelCipher Cipher, IpAddress Source);

/// <summary>The words for tunnels: in the model, in the API and in messages.</summary>
public static class TunnelWords
{
    public static readonly IReadOnlyList<string> Protocols = ["openvpn/udp", "openvpn/tcp", "ipsec/udp", "ipsec/esp"];

    public static readonly IReadOnlyList<string> Ciphers = ["AES-256-GCM", "AES-128-GCM", "CHACHA20-POLY1305", "AES-256-CBC", "AES-128-CBC", "AES-256-GMAC", "AES-128-GMAC"];

    public static string Word(this TunnelProtocol protocol) => protocol == TunnelProtocol.None ? "none" : Protocols[(int)protocol - 1];

    public static string Word(this TunnelCipher cipher) => cipher == TunnelCipher.None ? "none" : Ciphers[(int)cipher - 1];

    /// <summary>None for a word that stands for nothing.</summary>
    public static TunnelProtocol ReadProtocol(string word) => (TunnelProtocol)(IndexOf(Protocols, word) + 1);

    /// <summary>None for a word that stands for nothing.</summary>
    public static TunnelCipher ReadCipher(string word) => (TunnelCipher)(IndexOf(Ciphers, word) + 1);

    private static int IndexOf(IReadOnlyList<string> words, string word)
    {
        for (var i = 0; i < words.Count; i++)
        {
            if (words[i].Equals(word, StringComparison.OrdinalIgnoreCase))
            {
                return i;
            }
        }

        return -1;
    }
}
