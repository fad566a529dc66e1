namespace Sallyport.Core.Crypto;

/// <summary>From OpenSSL's reason numbers (sslerr.h, x509_vfy.h) to ours.</summary>
internal static unsafe class TlsReasons
{
    // err.h: library and reason of a packed error; above them the flag for errors of the system.
    private const int LibraryShift = 23;
    private const nuint LibraryMask = 0xff;
    private const nuint ReasonMask = 0x7f_ffff;
    private const nuint SystemFlag = 0x8000_0000;
    private const nuint LibrarySsl = 20;

    // SSL_AD_REASON_OFFSET of ssl.h: above it, a reason is an alert (RFC 8446 section 6) that the peer sent.
    private const int AlertOffset = 1000;
    private const int AlertLast = AlertOffset + 255;

    private const int ReasonCertificateVerifyFailed = 134;

    /// <summary>Empties this thread's error queue and says why the last call on <paramref name="ssl"/> failed.</summary>
    public static (TlsFailure Failure, string Detail) Take(nint ssl)
    {
        var error = FirstOfSsl();
        var reason = (int)(error & ReasonMask);
        var isSsl = IsSsl(error);
        if (isSsl && reason == ReasonCertificateVerifyFailed)
        {
            var verdict = (int)OpenSsl.SSL_get_verify_result(ssl);
            return (OfVerify(verdict), OpenSsl.Printable(OpenSsl.X509_verify_cert_error_string(verdict)));
        }

        var text = OpenSsl.ERR_reason_error_string(error);
        return (isSsl ? OfSsl(reason) : TlsFailure.Other, text is null ? "no reason given" : OpenSsl.Printable(text));
    }

    private static nuint FirstOfSsl()
    {
        var first = OpenSsl.ERR_get_error();
        var found = first;
        // The queue holds 16 errors at most.
        for (var next = first; next != 0; next = OpenSsl.ERR_get_error())
        {
            if (!IsSsl(found) && IsSsl(next))
            {
                found = next;
            }
        }

        return found;
    }

    private static bool IsSsl(nuint error) => (error & SystemFlag) == 0 && ((error >> LibraryShift) & LibraryMask) == LibrarySsl;

    private static TlsFailure OfSsl(int reason) => reason switch
    {
        > AlertOffset and <= AlertLast => TlsFailure.PeerAlert,
        199 => TlsFailure.NoCertificate, // PEER_DID_NOT_RETURN_A_CERTIFICATE
        166 => TlsFailure.ProtocolVersion, // VERSION_TOO_HIGH
        191 => TlsFailure.ProtocolVersion, // NO_PROTOCOLS_AVAILABLE
        252 => TlsFailure.ProtocolVersion, // UNKNOWN_PROTOCOL
        254 => TlsFailure.ProtocolVersion, // UNKNOWN_SSL_VERSION
        258 => TlsFailure.ProtocolVersion, // UNSUPPORTED_PROTOCOL
        259 => TlsFailure.ProtocolVersion, // UNSUPPORTED_SSL_VERSION
        267 => TlsFailure.ProtocolVersion, // WRONG_VERSION_NUMBER
        373 => TlsFailure.ProtocolVersion, // INAPPROPRIATE_FALLBACK
        396 => TlsFailure.ProtocolVersion, // VERSION_TOO_LOW
        101 => TlsFailure.NoSharedCipher, // NO_SUITABLE_KEY_SHARE
        118 => TlsFailure.NoSharedCipher, // NO_SUITABLE_SIGNATURE_ALGORITHM
        193 => TlsFailure.NoSharedCipher, // NO_SHARED_CIPHER
        295 => TlsFailure.NoSharedCipher, // NO_SUITABLE_GROUPS
        297 => TlsFailure.NoSharedCipher, // NO_SUITABLE_DIGEST_ALGORITHM
        376 => TlsFailure.NoSharedCipher, // NO_SHARED_SIGNATURE_ALGORITHMS
        410 => TlsFailure.NoSharedCipher, // NO_SHARED_GROUPS
        _ => TlsFailure.Other,
    };

    private static TlsFailure OfVerify(int verdict) => verdict switch
    {
        2 => TlsFailure.UnknownIssuer, // UNABLE_TO_GET_ISSUER_CERT
        7 => TlsFailure.UnknownIssuer, // CERT_SIGNATURE_FAILURE
        9 => TlsFailure.CertificateNotYetValid,
        10 => TlsFailure.CertificateExpired,
        18 => TlsFailure.UnknownIssuer, // DEPTH_ZERO_SELF_SIGNED_CERT
        19 => TlsFailure.UnknownIssuer, // SELF_SIGNED_CERT_IN_CHAIN
        20 => TlsFailure.UnknownIssuer, // UNABLE_TO_GET_ISSUER_CERT_LOCALLY
        21 => TlsFailure.UnknownIssuer, // UNABLE_TO_VERIFY_LEAF_SIGNATURE
        23 => TlsFailure.CertificateRevoked,
        26 => TlsFailure.WrongPurpose,
        27 => TlsFailure.UnknownIssuer, // CERT_UNTRUSTED
        _ => TlsFailure.Other,
    };
}
