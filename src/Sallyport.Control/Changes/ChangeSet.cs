using Sallyport.Api.Nodes;
using Sallyport.Control.Policies;

namespace Sallyport.Control.Changes;

/// <summary>The noun that a change row speaks of.</summary>
internal enum ChangeKind : byte
{
    Network,
    Identity,
    Application,
    Rule,
    Appearance,

    /// <summary>How gateways listen and talk; they need the whole model again.</summary>
    Settings,
}

/// <summary>One committed change of the model, or several merged into one. What exists is upserted, what is gone is named.</summary>
internal sealed record ChangeSet(long Version, long CommittedAt)
{
    /// <summary>The settings are others: no delta says that.</summary>
    public bool Settings { get; init; }

    public IReadOnlyList<NetworkModel> Networks { get; init; } = [];

    public IReadOnlyList<IdentityModel> Identities { get; init; } = [];

    public IReadOnlyList<ApplicationModel> Applications { get; init; } = [];

    public IReadOnlyList<RuleModel> Rules { get; init; } = [];

    public IReadOnlyList<AppearanceModel> Appearances { get; init; } = [];

    public IReadOnlyList<int> RemovedNetworks { get; init; } = [];

    public IReadOnlyList<int> RemovedIdentities { get; init; } = [];

    public IReadOnlyList<int> RemovedApplications { get; init; } = [];

    public IReadOnlyList<int> RemovedRules { get; init; } = [];

    public IReadOnlyList<int> RemovedAppearances { get; init; } = [];

    public Delta ToDelta(CountryTable countries) => new()
    {
        Version = Version,
        CommittedAt = CommittedAt,
        Networks = Networks,
        Identities = Identities,
        Applications = Applications,
        Rules = Rules,
        Zones = ZoneTable.Of(Rules),
        Countries = countries.Of(Rules),
        Appearances = Appearances,
        RemovedAppearances = RemovedAppearances,
        RemovedNetworks = RemovedNetworks,
        RemovedIdentities = RemovedIdentities,
        RemovedApplications = RemovedApplications,
        RemovedRules = RemovedRules,
    };
}
