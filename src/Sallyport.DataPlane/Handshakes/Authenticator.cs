using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Sallyport.Core.Crypto;
using Sallyport.Core.OpenVpn.Negotiation;
using Sallyport.Core.OpenVpn.Session;
using Sallyport.Core.OpenVpn.Wrapping;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Model;
using Sallyport.DataPlane.Tunnels;

namespace Sallyport.DataPlane.Handshakes;

/// <summary>How a peer came and what it says of itself.</summary>
internal readonly record struct Claim
{
    public required AuthenticationRequest Request { get; init; }

    public required WrappingKind Wrapping { get; init; }

    public CredentialEntry? WrappedFor { get; init; }

    public int? WrappedForNetwork { get; init; }

    /// <summary>Who the session was at its first key; a renegotiation may change none of it.</summary>
    public Admitted? Before { get; init; }

    /// <summary>Session id of the token that the session was given; another token is another session's.</summary>
    public UInt128? TokenSession { get; init; }
}

/// <summary>Whether a peer may come in, and as whom.</summary>
internal readonly record struct Judgement
{
    public bool Allowed => Refusal.Length == 0;

    public Identity? Identity { get; init; }

    public TunnelProof Proof { get; init; }

    public NetworkAccess? Access { get; init; }

    /// <summary>Why not, for operators; empty where allowed. No secret.</summary>
    public string Refusal { get; init; }

    /// <summary>The token that stood for the password; what the peer is given next goes on counting from the same password.</summary>
    public AuthTokenClaims? Token { get; init; }

    /// <summary>The client offered a token that is too old; its password may be good.</summary>
    public bool TokenExpired { get; init; }

    public static Judgement Refuse(string why, Identity? identity = null) => new() { Refusal = why, Identity = identity };
}

/// <summary>
/// Decides who a peer is. A certificate counts by its fingerprint, never by its name; a password by its hash; a tls-crypt-v2 key must
/// be that of the same identity.
/// </summary>
internal static class Authenticator
{
    /// <summary>Names longer than this are cut in what operators see.</summary>
    private const int NameMax = 100;

    public static Judgement Judge(in Claim claim, GatewayModel model, AuthToken? tokens, Instant now)
    {
        var request = claim.Request;
        CredentialEntry? byCertificate = null;
        if (request.Certificate is { } der)
        {
            byCertificate = model.ByFingerprint.GetValueOrDefault(Convert.ToHexStringLower(SHA256.HashData(der)));
            if (byCertificate is null && claim.WrappedFor is null && request.Username.Length == 0)
            {
                return Judgement.Refuse($"certificate {SubjectOf(der)} is none of a live credential (revoked, replaced or from elsewhere)");
            }
        }

        var byName = request.Username.Length == 0 ? null : model.ByUsername.GetValueOrDefault(request.Username);
        var entry = byCertificate ?? claim.WrappedFor ?? byName;
        if (entry is null || model.Fleet.Identity(entry.IdentityId) is not { } identity
            || !model.Access.TryGetValue(identity.NetworkId, out var access))
        {
            return Judgement.Refuse(request.Username.Length == 0
                ? "neither a certificate nor a user name"
                : $"unknown user name '{Cut(request.Username)}'");
        }

        if (!identity.Active)
        {
            return Judgement.Refuse($"{Describe(identity)} is {WhyInactive(identity)}", identity);
        }

        var refusal = JudgeWrapping(claim, identity, access);
        if (refusal.Length > 0)
        {
            return Judgement.Refuse(refusal, identity);
        }

        var tls = request.Tls.StartsWith("TLSv1.3", StringComparison.Ordinal) ? TlsVersion.Tls13 : TlsVersion.Tls12;
        if (tls < access.MinimumTls)
        {
            return Judgement.Refuse($"{Describe(identity)}: its network needs TLS 1.3, the client has {request.Tls}", identity);
        }

        if (access.NeedsCertificate && (byCertificate is null || byCertificate.IdentityId != identity.Id))
        {
            return Judgement.Refuse(
                request.Certificate is { } unknown
                    ? $"{Describe(identity)}: certificate {SubjectOf(unknown)} is not its live one (revoked, replaced or from elsewhere)"
                    : $"{Describe(identity)}: no certificate",
                identity);
        }

        AuthTokenClaims? token = null;
        if (access.NeedsPassword)
        {
            var verdict = JudgePassword(claim, byName, identity, access.TokenLifetime, tokens, now, out token);
            if (verdict != PasswordVerdict.Good)
            {
                return Judgement.Refuse($"{Describe(identity)}: {Text(verdict)}", identity) with
                {
                    TokenExpired = verdict == PasswordVerdict.TokenExpired,
                };
            }
        }

        var proof = new TunnelProof
        {
            CertificateId = access.NeedsCertificate ? byCertificate!.Id : 0,
            PasswordId = access.NeedsPassword ? byName!.Id : 0,
            Wrapping = claim.Wrapping,
            Tls = tls,
        };
        if (claim.Before is { } before
            && (before.IdentityId != identity.Id
                || before.Proof.CertificateId != proof.CertificateId
                || before.Proof.PasswordId != proof.PasswordId))
        {
            return Judgement.Refuse($"{Describe(identity)}: a renegotiation came with another credential", identity);
        }

        return new Judgement { Identity = identity, Proof = proof, Access = access, Token = token, Refusal = "" };
    }

    /// <summary>"device 'pump-17'".</summary>
    public static string Describe(Identity identity) => $"{identity.Kind.Word()} '{identity.Name}'";

    /// <summary>"locked", "quarantined and locked". A control of an older version does not say which.</summary>
    public static string WhyInactive(Identity identity) => identity.WhyInactive.Length > 0 ? identity.WhyInactive : "not active (locked, quarantined, pending or retired)";

    private static string JudgeWrapping(in Claim claim, Identity identity, NetworkAccess access)
    {
        if (!access.Wrappings.Contains(claim.Wrapping))
        {
            return $"{Describe(identity)}: its network does not permit this wrapping of the control channel";
        }

        if (claim.WrappedFor is { } wrappedFor && wrappedFor.IdentityId != identity.Id)
        {
            return $"{Describe(identity)} came with the tls-crypt-v2 key of identity {wrappedFor.IdentityId}";
        }

        return claim.WrappedForNetwork is { } network && network != identity.NetworkId
            ? $"{Describe(identity)} came with the wrapping key of network {network}"
            : "";
    }

    /// <summary>Whom a token is made for: the password it stands in for, not only the user, so that it dies with that.</summary>
    public static string TokenName(CredentialEntry? byName) =>
        byName is null ? "(nobody)" : string.Create(CultureInfo.InvariantCulture, $"{byName.Credential.Username}#{byName.Credential.Id}");

    private static PasswordVerdict JudgePassword(
        in Claim claim, CredentialEntry? byName, Identity identity, TimeSpan tokenLifetime, AuthToken? tokens, Instant now,
        out AuthTokenClaims? token)
    {
        token = null;
        var request = claim.Request;
        if (tokens is not null)
        {
            switch (tokens.Verify(request.Password, TokenName(byName), tokenLifetime, now, out var claims))
            {
                case AuthTokenVerdict.Valid when claim.TokenSession is { } session && session != claims.SessionId:
                    return PasswordVerdict.WrongPassword;
                case AuthTokenVerdict.Valid when byName?.IdentityId != identity.Id:
                    return PasswordVerdict.WrongName;
                case AuthTokenVerdict.Valid:
                    token = claims;
                    return PasswordVerdict.Good;
                case AuthTokenVerdict.Expired:
                    return PasswordVerdict.TokenExpired;
                case AuthTokenVerdict.ValidForEmptyUsername:
                case AuthTokenVerdict.Malformed:
                case AuthTokenVerdict.Forged:
                    return PasswordVerdict.WrongPassword;
                case AuthTokenVerdict.NotAToken:
                    break;
            }
        }

        // The same work for a name that does not exist, so that names cannot be told apart by time.
        var salt = byName?.Credential.PasswordSalt ?? [];
        var expected = byName?.Credential.PasswordHash ?? new byte[SHA256.HashSizeInBytes];
        var salted = new byte[salt.Length + request.Password.Length];
        salt.CopyTo(salted, 0);
        request.Password.CopyTo(salted, salt.Length);
        var isRight = CryptographicOperations.FixedTimeEquals(SHA256.HashData(salted), expected)
            && byName?.Credential.PasswordHash is { Length: SHA256.HashSizeInBytes };
        CryptographicOperations.ZeroMemory(salted);
        return byName?.IdentityId != identity.Id ? PasswordVerdict.WrongName
            : isRight ? PasswordVerdict.Good
            : PasswordVerdict.WrongPassword;
    }

    private static string Text(PasswordVerdict verdict) => verdict switch
    {
        PasswordVerdict.Good => "",
        PasswordVerdict.WrongName => "the user name is not its own",
        PasswordVerdict.WrongPassword => "wrong password",
        PasswordVerdict.TokenExpired => "the authentication token has expired",
    };

    /// <summary>The subject of a certificate that TLS has verified, printable and short.</summary>
    private static string SubjectOf(byte[] der)
    {
        try
        {
            using var certificate = X509CertificateLoader.LoadCertificate(der);
            return $"'{Cut(certificate.Subject)}'";
        }
        catch (CryptographicException)
        {
            return "(unreadable)";
        }
    }

    private static string Cut(string text) => PlainText.Clean(text[..Math.Min(text.Length, NameMax)]);

    private enum PasswordVerdict : byte
    {
        Good,
        WrongName,
        WrongPassword,
        TokenExpired,
    }
}
