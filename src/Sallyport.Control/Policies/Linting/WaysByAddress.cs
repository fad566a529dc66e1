using Sallyport.Api.Nodes;
using Sallyport.Control.Applications;
using Sallyport.Control.Changes;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Policies.Linting;

/// <summary>
/// Rules that allow by address what another one denies by name. A name is known of a packet only where the gateway itself told it to the sender, so
/// that who knows the address otherwise is denied nothing.
/// </summary>
internal sealed class WaysByAddress(FleetState fleet, Instant now)
{
    private readonly List<Way> ways =
    [
        .. from rule in fleet.Rules.Values
           where rule.Effect != "deny" && !(rule.Until is { } until && until <= now.Nanoseconds)
           from application in ApplicationsOf(fleet, rule)
           where application.Names is not { Count: > 0 } && IsBeyond(fleet, application)
           orderby rule.Id
           select new Way(rule, application),
    ];

    /// <summary>The first such rule for anybody of those whom the denial speaks of; null where there is none.</summary>
    public RuleModel? Around(RuleModel denial, IReadOnlyList<int> speaksOf)
    {
        var named = ApplicationsOf(fleet, denial).Where(application => application.Names is { Count: > 0 }).ToList();
        return named.Count == 0 ? null : ways.Find(way => named.Exists(application => Meet(application, way.Application)) && SpeaksOfAny(way, speaksOf))?.Rule;
    }

    /// <summary>The first such rule beside a lock of an application of names.</summary>
    public RuleModel? Around(ApplicationModel locked) => ways.Find(way => Meet(locked, way.Application))?.Rule;

    private bool SpeaksOfAny(Way way, IReadOnlyList<int> identities)
    {
        var subject = RuleSubject.Of(way.Rule, way.Application.NetworkId);
        return identities.Any(id => fleet.Identities.TryGetValue(id, out var identity) && subject.Speaks(identity));
    }

    private static bool Meet(ApplicationModel named, ApplicationModel plain)
    {
        var (one, other) = (ApplicationInput.ParseTarget(named.Target), ApplicationInput.ParseTarget(plain.Target));
        var example = Egress.ExampleOf(one.Length > other.Length ? one : other, isEgress: true);
        return one.Overlaps(other) && Egress.Means(one, example) && Egress.Means(other, example) && named.Services.SelectMany(NetworkPolicy.Services).Any(
            service => plain.Services.SelectMany(NetworkPolicy.Services).Any(
                also => also.Protocol == service.Protocol && also.FromPort <= service.ToPort && also.ToPort >= service.FromPort));
    }

    private static IEnumerable<ApplicationModel> ApplicationsOf(FleetState fleet, RuleModel rule) =>
        NetworkPolicy.Targets(rule).Select(id => fleet.Applications.GetValueOrDefault(id)).OfType<ApplicationModel>();

    private static bool IsBeyond(FleetState fleet, ApplicationModel application) => fleet.Networks.GetValueOrDefault(application.NetworkId)?.Name == Egress.Name;

    private sealed record Way(RuleModel Rule, ApplicationModel Application);
}
