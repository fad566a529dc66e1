using System.Collections.Immutable;
using Sallyport.Core.Esp;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Session;

/// <summary>What of the selectors that a peer proposes is granted (RFC 7296 section 2.9).</summary>
internal static class Narrowing
{
    /// <summary>All that both hold, without what lies in another; in the order of the peer's, whose first is what its packet wants.</summary>
    /// <param name="isCut">There would have been more.</param>
    public static ImmutableArray<TrafficSelector> Narrow(
        ImmutableArray<TrafficSelector> proposed, ImmutableArray<TrafficSelector> granted, int most, out bool isCut)
    {
        var found = new List<TrafficSelector>();
        isCut = false;
        foreach (var wish in proposed)
        {
            foreach (var own in granted)
            {
                if (!wish.TryIntersect(own, out var common) || found.Exists(other => other.Contains(common)))
                {
                    continue;
                }

                found.RemoveAll(other => common.Contains(other));
                if (found.Count == Math.Min(most, IkeLimits.SelectorsMax))
                {
                    isCut = true;
                    return [.. found];
                }

                found.Add(common);
            }
        }

        return [.. found];
    }

    /// <summary>Transport mode is for one host at each end.</summary>
    public static bool IsOneHost(ImmutableArray<TrafficSelector> selectors) =>
        !selectors.IsDefaultOrEmpty && selectors.All(selector => selector.First == selector.Last && selector.First == selectors[0].First);

    /// <summary>The same ports and protocols of another host; of the same, where it is not known.</summary>
    public static ImmutableArray<TrafficSelector> At(ImmutableArray<TrafficSelector> selectors, IpAddress host) =>
        host == default ? selectors : [.. selectors.Select(selector => selector with { First = host, Last = host })];

    public static string Text(ImmutableArray<TrafficSelector> selectors) =>
        selectors.IsDefaultOrEmpty ? "nothing" : string.Join(", ", selectors.Take(16)) + (selectors.Length > 16 ? ", …" : "");
}
