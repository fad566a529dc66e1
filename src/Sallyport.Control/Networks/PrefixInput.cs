using System.Globalization;
using Sallyport.Control.Http;
using Sallyport.Control.Names;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Networks;

/// <summary>Reads prefixes as people write them, and says what is wrong with one.</summary>
internal static class PrefixInput
{
    /// <summary>Ranges that no device can have an address in, whatever the network.</summary>
    private static readonly (IpPrefix Range, string What)[] Unusable =
    [
        (IpPrefix.Parse("0.0.0.0/8"), "\"this network\" (RFC 1122)"),
        (IpPrefix.Parse("127.0.0.0/8"), "loopback"),
        (IpPrefix.Parse("169.254.0.0/16"), "link-local"),
        (IpPrefix.Parse("224.0.0.0/3"), "multicast and reserved space"),
        (IpPrefix.Parse("::/16"), "reserved space (loopback, mapped IPv4)"),
        (IpPrefix.Parse("fe80::/10"), "link-local"),
        (IpPrefix.Parse("ff00::/8"), "multicast"),
    ];

    public static bool TryRead(string? text, string field, ProblemList problems, out IpPrefix prefix)
    {
        prefix = default;
        if (!IpPrefix.TryParse(text, out prefix))
        {
            var (message, hint) = WhatIsWrong(text ?? "");
            problems.Add(field, message, hint);
            return false;
        }

        foreach (var (range, what) in Unusable)
        {
            if (range.Overlaps(prefix))
            {
                problems.Add(field, $"{prefix} lies in {what}", "use a private range, such as 10.20.0.0/16 or fd00:1234:5678::/64");
                return false;
            }
        }

        return true;
    }

    /// <summary>Longest and shortest in each family are bounds of sense: gateway and one device must fit, a typo of /1 must not pass.</summary>
    public static bool CheckLength(IpPrefix prefix, string field, ProblemList problems, int shortestV4, int longestV4, int shortestV6, int longestV6)
    {
        var (shortest, longest) = prefix.IsV4 ? (shortestV4, longestV4) : (shortestV6, longestV6);
        if (prefix.Length < shortest)
        {
            problems.Add(field, $"{prefix} is too large", $"the shortest prefix is /{shortest}");
            return false;
        }

        if (prefix.Length > longest)
        {
            problems.Add(field, $"{prefix} is too small", $"the longest prefix is /{longest}");
            return false;
        }

        return true;
    }

    private static (string Message, string Hint) WhatIsWrong(string text)
    {
        if (text.Length == 0)
        {
            return ("the prefix is empty", "give a prefix such as 10.20.0.0/16");
        }

        var shown = Label.Shorten(text);
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0)
        {
            return IpAddress.TryParse(text, out var alone)
                ? ($"'{shown}' has no length", $"did you mean {alone}/{LikelyLength(alone)}?")
                : ($"'{shown}' is not a prefix", "write it as 10.20.0.0/16");
        }

        if (!IpAddress.TryParse(text[..slash], out var address))
        {
            return ($"'{shown}' is not a prefix: the part before '/' is not an address", "write it as 10.20.0.0/16");
        }

        if (!int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var length) || length > address.BitLength)
        {
            return ($"'{shown}' is not a prefix: the length is not a number from 0 to {address.BitLength}", "write it as 10.20.0.0/16");
        }

        return ($"{shown} has host bits", $"did you mean {NetworkOf(address, length)}?");
    }

    /// <summary>Whole zeros at the end are most likely the host part.</summary>
    private static int LikelyLength(IpAddress address)
    {
        if (!address.IsV4)
        {
            return (ulong)address.Bits == 0 ? 64 : 128;
        }

        var zeros = 0;
        while (zeros < 3 && (address.V4 >> (8 * zeros) & 0xff) == 0)
        {
            zeros++;
        }

        return 32 - (8 * zeros);
    }

    private static IpPrefix NetworkOf(IpAddress address, int length)
    {
        var free = address.BitLength - length;
        var mask = free == 128 ? UInt128.Zero : UInt128.MaxValue << free;
        // The mapped head of an IPv4 address lies above its 32 bits and is never masked away.
        IpPrefix.TryCreate(new IpAddress(address.Bits & mask), length, out var prefix);
        return prefix;
    }
}
