using System.Buffers.Binary;

namespace Sallyport.Core.Dns;

public enum DnsReadResult : byte
{
    /// <summary>A question that can be answered.</summary>
    Query,

    /// <summary>No query at all: whoever sent it gets no answer, or two answerers would talk to each other for ever.</summary>
    NotAQuery,

    /// <summary>To be answered with <see cref="DnsRcode.FormErr"/>.</summary>
    Malformed,

    /// <summary>To be answered with <see cref="DnsRcode.NotImp"/>: an opcode other than QUERY.</summary>
    NotImplemented,
}

/// <summary>What somebody asks (RFC 1035), and what they can take (EDNS, RFC 6891).</summary>
public readonly record struct DnsQuery
{
    private const int OpcodeBits = 0x7800;
    private const uint DnssecOkBit = 0x8000;

    public required ushort Id { get; init; }

    public required DnsFlags Flags { get; init; }

    /// <summary>As <see cref="DnsName"/> writes it.</summary>
    public required string Name { get; init; }

    public required DnsType Type { get; init; }

    public required ushort Class { get; init; }

    /// <summary>Where the question section ends in the message.</summary>
    public required int QuestionEnd { get; init; }

    public bool HasEdns { get; init; }

    /// <summary>Not 0 is a version that nobody speaks yet.</summary>
    public byte EdnsVersion { get; init; }

    public bool DnssecOk { get; init; }

    /// <summary>The longest answer that the asker takes, and that we send.</summary>
    public int AnswerMax { get; init; }

    /// <summary>Never throws; the name alone is allocated. What is no query leaves only its id and flags behind.</summary>
    public static DnsReadResult Read(ReadOnlySpan<byte> message, out DnsQuery query)
    {
        query = default;
        if (message.Length < DnsLimits.HeaderLength)
        {
            return DnsReadResult.NotAQuery;
        }

        var flags = BinaryPrimitives.ReadUInt16BigEndian(message[2..]);
        query = new DnsQuery
        {
            Id = BinaryPrimitives.ReadUInt16BigEndian(message),
            Flags = (DnsFlags)flags,
            Name = "",
            Type = DnsType.None,
            Class = 0,
            QuestionEnd = DnsLimits.HeaderLength,
            AnswerMax = DnsLimits.PlainAnswerMax,
        };
        if ((query.Flags & DnsFlags.Response) != 0)
        {
            return DnsReadResult.NotAQuery;
        }

        if ((flags & OpcodeBits) != 0)
        {
            return DnsReadResult.NotImplemented;
        }

        // One question is all that anybody ever asked at once (RFC 9619).
        return BinaryPrimitives.ReadUInt16BigEndian(message[4..]) == 1
            && DnsName.TryRead(message, DnsLimits.HeaderLength, out var name, out var end) && message.Length - end >= 4
            && TryReadEdns(message, ref query, name, end)
            ? DnsReadResult.Query
            : DnsReadResult.Malformed;
    }

    private static bool TryReadEdns(ReadOnlySpan<byte> message, ref DnsQuery query, string name, int nameEnd)
    {
        var read = query with
        {
            Name = name,
            Type = (DnsType)BinaryPrimitives.ReadUInt16BigEndian(message[nameEnd..]),
            Class = BinaryPrimitives.ReadUInt16BigEndian(message[(nameEnd + 2)..]),
            QuestionEnd = nameEnd + 4,
        };
        var records = new DnsRecordReader(message, read.QuestionEnd);
        while (records.TryNext(out var record))
        {
            if (record.Type != DnsType.Opt)
            {
                continue;
            }

            // RFC 6891 section 6.1.1: one at most, of the root.
            if (read.HasEdns || record.Section != DnsSection.Additional || message[record.Start] != 0)
            {
                return false;
            }

            read = read with
            {
                HasEdns = true,
                EdnsVersion = (byte)(record.Ttl >> 16),
                DnssecOk = (record.Ttl & DnssecOkBit) != 0,
                AnswerMax = Math.Clamp((int)record.Class, DnsLimits.PlainAnswerMax, DnsLimits.AnswerMax),
            };
        }

        query = records.IsBroken ? query : read;
        return !records.IsBroken;
    }
}
