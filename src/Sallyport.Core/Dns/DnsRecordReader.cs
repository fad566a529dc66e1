using System.Buffers.Binary;

namespace Sallyport.Core.Dns;

public enum DnsSection : byte
{
    Answer,
    Authority,
    Additional,
}

/// <summary>Where one record lies in its message (RFC 1035 section 4.1.3).</summary>
/// <param name="Start">Of its name.</param>
/// <param name="End">Behind its data.</param>
public readonly record struct DnsRecord(DnsSection Section, int Start, DnsType Type, ushort Class, uint Ttl, int DataStart, int End);

/// <summary>Goes through the records of a message that may be hostile, <see cref="DnsLimits.RecordsMax"/> at most. Nothing is allocated.</summary>
/// <param name="message">At least a header.</param>
/// <param name="firstRecord">Where the question section ends.</param>
public ref struct DnsRecordReader(ReadOnlySpan<byte> message, int firstRecord)
{
    /// <summary>Type, class, time to live, length of the data.</summary>
    private const int FixedLength = 10;

    private readonly ReadOnlySpan<byte> _message = message;
    private readonly int _answers = BinaryPrimitives.ReadUInt16BigEndian(message[6..]);
    private readonly int _authorities = BinaryPrimitives.ReadUInt16BigEndian(message[8..]);
    private readonly int _additionals = BinaryPrimitives.ReadUInt16BigEndian(message[10..]);
    private int _read;
    private int _at = firstRecord;

    /// <summary>Whether the message ends within a record, or has more records than it may.</summary>
    public bool IsBroken { get; private set; }

    /// <summary>False at the end, and where <see cref="IsBroken"/>.</summary>
    public bool TryNext(out DnsRecord record)
    {
        record = default;
        if (IsBroken || _read == _answers + _authorities + _additionals)
        {
            return false;
        }

        if (_read == DnsLimits.RecordsMax || !DnsName.TrySkip(_message, _at, out var head) || _message.Length - head < FixedLength)
        {
            IsBroken = true;
            return false;
        }

        var fields = _message[head..];
        var data = head + FixedLength;
        int length = BinaryPrimitives.ReadUInt16BigEndian(fields[8..]);
        if (_message.Length - data < length)
        {
            IsBroken = true;
            return false;
        }

        var section = _read < _answers ? DnsSection.Answer : _read < _answers + _authorities ? DnsSection.Authority : DnsSection.Additional;
        record = new DnsRecord(
            section, _at, (DnsType)BinaryPrimitives.ReadUInt16BigEndian(fields), BinaryPrimitives.ReadUInt16BigEndian(fields[2..]),
            BinaryPrimitives.ReadUInt32BigEndian(fields[4..]), data, data + length);
        _read++;
        _at = record.End;
        return true;
    }
}
