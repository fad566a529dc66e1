using Sallyport.Core.Crypto;
using Sallyport.DataPlane.Model;

namespace Sallyport.DataPlane.Handshakes;

/// <summary>
/// The gateway's TLS identity, in the few variants that networks ask for. Replaced when the certificate is renewed; sessions under way keep
/// what they began with. Any thread.
/// </summary>
internal sealed class TlsContexts
{
    private readonly Lock _lock = new();
    private Dictionary<(TlsVersion Minimum, bool RequireCertificate), TlsContext> _contexts = [];

    /// <summary>Makes every variant at once: the caller zeroes the key when this returns. Throws CryptographicException where certificate and key do not fit.</summary>
    public void Use(IReadOnlyList<byte[]> chain, IReadOnlyList<byte[]> anchors, byte[] privateKeyPkcs8)
    {
        var made = new Dictionary<(TlsVersion Minimum, bool RequireCertificate), TlsContext>();
        foreach (var minimum in (ReadOnlySpan<TlsVersion>)[TlsVersion.Tls12, TlsVersion.Tls13])
        {
            foreach (var requireCertificate in (ReadOnlySpan<bool>)[true, false])
            {
                made[(minimum, requireCertificate)] = TlsContext.CreateServer(new TlsServerOptions
                {
                    ChainDer = chain,
                    AnchorsDer = anchors,
                    PrivateKeyPkcs8 = privateKeyPkcs8,
                    Minimum = minimum,
                    RequireClientCertificate = requireCertificate,
                });
            }
        }

        lock (_lock)
        {
            foreach (var old in _contexts.Values)
            {
                old.Dispose();
            }

            _contexts = made;
        }
    }

    /// <summary>
    /// For a peer of this network; for one whose network only its credential will tell, what the most lenient of those networks asks for.
    /// Null before there is a certificate.
    /// </summary>
    public TlsContext? For(int? networkId, GatewayModel model)
    {
        var (minimum, requireCertificate) = networkId is { } id && model.Access.TryGetValue(id, out var access)
            ? (access.MinimumTls, access.NeedsCertificate)
            : Lenient(model);
        lock (_lock)
        {
            return _contexts.GetValueOrDefault((minimum, requireCertificate));
        }
    }

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
