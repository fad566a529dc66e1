using Sallyport.Core.Primitives;

namespace Sallyport.Core.Tests.OpenVpn;

/// <summary>A reproducible stream (SplitMix64): the same seed, the same bytes.</summary>
internal sealed class SeededEntropy(ulong seed) : IEntropy
{
    private ulong _state = seed;

    public void Fill(Span<byte> bytes)
    {
        foreach (ref var b in bytes)
        {
            b = (byte)Next();
        }
    }

    public int Below(int bound) => (int)(Next() % (ulong)bound);

    public void Shuffle<T>(T[] items)
    {
        for (var i = items.Length - 1; i > 0; i--)
        {
            var j = Below(i + 1);
            (items[i], items[j]) = (items[j], items[i]);
        }
    }

    public byte[] Bytes(int count)
    {
        var bytes = new byte[count];
        Fill(bytes);
        return bytes;
    }

    private ulong Next()
    {
        _state += 0x9e3779b97f4a7c15;
        var z = _state;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }
}
