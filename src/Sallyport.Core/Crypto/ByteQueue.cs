using System.Buffers;
using System.Security.Cryptography;

namespace Sallyport.Core.Crypto;

/// <summary>
/// Bytes in order, taken from the front. Holds a buffer only while it holds bytes, and zeroes what was taken. Lives in one place: a copy would share its buffer.
/// </summary>
internal struct ByteQueue
{
    private byte[]? _buffer;
    private int _start;

    public int Count { get; private set; }

    /// <summary>All of it, to be changed in place; valid until the next call of any other member.</summary>
    public readonly Span<byte> Bytes => _buffer.AsSpan(_start, Count);

    public void Append(ReadOnlySpan<byte> bytes) => bytes.CopyTo(Extend(bytes.Length));

    /// <summary>Adds so many bytes, which the caller writes.</summary>
    public Span<byte> Extend(int count)
    {
        if (_buffer is null || _start + Count + count > _buffer.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Count + count);
            Bytes.CopyTo(larger);
            Release();
            _buffer = larger;
        }

        Count += count;
        return _buffer.AsSpan(_start + Count - count, count);
    }

    public void Discard(int count)
    {
        CryptographicOperations.ZeroMemory(Bytes[..count]);
        _start += count;
        Count -= count;
        if (Count == 0)
        {
            Release();
        }
    }

    public void Clear() => Discard(Count);

    /// <summary>Gives the buffer back, and leaves the count to the caller.</summary>
    private void Release()
    {
        if (_buffer is { } buffer)
        {
            CryptographicOperations.ZeroMemory(Bytes);
            ArrayPool<byte>.Shared.Return(buffer);
        }

        _buffer = null;
        _start = 0;
    }
}
