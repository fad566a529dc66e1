using Sallyport.Api.Policy;
using Sallyport.Control.Changes;
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
internal sealed class WhoisQueries(Database database, ChangeFeed feed, PolicyModels models, TimeProvider time)
{
    private readonly HandleSpace handles = HandleSpace.TryCreate(Handles.Open(database), out var space) ? space : default;

    /// <param name="address">A handle, or with <paramref name="network"/> an address inside that network.</param>
    public WhoisInfo Find(Actor actor, string? address, string? network)
    {
        var problems = new ProblemList();
        if (!IpAddress.TryParse(address, out var asked))
        {
            problems.Add("address", string.IsNullOrEmpty(address) ? "the address is missing" : $"'{Label.Shorten(address)}' is not an address", "give a handle, or an address of a network with network=NAME");
        }

        var named = network is null ? null : database.Read(sql => Lookup.Network(sql, network).OrProblem("network", problems));
        problems.ThrowIfAny();
        var (networkId, inner) = (named?.Id ?? 0, asked);
        if (named is null && !handles.TryRead(asked, out networkId, out inner))
        {
            throw new ProblemException(Refusal.NotFound(
                "address", $"{asked} is no handle of this installation, whose handles lie in {handles.Prefix}", "for an address inside a network say which: network=NAME"));
        }

        actor.Require(Right.See, networkId);
        if (SharedBy(feed.State, networkId, inner) is { } home)
        {
            throw new ProblemException(Refusal.NotFound(
                "address", $"all guests of network {home} share {inner}", "the port tells which one: sallyport flow list --network " + home));
        }

        return Find(feed.State, networkId, inner) ?? throw new ProblemException(Refusal.NotFound(
            "address", $"nobody has {inner} in network {feed.State.Networks.GetValueOrDefault(networkId)?.Name ?? networkId.ToString(System.Globalization.CultureInfo.InvariantCulture)}",
            "see who has which: sallyport device list, sallyport site list"));
    }

    private static string? SharedBy(FleetState fleet, int networkId, IpAddress address)
    {
        var shared = fleet.Appearances.Values.FirstOrDefault(one => one.NetworkId == networkId && NetworkPolicy.Appearance(one) is { IsShared: true } appearance
            && appearance.At.Contains(address));
        return shared is null ? null : fleet.Networks.GetValueOrDefault(shared.HomeId)?.Name;
    }

    private WhoisInfo? Find(FleetState fleet, int networkId, IpAddress inner)
    {
        if (!fleet.Networks.ContainsKey(networkId))
        {
            return null;
        }

        var model = models.Of(fleet).At(new Instant(time.NowNanoseconds()));
        var (who, home) = model.Resolve(networkId, inner);
        var isGuest = who is null && model.TryFindGuest(networkId, inner, out _, out home);
        who ??= model.WhoIs(networkId, inner);
        // The model of the gateways knows who passes, and not why somebody does not.
        return who is null || database.Read(sql => IdentityRow.Find(sql, who.Id)) is not { } row ? null : new WhoisInfo
        {
            Network = fleet.Networks[networkId].Name,
            Address = inner.ToString(),
            Kind = who.Kind.Word(),
            Name = who.Name,
            HomeNetwork = fleet.Networks[who.NetworkId].Name,
            HomeAddress = home.ToString(),
            As = isGuest ? "guest" : who.NetworkId != networkId ? "service" : home == who.AddressV4 || home == who.AddressV6 ? "own" : "subnet",
            Handle = inner.IsV4 && HandleSpace.HasHandles(networkId) ? handles.Handle(networkId, inner).ToString() : null,
            Active = who.Active,
            State = row.State,
            Quarantine = row.ToQuarantine(),
            Locks = row.Locks,
            Groups = who.Groups,
            Labels = fleet.Identities.TryGetValue(who.Id, out var identity) ? identity.Labels : new Dictionary<string, string>(),
        };
    }
}
