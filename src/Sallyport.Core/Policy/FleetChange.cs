using System.Collections.Immutable;

namespace Sallyport.Core.Policy;

/// <summary>What changed at once. Upserts replace whole records; removals name ids. Removals come first, then upserts.</summary>
public sealed record FleetChange
{
    public ImmutableArray<Network> Networks { get; init; } = [];

    public ImmutableArray<Identity> Identities { get; init; } = [];

    public ImmutableArray<Application> Applications { get; init; } = [];

    public ImmutableArray<Rule> Rules { get; init; } = [];

    public ImmutableArray<Appearance> Appearances { get; init; } = [];

    public ImmutableArray<int> RemovedNetworks { get; init; } = [];

    public ImmutableArray<int> RemovedIdentities { get; init; } = [];

    public ImmutableArray<int> RemovedApplications { get; init; } = [];

    public ImmutableArray<int> RemovedRules { get; init; } = [];

    public ImmutableArray<int> RemovedAppearances { get; init; } = [];
}
