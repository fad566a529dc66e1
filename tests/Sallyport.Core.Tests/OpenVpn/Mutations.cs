namespace Sallyport.Core.Tests.OpenVpn;

/// <summary>Hostile variants of a valid packet, the same for the same seed.</summary>
internal static class Mutations
{
    /// <summary>Changed bytes, cuts, growth, and values at the edges of length fields.</summary>
    public static byte[] Mutate(byte[] valid, SeededEntropy entropy)
    {
        var bytes = valid.ToList();
        for (var rounds = 1 + entropy.Below(4); rounds > 0; rounds--)
        {
            var at = bytes.Count == 0 ? 0 : entropy.Below(bytes.Count);
            switch (entropy.Below(6))
            {
                case 0 when bytes.Count > 0:
                    bytes[at] ^= (byte)(1 << entropy.Below(8));
                    break;
                case 1 when bytes.Count > 0:
                    bytes[at] = (byte)(entropy.Below(2) == 0 ? 0 : 0xff);
                    break;
                case 2:
                    bytes.RemoveRange(at, bytes.Count - at);
                    break;
                case 3:
                    bytes.AddRange(entropy.Bytes(entropy.Below(40)));
                    break;
                case 4 when bytes.Count > 0:
                    bytes.RemoveAt(at);
                    break;
                case 5:
                    bytes.InsertRange(at, entropy.Bytes(1 + entropy.Below(8)));
                    break;
            }
        }

        return [.. bytes];
    }
}
