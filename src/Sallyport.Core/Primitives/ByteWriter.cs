using System.Buffers.Binary;

namespace Sallyport.Core.Primitives;

/// <summary>Writes big-endian fields into a span of fixed size. The caller sizes the span; running over it is a bug, not an input error.</summary>
public ref struct ByteWriter(Span<byte> destination)
{
    private readonly Span<byte> _destination = destination;

    public int Length { get; private set; }

    public readonly Span<byte> Written => _destination[..Length];

    public readonly Span<byte> Free => _destination[Length..];

    public void U8(byte value) => _destination[Length++] = value;

    public void U16(ushort value)
    {
        BinaryPrimitives.WriteUInt16BigEndian(_destination[Length..], value);
        Length += 2;
    }

    public void U32(uint value)
    {
        BinaryPrimitives.WriteUInt32BigEndian(_destination[Length..], value);
        Length += 4;
    }

    public void U64(ulong value)
    {
        BinaryPrimitives.WriteUInt64BigEndian(_destination[Length..], value);
        Length += 8;
    }

    public void Bytes(scoped ReadOnlySpan<byte> value)
    {
        value.CopyTo(_destination[Length..]);
        Length += value.Length;
    }

    /// <summary>Leaves room to be filled in later and returns it.</summary>
    public Span<byte> Skip(int count)
    {
        var room = _destination.Slice(Length, count);
        Length += count;
        return room;
    }
}
