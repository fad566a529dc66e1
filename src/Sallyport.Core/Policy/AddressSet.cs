using System.Collections.Immutable;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Policy;

/// <summary>Addresses from one to another, both included and of one family.</summary>
public readonly record struct AddressRange(IpAddress First, IpAddress Last);

/// <summary>Many ranges of addresses, in which one is found by halving. Immutable.</summary>
public sealed class AddressSet
{
    private readonly ImmutableArray<AddressRange> _ranges;

    /// <param name="ranges">In any order; they may overlap.</param>
    public AddressSet(IEnumerable<AddressRange> ranges)
    {
        var merged = ImmutableArray.CreateBuilder<AddressRange>();
        foreach (var range in ranges.OrderBy(range => range.First))
        {
            if (merged.Count > 0 && merged[^1] is var last && range.First.IsV4 == last.First.IsV4 && range.First.Bits - last.First.Bits <= last.Last.Bits - last.First.Bits + 1)
            {
                merged[^1] = new AddressRange(last.First, range.Last > last.Last ? range.Last : last.Last);
            }
            else
            {
                merged.Add(range);
            }
        }

        _ranges = merged.DrainToImmutable();
    }

    /// <summary>By rising address, without a gap that could be closed.</summary>
    public ImmutableArray<AddressRange> Ranges => _ranges;

    public bool Contains(IpAddress address)
    {
        var (low, high) = (0, _ranges.Length - 1);
        while (low <= high)
        {
            var middle = (low + high) / 2;
            if (address < _ranges[middle].First)
            {
                high = middle - 1;
            }
            else if (address > _ranges[middle].Last)
            {
                low = middle + 1;
            }
            else
            {
                return true;
            }
        }

        return false;
    }
}

/// <summary>A country by its ISO 3166-1 alpha-2 code, and the addresses that count as in it.</summary>
public sealed record Country(string Code, AddressSet Addresses);
