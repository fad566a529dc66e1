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
    private readonly Dictionary<(TlsVersion Minimum, bool RequireCertificate), TlsContext> _contexts = [];
    private TlsServerOptions? _options;

    /// <summary>Throws CryptographicException where certificate and key do not fit.</summary>
    public void Use(IReadOnlyList<byte[]> chain, IReadOnlyList<byte[]> anchors, byte[] privateKeyPkcs8)
    {
        var options = new TlsServerOptions { ChainDer = chain, AnchorsDer = anchors, PrivateKeyPkcs8 = privateKeyPkcs8 };
        var strict = TlsContext.CreateServer(options);
        lock (_lock)
        {
            foreach (var old in _contexts.Values)
            {
                old.Dispose();
            }

            _contexts.Clear();
            _contexts[(options.Minimum, options.RequireClientCertificate)] = strict;
            _options = options;
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
            if (_options is null)
            {
                return null;
            }

            if (!_contexts.TryGetValue((minimum, requireCertificate), out var context))
            {
                context = TlsContext.CreateServer(_options with { Minimum = minimum, RequireClientCertificate = requireCertificate });
                _contexts.Add((minimum, requireCertificate), context);
            }

            return context;
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
