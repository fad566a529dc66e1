using System.Buffers.Binary;
using Sallyport.Core.Crypto;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Eap;

/// <summary>What one packet of EAP-TLS was.</summary>
internal enum EapTlsPiece : byte
{
    Malformed,
    TooLong,
    Start,

    /// <summary>Nothing but "go on".</summary>
    Acknowledgement,

    /// <summary>There is more to come.</summary>
    Fragment,

    /// <summary>The last piece of what the other side says at once, or all of it.</summary>
    Whole,
}

/// <summary>
/// What TLS says at once, cut into packets and put together again (RFC 5216 section 2.1.5): flags, in the first piece of several the whole length, and bytes.
/// Lives in one place.
/// </summary>
internal struct EapTlsFraming(int fragmentLength)
{
    // RFC 5216 section 3.1
    public const byte StartFlag = 0x20;
    private const byte LengthFlag = 0x80;
    private const byte MoreFlag = 0x40;
    private const int LengthLength = 4;

    private ByteQueue _incoming;
    private ByteQueue _outgoing;

    /// <summary>What the first piece says to be the length of all; 0 where nothing is under way.</summary>
    private int _total;
    private bool _isFirstOut;

    /// <summary>What is whole.</summary>
    public readonly ReadOnlySpan<byte> Message => _incoming.Bytes;

    public readonly bool HasMore => _outgoing.Count > 0;

    /// <summary>The packet that says nothing but "go on".</summary>
    public static byte[] Acknowledgement => [0];

    /// <param name="data">What is behind the type.</param>
    public EapTlsPiece Take(ReadOnlySpan<byte> data)
    {
        var reader = new ByteReader(data);
        uint total = 0;
        if (!reader.TryU8(out var flags) || ((flags & LengthFlag) != 0 && !reader.TryU32(out total)))
        {
            return EapTlsPiece.Malformed;
        }

        if ((flags & StartFlag) != 0)
        {
            return flags == StartFlag && reader.Remaining == 0 && _total == 0 ? EapTlsPiece.Start : EapTlsPiece.Malformed;
        }

        var hasMore = (flags & MoreFlag) != 0;
        var hasLength = (flags & LengthFlag) != 0;
        if (total > EapLimits.MaxTlsMessage || reader.Remaining > EapLimits.MaxTlsMessage)
        {
            return EapTlsPiece.TooLong;
        }

        if (reader.Remaining == 0)
        {
            return hasMore || hasLength || _total != 0 ? EapTlsPiece.Malformed : EapTlsPiece.Acknowledgement;
        }

        return Append(reader.Rest, hasLength, (int)total, hasMore);
    }

    /// <summary>Takes what is to be said at once.</summary>
    public void Say(TlsPump tls)
    {
        Invariant.Check(_outgoing.Count == 0, "one thing is said after the other");
        var count = tls.PendingOutput;
        Invariant.Check(tls.Drain(_outgoing.Extend(count)) == count, "TLS gives what it says to have");
        _isFirstOut = true;
    }

    /// <summary>The next piece of it.</summary>
    public byte[] Next()
    {
        var isWhole = _isFirstOut && _outgoing.Count <= fragmentLength;
        var hasLength = _isFirstOut && !isWhole;
        var count = Math.Min(fragmentLength, _outgoing.Count);
        var hasMore = count < _outgoing.Count;
        var data = new byte[1 + (hasLength ? LengthLength : 0) + count];
        data[0] = (byte)((hasLength ? LengthFlag : 0) | (hasMore ? MoreFlag : 0));
        if (hasLength)
        {
            BinaryPrimitives.WriteUInt32BigEndian(data.AsSpan(1), (uint)_outgoing.Count);
        }

        _outgoing.Bytes[..count].CopyTo(data.AsSpan(data.Length - count));
        _outgoing.Discard(count);
        _isFirstOut = false;
        return data;
    }

    /// <summary>What was whole has been read.</summary>
    public void Clear()
    {
        _incoming.Clear();
        _total = 0;
    }

    public void Erase()
    {
        Clear();
        _outgoing.Clear();
    }

    private EapTlsPiece Append(ReadOnlySpan<byte> bytes, bool hasLength, int total, bool hasMore)
    {
        // The first of several pieces says the length. One that is alone may, and later ones may repeat it, as some do.
        if (_total == 0)
        {
            if (hasMore && !hasLength)
            {
                return EapTlsPiece.Malformed;
            }

            _total = hasLength ? total : bytes.Length;
        }
        else if (hasLength && total != _total)
        {
            return EapTlsPiece.Malformed;
        }

        if (_incoming.Count + bytes.Length > _total || (!hasMore && _incoming.Count + bytes.Length < _total))
        {
            return EapTlsPiece.Malformed;
        }

        _incoming.Append(bytes);
        return hasMore ? EapTlsPiece.Fragment : EapTlsPiece.Whole;
    }
}
