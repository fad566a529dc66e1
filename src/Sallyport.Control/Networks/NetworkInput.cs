using Sallyport.Api.Networks;
using Sallyport.Control.Http;
using Sallyport.Control.Names;
using Sallyport.Control.Store;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Networks;

/// <summary>What a network's options may be.</summary>
internal static class NetworkInput
{
    public const string DefaultDigest = "SHA256";
    public const string DefaultAuthentication = "certificate";
    public const string DefaultDirection = "1";
    public const string DefaultMinimumTls = "1.2";
    public const int DefaultTokenSeconds = 86_400; // a device that was taken from its owner is out within a day of its last password

    public const string DefaultGuests = "each";
    public const string SharedGuests = "shared";
    public const string DefaultTopology = "subnet";

    // Set aside for measuring networks (RFC 2544, RFC 6890): no carrier, no plant and no internet service uses it. 100.64.0.0/10 would not
    // do: a device on a cellular network may have its own address and its name server there.
    public static readonly IpPrefix DefaultServiceRange = IpPrefix.Parse("198.18.0.0/16");
    public static readonly IpPrefix DefaultGuestPool = IpPrefix.Parse("198.19.0.0/16");

    // Of the addresses that are for whoever wants them (RFC 4193): the first 24 bits of the SHA-256 of "sallyport service ranges" and of "sallyport guest
    // pools". As wide as 65,536 networks of the widest prefix; the same in every network, which are never routed into each other.
    private static readonly IpPrefix DefaultServiceRangeV6 = IpPrefix.Parse("fd5c:fbbf::/32");
    private static readonly IpPrefix DefaultGuestPoolV6 = IpPrefix.Parse("fd47:36c2::/32");

    private const int TokenSecondsMin = 60; // shorter than a reconnect, the token would never be of use
    private const int TokenSecondsMax = 365 * 86_400; // beyond it nobody means an end any more
    private const int PrefixesMax = 16; // OpenVPN clients get an address of one prefix per family; more is for growing

    public static readonly IReadOnlyList<string> DefaultCiphers = ["AES-256-GCM", "AES-128-GCM", "CHACHA20-POLY1305"];
    public static readonly IReadOnlyList<string> DefaultWrappings = ["tls-crypt-v2"];

    private static readonly string[] Ciphers = [.. DefaultCiphers, "AES-256-CBC", "AES-128-CBC"];
    private static readonly string[] Digests = ["SHA1", "SHA256", "SHA512"];
    private static readonly string[] Authentications = ["certificate", "certificate+password", "password"];
    private static readonly string[] Shared = ["tls-crypt", "tls-auth", "none"];
    private static readonly string[] Wrappings = ["tls-crypt-v2", .. Shared];
    private static readonly string[] Directions = ["0", "1", "none"];
    private static readonly string[] TlsVersions = ["1.2", "1.3"];
    private static readonly string[] Topologies = [DefaultTopology, "p2p"];
    private static readonly string[] GuestKinds = [DefaultGuests, SharedGuests];

    public static IReadOnlyList<IpPrefix> Prefixes(IReadOnlyList<string> texts, ProblemList problems)
    {
        if (texts.Count > PrefixesMax)
        {
            problems.Add("prefixes", $"{texts.Count} prefixes are too many", $"a network has at most {PrefixesMax}");
            return [];
        }

        var prefixes = new List<IpPrefix>();
        for (var i = 0; i < texts.Count; i++)
        {
            var field = $"prefixes[{i}]";
            // A /30 holds gateway and one device; below /48 an IPv6 prefix is a typo.
            if (!PrefixInput.TryRead(texts[i], field, problems, out var prefix)
                || !PrefixInput.CheckLength(prefix, field, problems, shortestV4: 8, longestV4: 30, shortestV6: 48, longestV6: 126))
            {
                continue;
            }

            if (prefixes.Where(other => other.Overlaps(prefix)).Select(other => (IpPrefix?)other).FirstOrDefault() is { } overlapped)
            {
                problems.Add(
                    field,
                    $"{prefix} overlaps {overlapped} of the same network",
                    "leave one of them out, or make a second network: networks may overlap");
                continue;
            }

            prefixes.Add(prefix);
        }

        return prefixes;
    }

    /// <summary>Where other networks appear in one with these prefixes, if nobody says otherwise: for IPv6 where it has any, and nowhere where its own are.</summary>
    public static IReadOnlyList<string> DefaultServiceRanges(IReadOnlyList<IpPrefix> prefixes) => FreeOf(prefixes, DefaultServiceRange, DefaultServiceRangeV6);

    public static IReadOnlyList<string> DefaultGuestPools(IReadOnlyList<IpPrefix> prefixes) => FreeOf(prefixes, DefaultGuestPool, DefaultGuestPoolV6);

    /// <summary>Puts what is not null into the row, in canonical spelling.</summary>
    public static void ApplyOptions(NetworkRow row, NetworkUpdate input, ProblemList problems)
    {
        if (input.Ciphers is { } ciphers && ReadList(ciphers, "ciphers", "cipher", Ciphers, problems) is { } readCiphers)
        {
            row.CiphersJson = Column.Of(readCiphers);
        }

        if (input.Wrappings is { } wrappings && ReadList(wrappings, "wrappings", "wrapping", Wrappings, problems) is { } readWrappings)
        {
            row.WrappingsJson = Column.Of(readWrappings);
        }

        row.AuthDigest = ReadOne(input.AuthDigest, "authDigest", "digest", Digests, problems) ?? row.AuthDigest;
        row.Authentication = ReadOne(input.Authentication, "authentication", "way to authenticate", Authentications, problems) ?? row.Authentication;
        row.TlsAuthDirection = ReadOne(input.TlsAuthDirection, "tlsAuthDirection", "key direction", Directions, problems) ?? row.TlsAuthDirection;
        row.MinimumTls = ReadOne(input.MinimumTls, "minimumTls", "TLS version", TlsVersions, problems) ?? row.MinimumTls;
        row.DefaultRoute = input.DefaultRoute ?? row.DefaultRoute;
        row.Guests = ReadOne(input.Guests, "guests", "way to have guests", GuestKinds, problems) ?? row.Guests;
        row.Topology = ReadOne(input.Topology, "topology", "topology", Topologies, problems) ?? row.Topology;
        row.ServiceRangesJson = ReadRanges(input.ServiceRanges, "serviceRanges", problems) ?? row.ServiceRangesJson;
        row.GuestPoolsJson = ReadRanges(input.GuestPools, "guestPools", problems) ?? row.GuestPoolsJson;
        row.TokenSeconds = Span.Read(input.TokenLifetime, "tokenLifetime", TokenSecondsMin, TokenSecondsMax, problems) ?? row.TokenSeconds;
    }

    /// <summary>A network that gets its first IPv6 prefix has ranges for IPv6 from then on, as one that is made with it: but where it was given some, or somebody is there.</summary>
    /// <param name="subnets">Of its sites.</param>
    public static void AddRangesForIpV6(NetworkRow row, NetworkUpdate input, IEnumerable<IpPrefix> subnets)
    {
        List<IpPrefix> taken = [.. row.Prefixes, .. row.Elsewhere, .. subnets];
        row.ServiceRangesJson = input.ServiceRanges is null ? With(row.ServiceRangesJson, DefaultServiceRangeV6) : row.ServiceRangesJson;
        row.GuestPoolsJson = input.GuestPools is null ? With(row.GuestPoolsJson, DefaultGuestPoolV6) : row.GuestPoolsJson;

        string With(string json, IpPrefix range)
        {
            var ranges = Column.Prefixes(json);
            return ranges.Any(one => !one.IsV4) || taken.Any(one => one.Overlaps(range)) ? json : Column.Of([.. ranges.Append(range).Select(one => one.ToString())]);
        }
    }

    private static IReadOnlyList<string> FreeOf(IReadOnlyList<IpPrefix> prefixes, IpPrefix rangeV4, IpPrefix rangeV6) =>
    [
        .. (prefixes.Any(prefix => !prefix.IsV4) ? (IpPrefix[])[rangeV4, rangeV6] : [rangeV4]).Where(range => !prefixes.Any(prefix => prefix.Overlaps(range)))
            .Select(range => range.ToString()),
    ];

    private static string? ReadRanges(IReadOnlyList<string>? texts, string field, ProblemList problems)
    {
        if (texts is null)
        {
            return null;
        }

        var ranges = new List<string>();
        for (var i = 0; i < Math.Min(texts.Count, PrefixesMax); i++)
        {
            if (PrefixInput.TryRead(texts[i], $"{field}[{i}]", problems, out var range)
                && PrefixInput.CheckLength(range, $"{field}[{i}]", problems, shortestV4: 8, longestV4: 30, shortestV6: 16, longestV6: 126))
            {
                ranges.Add(range.ToString());
            }
        }

        if (texts.Count > PrefixesMax)
        {
            problems.Add(field, $"{texts.Count} ranges are too many", $"a network has at most {PrefixesMax}");
        }

        return Column.Of(ranges);
    }

    /// <summary>Where other networks appear nobody of this one may be, nor two kinds of appearances.</summary>
    public static void CheckRanges(NetworkRow row, IEnumerable<(IpPrefix Subnet, string Site)> subnets, ProblemList problems)
    {
        var (services, guests) = (Column.Prefixes(row.ServiceRangesJson), Column.Prefixes(row.GuestPoolsJson));
        var taken = row.Prefixes.Select(prefix => (Prefix: prefix, What: $"the prefix {prefix} of network {row.Name}"))
            .Concat(subnets.Select(one => (Prefix: one.Subnet, What: $"the subnet {one.Subnet} of site {one.Site}"))).ToList();
        Check(services, "serviceRanges", []);
        Check(guests, "guestPools", services);

        void Check(IReadOnlyList<IpPrefix> ranges, string field, IReadOnlyList<IpPrefix> others)
        {
            for (var i = 0; i < ranges.Count; i++)
            {
                var range = ranges[i];
                var clash = taken.Where(one => one.Prefix.Overlaps(range)).Select(one => one.What)
                    .Concat(others.Concat(ranges.Take(i)).Where(other => other.Overlaps(range)).Select(other => $"the range {other}")).FirstOrDefault();
                if (clash is not null)
                {
                    problems.Add($"{field}[{i}]", $"{range} overlaps {clash}", "choose a range that nothing in this network uses, such as a part of 198.18.0.0/15");
                }
            }
        }
    }

    /// <summary>
    /// A gateway finds the network of a newcomer without a key of its own by trying what all networks share; what is beyond its bound
    /// would let nobody in, and not say so.
    /// </summary>
    public static void CheckShared(NetworkRow row, int before, IEnumerable<NetworkRow> all, ProblemList problems)
    {
        var own = SharedOf(row);
        var others = all.Where(other => other.Id != row.Id).Sum(SharedOf);
        if (own > before && own + others > OpenVpnLimits.MaxLegacyWrappings)
        {
            problems.AddConflict(
                "wrappings",
                $"{string.Join(", ", Shared)} of all networks together would be {own + others}; a gateway knows at most {OpenVpnLimits.MaxLegacyWrappings}",
                "use tls-crypt-v2 alone, or take one of these from another network first");
        }
    }

    public static int SharedOf(NetworkRow row) => row.Wrappings.Count(Shared.Contains);

    public static string? ReadOne(string? text, string field, string what, IReadOnlyList<string> known, ProblemList problems)
    {
        if (text is null)
        {
            return null;
        }

        if (known.FirstOrDefault(candidate => string.Equals(candidate, text, StringComparison.OrdinalIgnoreCase)) is { } canonical)
        {
            return canonical;
        }

        var near = Nearest.Hint(text, known);
        problems.Add(field, $"'{Label.Shorten(text)}' is not a {what} we know", near.Length > 0 ? near : "use one of " + string.Join(", ", known));
        return null;
    }

    public static List<string>? ReadList(
        IReadOnlyList<string> texts, string field, string what, IReadOnlyList<string> known, ProblemList problems)
    {
        if (texts.Count == 0)
        {
            problems.Add(field, $"the list of {field} is empty", "use some of " + string.Join(", ", known));
            return null;
        }

        var list = new List<string>();
        for (var i = 0; i < texts.Count && i <= known.Count; i++)
        {
            if (ReadOne(texts[i] ?? "", $"{field}[{i}]", what, known, problems) is not { } canonical)
            {
                continue;
            }

            if (list.Contains(canonical))
            {
                problems.Add($"{field}[{i}]", $"{canonical} is there twice", "leave one out");
                continue;
            }

            list.Add(canonical);
        }

        return list;
    }
}
