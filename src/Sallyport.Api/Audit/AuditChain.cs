using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Sallyport.Api.Audit;

/// <summary>
/// The format of the audit chain, shared by control, which writes it, and whoever holds an export and trusts nobody.
/// </summary>
public static class AuditChain
{
    /// <summary>The hash before the first record.</summary>
    public static readonly string Genesis = new('0', 64);

    /// <summary>A record of this action says that the trail was found cut or altered; it stays, and so the trail stays broken.</summary>
    public const string BrokenAction = "audit.broken";

    private const int ProblemsMax = 20; // a broken chain is broken; nobody reads the thousandth line

    /// <summary>
    /// SHA-256 over: "sallyport-audit-1", previous hash (its 64 hex digits), sequence and time (big-endian int64 each), then actor, action,
    /// subject and detail as UTF-8, each after its length (big-endian uint32). Lower-case hex.
    /// </summary>
    public static string HashOf(AuditRecord record)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData("sallyport-audit-1"u8);
        hash.AppendData(Encoding.ASCII.GetBytes(record.PreviousHash));
        AppendNumber(hash, record.Sequence);
        AppendNumber(hash, record.At);
        AppendText(hash, record.Actor);
        AppendText(hash, record.Action);
        AppendText(hash, record.Subject);
        AppendText(hash, record.Detail);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>What a checkpoint signs: "sallyport-audit-checkpoint-1", sequence, time, hash in hex.</summary>
    public static byte[] SignedBytes(long sequence, long at, string hash) => Encoding.UTF8.GetBytes(
        string.Create(CultureInfo.InvariantCulture, $"sallyport-audit-checkpoint-1\n{sequence}\n{at}\n{hash}\n"));

    /// <summary>What a head signs: "sallyport-audit-head-1", sequence, time, hash in hex.</summary>
    public static byte[] SignedHeadBytes(long sequence, long at, string hash) => Encoding.UTF8.GetBytes(
        string.Create(CultureInfo.InvariantCulture, $"sallyport-audit-head-1\n{sequence}\n{at}\n{hash}\n"));

    public static bool IsSigned(AuditHead head, byte[] publicKey)
    {
        using var key = ECDsa.Create();
        return TryImport(key, publicKey) && IsSigned(key, SignedHeadBytes(head.Sequence, head.At, head.Hash), head.Signature);
    }

    public static bool IsSigned(AuditCheckpoint checkpoint, byte[] publicKey)
    {
        using var key = ECDsa.Create();
        return TryImport(key, publicKey) && IsSigned(key, SignedBytes(checkpoint.Sequence, checkpoint.At, checkpoint.Hash), checkpoint.Signature);
    }

    /// <summary>"record 7 is", "records 7 to 9 are".</summary>
    public static string Range(long first, long last) => first == last
        ? string.Create(CultureInfo.InvariantCulture, $"record {first} is")
        : string.Create(CultureInfo.InvariantCulture, $"records {first} to {last} are");

    /// <summary>
    /// Walks the whole trail. Checkpoints may lie anywhere; one beyond the last record proves that records were cut off. Without
    /// <paramref name="head"/> nothing says where the trail ends, and it is not whole.
    /// </summary>
    public static AuditVerification Verify(
        IEnumerable<AuditRecord> records, IEnumerable<AuditCheckpoint> checkpoints, AuditHead? head, byte[] publicKey)
    {
        var problems = new List<string>();
        var bySequence = new Dictionary<long, AuditCheckpoint>();
        var signed = 0;
        var isForeignHead = false;
        using (var key = ECDsa.Create())
        {
            var keyUsable = TryImport(key, publicKey);
            if (!keyUsable)
            {
                problems.Add("the checkpoint key cannot be read");
            }

            foreach (var checkpoint in checkpoints)
            {
                if (keyUsable && !IsSigned(key, SignedBytes(checkpoint.Sequence, checkpoint.At, checkpoint.Hash), checkpoint.Signature))
                {
                    problems.Add($"checkpoint at record {checkpoint.Sequence}: the signature is not ours");
                    continue;
                }

                signed++;
                bySequence[checkpoint.Sequence] = checkpoint;
            }

            if (head is not null && keyUsable && !IsSigned(key, SignedHeadBytes(head.Sequence, head.At, head.Hash), head.Signature))
            {
                problems.Add($"the head names record {head.Sequence}, but its signature is not ours");
                (head, isForeignHead) = (null, true);
            }
        }

        var previous = Genesis;
        long count = 0;
        long vouched = 0;
        var isGapless = true;
        foreach (var record in records)
        {
            count++;
            if (problems.Count >= ProblemsMax)
            {
                continue;
            }

            if (record.Sequence != count)
            {
                problems.Add($"record {count} is missing or out of order: found record {record.Sequence} in its place");
                problems.Add("nothing after it can be trusted");
                isGapless = false;
                break;
            }

            if (!string.Equals(record.PreviousHash, previous, StringComparison.Ordinal))
            {
                problems.Add($"record {record.Sequence} does not follow the record before it");
            }

            if (!string.Equals(record.Hash, HashOf(record), StringComparison.Ordinal))
            {
                problems.Add($"record {record.Sequence} ({record.Action} {record.Subject}) was altered: its hash is another one");
            }

            if (bySequence.Remove(record.Sequence, out var checkpoint))
            {
                if (string.Equals(checkpoint.Hash, record.Hash, StringComparison.Ordinal))
                {
                    vouched = record.Sequence;
                }
                else
                {
                    problems.Add($"record {record.Sequence} is not the one that its checkpoint signed: the trail up to there was rewritten");
                }
            }

            if (head?.Sequence == record.Sequence)
            {
                if (string.Equals(head.Hash, record.Hash, StringComparison.Ordinal))
                {
                    vouched = record.Sequence;
                }
                else
                {
                    problems.Add($"record {record.Sequence} is not the one that the head signed: the end of the trail was rewritten");
                }
            }

            if (record.Action == BrokenAction)
            {
                problems.Add($"record {record.Sequence} notes that the trail was found broken: {record.Detail}");
            }

            previous = record.Hash;
        }

        if (isGapless)
        {
            problems.AddRange(bySequence.Keys.Where(sequence => sequence > count).Order().Select(
                sequence => $"a checkpoint signed record {sequence}, but the trail ends at {count}: records were cut off"));
            if (WhatTheHeadMisses(head, isForeignHead, count, vouched) is { } missed)
            {
                problems.Add(missed);
            }
        }

        return new AuditVerification
        {
            Valid = problems.Count == 0,
            Records = count,
            Checkpoints = signed,
            VouchedTo = vouched,
            Head = previous,
            KeyFingerprint = Convert.ToHexStringLower(SHA256.HashData(publicKey)),
            Problems = problems,
        };
    }

    private static string? WhatTheHeadMisses(AuditHead? head, bool isForeignHead, long count, long vouched)
    {
        if (head is null)
        {
            return isForeignHead ? null : "there is no signed head, so nothing says where the trail ends: "
                + (vouched > 0 ? $"a checkpoint vouches for record {vouched} and what is before it" : "no signature vouches for any of it");
        }

        return head.Sequence > count ? $"the head signed record {head.Sequence} as the last, but the trail ends at {count}: {Range(count + 1, head.Sequence)} missing"
            : head.Sequence < count ? $"the head signed record {head.Sequence} as the last, but the trail goes on: {Range(head.Sequence + 1, count)} not vouched for"
            : null;
    }

    private static bool TryImport(ECDsa key, byte[] publicKey)
    {
        try
        {
            key.ImportSubjectPublicKeyInfo(publicKey, out _);
            return true;
        }
        catch (CryptographicException)
        {
            return false;
        }
    }

    private static bool IsSigned(ECDsa key, byte[] what, string signature)
    {
        var bytes = new byte[256];
        return Convert.TryFromBase64String(signature, bytes, out var length) && key.VerifyData(what, bytes.AsSpan(0, length), HashAlgorithmName.SHA256);
    }

    private static void AppendNumber(IncrementalHash hash, long value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteInt64BigEndian(bytes, value);
        hash.AppendData(bytes);
    }

    private static void AppendText(IncrementalHash hash, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        Span<byte> length = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(length, bytes.Length);
        hash.AppendData(length);
        hash.AppendData(bytes);
    }
}
