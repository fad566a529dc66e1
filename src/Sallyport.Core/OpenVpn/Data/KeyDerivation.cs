using System.Security.Cryptography;
using Sallyport.Core.Crypto;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.OpenVpn.Data;

/// <summary>How a negotiation becomes <see cref="KeyMaterial"/>.</summary>
public static class KeyDerivation
{
    public const int PreMasterLength = 48;
    public const int RandomLength = 32;

    /// <summary>The RFC 5705 label for <see cref="FromExporter"/>: no context, 256 bytes. For peers with `tls-ekm`.</summary>
    public static ReadOnlySpan<byte> ExporterLabel => "EXPORTER-OpenVPN-datakeys"u8;

    /// <param name="exported">The 256 bytes under <see cref="ExporterLabel"/>. Zeroed before this returns.</param>
    public static KeyMaterial FromExporter(Span<byte> exported)
    {
        var material = new KeyMaterial(exported);
        CryptographicOperations.ZeroMemory(exported);
        return material;
    }

    /// <summary>
    /// The two steps of TLS 1.0 (RFC 2246 sections 6.3 and 8.1) with OpenVPN's labels, for peers without `tls-ekm`.
    /// All random values are those of the key method 2 messages of this negotiation; the session ids those of the control channel.
    /// </summary>
    public static KeyMaterial FromPrf(
        ReadOnlySpan<byte> preMaster,
        ReadOnlySpan<byte> clientRandom1,
        ReadOnlySpan<byte> clientRandom2,
        ReadOnlySpan<byte> serverRandom1,
        ReadOnlySpan<byte> serverRandom2,
        SessionId client,
        SessionId server)
    {
        Invariant.Check(
            preMaster.Length == PreMasterLength
            && clientRandom1.Length == RandomLength && clientRandom2.Length == RandomLength
            && serverRandom1.Length == RandomLength && serverRandom2.Length == RandomLength,
            "key method 2 has 48 and 32 bytes of randomness");

        Span<byte> seed = stackalloc byte[(2 * RandomLength) + (2 * SessionId.Length)];
        Span<byte> master = stackalloc byte[48];
        Span<byte> keys = stackalloc byte[KeyMaterial.Length];

        clientRandom1.CopyTo(seed);
        serverRandom1.CopyTo(seed[RandomLength..]);
        Tls1Prf.Derive(preMaster, "OpenVPN master secret"u8, seed[..(2 * RandomLength)], master);

        clientRandom2.CopyTo(seed);
        serverRandom2.CopyTo(seed[RandomLength..]);
        client.Write(seed[(2 * RandomLength)..]);
        server.Write(seed[((2 * RandomLength) + SessionId.Length)..]);
        Tls1Prf.Derive(master, "OpenVPN key expansion"u8, seed, keys);

        CryptographicOperations.ZeroMemory(seed);
        CryptographicOperations.ZeroMemory(master);
        return FromExporter(keys);
    }
}
