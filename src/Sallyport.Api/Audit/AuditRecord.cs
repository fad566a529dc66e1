namespace Sallyport.Api.Audit;

/// <summary>One record that must not be altered. Its place in the chain: <see cref="Hash"/> covers everything else but <see cref="Time"/> and <see cref="Summary"/>.</summary>
public sealed record AuditRecord
{
    /// <summary>1, 2, 3, … without a gap.</summary>
    public required long Sequence { get; init; }

    /// <summary>Nanoseconds since the Unix epoch.</summary>
    public required long At { get; init; }

    /// <summary>"administrator", "system" or "gateway:NAME".</summary>
    public required string Actor { get; init; }

    /// <summary>"device.create", "device.revoke", "device.revoke.enforced", …</summary>
    public required string Action { get; init; }

    /// <summary>"device:pump-17.plant-a".</summary>
    public required string Subject { get; init; }

    /// <summary>JSON text: what was asked and what came of it. Never a secret.</summary>
    public required string Detail { get; init; }

    /// <summary>Hash of the record before; 64 zeros in the first.</summary>
    public required string PreviousHash { get; init; }

    /// <summary>SHA-256, lower-case hex; see <see cref="AuditChain.HashOf"/>.</summary>
    public required string Hash { get; init; }

    /// <summary><see cref="At"/> for people; made when the record is listed, no part of the trail or an export.</summary>
    public DateTimeOffset? Time { get; init; }

    /// <summary>What it says, as a sentence for people; made when the record is listed, no part of the trail or an export.</summary>
    public string? Summary { get; init; }
}

/// <summary>A signature (ECDSA P-256 with SHA-256, IEEE P1363 form, base64) over the head of the chain at one moment.</summary>
public sealed record AuditCheckpoint(long Sequence, long At, string Hash, string Signature);

/// <summary>
/// The last record of the trail at one moment, signed like a checkpoint but over other words, so that no checkpoint passes for it: a
/// checkpoint says that a record was there, the head that none came after it.
/// </summary>
public sealed record AuditHead(long Sequence, long At, string Hash, string Signature);

/// <summary>One line of an export: the key first (SubjectPublicKeyInfo, base64), then records, checkpoints, and the head at the end.</summary>
public sealed record AuditExportLine
{
    public string? PublicKey { get; init; }

    public AuditRecord? Record { get; init; }

    public AuditCheckpoint? Checkpoint { get; init; }

    public AuditHead? Head { get; init; }
}

public sealed record AuditVerification
{
    public required bool Valid { get; init; }

    public required long Records { get; init; }

    public required int Checkpoints { get; init; }

    /// <summary>The last record that a signature vouches for; what follows may be anybody's, what is missing behind it cannot be seen.</summary>
    public required long VouchedTo { get; init; }

    /// <summary>Hash of the newest record.</summary>
    public required string Head { get; init; }

    /// <summary>SHA-256 of the checkpoint key (SubjectPublicKeyInfo), lower-case hex: note it elsewhere.</summary>
    public required string KeyFingerprint { get; init; }

    /// <summary>What is wrong and where; empty where the trail is whole.</summary>
    public required IReadOnlyList<string> Problems { get; init; }
}
