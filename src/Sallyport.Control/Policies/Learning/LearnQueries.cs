using Microsoft.Data.Sqlite;
using Sallyport.Api.Nodes;
using Sallyport.Api.Policy;
using Sallyport.Control.Changes;
using Sallyport.Control.Flows;
using Sallyport.Control.Http;
using Sallyport.Control.Identities;
using Sallyport.Control.Names;
using Sallyport.Control.Store;
using Sallyport.Control.Users;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Policies.Learning;

/// <summary>Proposes rules from what was observed.</summary>
internal sealed class LearnQueries(Database database, TrafficDatabase traffic, ChangeFeed feed, PolicyModels models, TimeProvider time)
{
    private const int DaysDefault = 7;
    private const int DaysMax = 366;

    /// <param name="subject">"device:pump-17", "site:hq", "host:plant-a", "group:pumps", "label:model=P200" or "network:plant-a".</param>
    public LearnPlan Learn(Actor actor, string? subject, string? network, int? days, bool denied, CancellationToken cancel)
    {
        var problems = new ProblemList();
        var window = Observation.ReadDays(days, DaysDefault, DaysMax, problems);
        var fleet = feed.State;
        var known = database.Read(sql => Read(sql, fleet, subject, Scope.NetworkOf(sql, actor, network), problems));
        problems.ThrowIfAny();
        actor.Require(Right.See, known!.NetworkId);
        var since = time.GetUtcNow() - TimeSpan.FromDays(window);
        var observed = new Observed(known.Members.Keys.ToHashSet(), denied);
        foreach (var flow in FlowsOf(known, new Instant(since.ToUnixNanoseconds())))
        {
            cancel.ThrowIfCancellationRequested();
            observed.Add(flow);
        }

        var model = models.Of(fleet).At(new Instant(time.NowNanoseconds()));
        return new Planner(fleet, model, known, observed).Plan(since);
    }

    private IEnumerable<RecordedFlow> FlowsOf(LearnSubject subject, Instant since) => subject.Members.Count == 1
        ? RecordedFlows.OfSince(traffic.Database, subject.Members.Keys.Single(), since)
        : RecordedFlows.Since(traffic.Database, since, subject.NetworkId);

    private static LearnSubject? Read(SqliteConnection sql, FleetState fleet, string? text, int? networkId, ProblemList problems)
    {
        var colon = text?.IndexOf(':', StringComparison.Ordinal) ?? -1;
        var kind = colon < 0 ? "" : text![..colon];
        if (kind is not ("group" or "label" or "network"))
        {
            return OwnerInput.Read(sql, text, "subject", problems) is { } row && fleet.Identities.TryGetValue(row.Id, out var identity)
                ? new LearnSubject($"{row.Kind}:{fleet.ReferenceTo(row.Kind, row.Name, row.NetworkId)}", row.NetworkId, new Dictionary<int, IdentityModel> { [row.Id] = identity })
                : null;
        }

        var name = text![(colon + 1)..];
        var home = kind == "network" ? Lookup.Network(sql, name).OrProblem("subject", problems) : null;
        if (kind == "network" && (home is null || (networkId ?? home.Id) != home.Id))
        {
            return home is null ? null : NobodyIn(kind, name, problems);
        }

        // The one way in which labels are said, so that a rule of the same is found.
        name = kind == "label" ? LabelSelector.Write(LabelSelector.Read(name)) : name;
        var retired = IdentityRow.Retired(sql);
        var spoken = new RuleSubject(kind, 0, name, home?.Id ?? networkId);
        var members = fleet.Identities.Values.Where(identity => !retired.Contains(identity.Id) && spoken.Speaks(identity)).ToDictionary(identity => identity.Id);
        var networks = members.Values.Select(member => member.NetworkId).Distinct().Select(id => fleet.Networks[id].Name).Order(StringComparer.Ordinal).ToList();
        switch (networks.Count)
        {
            case 0:
                return NobodyIn(kind, name, problems);
            case > 1:
                problems.Add("network", $"{text} has members in {networks.Count} networks", $"say which: {string.Join(" or ", networks)}");
                return null;
            default:
                return new LearnSubject($"{kind}:{name}", members.Values.First().NetworkId, members);
        }
    }

    private static LearnSubject? NobodyIn(string kind, string name, ProblemList problems)
    {
        problems.AddUnknown("subject", $"nobody {(kind == "label" ? "has the label" : $"is in the {kind}")} {Label.Shorten(name)}", "see who there is: sallyport device list");
        return null;
    }
}
