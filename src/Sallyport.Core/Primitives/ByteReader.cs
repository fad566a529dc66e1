using System.Buffers.Binary;

namespace Sallyport.Core.Primitives;

/// <summary>Reads big-endian fields from bytes that may be hostile: every read says whether the bytes were there, none throws.</summary>
public ref struct ByteReader(ReadOnlySpan<byte> source)
{
    private ReadOnlySpan<byte> _rest = source;

    public readonly ReadOnlySpan<byte> Rest => _rest;

    public readonly int Remaining => _rest.Length;

    public bool TryU8(out byte value)
    {
        if (_rest.IsEmpty)
        {
            value = 0;
            return false;
        }

        value = _rest[0];
        _rest = _rest[1..];
        return true;
    }

    public bool TryU16(out ushort value)
    {
        var ok = BinaryPrimitives.TryReadUInt16BigEndian(_rest, out value);
        Advance(ok, 2);
        return ok;
    }

    public bool TryU32(out uint value)
    {
        var ok = BinaryPrimitives.TryReadUInt32BigEndian(_rest, out value);
        Advance(ok, 4);
        return ok;
    }

    public bool TryU64(out ulong value)
    {
        var ok = BinaryPrimitives.TryReadUInt64BigEndian(_rest, out value);
        Advance(ok, 8);
        return ok;
    }

    public bool TryBytes(int count, out ReadOnlySpan<byte> value)
    {
        if (count < 0 || count > _rest.Length)
        {
            value = default;
            return false;
        }

        value = _rest[..count];
        _rest = _rest[count..];
        return true;
    }

    private void Advance(bool ok, int count)
    {
        if (ok)
        {
            _rest = _rest[count..];
        }
    }
}
