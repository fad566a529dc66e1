using System.Globalization;
using Sallyport.Api.Nodes;
using Sallyport.Api.Policy;
using Sallyport.Api.Times;
using Sallyport.Control.Changes;
using Sallyport.Control.Flows;
using Sallyport.Control.Http;
using Sallyport.Control.Identities;
using Sallyport.Control.Names;
using Sallyport.Control.Networks;
using Sallyport.Control.Store;
using Sallyport.Control.Users;
using Sallyport.Core.Nat;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Policies;

/// <summary>Tells services of the gateway host who their peers are: on that machine every one has an address of its own, whatever its network.</summary>
internal sealed class WhoisQueries(Database database, TrafficLog traffic, ChangeFeed feed, PolicyModels models, TimeProvider time)
{
    private const long SecondLength = 1_000_000_000; // nanoseconds

    private readonly HandleSpace handles = HandleSpace.TryCreate(Handles.Open(database), out var space) ? space : default;

    /// <param name="address">A handle, or with <paramref name="network"/> an address inside that network.</param>
    /// <param name="port">Of a guest who shares the address with others.</param>
    /// <param name="at">Who had it then; a time in whole seconds, as we print it, is the whole second. Null for who has it now, or had it last.</param>
    public WhoisInfo Find(Actor actor, string? address, string? network, int? port, string? at)
    {
        var problems = new ProblemList();
        if (!IpAddress.TryParse(address, out var asked))
        {
            problems.Add("address", string.IsNullOrEmpty(address) ? "the address is missing" : $"'{Label.Shorten(address)}' is not an address", "give a handle, or an address of a network with network=NAME");
        }

        if (port is < 1 or > 65535)
        {
            problems.Add("port", $"there is no port {port}", "use a number from 1 to 65535");
        }

        var then = ReadTime(at, problems);
        var named = network is null ? null : database.Read(sql => Lookup.Network(sql, network).OrProblem("network", problems));
        problems.ThrowIfAny();
        var (networkId, inner) = (named?.Id ?? 0, asked);
        if (named is null && !handles.TryRead(asked, out networkId, out inner))
        {
            throw new ProblemException(Refusal.NotFound(
                "address", $"{asked} is no handle of this installation, whose handles lie in {handles.Prefix}", "for an address inside a network say which: network=NAME"));
        }

        actor.Require(Right.See, networkId);
        var name = feed.State.Networks.GetValueOrDefault(networkId)?.Name ?? networkId.ToString(CultureInfo.InvariantCulture);
        if (then is not null)
        {
            return Before(networkId, name, inner, port, then.Value) ?? throw new ProblemException(Refusal.NotFound(
                "address",
                $"no flow of a guest {inner}{(port is null ? "" : $" with port {port}")} in network {name} is on record that was let through and began by {UnixTime.ToTime(then.Value.From):u}",
                "leave out the time for who has it now; flows are kept for a time: sallyport flow list"));
        }

        if (SharedBy(feed.State, networkId, inner) is { } home)
        {
            return (port is null ? null : Before(networkId, name, inner, port, Moment.At(time.NowNanoseconds()))) ?? throw new ProblemException(Refusal.NotFound(
                port is null ? "address" : "port",
                port is null ? $"all guests of network {home} share {inner}" : $"no guest of network {home} had the port {port} of {inner} in a flow that is on record",
                $"the port tells which one: sallyport whois {inner} --network {name} --port PORT --at TIME"));
        }

        return Find(feed.State, networkId, inner) ?? Before(networkId, name, inner, port, Moment.At(time.NowNanoseconds())) ?? throw new ProblemException(Refusal.NotFound(
            "address", $"nobody has {inner} in network {name}, and no flow on record had", "see who has which: sallyport device list, sallyport site list"));
    }

    /// <summary>
    /// Who had a guest's address, and the port where that is said, at a moment: of the flow on record that was there then, else of the last one before.
    /// What nobody used says nothing, and need not. Null where none is on record.
    /// </summary>
    private WhoisInfo? Before(int networkId, string network, IpAddress inner, int? port, Moment at)
    {
        var uses = traffic.ListGuestUses(networkId, inner.ToString(), port, at.Until);
        var had = port is null ? HadIt(uses, at) : [.. uses.Where(use => use.LastSeen >= at.From)];
        if (had.Count > 1)
        {
            throw new ProblemException(Refusal.NotFound(
                port is null ? "address" : "port",
                $"several had {inner}{(port is null ? "" : $" and port {port}")} in network {network} then: {string.Join(", ", had.Select(use => $"{use.Kind} {use.Name}").Distinct().Take(5))}",
                port is null ? $"the port tells which one: sallyport whois {inner} --network {network} --port PORT --at TIME"
                    : $"see which flow it was: sallyport flow list --network {network}"));
        }

        return (had.Count > 0 ? had : uses) is [var last, ..] && traffic.FindFlowOfGuest(networkId, inner.ToString(), port, at.Until, last) is { } flow
            ? InfoOf(flow, network, inner) : null;
    }

    /// <summary>
    /// Those who had the address at a moment or were the last before, and those who shared it with them. That somebody shared it shows in flows of
    /// another one while he had his, and in a port that is not his own: a guest who has an address for himself keeps his ports.
    /// </summary>
    private static IReadOnlyList<GuestUse> HadIt(IReadOnlyList<GuestUse> uses, Moment at)
    {
        var there = uses.Where(use => use.IsOpen || use.LastSeen >= at.From).ToList();
        if (there.Count == 0)
        {
            there = [.. uses.Take(1)];
        }

        return there is not [var one] ? there
            : [one, .. uses.Where(other => other != one && (one.HasPortsGiven || (other.FirstSeen <= one.LastSeen && other.LastSeen >= one.FirstSeen)))];
    }

    /// <summary>Names and addresses are those of the flow; what can change is said as it is now, and nothing of who is gone.</summary>
    private WhoisInfo InfoOf(FlowRow flow, string network, IpAddress inner)
    {
        var identity = feed.State.Identities.GetValueOrDefault(flow.FromId);
        var row = database.Read(sql => IdentityRow.Find(sql, flow.FromId));
        return new WhoisInfo
        {
            Network = network,
            Address = inner.ToString(),
            Kind = flow.FromKind,
            Name = flow.FromName,
            HomeNetwork = flow.Network,
            HomeAddress = flow.Source,
            As = "guest",
            Active = identity?.Active ?? false,
            State = row?.State ?? "removed",
            Quarantine = row?.ToQuarantine(),
            Locks = row?.Locks ?? [],
            Groups = identity?.Groups ?? [],
            Labels = identity?.Labels ?? new Dictionary<string, string>(),
            Seen = new WhoisFlow(
                flow.Id, UnixTime.ToTime(flow.FirstSeen), UnixTime.ToTime(flow.LastSeen), flow.Protocol, flow.FarSourcePort,
                flow.Application is { } application ? "application:" + application : flow.FarDestination ?? flow.Destination),
        };
    }

    private static Moment? ReadTime(string? text, ProblemList problems)
    {
        if (text is null)
        {
            return null;
        }

        if (TimeText.TryRead(text, out var at))
        {
            return Moment.At(at.ToUnixNanoseconds());
        }

        problems.Add("at", $"'{Label.Shorten(text)}' is no time", TimeText.Form);
        return null;
    }

    private static string? SharedBy(FleetState fleet, int networkId, IpAddress address)
    {
        var shared = fleet.Appearances.Values.FirstOrDefault(one => one.NetworkId == networkId && NetworkPolicy.Appearance(one) is { IsShared: true } appearance
            && appearance.At.Contains(address));
        return shared is null ? null : fleet.Networks.GetValueOrDefault(shared.HomeId)?.Name;
    }

    private WhoisInfo? Find(FleetState fleet, int networkId, IpAddress inner)
    {
        if (!fleet.Networks.TryGetValue(networkId, out var network))
        {
            return null;
        }

        var model = models.Of(fleet).At(new Instant(time.NowNanoseconds()));
        var (who, home) = model.Resolve(networkId, inner);
        var isGuest = who is null && model.TryFindGuest(networkId, inner, out _, out home);
        who ??= model.WhoIs(networkId, inner);
        if (who is null && HostIdentity.AddressIn(network.Prefixes.Select(IpPrefix.Parse)) == inner)
        {
            return OfGateway(network, inner);
        }

        if (who is { IsEgress: true } && !LiesBeyond(fleet, network, inner))
        {
            return null;
        }

        // The model of the gateways knows who passes, and not why somebody does not.
        return who is null || database.Read(sql => IdentityRow.Find(sql, who.Id)) is not { } row ? null : new WhoisInfo
        {
            Network = network.Name,
            Address = inner.ToString(),
            Kind = who.Kind.Word(),
            Name = who.Name,
            HomeNetwork = fleet.Networks[who.NetworkId].Name,
            HomeAddress = home.ToString(),
            As = isGuest ? "guest" : who.IsEgress ? "beyond" : who.NetworkId != networkId ? "service" : home == who.AddressV4 || home == who.AddressV6 ? "own" : "subnet",
            Handle = who.IsEgress ? null : HandleOf(networkId, inner),
            Active = who.Active,
            State = row.State,
            Quarantine = row.ToQuarantine(),
            Locks = row.Locks,
            Groups = who.Groups,
            Labels = fleet.Identities.TryGetValue(who.Id, out var identity) ? identity.Labels : new Dictionary<string, string>(),
        };
    }

    /// <summary>What lies beyond the gateway host carries every address, and is meant by those that are of nobody here and in no range of the network.</summary>
    private static bool LiesBeyond(FleetState fleet, NetworkModel network, IpAddress address) =>
        EgressNetwork.CarrierOf(fleet, network.Id, address) is not null
        && !network.Elsewhere.Any(range => IpPrefix.Parse(range).Contains(address));

    /// <summary>The gateway host where nothing speaks of it, so that it is no identity: it answers pings and questions for names there.</summary>
    private WhoisInfo OfGateway(NetworkModel network, IpAddress inner) => new()
    {
        Network = network.Name,
        Address = inner.ToString(),
        Kind = HostIdentity.Kind,
        Name = network.Name,
        HomeNetwork = network.Name,
        HomeAddress = inner.ToString(),
        As = "own",
        Handle = HandleOf(network.Id, inner),
        Active = true,
        State = IdentityStates.Active,
        Locks = [],
        Groups = [],
        Labels = new Dictionary<string, string>(),
    };

    private string? HandleOf(int networkId, IpAddress inner) =>
        inner.IsV4 && HandleSpace.HasHandles(networkId) ? handles.Handle(networkId, inner).ToString() : null;

    /// <summary>A time that somebody means: as exact as he says it.</summary>
    private readonly record struct Moment(long From, long Until)
    {
        public static Moment At(long nanoseconds) => new(nanoseconds, nanoseconds % SecondLength == 0 ? nanoseconds + SecondLength - 1 : nanoseconds);
    }
}
