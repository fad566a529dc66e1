namespace Sallyport.Core.Dns;

/// <summary>Which addresses of an answer are those of the name that was asked for.</summary>
public static class DnsChain
{
    /// <summary>
    /// The addresses of the name and of what stands for it, one name after the other, <see cref="DnsLimits.ChainMax"/> at most, each
    /// with the shortest time to live on the way. Of other names in the answer nothing is believed.
    /// </summary>
    public static IEnumerable<(Primitives.IpAddress Address, uint TtlSeconds)> AddressesOf(string asked, IReadOnlyList<DnsFact> facts)
    {
        var (name, ttl) = (asked, uint.MaxValue);
        for (var steps = 0; steps <= DnsLimits.ChainMax; steps++)
        {
            string? next = null;
            var nextTtl = ttl;
            foreach (var fact in facts)
            {
                if (fact.Name != name)
                {
                    continue;
                }

                if (fact.Type == DnsType.Cname)
                {
                    (next, nextTtl) = (next ?? fact.Target, next is null ? Math.Min(ttl, fact.TtlSeconds) : nextTtl);
                    continue;
                }

                yield return (fact.Address, Math.Min(ttl, fact.TtlSeconds));
            }

            if (next is null)
            {
                yield break;
            }

            (name, ttl) = (next, nextTtl);
        }
    }
}
