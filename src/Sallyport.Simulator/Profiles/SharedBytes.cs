using System.Collections.Concurrent;

namespace Sallyport.Simulator.Profiles;

/// <summary>Bytes that many profiles carry, kept once.</summary>
internal static class SharedBytes
{
    private static readonly ConcurrentDictionary<string, byte[]> Kept = [];

    public static byte[] One(byte[] bytes) => Kept.GetOrAdd(Convert.ToHexString(bytes), bytes);
}
