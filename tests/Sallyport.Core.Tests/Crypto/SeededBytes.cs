using System.Buffers.Binary;

namespace Sallyport.Core.Tests.Crypto;

/// <summary>The same bytes in every run: SplitMix64 from a seed.</summary>
internal sealed class SeededBytes(ulong seed)
{
    private ulong _state = seed;

    public byte[] Take(int count)
    {
        var bytes = new byte[count];
        Span<byte> word = stackalloc byte[8];
        for (var at = 0; at < count; at += 8)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(word, Next());
            word[..Math.Min(8, count - at)].CopyTo(bytes.AsSpan(at));
        }

        return bytes;
    }

    public int Below(int bound) => (int)(Next() % (ulong)bound);

    private ulong Next()
    {
        var z = _state += 0x9e3779b97f4a7c15;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }
}
