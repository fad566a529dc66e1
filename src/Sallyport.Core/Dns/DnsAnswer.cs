using System.Buffers.Binary;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Dns;

/// <summary>What an answer says of a name: one of its addresses, or another name that stands for it.</summary>
/// <param name="Address">Of <see cref="DnsType.A"/> and <see cref="DnsType.Aaaa"/>.</param>
/// <param name="Target">Of <see cref="DnsType.Cname"/>; empty otherwise.</param>
public readonly record struct DnsFact(string Name, DnsType Type, uint TtlSeconds, IpAddress Address, string Target);

/// <summary>An answer of another server, as far as it can be told whether it is one.</summary>
public readonly record struct DnsAnswer
{
    private const uint TtlMax = 0x7fff_ffff;

    public required ushort Id { get; init; }

    public required DnsFlags Flags { get; init; }

    public required DnsRcode Rcode { get; init; }

    public required string Name { get; init; }

    public required DnsType Type { get; init; }

    public required ushort Class { get; init; }

    public required int QuestionEnd { get; init; }

    public bool IsTruncated => (Flags & DnsFlags.Truncated) != 0;

    /// <summary>False for what is no response to one question.</summary>
    public static bool TryRead(ReadOnlySpan<byte> message, out DnsAnswer answer)
    {
        answer = default;
        if (message.Length < DnsLimits.HeaderLength)
        {
            return false;
        }

        var flags = BinaryPrimitives.ReadUInt16BigEndian(message[2..]);
        if ((flags & (ushort)DnsFlags.Response) == 0 || (flags & 0x7800) != 0 || BinaryPrimitives.ReadUInt16BigEndian(message[4..]) != 1
            || !DnsName.TryRead(message, DnsLimits.HeaderLength, out var name, out var end) || message.Length - end < 4)
        {
            return false;
        }

        answer = new DnsAnswer
        {
            Id = BinaryPrimitives.ReadUInt16BigEndian(message),
            Flags = (DnsFlags)flags,
            Rcode = (DnsRcode)(flags & 0xf),
            Name = name,
            Type = (DnsType)BinaryPrimitives.ReadUInt16BigEndian(message[end..]),
            Class = BinaryPrimitives.ReadUInt16BigEndian(message[(end + 2)..]),
            QuestionEnd = end + 4,
        };
        return true;
    }

    /// <summary>Whether it answers this question of ours and no other.</summary>
    public bool Answers(in DnsQuery asked, ushort id) => Id == id && Name == asked.Name && Type == asked.Type && Class == asked.Class;

    /// <summary>
    /// The addresses and other names in the answer section, in their order, <see cref="DnsLimits.RecordsMax"/> at most. False where the
    /// message is broken; what was read until there is in the list.
    /// </summary>
    public static bool TryReadFacts(ReadOnlySpan<byte> message, int questionEnd, List<DnsFact> facts)
    {
        var records = new DnsRecordReader(message, questionEnd);
        while (records.TryNext(out var record) && record.Section == DnsSection.Answer)
        {
            if (record.Class != DnsClass.In || !DnsName.TryRead(message, record.Start, out var name, out _))
            {
                continue;
            }

            // RFC 2181 section 8: one with the highest bit set is 0.
            var ttl = record.Ttl > TtlMax ? 0 : record.Ttl;
            var data = message[record.DataStart..record.End];
            switch (record.Type)
            {
                case DnsType.A when data.Length == 4:
                    facts.Add(new DnsFact(name, DnsType.A, ttl, IpAddress.ReadV4(data), ""));
                    break;
                case DnsType.Aaaa when data.Length == 16:
                    facts.Add(new DnsFact(name, DnsType.Aaaa, ttl, IpAddress.ReadV6(data), ""));
                    break;
                case DnsType.Cname when DnsName.TryRead(message[..record.End], record.DataStart, out var target, out var end) && end == record.End:
                    facts.Add(new DnsFact(name, DnsType.Cname, ttl, default, target));
                    break;
                default:
                    break;
            }
        }

        return !records.IsBroken;
    }
}
