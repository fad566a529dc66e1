using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Dapper;
using Sallyport.Api.Credentials;
using Sallyport.Control.Changes;
using Sallyport.Control.Http;
using Sallyport.Control.Identities;
using Sallyport.Control.Names;
using Sallyport.Control.Networks;
using Sallyport.Control.Pki;
using Sallyport.Control.Secrets;
using Sallyport.Control.Store;
using Sallyport.Core.OpenVpn.Wrapping;

namespace Sallyport.Control.Credentials;

/// <summary>Makes the credentials of an identity and the profile around them. Private keys and passwords leave in the answer and stay nowhere.</summary>
internal sealed class CredentialIssuer(CertificateAuthority authority, Envelope envelope, GatewayKeys keys, ControlOptions options)
{
    private const int ValidDaysMax = 3650;
    private const int UsernameMax = 127; // USER_PASS_LEN of stock clients, with the NUL at its end: 128

    private static readonly string[] Transports = ["udp+tcp", "udp", "tcp"];

    public static void Check(ProfileRequest request, NetworkRow? network, ProblemList problems, string field)
    {
        _ = NetworkInput.ReadOne(request.Transport, field + "transport", "transport", Transports, problems);
        if (request.ValidDays is < 1 or > ValidDaysMax)
        {
            problems.Add(field + "validDays", $"{request.ValidDays} is out of range", $"use 1 to {ValidDaysMax}");
        }

        if (request.Endpoint is { } endpoint && !IsHost(endpoint))
        {
            problems.Add(
                field + "endpoint",
                $"'{Label.Shorten(endpoint)}' is neither a host name nor an address",
                "leave the port out; it is a setting of the installation");
        }

        if (request.Wrapping is { } wrapping && network is not null && !network.Wrappings.Contains(wrapping, StringComparer.OrdinalIgnoreCase))
        {
            problems.Add(
                field + "wrapping",
                $"network {network.Name} does not accept '{Label.Shorten(wrapping)}'",
                $"use one of {string.Join(", ", network.Wrappings)}, or allow it in the network first");
        }
    }

    /// <summary>Inside a command. The request was checked.</summary>
    public ProfileIssued Issue(Change change, IdentityRow identity, NetworkRow network, ProfileRequest request)
    {
        var wrapping = network.Wrappings.First(known => request.Wrapping is null || string.Equals(known, request.Wrapping, StringComparison.OrdinalIgnoreCase));
        var revoked = request.KeepOld ? [] : RevokeAll(change, identity.Id, "replaced by a new profile");
        var (wrappingKey, keyId) = WrapFor(network, wrapping);
        var ids = new List<int>();
        CertificateParts? certificate = null;
        if (network.Authentication.StartsWith("certificate", StringComparison.Ordinal))
        {
            certificate = IssueCertificate(change, identity, request);
            ids.Add(Store(change, identity, "certificate", wrapping, keyId, certificate, null));
        }

        PasswordParts? password = null;
        if (network.Authentication.EndsWith("password", StringComparison.Ordinal))
        {
            password = NewPassword(change, identity);
            ids.Add(Store(change, identity, "password", wrapping, certificate is null ? keyId : null, null, password));
        }

        var transport = request.Transport?.ToLowerInvariant() ?? "udp+tcp";
        var text = ProfileText.Write(new ProfileContent
        {
            Kind = identity.Kind,
            Name = identity.Name,
            Network = network.Name,
            Endpoint = request.Endpoint ?? options.Endpoint,
            UdpPort = transport.Contains("udp", StringComparison.Ordinal) ? options.OpenVpnUdpPort : 0,
            TcpPort = transport.Contains("tcp", StringComparison.Ordinal) ? options.OpenVpnTcpPort : 0,
            Ciphers = network.Ciphers,
            AuthDigest = network.AuthDigest,
            MinimumTls = network.MinimumTls,
            Anchors = authority.Root.ExportCertificatePem() + "\n" + authority.Issuing.ExportCertificatePem() + "\n",
            Chain = certificate is null ? null : certificate.Pem + "\n" + authority.Issuing.ExportCertificatePem() + "\n",
            PrivateKey = certificate?.KeyPem,
            Wrapping = wrapping,
            WrappingKey = wrappingKey,
            TlsAuthDirection = network.TlsAuthDirection,
            Username = password?.Username,
            Password = password?.Password,
        });
        change.Touch(ChangeKind.Identity, identity.Id);
        change.Audit(
            "credential.issue",
            identity.Subject,
            new JsonObject
            {
                ["credentials"] = new JsonArray([.. ids.Select(id => (JsonNode)id)]),
                ["fingerprint"] = certificate?.Fingerprint,
                ["username"] = password?.Username,
                ["wrapping"] = wrapping,
                ["notAfter"] = certificate?.NotAfter.ToString("u"),
                ["revoked"] = new JsonArray([.. revoked.Select(id => (JsonNode)id)]),
            });
        return new ProfileIssued
        {
            FileName = identity.Name + ".ovpn",
            Text = text,
            CredentialIds = ids,
            Fingerprint = certificate?.Fingerprint,
            NotAfter = certificate?.NotAfter,
            Username = password?.Username,
            Password = password?.Password,
            Revoked = revoked,
        };
    }

    /// <summary>Inside a command. Answers the ids that were live.</summary>
    public static IReadOnlyList<int> RevokeAll(Change change, int identityId, string reason)
    {
        var ids = change.Sql.Query<int>(
            "UPDATE credentials SET revoked_at = @Now, revoke_reason = @reason WHERE identity_id = @identityId AND revoked_at IS NULL RETURNING id",
            new { change.Now, reason, identityId }).AsList();
        ids.Sort();
        return ids;
    }

    private (string? Pem, string? KeyId) WrapFor(NetworkRow network, string wrapping)
    {
        switch (wrapping)
        {
            case "tls-crypt-v2":
                var keyId = RandomNumberGenerator.GetBytes(WrappedKeyMetadata.IdLength);
                using (var serverKey = new TlsCryptV2ServerKey(keys.Newest.Bytes))
                using (var clientKey = serverKey.IssueClient(SystemEntropy.Shared, keyId))
                {
                    return (clientKey.ToPem(), Convert.ToHexStringLower(keyId));
                }

            case "none":
                return (null, null);
            default:
                var key = network.OpenWrappingKey(envelope);
                using (var staticKey = new StaticKey(key))
                {
                    CryptographicOperations.ZeroMemory(key);
                    return (staticKey.ToPem(), null);
                }
        }
    }

    private CertificateParts IssueCertificate(Change change, IdentityRow identity, ProfileRequest request)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        TimeSpan? validity = request.ValidDays is { } days ? TimeSpan.FromDays(days) : null;
        using var certificate = authority.IssueClient(change.Sql, identity.Name, identity.Network, [IdOf(identity)], key, validity);
        return new CertificateParts(
            certificate.RawData,
            certificate.ExportCertificatePem(),
            key.ExportPkcs8PrivateKeyPem(),
            Convert.ToHexStringLower(SHA256.HashData(certificate.RawData)),
            certificate.SerialNumber,
            new DateTimeOffset(certificate.NotBefore.ToUniversalTime()),
            new DateTimeOffset(certificate.NotAfter.ToUniversalTime()));
    }

    /// <summary>128 bits in letters that survive being read aloud. A second live password of one identity needs another user name.</summary>
    private static PasswordParts NewPassword(Change change, IdentityRow identity)
    {
        var name = $"{identity.Name}.{identity.Network}";
        var username = name;
        for (var n = 2; IsLiveUsername(change, username); n++)
        {
            var number = string.Create(CultureInfo.InvariantCulture, $".{n}");
            username = name[..Math.Min(name.Length, UsernameMax - number.Length)] + number;
        }

        var password = RandomNumberGenerator.GetString("abcdefghijkmnpqrstuvwxyz23456789", 26); // 32 letters: 5 bits each, 130 in all
        var salt = RandomNumberGenerator.GetBytes(16);
        return new PasswordParts(username, password, salt, SHA256.HashData([.. salt, .. Encoding.UTF8.GetBytes(password)]));
    }

    private static bool IsLiveUsername(Change change, string username) => change.Sql.ExecuteScalar<bool>(
        "SELECT EXISTS (SELECT 1 FROM credentials WHERE username = @username AND revoked_at IS NULL)", new { username });

    /// <summary>Who it says it is in IKE, unless its router knows better: its name in DNS.</summary>
    private string IdOf(IdentityRow identity) => $"{identity.Name}.{identity.Network}.{options.Gateway.DnsZone}";

    private int Store(
        Change change, IdentityRow identity, string kind, string wrapping, string? keyId, CertificateParts? certificate, PasswordParts? password) =>
        change.Sql.ExecuteScalar<int>(
            """
            INSERT INTO credentials (identity_id, kind, fingerprint, serial, certificate, wrapping, wrapped_key_id, wrapping_key_id, username,
                password_salt, password_hash, not_before, not_after, created_at)
            VALUES (@Id, @kind, @Fingerprint, @Serial, @Der, @wrapping, @keyId, @wrappingKeyId, @Username, @Salt, @Hash, @notBefore, @notAfter,
                @Now)
            RETURNING id
            """,
            new
            {
                identity.Id,
                kind,
                certificate?.Fingerprint,
                certificate?.Serial,
                certificate?.Der,
                wrapping,
                keyId,
                wrappingKeyId = keyId is null ? (int?)null : keys.Newest.Id,
                password?.Username,
                password?.Salt,
                password?.Hash,
                notBefore = certificate?.NotBefore.ToUnixNanoseconds(),
                notAfter = certificate?.NotAfter.ToUnixNanoseconds(),
                change.Now,
            });

    private static bool IsHost(string text) =>
        text.Length <= 253 && (IPAddress.TryParse(text, out _) || text.TrimEnd('.').Split('.').All(label => Label.IsValid(label.ToLowerInvariant())));

    private sealed record CertificateParts(
        byte[] Der, string Pem, string KeyPem, string Fingerprint, string Serial, DateTimeOffset NotBefore, DateTimeOffset NotAfter)
    {
        public override string ToString() => Fingerprint;
    }

    private sealed record PasswordParts(string Username, string Password, byte[] Salt, byte[] Hash)
    {
        public override string ToString() => Username;
    }
}
