using Sallyport.Core.Crypto;
using Sallyport.DataPlane.Model;

namespace Sallyport.DataPlane.Handshakes;

/// <summary>
/// The gateway's TLS identity, in the few variants that networks ask for. Replaced when the certificate is renewed; sessions under way keep
/// what they began with. Any thread.
/// </summary>
internal sealed class TlsContexts
{
    private volatile IReadOnlyDictionary<(TlsVersion Minimum, bool RequireCertificate), TlsContext>? _contexts;

    /// <summary>The key is not kept outside OpenSSL. Throws CryptographicException where certificate and key do not fit.</summary>
    public void Use(IReadOnlyList<byte[]> chain, IReadOnlyList<byte[]> anchors, byte[] privateKeyPkcs8)
    {
        var options = new TlsServerOptions { ChainDer = chain, AnchorsDer = anchors, PrivateKeyPkcs8 = privateKeyPkcs8 };
        var contexts = new Dictionary<(TlsVersion, bool), TlsContext>();
        foreach (var minimum in (ReadOnlySpan<TlsVersion>)[TlsVersion.Tls12, TlsVersion.Tls13])
        {
            foreach (var require in (ReadOnlySpan<bool>)[true, false])
            {
                contexts.Add((minimum, require), TlsContext.CreateServer(options with { Minimum = minimum, RequireClientCertificate = require }));
            }
        }

        // The ones before are left to the collector: sessions make their next keys from what they began with.
        _contexts = contexts;
    }

    /// <summary>
    /// For a peer of this network; for one whose network only its credential will tell, what the most lenient of those networks asks for.
    /// Null before there is a certificate.
    /// </summary>
    public TlsContext? For(int? networkId, GatewayModel model) =>
        _contexts?[networkId is { } id && model.Access.TryGetValue(id, out var access)
            ? (access.MinimumTls, access.NeedsCertificate)
            : Lenient(model)];

    /// <summary>For peers that have nothing but a certificate to show, in EAP-TLS; null before we have one.</summary>
    public TlsContext? Strict => _contexts?[(TlsVersion.Tls12, true)];

    private static (TlsVersion Minimum, bool RequireCertificate) Lenient(GatewayModel model)
    {
        var minimum = TlsVersion.Tls13;
        var requireCertificate = true;
        foreach (var legacy in model.LegacyWrappings)
        {
            if (legacy.Kind == Core.OpenVpn.Wrapping.WrappingKind.None && model.Access.TryGetValue(legacy.NetworkId, out var access))
            {
                minimum = access.MinimumTls < minimum ? access.MinimumTls : minimum;
                requireCertificate &= access.NeedsCertificate;
            }
        }

        return (minimum, requireCertificate);
    }
}
