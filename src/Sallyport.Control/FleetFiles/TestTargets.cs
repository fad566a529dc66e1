using Sallyport.Control.Applications;
using Sallyport.Control.Changes;
using Sallyport.Control.Http;
using Sallyport.Control.Identities;
using Sallyport.Control.Names;
using Sallyport.Control.Networks;
using Sallyport.Control.Store;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.FleetFiles;

/// <summary>From the "to" of tests to addresses and services: those of an application, of all in a group, or one.</summary>
internal sealed class TestTargets(Change change)
{
    private const string ApplicationPrefix = "application:";
    private const string GroupPrefix = "application-group:";

    /// <summary>Of an application every service, by its first and its last port. Never empty but after adding a problem.</summary>
    public IReadOnlyList<TestTarget> Of(FileTest test, ProblemList found)
    {
        if (IpAddress.TryParse(test.To, out var address))
        {
            // Which names an address beyond the gateway host will be told for is not known: it could be any, and need not be one.
            return [TestTarget.Of(test.To, null, address, test.Service!, assumesNames: !test.MustReach)];
        }

        if (test.To.StartsWith(ApplicationPrefix, StringComparison.Ordinal))
        {
            return ReadApplication(test.To[ApplicationPrefix.Length..], test, found) is { } application ? [.. ServicesOf(application, test.Service)] : [];
        }

        if (test.To.StartsWith(GroupPrefix, StringComparison.Ordinal))
        {
            return [.. InGroup(test.To[GroupPrefix.Length..], test, found).SelectMany(application => ServicesOf(application, test.Service))];
        }

        var (networkId, own) = test.To.Split(':', 2) is [HostIdentity.Kind, var name] ? HostOf(name, found) : MemberOf(test.To, found);
        return own is { } carried ? [TestTarget.Of(test.To, networkId, carried, test.Service!, assumesNames: false)] : [];
    }

    private ApplicationRow? ReadApplication(string name, FileTest test, ProblemList found)
    {
        var local = test.Network is null || name.Contains('.', StringComparison.Ordinal) ? [] : ApplicationRow.FindByName(change.Sql, name, test.Network);
        return local is [var one] ? one : Lookup.Application(change.Sql, name).OrProblem("to", found);
    }

    private IReadOnlyList<ApplicationRow> InGroup(string text, FileTest test, ProblemList found)
    {
        var dot = text.IndexOf('.', StringComparison.Ordinal);
        var (group, said) = dot < 0 ? (text, null) : (text[..dot], text[(dot + 1)..]);
        var network = said is null ? null : Lookup.Network(change.Sql, said).OrProblem("to", found);
        if (found.Any || !Label.Check(group, "to", found))
        {
            return [];
        }

        var all = ApplicationRow.List(change.Sql, network?.Id, 0, int.MaxValue).Where(row => Column.List(row.GroupsJson).Contains(group)).ToLookup(row => row.Network);
        if (all.Count > 1 && test.Network is { } near && all.Contains(near))
        {
            return [.. all[near]];
        }

        if (all.Count != 1)
        {
            found.Add(
                "to", all.Count == 0 ? $"no application is in a group '{group}'" : $"{all.Count} networks have applications in a group '{group}'",
                all.Count == 0 ? "put one in with groups: of the application, or name an application" : "say which: " + string.Join(" or ", all.Select(one => $"{GroupPrefix}{group}.{one.Key}")));
        }

        return all.Count == 1 ? [.. all.Single()] : [];
    }

    private (int NetworkId, IpAddress? Address) HostOf(string name, ProblemList found)
    {
        var network = Lookup.Network(change.Sql, name).OrProblem("to", found);
        var address = network is null ? null : HostIdentity.AddressIn(network.Prefixes);
        if (network is not null && address is null)
        {
            found.Add(
                "to", $"the gateway host has no address in network {network.Name}",
                EgressNetwork.Is(network) ? "name an application there, or an address and a service" : "name an application, or give the network an IPv4 prefix");
        }

        return (network?.Id ?? 0, address);
    }

    private (int NetworkId, IpAddress? Address) MemberOf(string text, ProblemList found)
    {
        var identity = OwnerInput.Read(change.Sql, text, "to", found);
        var address = identity?.AddressV4 ?? identity?.AddressV6;
        if (identity is not null && address is null)
        {
            found.Add("to", $"{identity.Kind} {identity.Name} has no address of its own", "write an address that it carries with a service, or application:NAME");
        }

        return (identity?.NetworkId ?? 0, address);
    }

    private static IEnumerable<TestTarget> ServicesOf(ApplicationRow row, string? only) =>
        from service in only is null ? Column.List(row.ServicesJson) : [only]
        from address in EndsOf(row)
        from target in TestTarget.EndsOf(row.NetworkId, address, service)
        select target;

    /// <summary>The first and the last address of its target that it means; beyond the gateway host it does not mean all.</summary>
    private static IEnumerable<IpAddress> EndsOf(ApplicationRow row)
    {
        var target = ApplicationInput.TargetOf(row);
        if (row is not { OwnerKind: HostIdentity.Kind, Network: Egress.Name })
        {
            return new[] { target.First, target.Last }.Distinct();
        }

        var around = Egress.Ranges.SelectMany(range => (IpAddress[])[new(range.First.Bits - 1), new(range.Last.Bits + 1)]);
        var meant = around.Append(target.First).Append(target.Last).Where(address => target.Contains(address) && Egress.Means(target, address)).Order().ToList();
        return meant.Count == 0 ? [target.First] : new[] { meant[0], meant[^1] }.Distinct();
    }
}
