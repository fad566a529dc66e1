using System.Buffers.Binary;
using System.Collections.Frozen;
using System.Globalization;
using System.Security.Cryptography;
using Sallyport.Api.Nodes;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Policies;

/// <summary>
/// Which addresses count as in which country, by a table that the operator supplies. A line is "prefix,country" or "first,last,country", as
/// public tables have them; of prefixes in each other the longest counts. Lines that begin with '#' and a first line of titles are passed over.
/// </summary>
internal sealed class CountryTable
{
    public static readonly CountryTable Empty = new(FrozenDictionary<string, AddressSet>.Empty, "");

    private const int LinesMax = 4_000_000; // public tables have half a million

    private const int ExamplesMax = 5;

    private readonly FrozenDictionary<string, AddressSet> countries;

    private CountryTable(FrozenDictionary<string, AddressSet> countries, string hash)
    {
        this.countries = countries;
        Hash = hash;
    }

    public bool IsEmpty => countries.Count == 0;

    /// <summary>Another table has another; empty without one.</summary>
    public string Hash { get; }

    /// <summary>"AT, DE, FR": some that it has.</summary>
    public string Examples => string.Join(", ", countries.Keys.Order(StringComparer.Ordinal).Take(ExamplesMax));

    public bool Has(string code) => countries.ContainsKey(code);

    /// <summary>A country that the table does not have any more has no addresses.</summary>
    public Country Country(string code) => new(code, countries.TryGetValue(code, out var addresses) ? addresses : new AddressSet([]));

    /// <summary>Of the conditions of these rules; each once.</summary>
    public IReadOnlyList<CountryModel> Of(IEnumerable<RuleModel> rules) =>
    [
        .. rules.SelectMany(rule => rule.Conditions?.Countries ?? []).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)
            .Select(code => ToModel(Country(code))),
    ];

    /// <summary>Throws <see cref="InvalidOperationException"/> that says which line is wrong and how.</summary>
    public static CountryTable Load(string path)
    {
        try
        {
            var bytes = File.ReadAllBytes(path);
            using var reader = new StreamReader(new MemoryStream(bytes));
            return Read(Lines(reader), path, Convert.ToHexStringLower(SHA256.HashData(bytes)));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InvalidOperationException($"The table of countries {path} cannot be read: {e.Message}", e);
        }
    }

    internal static CountryTable Read(IEnumerable<string> lines, string path, string hash)
    {
        var entries = new List<Entry>();
        var number = 0;
        foreach (var line in lines)
        {
            if (++number > LinesMax)
            {
                throw new InvalidOperationException($"{path} has more than {LinesMax} lines.");
            }

            if (line.Length == 0 || line[0] == '#')
            {
                continue;
            }

            if (TryReadLine(line, number, out var entry))
            {
                entries.Add(entry);
            }
            else if (number > 1)
            {
                throw new InvalidOperationException(
                    $"{path}:{number}: '{Names.Label.Shorten(line)}' is neither prefix,country nor first,last,country. Write it like 203.0.113.0/24,AT.");
            }
        }

        var flat = Flatten(entries, path);
        return new CountryTable(
            flat.GroupBy(range => range.Code, StringComparer.Ordinal)
                .ToFrozenDictionary(group => group.Key, group => new AddressSet(group.Select(range => range.Range)), StringComparer.Ordinal),
            hash);
    }

    private static IEnumerable<string> Lines(StreamReader reader)
    {
        while (reader.ReadLine() is { } line)
        {
            yield return line;
        }
    }

    private static bool TryReadLine(string line, int number, out Entry entry)
    {
        entry = default;
        var parts = line.Split(',').Select(part => part.Trim().Trim('"')).ToArray();
        var code = parts.Length is 2 or 3 ? parts[^1].ToUpperInvariant() : "";
        if (code.Length != 2 || !code.All(char.IsAsciiLetterUpper))
        {
            return false;
        }

        if (parts.Length == 2)
        {
            var isPrefix = IpPrefix.TryParse(parts[0], out var prefix);
            entry = new Entry(new AddressRange(prefix.First, prefix.Last), code, number);
            return isPrefix;
        }

        var isRange = IpAddress.TryParse(parts[0], out var first) & IpAddress.TryParse(parts[1], out var last);
        entry = new Entry(new AddressRange(first, last), code, number);
        return isRange && first.IsV4 == last.IsV4 && first <= last;
    }

    /// <summary>Ranges that lie in others are cut out of them, so that none is in another any more.</summary>
    private static IEnumerable<(AddressRange Range, string Code)> Flatten(List<Entry> entries, string path)
    {
        entries.Sort((a, b) => a.Range.First != b.Range.First ? a.Range.First.CompareTo(b.Range.First)
            : a.Range.Last != b.Range.Last ? b.Range.Last.CompareTo(a.Range.Last) : a.Line.CompareTo(b.Line));
        var flat = new List<(AddressRange Range, string Code)>();
        var open = new Stack<Entry>();
        var at = default(UInt128);
        foreach (var entry in entries)
        {
            while (open.TryPeek(out var above) && above.Range.Last < entry.Range.First)
            {
                Close();
            }

            if (open.TryPeek(out var around))
            {
                if (entry.Range.Last > around.Range.Last)
                {
                    throw new InvalidOperationException($"{path}:{entry.Line} overlaps line {around.Line} and does not lie in it. Leave one of the two out.");
                }

                if (entry.Range == around.Range && entry.Code != around.Code)
                {
                    throw new InvalidOperationException($"{path}:{entry.Line} says {entry.Code} of what line {around.Line} says {around.Code} of. Leave one of the two out.");
                }

                Emit(around, entry.Range.First.Bits);
            }

            open.Push(entry);
            at = entry.Range.First.Bits;
        }

        while (open.Count > 0)
        {
            Close();
        }

        return flat;

        void Close()
        {
            var done = open.Pop();
            // The address after the last one of all is no address; nothing begins there.
            if (at <= done.Range.Last.Bits)
            {
                flat.Add((new AddressRange(new IpAddress(at), done.Range.Last), done.Code));
                at = done.Range.Last.Bits + 1;
            }
        }

        void Emit(Entry around, UInt128 before)
        {
            if (at < before)
            {
                flat.Add((new AddressRange(new IpAddress(at), new IpAddress(before - 1)), around.Code));
            }
        }
    }

    private static CountryModel ToModel(Country country)
    {
        var (v4, v6) = (new MemoryStream(), new MemoryStream());
        Span<byte> range = stackalloc byte[32];
        foreach (var (first, last) in country.Addresses.Ranges)
        {
            var length = first.IsV4 ? 4 : 16;
            if (first.IsV4)
            {
                BinaryPrimitives.WriteUInt32BigEndian(range, first.V4);
                BinaryPrimitives.WriteUInt32BigEndian(range[4..], last.V4);
            }
            else
            {
                BinaryPrimitives.WriteUInt128BigEndian(range, first.Bits);
                BinaryPrimitives.WriteUInt128BigEndian(range[16..], last.Bits);
            }

            (first.IsV4 ? v4 : v6).Write(range[..(2 * length)]);
        }

        return new CountryModel(country.Code, v4.ToArray(), v6.ToArray());
    }

    private readonly record struct Entry(AddressRange Range, string Code, int Line)
    {
        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Range.First}-{Range.Last},{Code}");
    }
}
