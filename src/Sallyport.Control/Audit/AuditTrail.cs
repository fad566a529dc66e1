using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Dapper;
using Microsoft.Data.Sqlite;
using Sallyport.Api.Audit;
using Sallyport.Control.Secrets;
using Sallyport.Control.Store;

namespace Sallyport.Control.Audit;

/// <summary>
/// The append-only trail. Every record carries the hash of the one before; the newest is always signed, and every
/// <see cref="CheckpointEvery"/>th signature stays. To change the past unseen one needs the checkpoint key, which is sealed; to take
/// away the newest records one needs the head as well, which is outside the database. Appends and commits are the single writer's.
/// </summary>
internal sealed class AuditTrail
{
    public const int CheckpointEvery = 64; // an export of a million records carries 16,000 signatures: a second to verify

    private const string KeyName = "audit-checkpoint-key";

    private readonly ECDsa key;
    private readonly AuditHeadFile file;
    private AuditHead? head; // as of the last commit; null where the file could not be trusted at the start
    private string? finding; // what was wrong at the start, until a record says so

    private AuditTrail(ECDsa key, AuditHeadFile file)
    {
        this.key = key;
        this.file = file;
        PublicKey = key.ExportSubjectPublicKeyInfo();
    }

    public byte[] PublicKey { get; }

    /// <summary>At the start the trail was not as it was left, and no record says so yet.</summary>
    public bool IsBroken => finding is not null;

    /// <summary>
    /// Compares the trail with the head that was left; what is wrong is in the next record. To be called before anything else is put
    /// into a new store: what is there without a checkpoint key had one.
    /// </summary>
    public static AuditTrail Open(Database database, SecretStore secrets, AuditHeadFile file) => database.Write(sql =>
    {
        var known = secrets.Find(sql, KeyName);
        var pkcs8 = known ?? secrets.GetOrCreate(sql, KeyName, NewKey);
        var key = ECDsa.Create();
        key.ImportPkcs8PrivateKey(pkcs8, out _);
        CryptographicOperations.ZeroMemory(pkcs8);
        var trail = new AuditTrail(key, file);
        if (known is null)
        {
            trail.Begin(sql);
        }
        else
        {
            trail.Start(sql);
        }

        return trail;
    });

    /// <summary>Adds a record to the caller's transaction, after one that says so where the trail is not as we left it.</summary>
    public void Append(SqliteConnection sql, List<AuditRecord> transaction, long at, string actor, string action, string subject, string detail)
    {
        Note(sql, transaction, at);
        transaction.Add(Insert(sql, at, actor, action, subject, detail));
    }

    /// <summary>Records what is wrong with the trail, where something is and this transaction has not said so yet.</summary>
    public void Note(SqliteConnection sql, List<AuditRecord> transaction, long at)
    {
        if (transaction.Count > 0 || (finding ?? Compare(sql, head)) is not { } found)
        {
            return;
        }

        // What was signed beyond a cut would collide with what is signed from now on; the record keeps that it was there.
        sql.Execute("DELETE FROM audit_checkpoints WHERE sequence > @Sequence", new { Last(sql).Sequence });
        transaction.Add(Insert(sql, at, "system", AuditChain.BrokenAction, "audit", new JsonObject { ["found"] = found }.ToJsonString()));
    }

    /// <summary>After the commit and before the next one: from here on nobody can take these records away unseen.</summary>
    public void Committed(AuditRecord last)
    {
        head = SignHead(last.Sequence, last.At, last.Hash);
        finding = null;
        file.Write(head);
    }

    /// <summary>
    /// The first start makes the key and a head that names no record, together: the head is on the disk before the key is committed, so
    /// that from then on a missing head was taken away, however empty the trail. A crash in between leaves such a head without its key.
    /// </summary>
    private void Begin(SqliteConnection sql)
    {
        var left = file.Read(out _);
        finding = IsUsed(sql) || (left is null ? file.Exists : left.Sequence != 0)
            ? "the checkpoint key is missing: nothing says where the trail ended"
            : null;
        if (finding is null)
        {
            head = SignHead(0, 0, AuditChain.Genesis);
            file.Write(head);
        }
    }

    /// <summary>Every start but a first one finds the authority here, and whoever takes that away too cuts every device off.</summary>
    private static bool IsUsed(SqliteConnection sql) => sql.ExecuteScalar<bool>(
        """
        SELECT EXISTS (SELECT 1 FROM certificates) OR EXISTS (SELECT 1 FROM tokens) OR EXISTS (SELECT 1 FROM networks)
            OR EXISTS (SELECT 1 FROM changes) OR EXISTS (SELECT 1 FROM audit) OR EXISTS (SELECT 1 FROM audit_checkpoints)
        """);

    private void Start(SqliteConnection sql)
    {
        var last = Last(sql);
        var left = file.Read(out var problem);
        if (left is not null && !AuditChain.IsSigned(left, PublicKey))
        {
            (left, problem) = (null, "the head is not signed by this installation");
        }

        finding = left is null ? problem + ": nothing says where the trail ended" : Compare(sql, left);
        head = left;
        if (finding is null && last.Sequence > left!.Sequence)
        {
            // We ended between a commit and its head.
            head = SignHead(last.Sequence, last.At, last.Hash);
            file.Write(head);
        }
    }

    /// <summary>What is wrong with the trail's end, measured by the head; null where it is as we left it or has gone on by our hand.</summary>
    private string? Compare(SqliteConnection sql, AuditHead? left)
    {
        var last = Last(sql);
        if (left is null || (left.Sequence == last.Sequence && left.Hash == last.Hash))
        {
            return null;
        }

        if (last.Sequence < left.Sequence)
        {
            return $"the head signed record {left.Sequence} as the last, but the trail ends at {last.Sequence}: "
                + $"{AuditChain.Range(last.Sequence + 1, left.Sequence)} missing";
        }

        var previous = sql.ExecuteScalar<string?>("SELECT hash FROM audit WHERE sequence = @Sequence", left) ?? AuditChain.Genesis;
        if (previous != left.Hash)
        {
            return $"record {left.Sequence} is not the one that the head signed";
        }

        var next = left.Sequence;
        foreach (var record in Records(sql, after: left.Sequence))
        {
            if (record.Sequence != ++next || record.PreviousHash != previous || record.Hash != AuditChain.HashOf(record))
            {
                return $"what follows record {next - 1} was not written by us";
            }

            previous = record.Hash;
        }

        var isSigned = Checkpoints(sql, from: last.Sequence).Any(checkpoint =>
            checkpoint.Sequence == last.Sequence && checkpoint.Hash == last.Hash && AuditChain.IsSigned(checkpoint, PublicKey));
        return isSigned ? null : $"what follows record {left.Sequence} was not signed by us";
    }

    private AuditHead SignHead(long sequence, long at, string hash) => new(
        sequence, at, hash, Convert.ToBase64String(key.SignData(AuditChain.SignedHeadBytes(sequence, at, hash), HashAlgorithmName.SHA256)));

    private static HeadRow Last(SqliteConnection sql) =>
        sql.QuerySingleOrDefault<HeadRow>("SELECT sequence, at, hash FROM audit ORDER BY sequence DESC LIMIT 1") ?? new HeadRow();

    private AuditRecord Insert(SqliteConnection sql, long at, string actor, string action, string subject, string detail)
    {
        var last = Last(sql);
        var record = new AuditRecord
        {
            Sequence = last.Sequence + 1,
            At = at,
            Actor = actor,
            Action = action,
            Subject = subject,
            Detail = detail,
            PreviousHash = last.Hash,
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
    public AuditVerification Verify(Database database)
    {
        using var sql = database.OpenSnapshot(() => head, out var end);
        try
        {
            return AuditChain.Verify(Records(sql), Checkpoints(sql), end, PublicKey);
        }
        finally
        {
            sql.Execute("ROLLBACK TRANSACTION");
        }
    }

    /// <summary>Lines of an export, oldest first. Whoever stops early leaves no transaction behind: the connection goes back to a pool.</summary>
    public IEnumerable<AuditExportLine> Export(Database database)
    {
        using var sql = database.OpenSnapshot(() => head, out var end);
        try
        {
            yield return new AuditExportLine { PublicKey = Convert.ToBase64String(PublicKey) };
            foreach (var record in Records(sql))
            {
                yield return new AuditExportLine { Record = record };
            }

            foreach (var checkpoint in Checkpoints(sql))
            {
                yield return new AuditExportLine { Checkpoint = checkpoint };
            }

            if (end is not null)
            {
                yield return new AuditExportLine { Head = end };
            }
        }
        finally
        {
            sql.Execute("ROLLBACK TRANSACTION");
        }
    }

    /// <summary>Whether what the clock did at a gateway is in the trail already: it is told again within seconds, so that the newest records tell.</summary>
    public static bool HasSchedule(SqliteConnection sql, string action, string subject, string gateway, long dueAt) => sql.ExecuteScalar<bool>(
        """
        SELECT EXISTS (SELECT 1 FROM audit WHERE sequence > (SELECT max(sequence) FROM audit) - 10000 AND action = @action AND subject = @subject
            AND json_extract(detail, '$.gateway') = @gateway AND json_extract(detail, '$.dueAt') = @dueAt)
        """,
        new { action, subject, gateway, dueAt });

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

    private static IEnumerable<AuditRecord> Records(SqliteConnection sql, long after = 0) => sql
        .Query<RecordRow>(
            """
            SELECT sequence, at, actor, action, subject, detail, previous_hash AS PreviousHash, hash FROM audit
            WHERE sequence > @after ORDER BY sequence
            """,
            new { after },
            buffered: false)
        .Select(row => row.ToRecord());

    private static IEnumerable<AuditCheckpoint> Checkpoints(SqliteConnection sql, long from = 0) => sql
        .Query<CheckpointRow>(
            "SELECT sequence, at, hash, signature FROM audit_checkpoints WHERE sequence >= @from ORDER BY sequence", new { from }, buffered: false)
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

        public long At { get; init; }

        public string Hash { get; init; } = AuditChain.Genesis;
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
