using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Dapper;
using Microsoft.Data.Sqlite;
using Sallyport.Api.Credentials;
using Sallyport.Control.Changes;
using Sallyport.Control.Http;
using Sallyport.Control.Identities;
using Sallyport.Control.Ipsec;
using Sallyport.Control.Names;
using Sallyport.Control.Networks;
using Sallyport.Control.Secrets;
using Sallyport.Core.OpenVpn.Wrapping;

namespace Sallyport.Control.Credentials;

/// <summary>Makes the credentials of an identity and the profile around them. Private keys and passwords leave in the answer and stay nowhere.</summary>
internal sealed class CredentialIssuer(CertificateIssuer certificates, IpsecIssuer ipsec, Envelope envelope, GatewayKeys keys, ControlOptions options)
{
    private const int ValidDaysMax = 3650;

    public const string OpenVpn = "openvpn";
    public const string Ipsec = "ipsec";

    private static readonly string[] Protocols = [OpenVpn, Ipsec];
    private static readonly string[] Transports = ["udp+tcp", "udp", "tcp"];

    /// <param name="kind">"device" or "site".</param>
    /// <param name="ownId">The identity whose live credentials are in nobody's way, because they end; 0 for none.</param>
    public void Check(SqliteConnection sql, ProfileRequest request, NetworkRow? network, string kind, int ownId, ProblemList problems, string field)
    {
        var protocol = NetworkInput.ReadOne(request.Protocol, field + "protocol", "protocol", Protocols, problems) ?? OpenVpn;
        if (protocol == OpenVpn)
        {
            _ = NetworkInput.ReadOne(request.Transport, field + "transport", "transport", Transports, problems);
        }

        if (request.ValidDays is < 1 or > ValidDaysMax)
        {
            problems.Add(field + "validDays", $"{request.ValidDays} is out of range", $"use 1 to {ValidDaysMax}");
        }

        if (request.Endpoint is { } endpoint && !HostText.IsHost(endpoint))
        {
            problems.Add(
                field + "endpoint",
                $"'{Label.Shorten(endpoint)}' is neither a host name nor an address",
                "leave the port out; it is a setting of the installation");
        }

        if (protocol == Ipsec)
        {
            CheckForeign(field, problems, "OpenVPN", ("transport", request.Transport is not null), ("wrapping", request.Wrapping is not null));
            ipsec.Check(sql, request, network, kind, ownId, problems, field);
            return;
        }

        CheckForeign(
            field, problems, "IPsec", ("auth", request.Auth is not null), ("peerIds", request.PeerIds is { Count: > 0 }), ("uplinks", request.Uplinks is not null), ("ppk", request.Ppk is true),
            ("psk", request.Psk is not null));
        if (request.Wrapping is { } wrapping && network is not null && !network.Wrappings.Contains(wrapping, StringComparer.OrdinalIgnoreCase))
        {
            problems.Add(
                field + "wrapping",
                $"network {network.Name} does not accept '{Label.Shorten(wrapping)}'",
                $"use one of {string.Join(", ", network.Wrappings)}, or allow it in the network first");
        }

        if (options is { OpenVpnUdpPort: 0, OpenVpnTcpPort: 0 })
        {
            problems.Add(field + "protocol", "this installation does not listen for OpenVPN", "use protocol ipsec, or set openvpn.udp in sallyport.yaml");
        }
    }

    private static void CheckForeign(string field, ProblemList problems, string whose, params ReadOnlySpan<(string Name, bool IsGiven)> parts)
    {
        foreach (var (name, isGiven) in parts)
        {
            if (isGiven)
            {
                problems.Add(field + name, $"{name} is of {whose}, and the profile is for another protocol", $"leave it out, or ask for protocol {(whose == "IPsec" ? Ipsec : OpenVpn)}");
            }
        }
    }

    /// <summary>Inside a command. The request was checked.</summary>
    public ProfileIssued Issue(Change change, IdentityRow identity, NetworkRow network, ProfileRequest request)
    {
        var revoked = request.KeepOld ? [] : RevokeAll(change, identity.Id, "replaced by a new profile");
        var issued = string.Equals(request.Protocol, Ipsec, StringComparison.OrdinalIgnoreCase)
            ? ipsec.Issue(change, identity, network, request, revoked) : IssueOpenVpn(change, identity, network, request, revoked);
        change.Touch(ChangeKind.Identity, identity.Id);
        return issued;
    }

    private ProfileIssued IssueOpenVpn(Change change, IdentityRow identity, NetworkRow network, ProfileRequest request, IReadOnlyList<int> revoked)
    {
        var wrapping = network.Wrappings.First(known => request.Wrapping is null || string.Equals(known, request.Wrapping, StringComparison.OrdinalIgnoreCase));
        var (wrappingKey, keyId) = WrapFor(network, wrapping);
        var ids = new List<int>();
        CertificateParts? certificate = null;
        if (network.Authentication.StartsWith("certificate", StringComparison.Ordinal))
        {
            certificate = certificates.Issue(change, identity, [IpsecIssuer.IdOf(identity, options)], request.ValidDays);
            ids.Add(new NewCredential("certificate", OpenVpn) { Certificate = certificate, Wrapping = wrapping, WrappedKeyId = keyId, WrappingKeyId = WrappingOf(keyId) }
                .Store(change, identity, envelope));
        }

        PasswordParts? password = null;
        if (network.Authentication.EndsWith("password", StringComparison.Ordinal))
        {
            password = NewPassword(change, identity);
            var ownKey = certificate is null ? keyId : null;
            ids.Add(new NewCredential("password", OpenVpn)
            {
                Wrapping = wrapping,
                WrappedKeyId = ownKey,
                WrappingKeyId = WrappingOf(ownKey),
                Username = password.Username,
                PasswordSalt = password.Salt,
                PasswordHash = password.Hash,
            }.Store(change, identity, envelope));
        }

        var transport = request.Transport?.ToLowerInvariant() ?? "udp+tcp";
        var (root, issuing) = certificates.Anchors;
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
            Anchors = root + issuing,
            Chain = certificate is null ? null : certificate.Pem + issuing,
            PrivateKey = certificate?.KeyPem,
            Wrapping = wrapping,
            WrappingKey = wrappingKey,
            TlsAuthDirection = network.TlsAuthDirection,
            Username = password?.Username,
            Password = password?.Password,
        });
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
            Protocol = OpenVpn,
            FileName = identity.Name + ".ovpn",
            Text = text,
            Files = [],
            Keys = [],
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
            $"UPDATE credentials SET {CredentialRow.Revocation} WHERE identity_id = @identityId AND revoked_at IS NULL RETURNING id",
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

    private int? WrappingOf(string? keyId) => keyId is null ? null : keys.Newest.Id;

    private static PasswordParts NewPassword(Change change, IdentityRow identity)
    {
        var password = NewCredential.Password();
        var salt = RandomNumberGenerator.GetBytes(16);
        return new PasswordParts(NewCredential.FreeUsername(change, identity), password, salt, SHA256.HashData([.. salt, .. Encoding.UTF8.GetBytes(password)]));
    }

    private sealed record PasswordParts(string Username, string Password, byte[] Salt, byte[] Hash)
    {
        public override string ToString() => Username;
    }
}
