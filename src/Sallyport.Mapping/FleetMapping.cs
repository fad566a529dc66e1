using Sallyport.Api.Nodes;
using Sallyport.Core.Policy;
using Sallyport.Mapping.Appearances;
using Sallyport.Mapping.Applications;
using Sallyport.Mapping.Identities;
using Sallyport.Mapping.Networks;
using Sallyport.Mapping.Rules;

namespace Sallyport.Mapping;

/// <summary>
/// From the words of the node protocol to what the policy engine reads. Gateways decide by it, and control asks its questions by it: of one model both
/// think the same. Control has validated what it sends; what cannot be read here is a mistake between two programs of ours, and throws
/// <see cref="FormatException"/>.
/// </summary>
public static class FleetMapping
{
    /// <summary>A whole model as the change that makes it out of nothing.</summary>
    public static Delta Everything(NodeModel model, long version) => new()
    {
        Version = version,
        CommittedAt = 0,
        Networks = model.Networks,
        Identities = model.Identities,
        Applications = model.Applications,
        Rules = model.Rules,
        Zones = model.Zones,
        Countries = model.Countries,
        Appearances = model.Appearances,
    };

    /// <param name="tables">Those of before with what the delta brings: <see cref="FleetTables.With"/>.</param>
    /// <param name="zone">What all names of the installation end with; null where nobody is going to ask for names.</param>
    public static FleetChange Change(Delta delta, FleetTables tables, string? zone) => new()
    {
        Networks = [.. delta.Networks.Select(network => NetworkMapping.Of(network, zone))],
        Identities = [.. delta.Identities.Select(IdentityMapping.Of)],
        Applications = [.. delta.Applications.Select(ApplicationMapping.Of)],
        Rules = [.. delta.Rules.Select(rule => RuleMapping.Of(rule, tables))],
        Appearances = [.. delta.Appearances.Select(AppearanceMapping.Of)],
        RemovedNetworks = [.. delta.RemovedNetworks],
        RemovedIdentities = [.. delta.RemovedIdentities],
        RemovedApplications = [.. delta.RemovedApplications],
        RemovedRules = [.. delta.RemovedRules],
        RemovedAppearances = [.. delta.RemovedAppearances],
    };

    internal static FormatException Unknown(string what, string text) => new($"Unknown {what}: '{text}'.");
}
