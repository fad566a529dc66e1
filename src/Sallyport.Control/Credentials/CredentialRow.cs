using System.Globalization;
using Dapper;
using Microsoft.Data.Sqlite;
using Sallyport.Api.Credentials;
using Sallyport.Api.Nodes;
using Sallyport.Control.Secrets;
using Sallyport.Control.Store;

namespace Sallyport.Control.Credentials;

internal sealed class CredentialRow
{
    private const string Select =
        """
        SELECT c.id, c.identity_id AS IdentityId, i.kind AS OwnerKind, i.name AS Owner, i.network_id AS NetworkId, n.name AS Network, c.kind,
            c.protocol, c.peer_id AS PeerId, c.uplink, c.secret AS SealedSecret, c.ppk_id AS PpkId, c.ppk AS SealedPpk, c.fingerprint, c.serial, c.wrapping, c.wrapped_key_id AS WrappedKeyId, c.wrapping_key_id AS WrappingKeyId, c.username, c.password_salt AS PasswordSalt,
            c.password_hash AS PasswordHash, c.not_before AS NotBefore, c.not_after AS NotAfter, c.created_at AS CreatedAt,
            c.revoked_at AS RevokedAt, c.revoke_reason AS RevokeReason,
            EXISTS (SELECT 1 FROM locks l WHERE l.subject_kind = 'credential' AND l.subject_id = c.id) AS IsLocked
        FROM credentials c JOIN identities i ON i.id = c.identity_id JOIN networks n ON n.id = i.network_id
        """;

    public int Id { get; init; }

    public int IdentityId { get; init; }

    public string OwnerKind { get; init; } = "";

    public string Owner { get; init; } = "";

    public int NetworkId { get; init; }

    public string Network { get; init; } = "";

    public string Kind { get; init; } = "";

    public string Protocol { get; init; } = "";

    public string? PeerId { get; init; }

    public int Uplink { get; init; }

    public byte[]? SealedSecret { get; init; }

    public string? PpkId { get; init; }

    public byte[]? SealedPpk { get; init; }

    public string? Fingerprint { get; init; }

    public string? Serial { get; init; }

    public string Wrapping { get; init; } = "";

    public string? WrappedKeyId { get; init; }

    public int? WrappingKeyId { get; init; }

    public string? Username { get; init; }

    public byte[]? PasswordSalt { get; init; }

    public byte[]? PasswordHash { get; init; }

    public long? NotBefore { get; init; }

    public long? NotAfter { get; init; }

    public long CreatedAt { get; init; }

    public long? RevokedAt { get; init; }

    public string? RevokeReason { get; init; }

    public bool IsLocked { get; init; }

    public string Subject => $"credential:{Id}";

    public static CredentialRow? Find(SqliteConnection sql, int id) =>
        sql.QuerySingleOrDefault<CredentialRow>(Select + " WHERE c.id = @id", new { id });

    public static IEnumerable<CredentialRow> Of(SqliteConnection sql, int identityId) =>
        sql.Query<CredentialRow>(Select + " WHERE c.identity_id = @identityId ORDER BY c.id", new { identityId });

    public static IEnumerable<CredentialRow> Of(SqliteConnection sql, IEnumerable<int> identityIds) =>
        sql.Query<CredentialRow>(
            Select + " WHERE c.identity_id IN (SELECT value FROM json_each(@ids)) ORDER BY c.id", new { ids = Column.Of(identityIds) });

    public static IEnumerable<CredentialRow> AllLive(SqliteConnection sql) =>
        sql.Query<CredentialRow>(Select + " WHERE c.revoked_at IS NULL ORDER BY c.id");

    public static IReadOnlyList<CredentialRow> List(
        SqliteConnection sql, int? identityId, int? networkId, int? keyId, bool revoked, long after, int limit) =>
    [
        .. sql.Query<CredentialRow>(
            Select +
            """
             WHERE c.id > @after AND (@identityId IS NULL OR c.identity_id = @identityId)
                AND (@networkId IS NULL OR i.network_id = @networkId) AND (@keyId IS NULL OR c.wrapping_key_id = @keyId)
                AND (@revoked OR c.revoked_at IS NULL)
            ORDER BY c.id LIMIT @limit
            """,
            new { after, identityId, networkId, keyId, revoked, limit }),
    ];

    public static string SecretPurpose(int id) => string.Create(CultureInfo.InvariantCulture, $"credential:{id}:secret");

    public static string PpkPurpose(int id) => string.Create(CultureInfo.InvariantCulture, $"credential:{id}:ppk");

    /// <summary>What nobody needs any more is gone with it: the key of a revoked credential is in no backup that is made later.</summary>
    public const string Revocation = "revoked_at = @Now, revoke_reason = @reason, secret = NULL, ppk = NULL";

    public CredentialModel ToModel(Envelope envelope) => new()
    {
        Id = Id,
        Kind = Kind,
        Fingerprint = Fingerprint,
        WrappedKeyId = WrappedKeyId,
        Username = Username,
        PasswordSalt = PasswordSalt,
        PasswordHash = PasswordHash,
        PeerId = PeerId,
        Uplink = Uplink,
        Secret = SealedSecret is null ? null : envelope.Open(SecretPurpose(Id), SealedSecret),
        PpkId = PpkId,
        Ppk = SealedPpk is null ? null : envelope.Open(PpkPurpose(Id), SealedPpk),
    };

    public CredentialInfo ToInfo() => new()
    {
        Id = Id,
        OwnerKind = OwnerKind,
        Owner = Owner,
        Network = Network,
        Kind = Kind,
        Protocol = Protocol,
        PeerId = PeerId,
        Uplink = Uplink,
        Ppk = PpkId is not null,
        Fingerprint = Fingerprint,
        Serial = Serial,
        Username = Username,
        Wrapping = Wrapping,
        WrappingKey = WrappingKeyId,
        NotBefore = UnixTime.ToTime(NotBefore),
        NotAfter = UnixTime.ToTime(NotAfter),
        CreatedAt = UnixTime.ToTime(CreatedAt),
        RevokedAt = UnixTime.ToTime(RevokedAt),
        RevokeReason = RevokeReason,
    };
}
