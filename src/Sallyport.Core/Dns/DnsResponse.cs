using System.Buffers.Binary;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Dns;

/// <summary>
/// Writes an answer of our own. Header and question are there from the start; <see cref="Finish"/> adds the rest. The question is the
/// asker's own bytes, because some compare the case of its letters (draft-vixie-dnsext-dns0x20).
/// </summary>
public ref struct DnsResponse
{
    /// <summary>Name of one byte, type, size, extended code and flags, no options.</summary>
    public const int OptLength = 11;

    /// <summary>A pointer to the question's name, which every record of ours speaks of.</summary>
    private const ushort QuestionPointer = 0xc000 | DnsLimits.HeaderLength;

    /// <summary>RFC 6891 section 9: the upper bits of code 16.</summary>
    private const byte BadVersion = 1;

    private readonly DnsQuery _query;
    private ByteWriter _writer;
    private ushort _answers;
    private ushort _authorities;

    /// <param name="message">What was asked.</param>
    /// <param name="answer">At least <see cref="DnsLimits.PlainAnswerMax"/> bytes, which everything of ours fits in.</param>
    public DnsResponse(ReadOnlySpan<byte> message, in DnsQuery query, Span<byte> answer)
    {
        _query = query;
        _writer = new ByteWriter(answer);
        _writer.Bytes(message[..query.QuestionEnd]);
        answer[4..DnsLimits.HeaderLength].Clear();
        BinaryPrimitives.WriteUInt16BigEndian(answer[4..], (ushort)(query.QuestionEnd > DnsLimits.HeaderLength ? 1 : 0));
    }

    /// <summary>An address of the name that was asked for.</summary>
    public void Address(IpAddress address)
    {
        Head(address.IsV4 ? DnsType.A : DnsType.Aaaa, DnsLimits.OwnTtlSeconds, address.IsV4 ? 4 : 16);
        address.Write(_writer.Skip(address.IsV4 ? 4 : 16));
        _answers++;
    }

    /// <param name="target">A plain name.</param>
    public void Pointer(string target)
    {
        Head(DnsType.Ptr, DnsLimits.OwnTtlSeconds, target.Length + 2);
        DnsName.Write(target, ref _writer);
        _answers++;
    }

    /// <summary>
    /// Whose the name is (RFC 1035 section 3.3.13), as the answer itself, or beside a negative one, which may be kept for as long as it says
    /// (RFC 2308).
    /// </summary>
    /// <param name="zone">A plain name that the question's name is, or lies in.</param>
    public void Authority(string zone, bool isAnswer)
    {
        // The zone's name stands at the end of the question's.
        var nameEnd = _query.QuestionEnd - 4;
        var pointer = (ushort)(0xc000 | (nameEnd - (zone.Length + 2)));
        _writer.U16(pointer);
        Fields(DnsType.Soa, DnsLimits.NegativeTtlSeconds, 2 + "hostmaster".Length + 3 + 20);
        _writer.U16(pointer);
        DnsName.WriteLabels("hostmaster", ref _writer);
        _writer.U16(pointer);
        _writer.U32(1);
        _writer.U32(3600);
        _writer.U32(600);
        _writer.U32(86_400);
        _writer.U32(DnsLimits.NegativeTtlSeconds);
        _answers += (ushort)(isAnswer ? 1 : 0);
        _authorities += (ushort)(isAnswer ? 0 : 1);
    }

    /// <summary>The length of the whole.</summary>
    public int Finish(DnsRcode rcode, bool isAuthoritative)
    {
        var flags = DnsFlags.Response | DnsFlags.RecursionAvailable | (_query.Flags & (DnsFlags.RecursionDesired | DnsFlags.CheckingDisabled));
        flags |= isAuthoritative ? DnsFlags.Authoritative : DnsFlags.None;
        var header = _writer.Written;
        // What is no query of ours keeps its opcode.
        var opcode = (ushort)_query.Flags & 0x7800;
        BinaryPrimitives.WriteUInt16BigEndian(header[2..], (ushort)((ushort)flags | opcode | (byte)rcode));
        BinaryPrimitives.WriteUInt16BigEndian(header[6..], _answers);
        BinaryPrimitives.WriteUInt16BigEndian(header[8..], _authorities);
        if (_query.HasEdns)
        {
            WriteOpt(ref _writer, _query.EdnsVersion > 0 ? BadVersion : (byte)0, _query.DnssecOk);
            BinaryPrimitives.WriteUInt16BigEndian(_writer.Written[10..], 1);
        }

        return _writer.Length;
    }

    /// <summary>What we can take ourselves (RFC 6891 section 6.1.2).</summary>
    internal static void WriteOpt(ref ByteWriter writer, byte extendedCode, bool dnssecOk)
    {
        writer.U8(0);
        writer.U16((ushort)DnsType.Opt);
        writer.U16(DnsLimits.AnswerMax);
        writer.U8(extendedCode);
        writer.U8(0);
        writer.U16(dnssecOk ? (ushort)0x8000 : (ushort)0);
        writer.U16(0);
    }

    private void Head(DnsType type, uint ttl, int dataLength)
    {
        _writer.U16(QuestionPointer);
        Fields(type, ttl, dataLength);
    }

    private void Fields(DnsType type, uint ttl, int dataLength)
    {
        _writer.U16((ushort)type);
        _writer.U16(DnsClass.In);
        _writer.U32(ttl);
        _writer.U16((ushort)dataLength);
    }
}
