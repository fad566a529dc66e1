using System.Globalization;
using System.Security.Cryptography;
using Dapper;
using Microsoft.Data.Sqlite;
using Sallyport.Api.Audit;
using Sallyport.Control.Secrets;
using Sallyport.Control.Store;

namespace Sallyport.Control.Audit;

/// <summary>
/// The append-only trail. Every record carries the hash of the one before; the newest is always signed, and every
/// <see cref="CheckpointEvery"/>th signature stays. To change the past unseen one needs the checkpoint key, which is sealed.
/// </summary>
internal sealed class AuditTrail
{
    public const int CheckpointEvery = 64; // an export of a million records carries 16,000 signatures: a second to verify

    private const string KeyName = "audit-checkpoint-key";

    private readonly ECDsa key;

    private AuditTrail(ECDsa key)
    {
        this.key = key;
        PublicKey = key.ExportSubjectPublicKeyInfo();
    }

    public byte[] PublicKey { get; }

    public static AuditTrail Open(Database database, SecretStore secrets) => database.Write(sql =>
    {
        var pkcs8 = secrets.GetOrCreate(sql, KeyName, NewKey);
        var key = ECDsa.Create();
        key.ImportPkcs8PrivateKey(pkcs8, out _);
        CryptographicOperations.ZeroMemory(pkcs8);
        return new AuditTrail(key);
    });

    /// <summary>Adds a record inside the caller's transaction.</summary>
    public AuditRecord Append(SqliteConnection sql, long at, string actor, string action, string subject, string detail)
    {
        var last = sql.QuerySingleOrDefault<HeadRow>("SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1");
        var record = new AuditRecord
        {
            Sequence = (last?.Sequence ?? 0) + 1,
            At = at,
            Actor = actor,
            Action = action,
            Subject = subject,
            Detail = detail,
            PreviousHash = last?.Hash ?? AuditChain.Genesis,
            Hash = "",
        };
        record = record with { Hash = AuditChain.HashOf(record) };
        sql.Execute(
            """
            INSERT INTO audit (sequence, at, actor, action, subject, detail, previous_hash, hash)
            VALUES (@Sequence, @At, @Actor, @Action, @Subject, @Detail, @PreviousHash, @Hash)
            """,
            record);
        Sign(sql, record);
        return record;
    }

    /// <summary>Reads the whole trail and proves it.</summary>
    public AuditVerification Verify(SqliteConnection sql)
    {
        // One read transaction: both queries see the same moment.
        sql.Execute("BEGIN DEFERRED");
        try
        {
            return AuditChain.Verify(Records(sql), Checkpoints(sql), PublicKey);
        }
        finally
        {
            sql.Execute("ROLLBACK TRANSACTION");
        }
    }

    /// <summary>Lines of an export, oldest first. Whoever stops early leaves no transaction behind: the connection goes back to a pool.</summary>
    public IEnumerable<AuditExportLine> Export(SqliteConnection sql)
    {
        yield return new AuditExportLine { PublicKey = Convert.ToBase64String(PublicKey) };
        sql.Execute("BEGIN DEFERRED");
        try
        {
            foreach (var record in Records(sql))
            {
                yield return new AuditExportLine { Record = record };
            }

            foreach (var checkpoint in Checkpoints(sql))
            {
                yield return new AuditExportLine { Checkpoint = checkpoint };
            }
        }
        finally
        {
            sql.Execute("ROLLBACK TRANSACTION");
        }
    }

    /// <summary>Newest first, before the record <paramref name="before"/>.</summary>
    public static IReadOnlyList<AuditRecord> List(SqliteConnection sql, string? action, string? subject, long before, int limit) =>
    [
        .. sql.Query<RecordRow>(
            """
            SELECT sequence, at, actor, action, subject, detail, previous_hash AS PreviousHash, hash FROM audit
            WHERE sequence < @before AND (@action IS NULL OR action = @action) AND (@subject IS NULL OR subject = @subject)
            ORDER BY sequence DESC LIMIT @limit
            """,
            new { before, action, subject, limit }).Select(row => row.ToRecord()),
    ];

    private static IEnumerable<AuditRecord> Records(SqliteConnection sql) => sql
        .Query<RecordRow>(
            "SELECT sequence, at, actor, action, subject, detail, previous_hash AS PreviousHash, hash FROM audit ORDER BY sequence", buffered: false)
        .Select(row => row.ToRecord());

    private static IEnumerable<AuditCheckpoint> Checkpoints(SqliteConnection sql) => sql
        .Query<CheckpointRow>("SELECT sequence, at, hash, signature FROM audit_checkpoints ORDER BY sequence", buffered: false)
        .Select(row => new AuditCheckpoint(row.Sequence, row.At, row.Hash, row.Signature));

    private void Sign(SqliteConnection sql, AuditRecord record)
    {
        var signature = Convert.ToBase64String(
            key.SignData(AuditChain.SignedBytes(record.Sequence, record.At, record.Hash), HashAlgorithmName.SHA256));
        sql.Execute(
            "INSERT INTO audit_checkpoints (sequence, at, hash, signature) VALUES (@Sequence, @At, @Hash, @signature)",
            new { record.Sequence, record.At, record.Hash, signature });
        sql.Execute(
            string.Create(CultureInfo.InvariantCulture, $"DELETE FROM audit_checkpoints WHERE sequence = @before AND sequence % {CheckpointEvery} <> 0"),
            new { before = record.Sequence - 1 });
    }

    private static byte[] NewKey()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return key.ExportPkcs8PrivateKey();
    }

    private sealed class HeadRow
    {
        public long Sequence { get; init; }

        public string Hash { get; init; } = "";
    }

    private sealed class CheckpointRow
    {
        public long Sequence { get; init; }

        public long At { get; init; }

        public string Hash { get; init; } = "";

        public string Signature { get; init; } = "";
    }

    private sealed class RecordRow
    {
        public long Sequence { get; init; }

        public long At { get; init; }

        public string Actor { get; init; } = "";

        public string Action { get; init; } = "";

        public string Subject { get; init; } = "";

        public string Detail { get; init; } = "";

        public string PreviousHash { get; init; } = "";

        public string Hash { get; init; } = "";

        public AuditRecord ToRecord() => new()
        {
            Sequence = Sequence,
            At = At,
            Actor = Actor,
            Action = Action,
            Subject = Subject,
            Detail = Detail,
            PreviousHash = PreviousHash,
            Hash = Hash,
        };
    }
}
