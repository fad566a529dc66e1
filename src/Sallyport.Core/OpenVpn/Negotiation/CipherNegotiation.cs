using Sallyport.Core.OpenVpn.Data;

namespace Sallyport.Core.OpenVpn.Negotiation;

public enum CipherOrigin : byte
{
    /// <summary>AUTH_FAILED with <see cref="CipherNegotiation.NoSharedCipherReason"/>.</summary>
    NoSharedCipher,

    /// <summary>The client takes pushed ciphers: push this one.</summary>
    Pushed,

    /// <summary>A client without NCP: the `cipher` of its own configuration. Pushing would be an error to it.</summary>
    Implied,

    /// <summary>A client that told nothing: the operator's `data-ciphers-fallback`.</summary>
    Fallback,
}

/// <param name="Cipher">Without meaning where there is none.</param>
public readonly record struct CipherDecision(CipherOrigin Origin, DataCipher Cipher);

/// <summary>
/// Which cipher the data channel speaks. The server's order decides; the client's list is IV_CIPHERS, or before 2.4.10 the pair that
/// IV_NCP=2 implies and the `cipher` of its option string, or before 2.4 (and MikroTik) that alone.
/// </summary>
public static class CipherNegotiation
{
    /// <summary>In stock servers' words, which operators search for.</summary>
    public const string NoSharedCipherReason = "Data channel cipher negotiation failed (no shared cipher)";

    /// <param name="offered">The server's `data-ciphers`, best first.</param>
    /// <param name="fallback">For clients that name no cipher at all.</param>
    public static CipherDecision Choose(
        IReadOnlyList<DataCipher> offered, PeerInfo peer, OptionString options, DataCipher? fallback = null)
    {
        DataCipher? configured = null;
        if (peer.Ciphers is null && options.CipherName is { } name && DataCiphers.TryParse(name, out var parsed))
        {
            configured = parsed;
        }

        foreach (var cipher in offered)
        {
            if (Takes(peer, configured, cipher))
            {
                return new CipherDecision(peer.SupportsNcp ? CipherOrigin.Pushed : CipherOrigin.Implied, cipher);
            }
        }

        var saidNothing = !peer.SupportsNcp && (options.CipherName is null || configured == fallback);
        return fallback is { } last && saidNothing
            ? new CipherDecision(CipherOrigin.Fallback, last)
            : new CipherDecision(CipherOrigin.NoSharedCipher, default);
    }

    private static bool Takes(PeerInfo peer, DataCipher? configured, DataCipher cipher)
    {
        if (peer.Ciphers is { } list)
        {
            return list.Contains(cipher);
        }

        return cipher == configured || (peer.SupportsNcp && cipher is DataCipher.Aes256Gcm or DataCipher.Aes128Gcm);
    }
}
