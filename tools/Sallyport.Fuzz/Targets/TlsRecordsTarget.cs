using System.Buffers.Binary;
using Sallyport.Core.Crypto;
using Sallyport.Fuzz.Engine;

namespace Sallyport.Fuzz.Targets;

/// <summary>
/// TLS records after the handshake. Input: <c>role and suite 1 | (kind 1 | length 2 | bytes)…</c>, where the bytes arrive as they are, or sealed by
/// a peer with the right key (content, type, zeros), or sealed and then damaged. What is read is compared with what that peer sealed as data.
/// </summary>
internal sealed class TlsRecordsTarget : FuzzTarget
{
    private const byte Raw = 0;
    private const byte Sealed = 1;
    private const byte Damaged = 2;
    private const int HeadLength = 3;

    private static readonly byte[] ClientSecret = new Chance(13).Bytes(48);
    private static readonly byte[] ServerSecret = new Chance(14).Bytes(48);

    public override string Name => "tls-records";

    public override int InputMax => 40_000;

    public override IReadOnlyList<byte[]> Words => [[23, 3, 3, 0, 17], [Sealed, 0, 2, 1, 23], [Sealed, 0, 3, 1, 0, 21], [Sealed, 0, 6, 24, 0, 0, 1, 0, 22]];

    public override IEnumerable<(string Name, byte[] Input)> MakeSeeds()
    {
        yield return ("data", [1, .. Part(Sealed, "hello"u8, 23), .. Part(Sealed, "again"u8, 23)]);
        yield return ("data-of-a-server", [4, .. Part(Sealed, "hello"u8, 23), .. Part(Sealed, [], 23)]);
        yield return ("padded", [3, .. Part(Sealed, [1, 0, 0], 23, 0, 0, 0, 0)]);
        yield return ("longest", [1, .. Part(Sealed, new byte[TlsLimits.MaxRecordPlaintext], 23)]);
        yield return ("too-long", [1, .. Part(Sealed, new byte[TlsLimits.MaxRecordPlaintext + 1], 23)]);
        yield return ("ticket", [0, .. Part(Sealed, [4, 0, 0, 2, 9, 9], 22), .. Part(Sealed, "data"u8, 23)]);
        yield return ("ticket-for-a-server", [1, .. Part(Sealed, [4, 0, 0, 2, 9, 9], 22)]);
        yield return ("key-update", [1, .. Part(Sealed, [24, 0, 0, 1, 0], 22), .. Part(Sealed, "data"u8, 23)]);
        yield return ("close", [5, .. Part(Sealed, "last"u8, 23), .. Part(Sealed, [1, 0], 21), .. Part(Sealed, "late"u8, 23)]);
        yield return ("alert", [2, .. Part(Sealed, [2, 40], 21)]);
        yield return ("no-type", [1, .. Part(Sealed, [], 0, 0, 0)]);
        yield return ("damaged", [1, .. Part(Sealed, "good"u8, 23), .. Part(Damaged, "bad"u8, 23)]);
        yield return ("clear-alert", [1, .. Part(Raw, [21, 3, 3, 0, 2, 1], 0)]);
        yield return ("cut", [1, .. Part(Raw, [23, 3, 3, 0, 17], 1, 2, 3)]);
    }

    public override void Run(ReadOnlySpan<byte> input, Probe probe)
    {
        if (input.IsEmpty)
        {
            return;
        }

        var weServe = (input[0] & 1) != 0;
        var suite = ((input[0] >> 1) % 3) switch
        {
            0 => TlsSuite.Aes128GcmSha256,
            1 => TlsSuite.Aes256GcmSha384,
            _ => TlsSuite.ChaCha20Poly1305Sha256,
        };
        var length = suite == TlsSuite.Aes256GcmSha384 ? 48 : 32;
        var ours = new TlsRecords(suite, weServe, ClientSecret.AsSpan(0, length), ServerSecret.AsSpan(0, length));
        var peer = TlsRecordKey.Create(suite, (weServe ? ClientSecret : ServerSecret).AsSpan(0, length));
        var data = new List<byte>();
        var read = 0;
        var isClean = true;
        var status = TlsStatus.WantRead;
        for (var rest = input[1..]; rest.Length >= HeadLength && status == TlsStatus.WantRead;)
        {
            var kind = rest[0] % 3;
            var count = Math.Min(BinaryPrimitives.ReadUInt16BigEndian(rest[1..]), rest.Length - HeadLength);
            var bytes = rest.Slice(HeadLength, count);
            rest = rest[(HeadLength + count)..];
            if (count == 0)
            {
                continue;
            }

            var expected = kind == Sealed && isClean ? Judge(bytes, weServe) : (TlsStatus?)null;
            isClean &= kind == Sealed;
            ours.Feed(kind == Raw ? bytes : Seal(ref peer, bytes, kind == Damaged, data));
            status = ReadAll(ours, data, ref read, probe);
            probe.Reach(((long)status * 3) + kind);
            probe.Size(ours.PendingInput);
            probe.Size(read);
            probe.Size(ours.FailureDetail.Length);
            probe.That(expected is null || status == expected, "a genuine record means to us what it means to the reference");
            probe.That(expected is not TlsStatus.WantRead || read == data.Count, "genuine data is read whole");
            probe.That(kind != Damaged || status != TlsStatus.Closed, "a damaged record closes nothing");
        }

        probe.That(status != TlsStatus.Failed || ours is { PendingInput: 0, Failure: not TlsFailure.None, FailureDetail.Length: > 0 }, "a failure has a name and keeps nothing");
        probe.That(ours.PendingOutput is 0 or (TlsRecordKey.HeaderLength + 2 + TlsRecordKey.Expansion), "no input makes us say more than one alert");
        probe.That(status == TlsStatus.Failed || ours.PendingOutput == 0, "only a failure makes an alert");
        ours.Erase();
    }

    /// <summary>Read to the end: every byte must be the next one that a genuine peer sealed as data.</summary>
    private static TlsStatus ReadAll(TlsRecords ours, List<byte> data, ref int read, Probe probe)
    {
        Span<byte> room = stackalloc byte[512];
        while (true)
        {
            var status = ours.Read(room, out var count);
            probe.That((status == TlsStatus.Done) == (count > 0), "Done, and only Done, means bytes");
            if (status != TlsStatus.Done)
            {
                return status;
            }

            foreach (var one in room[..count])
            {
                probe.That(read < data.Count && data[read++] == one, "what is read was sealed as data, in this order");
            }
        }
    }

    private static byte[] Seal(ref TlsRecordKey peer, ReadOnlySpan<byte> inner, bool damaged, List<byte> data)
    {
        var record = new byte[TlsRecordKey.HeaderLength + inner.Length - 1 + TlsRecordKey.Expansion];
        peer.Seal(inner[^1], inner[..^1], record);
        if (damaged)
        {
            record[^1] ^= 1;
        }
        else if (inner.LastIndexOfAnyExcept((byte)0) is >= 0 and var at && inner[at] == 23)
        {
            data.AddRange(inner[..at]);
        }

        return record;
    }

    /// <summary>The reference: how reading ends after this record.</summary>
    private static TlsStatus Judge(ReadOnlySpan<byte> inner, bool weServe)
    {
        var at = inner.LastIndexOfAnyExcept((byte)0);
        var wire = inner.Length + TlsRecordKey.Expansion - 1;
        if (at < 0 || at > TlsLimits.MaxRecordPlaintext || wire > TlsLimits.MaxRecordPlaintext + 256)
        {
            return TlsStatus.Failed;
        }

        return inner[at] switch
        {
            23 => TlsStatus.WantRead,
            21 when at == 2 && inner[1] == 0 => TlsStatus.Closed,
            22 when !weServe && IsTickets(inner[..at]) => TlsStatus.WantRead,
            _ => TlsStatus.Failed,
        };
    }

    private static bool IsTickets(ReadOnlySpan<byte> messages)
    {
        var at = 0;
        while (at + 4 <= messages.Length && messages[at] == 4)
        {
            at += 4 + ((messages[at + 1] << 16) | (messages[at + 2] << 8) | messages[at + 3]);
        }

        return at > 0 && at == messages.Length;
    }

    private static byte[] Part(byte kind, ReadOnlySpan<byte> content, params ReadOnlySpan<byte> typeAndZeros)
    {
        byte[] bytes = [.. content, .. typeAndZeros];
        return [kind, (byte)(bytes.Length >> 8), (byte)bytes.Length, .. bytes];
    }
}
