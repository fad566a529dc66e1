using Sallyport.Core.Primitives;

namespace Sallyport.Core.Dns;

/// <summary>Passes a question on to another server, and its answer back, each with a header and EDNS of our own.</summary>
public static class DnsRelay
{
    /// <summary>Bytes of the longest query of ours.</summary>
    public const int QueryMax = DnsLimits.HeaderLength + DnsLimits.NameMax + 4 + DnsResponse.OptLength;

    /// <summary>Writes the question of a query as our own, and returns its length.</summary>
    /// <param name="message">What was asked.</param>
    /// <param name="query">At least <see cref="QueryMax"/> bytes.</param>
    public static int WriteQuery(ReadOnlySpan<byte> message, in DnsQuery asked, ushort id, Span<byte> query)
    {
        var writer = new ByteWriter(query);
        writer.U16(id);
        writer.U16((ushort)(DnsFlags.RecursionDesired | (asked.Flags & DnsFlags.CheckingDisabled)));
        writer.U16(1);
        writer.U32(0);
        writer.U16(1);
        writer.Bytes(message[DnsLimits.HeaderLength..asked.QuestionEnd]);
        DnsResponse.WriteOpt(ref writer, 0, asked.DnssecOk);
        return writer.Length;
    }

    /// <summary>
    /// Writes another server's answer for who asked, and returns its length; 0 where it is broken or says what only EDNS can say. Whole records
    /// as many as fit: where some of the answer itself do not, it says so (RFC 2181 section 9). EDNS speaks of one hop only (RFC 6891 section
    /// 6.1.1): theirs goes, and what was behind it, ours comes if the asker has it. Nobody has verified any signature here.
    /// </summary>
    /// <param name="limit">At least <see cref="DnsLimits.PlainAnswerMax"/>; so long is <paramref name="answer"/> at least.</param>
    public static int WriteAnswer(
        ReadOnlySpan<byte> upstream, in DnsAnswer read, ReadOnlySpan<byte> message, in DnsQuery asked, int limit, Span<byte> answer)
    {
        // The same name without pointers: the same length, or the offsets in the records would not fit.
        if (read.QuestionEnd != asked.QuestionEnd)
        {
            return 0;
        }

        var room = Math.Min(limit, asked.AnswerMax) - (asked.HasEdns ? DnsResponse.OptLength : 0);
        Span<ushort> counts = stackalloc ushort[3];
        counts.Clear();
        var (end, isCut, isOver) = (read.QuestionEnd, false, false);
        var records = new DnsRecordReader(upstream, read.QuestionEnd);
        while (records.TryNext(out var record))
        {
            if (record.Type == DnsType.Opt)
            {
                if (record.Section != DnsSection.Additional || record.Ttl >> 24 != 0)
                {
                    return 0;
                }

                isOver = true;
            }

            isOver |= record.End > room;
            if (isOver)
            {
                isCut |= record.Section == DnsSection.Answer;
                continue;
            }

            counts[(int)record.Section]++;
            end = record.End;
        }

        if (records.IsBroken)
        {
            return 0;
        }

        var writer = new ByteWriter(answer);
        writer.Bytes(message[..asked.QuestionEnd]);
        writer.Bytes(upstream[read.QuestionEnd..end]);
        if (asked.HasEdns)
        {
            DnsResponse.WriteOpt(ref writer, 0, asked.DnssecOk);
            counts[(int)DnsSection.Additional]++;
        }

        var flags = DnsFlags.Response | DnsFlags.RecursionAvailable | (asked.Flags & (DnsFlags.RecursionDesired | DnsFlags.CheckingDisabled));
        flags |= isCut || read.IsTruncated ? DnsFlags.Truncated : DnsFlags.None;
        var header = new ByteWriter(answer[2..]);
        header.U16((ushort)((ushort)flags | (byte)read.Rcode));
        header.U16(1);
        foreach (var count in counts)
        {
            header.U16(count);
        }

        return writer.Length;
    }
}
