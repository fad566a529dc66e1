using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Wire;

/// <summary>Walks payloads behind each other, each of which names the type of the next (RFC 7296 section 3.2). Hostile lengths end the walk.</summary>
public ref struct PayloadChain(PayloadType first, ReadOnlySpan<byte> bytes)
{
    private ByteReader _reader = new(bytes);
    private PayloadType _next = first;
    private int _count;

    public PayloadType Type { get; private set; }

    public bool IsCritical { get; private set; }

    /// <summary>Without its generic head.</summary>
    public ReadOnlySpan<byte> Body { get; private set; }

    public bool IsBroken { get; private set; }

    public bool MoveNext()
    {
        if (_next == PayloadType.None)
        {
            // Bytes behind the last payload belong to nothing.
            IsBroken |= _reader.Remaining != 0;
            return false;
        }

        if (++_count > IkeLimits.PayloadsMax
            || !_reader.TryU8(out var next) || !_reader.TryU8(out var flags) || !_reader.TryU16(out var length)
            || length < IkeLimits.PayloadHeadLength || !_reader.TryBytes(length - IkeLimits.PayloadHeadLength, out var body))
        {
            IsBroken = true;
            return false;
        }

        Type = _next;
        IsCritical = (flags & 0x80) != 0;
        Body = body;

        // Nothing follows an encrypted payload; its field tells of what is in it.
        _next = Type is PayloadType.Encrypted or PayloadType.EncryptedFragment ? PayloadType.None : (PayloadType)next;
        InnerType = (PayloadType)next;
        return true;
    }

    /// <summary>What the next-payload field of this payload says.</summary>
    public PayloadType InnerType { get; private set; }
}
