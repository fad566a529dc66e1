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

    /// <summary>
    /// Walks the whole trail. Checkpoints may lie anywhere; one beyond the last record proves that records were cut off.
    /// </summary>
    public static AuditVerification Verify(IEnumerable<AuditRecord> records, IEnumerable<AuditCheckpoint> checkpoints, byte[] publicKey)
    {
        var problems = new List<string>();
        var bySequence = new Dictionary<long, AuditCheckpoint>();
        var signed = 0;
        using (var key = ECDsa.Create())
        {
            var keyUsable = TryImport(key, publicKey);
            if (!keyUsable)
            {
                problems.Add("the checkpoint key cannot be read");
            }

            foreach (var checkpoint in checkpoints)
            {
                if (keyUsable && !IsSigned(key, checkpoint))
                {
                    problems.Add($"checkpoint at record {checkpoint.Sequence}: the signature is not ours");
                    continue;
                }

                signed++;
                bySequence[checkpoint.Sequence] = checkpoint;
            }
        }

        var previous = Genesis;
        long count = 0;
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

            if (bySequence.Remove(record.Sequence, out var checkpoint) && !string.Equals(checkpoint.Hash, record.Hash, StringComparison.Ordinal))
            {
                problems.Add($"record {record.Sequence} is not the one that its checkpoint signed: the trail up to there was rewritten");
            }

            previous = record.Hash;
        }

        foreach (var sequence in bySequence.Keys.Where(sequence => sequence > count).Order())
        {
            problems.Add($"a checkpoint signed record {sequence}, but the trail ends at {count}: records were cut off");
        }

        return new AuditVerification
        {
            Valid = problems.Count == 0,
            Records = count,
            Checkpoints = signed,
            Head = previous,
            KeyFingerprint = Convert.ToHexStringLower(SHA256.HashData(publicKey)),
            Problems = problems,
        };
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

    private static bool IsSigned(ECDsa key, AuditCheckpoint checkpoint)
    {
        var signature = new byte[256];
        return Convert.TryFromBase64String(checkpoint.Signature, signature, out var length)
            && key.VerifyData(SignedBytes(checkpoint.Sequence, checkpoint.At, checkpoint.Hash), signature.AsSpan(0, length), HashAlgorithmName.SHA256);
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
