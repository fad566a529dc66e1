using System.Globalization;
using System.Security.Cryptography;
using Dapper;
using Sallyport.Control.Changes;
using Sallyport.Control.Identities;
using Sallyport.Control.Secrets;
using Sallyport.Control.Store;

namespace Sallyport.Control.Credentials;

/// <summary>A credential that is about to be stored. What is secret in it is sealed there.</summary>
internal sealed record NewCredential(string Kind, string Protocol)
{
    private const int UsernameMax = 127; // USER_PASS_LEN of stock OpenVPN, with the NUL at its end: 128

    public CertificateParts? Certificate { get; init; }

    public string Wrapping { get; init; } = "";

    public string? WrappedKeyId { get; init; }

    public int? WrappingKeyId { get; init; }

    public string? Username { get; init; }

    public byte[]? PasswordSalt { get; init; }

    public byte[]? PasswordHash { get; init; }

    public string? PeerId { get; init; }

    public int Uplink { get; init; } = 1;

    /// <summary>In clear; zeroed when it is stored.</summary>
    public byte[]? Secret { get; init; }

    public string? PpkId { get; init; }

    /// <summary>In clear; zeroed when it is stored.</summary>
    public byte[]? Ppk { get; init; }

    public override string ToString() => $"{Kind} for {Protocol}";

    /// <summary>Inside a command. Answers its number.</summary>
    public int Store(Change change, IdentityRow identity, Envelope envelope)
    {
        var id = change.Sql.ExecuteScalar<int>(
            """
            INSERT INTO credentials (identity_id, kind, protocol, fingerprint, serial, certificate, wrapping, wrapped_key_id, wrapping_key_id, username,
                password_salt, password_hash, peer_id, uplink, ppk_id, not_before, not_after, created_at)
            VALUES (@identityId, @Kind, @Protocol, @Fingerprint, @Serial, @Der, @Wrapping, @WrappedKeyId, @WrappingKeyId, @Username,
                @PasswordSalt, @PasswordHash, @PeerId, @Uplink, @PpkId, @notBefore, @notAfter, @Now)
            RETURNING id
            """,
            new
            {
                identityId = identity.Id,
                Kind,
                Protocol,
                Certificate?.Fingerprint,
                Certificate?.Serial,
                Certificate?.Der,
                Wrapping,
                WrappedKeyId,
                WrappingKeyId,
                Username,
                PasswordSalt,
                PasswordHash,
                PeerId,
                Uplink,
                PpkId,
                notBefore = Certificate?.NotBefore.ToUnixNanoseconds(),
                notAfter = Certificate?.NotAfter.ToUnixNanoseconds(),
                change.Now,
            });
        if (Secret is not null || Ppk is not null)
        {
            change.Sql.Execute(
                "UPDATE credentials SET secret = @secret, ppk = @ppk WHERE id = @id",
                new { id, secret = Seal(envelope, CredentialRow.SecretPurpose(id), Secret), ppk = Seal(envelope, CredentialRow.PpkPurpose(id), Ppk) });
        }

        return id;
    }

    /// <summary>A second live password of one identity needs another user name.</summary>
    public static string FreeUsername(Change change, IdentityRow identity)
    {
        var name = $"{identity.Name}.{identity.Network}";
        var username = name;
        for (var n = 2; IsLiveUsername(change, username); n++)
        {
            var number = string.Create(CultureInfo.InvariantCulture, $".{n}");
            username = name[..Math.Min(name.Length, UsernameMax - number.Length)] + number;
        }

        return username;
    }

    /// <summary>128 bits in letters that survive being read aloud.</summary>
    public static string Password() => RandomNumberGenerator.GetString("abcdefghijkmnpqrstuvwxyz23456789", 26); // 32 letters: 5 bits each, 130 in all

    private static bool IsLiveUsername(Change change, string username) => change.Sql.ExecuteScalar<bool>(
        "SELECT EXISTS (SELECT 1 FROM credentials WHERE username = @username AND revoked_at IS NULL)", new { username });

    private static byte[]? Seal(Envelope envelope, string purpose, byte[]? secret)
    {
        if (secret is null)
        {
            return null;
        }

        var blob = envelope.Seal(purpose, secret);
        CryptographicOperations.ZeroMemory(secret);
        return blob;
    }
}
