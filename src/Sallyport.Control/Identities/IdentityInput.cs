using Microsoft.Data.Sqlite;
using Sallyport.Api.Credentials;
using Sallyport.Api.Rules;
using Sallyport.Api.Sites;
using Sallyport.Control.Http;
using Sallyport.Control.Names;
using Sallyport.Control.Networks;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Identities;

/// <summary>What a device or site is asked to be. Null keeps what is there, or takes the default.</summary>
internal sealed record IdentityInput(string Kind)
{
    private const int LabelsMax = 32; // a label is a filter, not a database
    private const int LabelKeyMax = 63;
    private const int LabelValueMax = 128;
    private const int GroupsMax = 32;
    private const int SubnetsMax = 256; // pushed to nobody, but every one is an entry of every gateway's table

    public string? Name { get; init; }

    public string? Network { get; init; }

    public IReadOnlyDictionary<string, string>? Labels { get; init; }

    public IReadOnlyList<string>? Groups { get; init; }

    public IReadOnlyList<string>? Subnets { get; init; }

    public IReadOnlyList<string>? Addresses { get; init; }

    public ProfileRequest? Profile { get; init; }

    public LimitInput? Limit { get; init; }

    /// <summary>Of a site.</summary>
    public SiteIpsecInput? Ipsec { get; init; }

    public void CheckLabelsAndGroups(ProblemList problems)
    {
        if (Labels is { Count: > LabelsMax })
        {
            problems.Add("labels", $"{Labels.Count} labels are too many", $"use at most {LabelsMax}");
        }

        foreach (var (key, value) in (Labels ?? new Dictionary<string, string>()).OrderBy(pair => pair.Key, StringComparer.Ordinal).Take(LabelsMax))
        {
            CheckLabel($"labels.{Label.Shorten(key)}", key, value, problems);
        }

        if (Groups is { Count: > GroupsMax })
        {
            problems.Add("groups", $"{Groups.Count} groups are too many", $"use at most {GroupsMax}");
        }

        for (var i = 0; i < Math.Min(Groups?.Count ?? 0, GroupsMax); i++)
        {
            Label.Check(Groups![i], $"groups[{i}]", problems);
        }
    }

    public static void CheckLabel(string field, string key, string? value, ProblemList problems)
    {
        if (key.Length is 0 or > LabelKeyMax || !key.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or '/'))
        {
            problems.Add(field, $"'{Label.Shorten(key)}' is not a valid label key", $"use 1 to {LabelKeyMax} letters, digits and - _ . /");
        }

        if (string.IsNullOrEmpty(value) || value.Length > LabelValueMax || PlainText.HasUnsafe(value))
        {
            problems.Add(field, $"label '{Label.Shorten(key)}' has no valid value", $"write key=value with 1 to {LabelValueMax} printable characters after the '='");
        }
    }

    /// <summary>Subnets of a site: inside nothing else of the same network.</summary>
    public IReadOnlyList<IpPrefix> ReadSubnets(SqliteConnection sql, NetworkRow? network, int ownId, ProblemList problems)
    {
        if (Subnets is null or [])
        {
            return [];
        }

        if (Subnets.Count > SubnetsMax)
        {
            problems.Add("subnets", $"{Subnets.Count} subnets are too many", $"a site has at most {SubnetsMax}");
            return [];
        }

        var others = network is null
            ? []
            : IdentityRow.InNetwork(sql, network.Id).Where(other => other.Id != ownId)
                .SelectMany(other => other.Subnets.Select(subnet => (Site: other.Name, Subnet: subnet))).ToList();
        var read = new List<IpPrefix>();
        for (var i = 0; i < Subnets.Count; i++)
        {
            var field = $"subnets[{i}]";
            if (!PrefixInput.TryRead(Subnets[i], field, problems, out var subnet)
                || !PrefixInput.CheckLength(subnet, field, problems, shortestV4: 8, longestV4: 32, shortestV6: 32, longestV6: 128))
            {
                continue;
            }

            var clean = true;
            foreach (var prefix in network?.Prefixes.Where(prefix => prefix.Overlaps(subnet)) ?? [])
            {
                problems.Add(
                    field,
                    $"{subnet} overlaps the prefix {prefix} of network {network!.Name}",
                    "addresses of the network belong to its devices; use the addresses behind the site");
                clean = false;
            }

            foreach (var range in network?.Elsewhere.Where(range => range.Overlaps(subnet)) ?? [])
            {
                problems.AddConflict(
                    field,
                    $"{subnet} overlaps {range}, where other networks appear in network {network!.Name}",
                    $"give that another range: sallyport network update {network.Name} --service-range PREFIX --guest-pool PREFIX");
            }

            foreach (var (site, taken) in others.Where(other => other.Subnet.Overlaps(subnet)))
            {
                problems.AddConflict(
                    field,
                    $"{subnet} overlaps {taken}, which site {site} carries",
                    "in one network every address has one way; use a second network where both must exist");
                clean = false;
            }

            foreach (var earlier in read.Where(earlier => earlier.Overlaps(subnet)))
            {
                problems.Add(field, $"{subnet} overlaps {earlier} of the same site", "leave one of them out");
                clean = false;
            }

            if (clean)
            {
                read.Add(subnet);
            }
        }

        return read;
    }

    /// <summary>The fixed addresses, one of each family at most.</summary>
    public (IpAddress? V4, IpAddress? V6) ReadAddresses(SqliteConnection sql, NetworkRow? network, ProblemList problems)
    {
        IpAddress? v4 = null, v6 = null;
        for (var i = 0; i < Math.Min(Addresses?.Count ?? 0, 3); i++)
        {
            var field = $"addresses[{i}]";
            if (!IpAddress.TryParse(Addresses![i], out var address))
            {
                problems.Add(field, $"'{Label.Shorten(Addresses[i] ?? "")}' is not an address", "write it as 10.20.0.7");
                continue;
            }

            if ((address.IsV4 ? v4 : v6) is not null)
            {
                problems.Add(field, $"{address} is the second {(address.IsV4 ? "IPv4" : "IPv6")} address", "a device has at most one of each family");
                continue;
            }

            if (address.IsV4)
            {
                v4 = address;
            }
            else
            {
                v6 = address;
            }

            if (network is null)
            {
                continue;
            }

            if (!AddressPool.IsAssignable(network.Prefixes, address, out var why))
            {
                problems.Add(field, why, FreeHint(sql, network, address));
            }
            else if (IdentityRow.FindByAddress(sql, network.Id, address) is { } holder)
            {
                problems.AddConflict(field, $"{address} belongs to {holder.Kind} {holder.Name}", FreeHint(sql, network, address));
            }
        }

        return (v4, v6);
    }

    private static string FreeHint(SqliteConnection sql, NetworkRow network, IpAddress near) =>
        AddressPool.Allocate(sql, network, near.IsV4, out _) is { } free ? $"{free} is free; without an address one is allocated"
            : $"network {network.Name} has no free address left: give it a further prefix";
}
