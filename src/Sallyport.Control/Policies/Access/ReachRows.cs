using Sallyport.Api.Policy;
using Sallyport.Control.Applications;
using Sallyport.Control.Changes;
using Sallyport.Control.Store;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Policies.Access;

/// <summary>Puts the parts of an application that are decided alike together again, as people name them.</summary>
internal sealed class ReachRows(FleetState fleet, FleetModel model, ReachMap map, Instant now)
{
    private readonly Dictionary<int, IReadOnlyDictionary<IpPrefix, IpPrefix?>> nestings = [];

    /// <param name="reached">Of one identity and one application.</param>
    public IEnumerable<ReachInfo> Of(IEnumerable<Core.Policy.Reach> reached) =>
        from reach in reached
        group reach by (reach.Decision, reach.Opens, reach.Closes) into alike
        from part in alike.First().Application.Names.IsEmpty ? ByServices(alike) : AllServices(alike)
        select Row(alike.First(), part.Services, part.Prefixes);

    /// <summary>Only what of it the service covers.</summary>
    public static IEnumerable<Core.Policy.Reach> Within(IEnumerable<Core.Policy.Reach> reached, IReadOnlyList<Service> services)
    {
        foreach (var reach in reached)
        {
            foreach (var service in services.Where(service => service.Protocol == reach.Cell.Protocol))
            {
                var from = Math.Max(service.FromPort, reach.Cell.FromPort);
                var to = Math.Min(service.ToPort, reach.Cell.ToPort);
                if (from <= to)
                {
                    yield return reach with { Cell = reach.Cell with { FromPort = from, ToPort = to } };
                }
            }
        }
    }

    private static IEnumerable<(IReadOnlyList<string> Services, IReadOnlySet<IpPrefix> Prefixes)> ByServices(IEnumerable<Core.Policy.Reach> alike) =>
        alike.GroupBy(reach => reach.Cell.Prefix)
            .Select(place => (Prefix: place.Key, Services: ServiceText.Merged(place.Select(reach => (reach.Cell.Protocol, (int)reach.Cell.FromPort, (int)reach.Cell.ToPort)))))
            .GroupBy(place => string.Join(' ', place.Services))
            .Select(group => (group.First().Services, (IReadOnlySet<IpPrefix>)group.Select(place => place.Prefix).ToHashSet()));

    /// <summary>Which addresses a name has is not known: that some of them are decided by another application says nothing about it.</summary>
    private static IEnumerable<(IReadOnlyList<string> Services, IReadOnlySet<IpPrefix> Prefixes)> AllServices(IEnumerable<Core.Policy.Reach> alike) =>
        [(ServiceText.Merged(alike.Select(reach => (reach.Cell.Protocol, (int)reach.Cell.FromPort, (int)reach.Cell.ToPort)).Distinct()), new HashSet<IpPrefix>())];

    private ReachInfo Row(Core.Policy.Reach reach, IReadOnlyList<string> services, IReadOnlySet<IpPrefix> prefixes)
    {
        var nesting = NestingOf(reach.Application);
        var rule = fleet.Rules[reach.Decision.RuleId];
        return new ReachInfo
        {
            From = $"{reach.From.Kind.Word()}:{reach.From.Name}",
            Network = fleet.Networks[reach.From.NetworkId].Name,
            Application = reach.Application.Name,
            ApplicationNetwork = fleet.Networks[reach.Application.NetworkId].Name,
            Services = services,
            Names = reach.Application.Names,
            Destinations = Texts(reach, prefixes.Where(prefix => nesting[prefix] is not { } around || !prefixes.Contains(around))),
            Except = Texts(reach, nesting.Where(pair => !prefixes.Contains(pair.Key) && pair.Value is { } around && prefixes.Contains(around)).Select(pair => pair.Key)),
            RuleId = rule.Id,
            Rule = Remedy.Describe(fleet, rule),
            Via = reach.Decision.ApplicationId == reach.Application.Id ? null : fleet.Applications[reach.Decision.ApplicationId].Name,
            Now = reach.Opens == now,
            Opens = reach.Opens == now ? null : UnixTime.ToTime(reach.Opens.Nanoseconds),
            Closes = reach.Closes == Instant.Never ? null : UnixTime.ToTime(reach.Closes.Nanoseconds),
        };
    }

    /// <summary>As the identity sees them.</summary>
    private IReadOnlyList<string> Texts(Core.Policy.Reach reach, IEnumerable<IpPrefix> prefixes) =>
    [
        .. prefixes.OrderBy(prefix => prefix.First).ThenBy(prefix => prefix.Length)
            .Select(prefix => ReachQuestions.Outside(model, reach.From, reach.Application, prefix.First) is { } there ? ApplicationInput.Show(IpPrefix.Around(there, prefix.Length)) : null)
            .OfType<string>(),
    ];

    /// <summary>For each prefix of an application's parts the next wider one.</summary>
    private IReadOnlyDictionary<IpPrefix, IpPrefix?> NestingOf(Application application)
    {
        if (!nestings.TryGetValue(application.Id, out var known))
        {
            var nesting = new Dictionary<IpPrefix, IpPrefix?>();
            var open = new Stack<IpPrefix>();
            var prefixes = map.CellsOf(application).Select(cell => cell.Prefix).Distinct();
            foreach (var prefix in prefixes.OrderBy(prefix => prefix.First).ThenBy(prefix => prefix.Length))
            {
                while (open.TryPeek(out var around) && !around.Contains(prefix))
                {
                    open.Pop();
                }

                nesting[prefix] = open.TryPeek(out var next) ? next : null;
                open.Push(prefix);
            }

            nestings[application.Id] = known = nesting;
        }

        return known;
    }
}
