using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Crypto;

/// <summary>What came of a chain, in the words that an operator acts on.</summary>
public enum ChainVerdict : byte
{
    Good,
    Expired,
    NotYetValid,

    /// <summary>No path to an anchor.</summary>
    UnknownIssuer,

    /// <summary>A client's certificate not for clients, a server's not for servers, or an issuer that may not issue.</summary>
    WrongPurpose,

    /// <summary>The issuer that it names did not sign it.</summary>
    BadSignature,

    /// <summary>More certificates than anybody needs, or more below an issuer than it allows.</summary>
    TooLong,

    /// <summary>A key or a hash below 112 bits of strength: RSA below 2048, SHA-1.</summary>
    Weak,

    /// <summary>No certificate in DER, or one that contradicts itself.</summary>
    Malformed,

    /// <summary>What OpenSSL alone has a name for, which the detail gives: constraints of names, critical extensions.</summary>
    Refused,
}

/// <summary>Whose certificate a chain begins with.</summary>
public enum ChainPurpose : byte
{
    /// <summary>
    /// It names clients, IKE (RFC 4945 section 5.1.3.12) or no purpose at all: routers that enrol with a CA for IPsec get nothing but the second.
    /// </summary>
    Client,

    /// <summary>
    /// It must name servers: otherwise a device whose certificate names no purpose could pose as the gateway, as with
    /// <see cref="TlsClientOptions.RequireServerPurpose"/>.
    /// </summary>
    Server,

    /// <summary>For peers of others, whose certificates name what their CA likes.</summary>
    Any,
}

/// <summary>
/// Certificates that are trusted in themselves, roots and issuing CAs, and the judgement of chains that end in them. Nothing is fetched, and nothing of
/// the machine's own store is believed. Revocation is another question: it is of identities, and answered where those are. Thread-safe.
/// </summary>
public sealed class CertificateAnchors : IDisposable
{
    /// <summary>Certificates that a peer may send beside its own: whole PKIs have four, and what is more would only be searched.</summary>
    public const int MaxSent = 16;

    private readonly StoreHandle _store;

    /// <param name="rootsDer">Root and issuing certificates.</param>
    /// <exception cref="CryptographicException">One is unusable; the message says which and why.</exception>
    public CertificateAnchors(IEnumerable<byte[]> rootsDer)
    {
        Algorithms.Initialize();
        OpenSsl.ERR_clear_error();
        _store = new StoreHandle(OpenSsl.X509_STORE_new());
        if (_store.IsInvalid)
        {
            OpenSsl.ThrowRefused("OpenSSL makes no store for certificates");
        }

        try
        {
            foreach (var (index, der) in rootsDer.Index())
            {
                Add(der, index);
            }
        }
        catch
        {
            _store.Dispose();
            throw;
        }
    }

    /// <summary>Whether the certificate is what it has to be, at this time and for this purpose, and a chain leads from it to an anchor.</summary>
    /// <param name="intermediatesDer">What else the peer sent, in any order; not trusted.</param>
    /// <param name="detail">OpenSSL's own short reason, printable, and which certificate it is about; empty where the chain is good.</param>
    public ChainVerdict Verify(
        ReadOnlySpan<byte> leafDer, IReadOnlyList<byte[]> intermediatesDer, ChainPurpose purpose, Instant now, out string detail)
    {
        if (intermediatesDer.Count > MaxSent || leafDer.Length + intermediatesDer.Sum(der => (long)der.Length) > TlsLimits.MaxPeerChain)
        {
            detail = "more certificates than a chain needs";
            return ChainVerdict.TooLong;
        }

        if (!ExtendedUsage.TryRead(leafDer, out var usage))
        {
            detail = "not a certificate in DER";
            return ChainVerdict.Malformed;
        }

        if (purpose == ChainPurpose.Server && !usage.HasFlag(ExtendedUsages.Server))
        {
            detail = "the certificate does not say serverAuth";
            return ChainVerdict.WrongPurpose;
        }

        // OpenSSL knows no purpose of IKE, and would refuse what names nothing else.
        var native = purpose switch
        {
            ChainPurpose.Client => (usage & ExtendedUsages.Ike) != 0 ? OpenSsl.PurposeAny : OpenSsl.PurposeTlsClient,
            ChainPurpose.Server => OpenSsl.PurposeTlsServer,
            ChainPurpose.Any => OpenSsl.PurposeAny,
        };
        return Verify(leafDer, intermediatesDer, native, now, out detail);
    }

    public void Dispose() => _store.Dispose();

    private ChainVerdict Verify(ReadOnlySpan<byte> leafDer, IReadOnlyList<byte[]> intermediatesDer, int purpose, Instant now, out string detail)
    {
        var owned = new List<nint>(1 + intermediatesDer.Count);
        var stack = OpenSsl.OPENSSL_sk_new_null();
        var context = OpenSsl.X509_STORE_CTX_new();
        var added = false;
        try
        {
            var leaf = NativeCertificate.TryRead(leafDer);
            owned.Add(leaf);
            foreach (var der in intermediatesDer)
            {
                // What is no certificate proves nothing and disturbs nothing.
                if (NativeCertificate.TryRead(der) is not 0 and var sent)
                {
                    owned.Add(sent);
                    _ = OpenSsl.OPENSSL_sk_push(stack, sent);
                }
            }

            if (leaf == 0)
            {
                detail = "not a certificate in DER";
                return ChainVerdict.Malformed;
            }

            _store.DangerousAddRef(ref added);
            if (stack == 0 || context == 0 || OpenSsl.X509_STORE_CTX_init(context, _store.Value, leaf, stack) != 1)
            {
                OpenSsl.ThrowBroken("judge a chain of certificates");
            }

            return Judge(context, purpose, now, out detail);
        }
        finally
        {
            OpenSsl.X509_STORE_CTX_free(context);
            OpenSsl.OPENSSL_sk_free(stack);
            owned.ForEach(OpenSsl.X509_free);
            OpenSsl.ERR_clear_error();
            if (added)
            {
                _store.DangerousRelease();
            }
        }
    }

    private static unsafe ChainVerdict Judge(nint context, int purpose, Instant now, out string detail)
    {
        var parameters = OpenSsl.X509_STORE_CTX_get0_param(context);
        OpenSsl.X509_VERIFY_PARAM_set_time(parameters, now.UnixSeconds);
        OpenSsl.X509_VERIFY_PARAM_set_depth(parameters, TlsLimits.MaxIntermediates);
        OpenSsl.X509_VERIFY_PARAM_set_auth_level(parameters, TlsContext.SecurityLevel);
        if (OpenSsl.X509_VERIFY_PARAM_set_flags(parameters, OpenSsl.X509FlagPartialChain) != 1
            || OpenSsl.X509_VERIFY_PARAM_set_purpose(parameters, purpose) != 1)
        {
            OpenSsl.ThrowBroken("set how a chain is judged");
        }

        var result = OpenSsl.X509_verify_cert(context);
        var error = OpenSsl.X509_STORE_CTX_get_error(context);
        if (result == 1 && error == 0)
        {
            detail = "";
            return ChainVerdict.Good;
        }

        var reason = OpenSsl.Printable(OpenSsl.X509_verify_cert_error_string(error));
        detail = $"{reason} (certificate {OpenSsl.X509_STORE_CTX_get_error_depth(context) + 1} of its chain)";
        return OfOpenSsl(error);
    }

    /// <summary>Numbers of x509_vfy.h.</summary>
    private static ChainVerdict OfOpenSsl(int error) => error switch
    {
        2 => ChainVerdict.UnknownIssuer, // UNABLE_TO_GET_ISSUER_CERT
        6 => ChainVerdict.Malformed, // UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY
        7 => ChainVerdict.BadSignature, // CERT_SIGNATURE_FAILURE
        9 => ChainVerdict.NotYetValid,
        10 => ChainVerdict.Expired,
        13 or 14 => ChainVerdict.Malformed, // ERROR_IN_CERT_NOT_BEFORE_FIELD, ..._AFTER_FIELD
        18 => ChainVerdict.UnknownIssuer, // DEPTH_ZERO_SELF_SIGNED_CERT
        19 => ChainVerdict.UnknownIssuer, // SELF_SIGNED_CERT_IN_CHAIN
        20 => ChainVerdict.UnknownIssuer, // UNABLE_TO_GET_ISSUER_CERT_LOCALLY
        21 => ChainVerdict.UnknownIssuer, // UNABLE_TO_VERIFY_LEAF_SIGNATURE
        22 or 25 => ChainVerdict.TooLong, // CERT_CHAIN_TOO_LONG, PATH_LENGTH_EXCEEDED
        24 => ChainVerdict.Malformed, // NO_ISSUER_PUBLIC_KEY
        26 => ChainVerdict.WrongPurpose, // INVALID_PURPOSE
        27 => ChainVerdict.UnknownIssuer, // CERT_UNTRUSTED
        32 => ChainVerdict.WrongPurpose, // KEYUSAGE_NO_CERTSIGN
        41 => ChainVerdict.Malformed, // INVALID_EXTENSION
        66 or 67 or 68 => ChainVerdict.Weak, // EE_KEY_TOO_SMALL, CA_KEY_TOO_SMALL, CA_MD_TOO_WEAK
        79 => ChainVerdict.WrongPurpose, // INVALID_CA
        _ => ChainVerdict.Refused,
    };

    private void Add(byte[] der, int index)
    {
        var anchor = NativeCertificate.Read(der, "Anchor", index);
        var added = OpenSsl.X509_STORE_add_cert(_store.Value, anchor);
        OpenSsl.X509_free(anchor);
        if (added != 1)
        {
            OpenSsl.ThrowRefused($"Anchor {index + 1} is not accepted");
        }
    }

    /// <summary>Frees the native store once nothing uses it, disposed or forgotten.</summary>
    private sealed class StoreHandle : SafeHandle
    {
        public StoreHandle(nint store)
            : base(0, ownsHandle: true) => SetHandle(store);

        public override bool IsInvalid => handle == 0;

        public nint Value => handle;

        protected override bool ReleaseHandle()
        {
            OpenSsl.X509_STORE_free(handle);
            return true;
        }
    }
}
