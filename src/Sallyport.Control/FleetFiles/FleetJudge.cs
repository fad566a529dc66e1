using System.Globalization;
using Sallyport.Api.Fleets;
using Sallyport.Api.Nodes;
using Sallyport.Control.Applications;
using Sallyport.Control.Changes;
using Sallyport.Control.Http;
using Sallyport.Control.Identities;
using Sallyport.Control.Names;
using Sallyport.Control.Networks;
using Sallyport.Control.Policies;
using Sallyport.Control.Store;
using Sallyport.Control.Users;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.FleetFiles;

/// <summary>
/// Answers the tests of a file with the engine of the gateways, on what the file leads to. What is judged is the policy: everybody counts as
/// let in who has not been revoked, and no lock counts, so that neither a device that was never set up nor a lock of this afternoon makes a
/// test pass that would fail tomorrow.
/// </summary>
internal sealed class FleetJudge
{
    private readonly Change change;
    private readonly IReadOnlyDictionary<int, int> ruleLines;
    private readonly FileProblems problems;
    private readonly CountryTable countries;
    private readonly Dictionary<(int Network, DateTimeOffset At), FleetModel> models = [];
    private FleetState state;

    public FleetJudge(Change change, FleetState foreseen, IReadOnlyDictionary<int, int> ruleLines, CountryTable countries, FileProblems problems)
    {
        this.change = change;
        this.ruleLines = ruleLines;
        this.problems = problems;
        this.countries = countries;
        var retired = IdentityRow.Retired(change.Sql);
        var locked = RuleRow.All(change.Sql).Where(rule => rule.IsLocked).Select(rule => rule.ToUnlockedModel()).ToList();
        state = foreseen with
        {
            Identities = foreseen.Identities.SetItems(foreseen.Identities.Values.Where(identity => !identity.Active && !retired.Contains(identity.Id))
                .Select(identity => KeyValuePair.Create(identity.Id, identity with { Active = true }))),
            Applications = foreseen.Applications.SetItems(foreseen.Applications.Values.Where(application => application.Locked)
                .Select(application => KeyValuePair.Create(application.Id, application with { Locked = false }))),
            Rules = foreseen.Rules.SetItems(locked.Select(rule => KeyValuePair.Create(rule.Id, rule))),
        };
    }

    /// <summary>Null after adding the problem, where the test speaks of what does not exist.</summary>
    public FleetTest? Judge(FileTest test)
    {
        var found = new ProblemList();
        var destinations = Destinations(test, found);
        var senders = found.Any ? [] : Senders(test, destinations, found);
        foreach (var problem in found.Problems)
        {
            problems.Add($"{test.Path}.{problem.Field}", test.Node.Find(problem.Field)?.Value.At ?? test.Mark, problem, isConflict: false);
        }

        if (found.Any)
        {
            return null;
        }

        foreach (var network in senders.Select(sender => sender.NetworkId).Concat(destinations.Select(destination => destination.NetworkId).OfType<int>()).Distinct())
        {
            change.Actor.Require(Right.See, network);
        }

        return Judge(test, senders, destinations);
    }

    private FleetTest Judge(FileTest test, IReadOnlyList<IdentityRow> senders, IReadOnlyList<Destination> destinations)
    {
        var at = test.At ?? UnixTime.ToTime(change.Now);
        var last = "";
        foreach (var sender in senders)
        {
            foreach (var destination in destinations)
            {
                var (reaches, why) = Decide(sender, destination, at);
                last = senders.Count > 1 || destinations.Count > 1 ? $"{NameOf(sender)}, {destination.Text}: {why}" : why;
                if (reaches != test.MustReach)
                {
                    return Answer(test, passed: false, last);
                }
            }
        }

        return Answer(test, passed: true, senders.Count * destinations.Count > 1 ? $"{senders.Count * destinations.Count} ways were tried; {last}" : last);
    }

    private (bool Reaches, string Why) Decide(IdentityRow sender, Destination to, DateTimeOffset at)
    {
        var address = to.NetworkId is null || to.NetworkId == sender.NetworkId ? to.Address : state.ServiceAddress(sender.NetworkId, to.NetworkId.Value, to.Address);
        if (address is not { } destination)
        {
            return (false, $"{NameOf(sender)} is in network {sender.Network}, where {to.Text} does not appear: no rule leads there from that network.");
        }

        if (!models.TryGetValue((sender.NetworkId, at), out var model))
        {
            models[(sender.NetworkId, at)] = model = NetworkPolicy.Of(state, sender.NetworkId, countries, at);
        }

        var protocol = ServiceText.ProtocolOf(to.Protocol, destination);
        // A test is of the policy, not of the tunnel that somebody has at the moment: conditions of tunnels are not met.
        var why = model.Explain(sender.Id, default, destination, protocol, (ushort)to.Port);
        return (why.Decision.Allowed, PolicyQueries.Steps(state, sender, why, default, to.Protocol, RuleName).Last());
    }

    private string RuleName(int rule) => ruleLines.TryGetValue(rule, out var line)
        ? string.Create(CultureInfo.InvariantCulture, $"The rule in line {line}")
        : string.Create(CultureInfo.InvariantCulture, $"Rule {rule}, which is not in the file,");

    private static FleetTest Answer(FileTest test, bool passed, string why) => new() { Line = test.Mark.Line, Test = test.Text, Passed = passed, Why = why };

    /// <summary>Of an application every service, by its first and its last port.</summary>
    private List<Destination> Destinations(FileTest test, ProblemList found)
    {
        if (IpAddress.TryParse(test.To, out var address))
        {
            return [Destination.Of(test.To, null, address, test.Service!)];
        }

        const string Prefix = "application:";
        if (test.To.StartsWith(Prefix, StringComparison.Ordinal))
        {
            return ReadApplication(test.To[Prefix.Length..], test, found) is { } application ? [.. ServicesOf(application, test.Service)] : [];
        }

        if (test.To.IndexOf(':', StringComparison.Ordinal) is var colon and > 0 && test.To[..colon] == HostIdentity.Kind)
        {
            var network = Lookup.Network(change.Sql, test.To[(colon + 1)..]).OrProblem("to", found);
            return network is not null && HostIdentity.AddressIn(network.Prefixes) is { } host ? [Destination.Of(test.To, network.Id, host, test.Service!)] : [];
        }

        var identity = OwnerInput.Read(change.Sql, test.To, "to", found);
        return identity is not null && (identity.AddressV4 ?? identity.AddressV6) is { } own ? [Destination.Of(test.To, identity.NetworkId, own, test.Service!)] : [];
    }

    private ApplicationRow? ReadApplication(string name, FileTest test, ProblemList found)
    {
        var local = test.Network is null || name.Contains('.', StringComparison.Ordinal) ? [] : ApplicationRow.FindByName(change.Sql, name, test.Network);
        return local is [var one] ? one : Lookup.Application(change.Sql, name).OrProblem("to", found);
    }

    private static IEnumerable<Destination> ServicesOf(ApplicationRow row, string? only)
    {
        var target = ApplicationInput.TargetOf(row);
        foreach (var service in only is null ? Column.List(row.ServicesJson) : [only])
        {
            var (protocol, ports) = service == "icmp" ? ("icmp", (string[])["0"]) : (service[..3], service[4..].Split('-'));
            foreach (var port in ports)
            {
                foreach (var address in target.First == target.Last ? [target.First] : (IpAddress[])[target.First, target.Last])
                {
                    var said = service == "icmp" ? $"icmp {address}" : $"{protocol} {address} port {port}";
                    yield return new Destination(said, row.NetworkId, address, protocol, int.Parse(port, CultureInfo.InvariantCulture));
                }
            }
        }
    }

    /// <summary>
    /// Of a group, a label or a network: everybody whom it means, and somebody of whom nothing else is known, so that a test says something
    /// before the first device is there.
    /// </summary>
    private IReadOnlyList<IdentityRow> Senders(FileTest test, List<Destination> destinations, ProblemList found)
    {
        var colon = test.From.IndexOf(':', StringComparison.Ordinal);
        var (kind, name) = colon < 0 ? ("", "") : (test.From[..colon], test.From[(colon + 1)..]);
        if (kind is "device" or "site")
        {
            var near = Said(test) ?? destinations.Select(destination => destination.NetworkId).OfType<int>().Select(id => state.Networks[id].Name).FirstOrDefault() ?? test.Network;
            var local = near is null || name.Contains('.', StringComparison.Ordinal) ? [] : IdentityRow.FindByName(change.Sql, kind, name, near);
            var one = local is [var only] ? only : Lookup.Identity(change.Sql, kind, name).OrProblem("from", found);
            return one is null ? [] : [one];
        }

        if (kind is not (HostIdentity.Kind or "group" or "label" or "network"))
        {
            OwnerInput.Read(change.Sql, test.From, "from", found);
            return [];
        }

        var network = kind is HostIdentity.Kind or "network" ? Lookup.Network(change.Sql, name).OrProblem("from", found)
            : Said(test) is null && destinations.Select(destination => destination.NetworkId).OfType<int>().FirstOrDefault() is > 0 and var id ? NetworkRow.Find(change.Sql, id)
            : Lookup.Network(change.Sql, test.Network).OrProblem("network", found);
        return network is null ? [] : kind == HostIdentity.Kind ? [HostIn(network)] : [Anybody(network, kind, name), .. Known(network, kind, name)];
    }

    /// <summary>The network that the test itself names; for a group or a label of another network than its destination's.</summary>
    private static string? Said(FileTest test) => test.Node.Find("network") is null ? null : test.Network;

    private IdentityRow HostIn(NetworkRow network) => HostIdentity.Find(change.Sql, network) ?? Imagine(network, HostIdentity.Kind, network.Name, [], []);

    private IdentityRow Anybody(NetworkRow network, string kind, string name)
    {
        var equals = name.IndexOf('=', StringComparison.Ordinal);
        return kind switch
        {
            "group" => Imagine(network, "device", $"any in group {name}", [name], []),
            "label" when equals > 0 => Imagine(network, "device", $"any with label {name}", [], new Dictionary<string, string> { [name[..equals]] = name[(equals + 1)..] }),
            _ => Imagine(network, "device", $"any of network {network.Name}", [], []),
        };
    }

    private IdentityRow Imagine(NetworkRow network, string kind, string name, IReadOnlyList<string> groups, Dictionary<string, string> labels)
    {
        var id = Math.Max(state.Identities.Keys.DefaultIfEmpty().Max(), 0) + 1;
        var model = new IdentityModel { Id = id, NetworkId = network.Id, Kind = kind, Name = name, Active = true, Subnets = [], Groups = groups, Labels = labels, Credentials = [] };
        state = state with { Identities = state.Identities.SetItem(id, model) };
        models.Clear(); // they do not know it yet
        return new IdentityRow { Id = id, NetworkId = network.Id, Network = network.Name, Kind = kind, Name = name, State = IdentityStates.Active };
    }

    private IEnumerable<IdentityRow> Known(NetworkRow network, string kind, string name)
    {
        var equals = name.IndexOf('=', StringComparison.Ordinal);
        return IdentityRow.InNetwork(change.Sql, network.Id).ToList().Where(row => row.Kind != HostIdentity.Kind && row.State != IdentityStates.Retired && kind switch
        {
            "group" => Column.List(row.GroupsJson).Contains(name),
            "label" => equals > 0 && Column.Labels(row.LabelsJson).GetValueOrDefault(name[..equals]) == name[(equals + 1)..],
            _ => true,
        });
    }

    private static string NameOf(IdentityRow row) => row.AddressV4 is null && row.AddressV6 is null ? row.Name : $"{row.Kind} {row.Name}";

    private sealed record Destination(string Text, int? NetworkId, IpAddress Address, string Protocol, int Port)
    {
        public static Destination Of(string text, int? networkId, IpAddress address, string service) => service == "icmp"
            ? new Destination($"icmp {text}", networkId, address, "icmp", 0)
            : new Destination($"{text} {service}", networkId, address, service[..3], int.Parse(service[4..], CultureInfo.InvariantCulture));
    }
}
