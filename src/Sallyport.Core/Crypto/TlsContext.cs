using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace Sallyport.Core.Crypto;

/// <summary>
/// One TLS identity and whom it believes: what the connections of a role share. Thread-safe. Connections outlive it, so
/// disposing means "no new ones". No tickets, no session cache, no renegotiation, no compression; security level 2.
/// </summary>
public sealed class TlsContext : IDisposable
{
    // OpenSSL's level 2: 112 bits, so RSA from 2048 bits and no SHA-1 in certificates.
    internal const int SecurityLevel = 2;

    private readonly SslContextHandle _handle;

    private TlsContext(SslContextHandle handle, bool isServer, bool requireServerPurpose, bool requireClientCertificate)
    {
        _handle = handle;
        IsServer = isServer;
        RequireServerPurpose = requireServerPurpose;
        RequireClientCertificate = requireClientCertificate;
    }

    public bool IsServer { get; }

    internal bool RequireServerPurpose { get; }

    /// <summary>No handshake of a server ends well without one that leads to an anchor.</summary>
    internal bool RequireClientCertificate { get; }

    /// <exception cref="CryptographicException">A certificate or key is unusable; the message says which and why.</exception>
    public static TlsContext CreateServer(TlsServerOptions options)
    {
        Refuse(options.ChainDer.Count == 0, "A TLS server needs a certificate: its chain is empty.");
        Refuse(options.RequireClientCertificate && options.AnchorsDer.Count == 0, "A TLS server that requires client certificates needs an anchor.");
        var verify = OpenSsl.SslVerifyPeer | (options.RequireClientCertificate ? OpenSsl.SslVerifyFailIfNoPeerCert : 0);
        var handle = Create(isServer: true, verify, options.Minimum, options.Maximum, options.AnchorsDer);
        return Complete(
            handle,
            () => SetIdentity(handle, options.ChainDer, options.PrivateKeyPkcs8),
            isServer: true,
            requireServerPurpose: false,
            options.RequireClientCertificate);
    }

    /// <exception cref="CryptographicException">A certificate or key is unusable; the message says which and why.</exception>
    public static TlsContext CreateClient(TlsClientOptions options)
    {
        Refuse(options.AnchorsDer.Count == 0, "A TLS client needs an anchor to judge the server's certificate.");
        Refuse((options.PrivateKeyPkcs8 is null) != (options.ChainDer.Count == 0), "A TLS client has a certificate and its key, or neither.");
        var handle = Create(isServer: false, OpenSsl.SslVerifyPeer, options.Minimum, options.Maximum, options.AnchorsDer);
        return Complete(
            handle,
            () =>
            {
                if (options.PrivateKeyPkcs8 is { } key)
                {
                    SetIdentity(handle, options.ChainDer, key);
                }

                if (options.ExpectedServerName is { } name)
                {
                    SetServerName(handle, name);
                }
            },
            isServer: false,
            options.RequireServerPurpose,
            requireClientCertificate: false);
    }

    public void Dispose() => _handle.Dispose();

    /// <summary>A new SSL that holds its own reference to what it needs of this context.</summary>
    internal nint NewSsl()
    {
        var added = false;
        try
        {
            _handle.DangerousAddRef(ref added);
            return OpenSsl.SSL_new(_handle.Value);
        }
        finally
        {
            if (added)
            {
                _handle.DangerousRelease();
            }
        }
    }

    private static TlsContext Complete(SslContextHandle handle, Action setUp, bool isServer, bool requireServerPurpose, bool requireClientCertificate)
    {
        try
        {
            setUp();
            return new TlsContext(handle, isServer, requireServerPurpose, requireClientCertificate);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    private static unsafe SslContextHandle Create(
        bool isServer, int verify, TlsVersion minimum, TlsVersion maximum, IReadOnlyList<byte[]> anchors)
    {
        Refuse(minimum > maximum, "The lowest TLS version is above the highest.");
        Algorithms.Initialize();
        OpenSsl.ERR_clear_error();
        var handle = new SslContextHandle(OpenSsl.SSL_CTX_new(isServer ? OpenSsl.TLS_server_method() : OpenSsl.TLS_client_method()));
        if (handle.IsInvalid)
        {
            OpenSsl.ThrowRefused("OpenSSL makes no TLS context");
        }

        try
        {
            var context = handle.Value;
            OpenSsl.SSL_CTX_set_security_level(context, SecurityLevel);
            OpenSsl.SSL_CTX_set_options(
                context,
                OpenSsl.SslOpNoTicket | OpenSsl.SslOpNoCompression | OpenSsl.SslOpCipherServerPreference | OpenSsl.SslOpNoRenegotiation);
            OpenSsl.SSL_CTX_ctrl(context, OpenSsl.SslCtrlMode, OpenSsl.SslModeReleaseBuffers | OpenSsl.SslModeNoAutoChain, null);
            OpenSsl.SSL_CTX_ctrl(context, OpenSsl.SslCtrlSetSessionCacheMode, 0, null);
            OpenSsl.SSL_CTX_ctrl(context, OpenSsl.SslCtrlSetMaxCertList, TlsLimits.MaxPeerChain, null);
            OpenSsl.SSL_CTX_set_verify(context, verify, 0);
            OpenSsl.SSL_CTX_set_keylog_callback(context, TlsTrafficSecrets.Callback);

            // TLS 1.2: forward secrecy and AEAD only. Groups without the finite-field ones, of which a hostile hello could
            // choose the dearest (ffdhe8192) for us to compute.
            var done = OpenSsl.SSL_CTX_set_num_tickets(context, 0) == 1
                && OpenSsl.SSL_CTX_set_cipher_list(context, OpenSsl.Literal("ECDHE+AESGCM:ECDHE+CHACHA20"u8)) == 1
                && OpenSsl.SSL_CTX_ctrl(context, OpenSsl.SslCtrlSetGroupsList, 0, OpenSsl.Literal("X25519:P-256:P-384:P-521"u8)) == 1
                && OpenSsl.SSL_CTX_ctrl(context, OpenSsl.SslCtrlSetMinProtoVersion, (ushort)minimum, null) == 1
                && OpenSsl.SSL_CTX_ctrl(context, OpenSsl.SslCtrlSetMaxProtoVersion, (ushort)maximum, null) == 1
                && OpenSsl.X509_VERIFY_PARAM_set_flags(OpenSsl.SSL_CTX_get0_param(context), OpenSsl.X509FlagPartialChain) == 1;
            if (!done)
            {
                OpenSsl.ThrowRefused("OpenSSL refuses the settings of a TLS context");
            }

            OpenSsl.X509_VERIFY_PARAM_set_depth(OpenSsl.SSL_CTX_get0_param(context), TlsLimits.MaxIntermediates);
            var store = OpenSsl.SSL_CTX_get_cert_store(context);
            for (var i = 0; i < anchors.Count; i++)
            {
                var anchor = NativeCertificate.Read(anchors[i], "Anchor", i);
                var added = OpenSsl.X509_STORE_add_cert(store, anchor);
                OpenSsl.X509_free(anchor);
                if (added != 1)
                {
                    OpenSsl.ThrowRefused($"Anchor {i + 1} is not accepted");
                }
            }

            return handle;
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    private static unsafe void SetIdentity(SslContextHandle handle, IReadOnlyList<byte[]> chain, byte[] pkcs8)
    {
        for (var i = 0; i < chain.Count; i++)
        {
            var certificate = NativeCertificate.Read(chain[i], "Certificate of the chain", i);
            var accepted = i == 0
                ? OpenSsl.SSL_CTX_use_certificate(handle.Value, certificate)
                : (int)OpenSsl.SSL_CTX_ctrl(handle.Value, OpenSsl.SslCtrlChainCert, 1, (void*)certificate);
            OpenSsl.X509_free(certificate);
            if (accepted != 1)
            {
                OpenSsl.ThrowRefused($"Certificate {i + 1} of the chain is not accepted");
            }
        }

        fixed (byte* der = pkcs8)
        {
            var at = der;
            var key = OpenSsl.d2i_AutoPrivateKey(null, &at, pkcs8.Length);
            if (key == 0)
            {
                OpenSsl.ThrowRefused("The private key is not PKCS #8 DER without a password");
            }

            var accepted = OpenSsl.SSL_CTX_use_PrivateKey(handle.Value, key);
            OpenSsl.EVP_PKEY_free(key);
            if (accepted != 1)
            {
                OpenSsl.ThrowRefused("The private key does not belong to the first certificate of the chain");
            }
        }
    }

    private static unsafe void SetServerName(SslContextHandle handle, string name)
    {
        Refuse(name.Length == 0 || !Ascii.IsValid(name), "The expected server name is not an ASCII DNS name.");
        var bytes = Encoding.ASCII.GetBytes(name);
        fixed (byte* text = bytes)
        {
            if (OpenSsl.X509_VERIFY_PARAM_set1_host(OpenSsl.SSL_CTX_get0_param(handle.Value), text, (nuint)bytes.Length) != 1)
            {
                OpenSsl.ThrowRefused("The expected server name is not accepted");
            }
        }
    }

    private static void Refuse(bool wrong, string message)
    {
        if (wrong)
        {
            throw new CryptographicException(message);
        }
    }

    /// <summary>Frees the native context once nothing uses it, disposed or forgotten.</summary>
    private sealed class SslContextHandle : SafeHandle
    {
        public SslContextHandle(nint context)
            : base(0, ownsHandle: true) => SetHandle(context);

        public override bool IsInvalid => handle == 0;

        public nint Value => handle;

        protected override bool ReleaseHandle()
        {
            OpenSsl.SSL_CTX_free(handle);
            return true;
        }
    }
}
