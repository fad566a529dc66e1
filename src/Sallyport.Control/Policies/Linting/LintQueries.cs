using System.Globalization;
using Sallyport.Api.Nodes;
using Sallyport.Api.Policy;
using Sallyport.Control.Applications;
using Sallyport.Control.Changes;
using Sallyport.Control.Flows;
using Sallyport.Control.Http;
using Sallyport.Control.Identities;
using Sallyport.Control.Store;
using Sallyport.Control.Users;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Policies.Linting;

/// <summary>Finds rules that decide nothing, allow more than was used, or speak of nobody.</summary>
internal sealed class LintQueries(Database database, TrafficDatabase traffic, ChangeFeed feed, CountryTable countries, TimeProvider time)
{
    private const int DaysDefault = 30;
    private const int DaysMax = 366;

    /// <summary>What was not used for less than a week may be what is used on Mondays.</summary>
    private static readonly TimeSpan ObservedMin = TimeSpan.FromDays(7);

    public LintReport Lint(Actor actor, string? network, int? days, CancellationToken cancel)
    {
        var problems = new ProblemList();
        var window = Observation.ReadDays(days, DaysDefault, DaysMax, problems);
        problems.ThrowIfAny();
        var fleet = feed.State;
        var now = time.GetUtcNow();
        var (networkId, rows, retired) = database.Read(sql => (
            Scope.NetworkOf(sql, actor, network), RuleRow.All(sql).ToDictionary(row => row.Id), IdentityRow.Retired(sql)));
        // A rule is a matter of both networks, as in a list of rules.
        var rules = fleet.Rules.Values.Where(rule => rows.TryGetValue(rule.Id, out var row)
            && (networkId is null || row.NetworkId == networkId || row.SubjectNetworkId == networkId)).OrderBy(rule => rule.Id).ToList();
        var since = new Instant((now - TimeSpan.FromDays(window)).ToUnixNanoseconds());
        var observed = RecordedFlows.Oldest(traffic.Database) is { } oldest ? new Instant(Math.Max(oldest.Nanoseconds, since.Nanoseconds)) : (Instant?)null;
        var uses = Uses(fleet, since, rules.Select(rule => rule.Id).ToHashSet(), networkId, cancel, out var flows);
        var linter = new Linter(fleet, countries, retired, uses, rows, new Instant(now.ToUnixNanoseconds()), observed, window);
        var notes = new List<string>();
        if (!linter.IsObservedLongEnough(ObservedMin))
        {
            notes.Add(observed is null
                ? "No flows are recorded: what rules were used for is not known."
                : string.Create(CultureInfo.InvariantCulture, $"Flows are recorded for less than {ObservedMin.TotalDays} days: what rules were not used for is not told."));
        }

        return new LintReport
        {
            Since = UnixTime.ToTime(since.Nanoseconds),
            ObservedSince = observed is { } at ? UnixTime.ToTime(at.Nanoseconds) : null,
            Rules = rules.Count,
            Flows = flows,
            Findings =
            [
                .. rules.OrderBy(InOrder).Select(rule => linter.FindingOn(rule, notes.Count == 0, cancel)).OfType<LintFinding>().OrderBy(finding => finding.RuleId),
                .. fleet.Applications.Values.Where(application => networkId is null || application.NetworkId == networkId).OrderBy(application => application.Id)
                    .Select(linter.FindingOn).OfType<LintFinding>(),
            ],
            Notes = notes,
        };
    }

    /// <summary>Of two rules that stand for each other the one for a single device goes, else the newer one.</summary>
    private static (bool IsOfMany, int NewestFirst) InOrder(RuleModel rule) => (rule.SubjectId == 0, -rule.Id);

    /// <param name="rules">Those that are looked at. Who uses them may be of another network than the one that was asked about.</param>
    /// <param name="flows">Those of that network, and those that its rules allowed.</param>
    private Dictionary<int, RuleUse> Uses(FleetState fleet, Instant since, HashSet<int> rules, int? networkId, CancellationToken cancel, out long flows)
    {
        var uses = new Dictionary<int, RuleUse>();
        flows = 0;
        foreach (var flow in RecordedFlows.Since(traffic.Database, since, networkId: null))
        {
            cancel.ThrowIfCancellationRequested();
            var isOfRule = rules.Contains(flow.RuleId);
            flows += isOfRule || networkId is null || flow.NetworkId == networkId ? 1 : 0;
            if (!isOfRule)
            {
                continue;
            }

            if (!uses.TryGetValue(flow.RuleId, out var use))
            {
                uses[flow.RuleId] = use = new RuleUse();
            }

            use.Add(flow.Destination == default || fleet.Appearances.IsEmpty ? flow : flow with { Destination = fleet.Inside(flow.NetworkId, flow.Destination) });
        }

        return uses;
    }

    /// <summary>The application that a rule leads to, or the first of its group; null where there is none.</summary>
    private static ApplicationModel? TargetOf(FleetState fleet, RuleModel rule) =>
        NetworkPolicy.Targets(rule).Select(id => fleet.Applications.GetValueOrDefault(id)).FirstOrDefault(application => application is not null);

    private sealed class Linter(
        FleetState fleet, CountryTable countries, IReadOnlySet<int> retired, IReadOnlyDictionary<int, RuleUse> uses, IReadOnlyDictionary<int, RuleRow> rows, Instant now, Instant? observed, int days)
    {
        private readonly Effects effects = new(Unhindered.Of(fleet, retired), countries, now);
        private readonly WaysByAddress byAddress = new(fleet, now);
        private readonly Dictionary<Subject, List<int>> subjects = SubjectsOf(fleet, retired);

        public bool IsObservedLongEnough(TimeSpan least) => observed is { } since && now - since >= (least < TimeSpan.FromDays(days) ? least : TimeSpan.FromDays(days)) - TimeSpan.FromMinutes(1);

        /// <summary>The one that matters most.</summary>
        public LintFinding? FindingOn(RuleModel rule, bool isObserved, CancellationToken cancel)
        {
            cancel.ThrowIfCancellationRequested();
            if (rule.Until is { } until && until <= now.Nanoseconds)
            {
                return Finding(rule, "ended", $"it ended at {Human(until)}", Remove(rule));
            }

            if (TargetOf(fleet, rule) is null)
            {
                return Finding(rule, "no-application", $"no application is in the group {rule.ApplicationGroup}", Remove(rule));
            }

            var speaksOf = SpokenOf(rule);
            if (speaksOf.Count == 0)
            {
                return Finding(rule, "no-subject", Nobody(rule), Remove(rule));
            }

            return rule.Effect == "deny"
                ? byAddress.Around(rule, speaksOf) is { } around ? Finding(rule, "by-address", $"it denies names, and {WayOf(around)}", Learn(around)) : null
                : Shadow(rule, speaksOf) ?? (isObserved && !RuleConditionInput.IsConditioned(rule) ? Unused(rule, speaksOf) : null);
        }

        public LintFinding? FindingOn(ApplicationModel application)
        {
            var owner = fleet.Identities.GetValueOrDefault(application.OwnerId);
            var reference = fleet.ReferenceTo("application", application.Name, application.NetworkId);
            if (application is { Locked: true, Names.Count: > 0 } && byAddress.Around(application) is { } around)
            {
                return Finding(application, "by-address", $"it is locked by its names, and {WayOf(around)}", Learn(around));
            }

            if (effects.Map.CellsOf(effects.Map.ApplicationOf(application.Id)!).IsEmpty)
            {
                return Finding(application, "unreachable", $"{owner?.Kind} {owner?.Name} does not carry {application.Target}", $"sallyport application remove {reference}");
            }

            var leads = effects.Map.RulesOf(application.Id).Where(rule => rule.Effect == RuleEffect.Allow && rule.Time.Until > now).Select(rule => fleet.Rules[rule.Id]).ToList();
            return leads.Exists(rule => SpokenOf(rule).Count > 0)
                ? null
                : Finding(application, "unreachable", "no rule lets anybody reach it", $"sallyport application remove {reference}");
        }

        private IReadOnlyList<int> SpokenOf(RuleModel rule)
        {
            if (effects.Map.ApplicationOf(NetworkPolicy.Targets(rule)[0]) is not { } application)
            {
                return [];
            }

            // By the index come those that have the first of several labels, and perhaps not the others.
            var subject = RuleSubject.Of(rule, application.NetworkId);
            return [.. subjects.GetValueOrDefault(ReachMap.SubjectOf(NetworkPolicy.Rule(rule, countries), application), []).Where(id => subject.Speaks(fleet.Identities[id]))];
        }

        private LintFinding? Shadow(RuleModel rule, IReadOnlyList<int> speaksOf)
        {
            if (effects.DecidedBy(rule, speaksOf) is not { } others)
            {
                return null;
            }

            var who = string.Join(" and ", others.Take(3).Select(id => string.Create(CultureInfo.InvariantCulture, $"rule {id} ({Remedy.Describe(fleet, fleet.Rules[id])})")));
            var denied = others.Count > 0 && others.All(id => fleet.Rules[id].Effect == "deny");
            var why = others.Count == 0 ? "it leads nowhere: nobody carries its application"
                : denied ? $"{who} denies all of it"
                : RuleConditionInput.IsConditioned(rule) ? $"its conditions keep nobody out: everybody it speaks of is allowed the same by {who}, which asks for nothing of the kind"
                : $"everybody it speaks of is allowed the same by {who}; without it nothing would change";
            return Finding(rule, "shadowed", why, Remove(rule));
        }

        private string WayOf(RuleModel around) => string.Create(
            CultureInfo.InvariantCulture,
            $"rule {around.Id} ({Remedy.Describe(fleet, around)}) allows the same servers by address to who did not ask the gateway for such a name");

        private LintFinding? Unused(RuleModel rule, IReadOnlyList<int> speaksOf)
        {
            if (rows[rule.Id].CreatedAt > observed!.Value.Nanoseconds)
            {
                return null;
            }

            if (!uses.TryGetValue(rule.Id, out var use))
            {
                return Finding(rule, "never-hit", $"no flow of {Since()} was allowed by it", Remove(rule));
            }

            return Wider(rule, speaksOf, use) is { Length: > 0 } parts
                ? Finding(rule, "wider", $"since {Human(observed.Value.Nanoseconds)} {parts}", Learn(rule)) : null;
        }

        /// <summary>
        /// What of the subjects, ports and addresses was used, where it is not about all. Of a group of applications the subjects alone. Nothing of
        /// an application of names: it is as narrow as they are, and their addresses are others tomorrow.
        /// </summary>
        private string Wider(RuleModel rule, IReadOnlyList<int> speaksOf, RuleUse use)
        {
            var application = TargetOf(fleet, rule)!;
            if (application.Names is { Count: > 0 })
            {
                return "";
            }

            var parts = new List<string>();
            var users = speaksOf.Count(use.Senders.Contains);
            if (speaksOf.Count > 1 && users * 2 <= speaksOf.Count)
            {
                var names = string.Join(", ", speaksOf.Where(use.Senders.Contains).Take(5).Select(id => fleet.Identities[id].Name));
                parts.Add(string.Create(CultureInfo.InvariantCulture, $"{users} of {speaksOf.Count} subjects used it ({names}{(users > 5 ? ", …" : "")})"));
            }

            if (use.IsManifold || NetworkPolicy.Targets(rule).Count > 1)
            {
                return string.Join("; ", parts);
            }

            var offered = application.Services.SelectMany(NetworkPolicy.Services).Where(service => service.Protocol != IpProtocol.IcmpV6).Sum(service => service.ToPort - service.FromPort + 1);
            if (use.Services.Count < offered)
            {
                var used = ServiceText.Merged(use.Services.Select(service => (service.Protocol, (int)service.Port, (int)service.Port)));
                parts.Add(string.Create(CultureInfo.InvariantCulture, $"of {offered} ports it was used for {string.Join(", ", used)}"));
            }

            var target = ApplicationInput.ParseTarget(application.Target);
            if (target.Length < target.Network.BitLength)
            {
                var addresses = string.Join(", ", use.Destinations.Order().Take(5));
                parts.Add($"of {application.Target} it was used for {addresses}{(use.Destinations.Count > 5 ? ", …" : "")}");
            }

            return string.Join("; ", parts);
        }

        private string Since() => string.Create(CultureInfo.InvariantCulture, $"the last {Math.Floor((now - observed!.Value).TotalDays + 0.01)} days");

        private LintFinding Finding(RuleModel rule, string kind, string why, string fix) => new()
        {
            Kind = kind,
            RuleId = rule.Id,
            What = $"{Remedy.Describe(fleet, rule)}{(rule.Effect == "deny" ? " (denies)" : "")}",
            Network = rows[rule.Id].Network,
            Why = why,
            Fix = fix,
        };

        private LintFinding Finding(ApplicationModel application, string kind, string why, string fix) => new()
        {
            Kind = kind,
            What = $"application:{application.Name}",
            Network = fleet.Networks[application.NetworkId].Name,
            Why = why,
            Fix = fix,
        };

        private string Nobody(RuleModel rule) => rule.SubjectKind switch
        {
            "group" => $"nobody is in the group {rule.Subject}",
            "label" => $"nobody has the label{(LabelSelector.Read(rule.Subject).Length > 1 ? "s" : "")} {rule.Subject}",
            "network" => "its network has neither devices nor sites",
            _ => $"{rule.SubjectKind} {fleet.Identities.GetValueOrDefault(rule.SubjectId)?.Name} is retired",
        };

        private string Learn(RuleModel rule)
        {
            var network = rows[rule.Id].SubjectNetwork;
            var subject = rule.SubjectKind == "network" ? $"--network {network}"
                : rule.SubjectKind == "label" ? $"{CommandText.Labels(LabelSelector.Read(rule.Subject))} --network {network}"
                : rule.SubjectId == 0 ? $"--{rule.SubjectKind} {rule.Subject} --network {network}"
                : fleet.Identities[rule.SubjectId] is { Kind: HostIdentity.Kind } host ? $"--host {host.Name}"
                : $"--{rule.SubjectKind} {fleet.ReferenceTo(rule.SubjectKind, fleet.Identities[rule.SubjectId].Name, fleet.Identities[rule.SubjectId].NetworkId)}";
            return string.Create(CultureInfo.InvariantCulture, $"sallyport policy learn {subject} --days {days} --commands");
        }

        private static string Remove(RuleModel rule) => string.Create(CultureInfo.InvariantCulture, $"sallyport rule remove {rule.Id}");

        private static string Human(long at) => UnixTime.ToTime(at).UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss' UTC'", CultureInfo.InvariantCulture);

        private static Dictionary<Subject, List<int>> SubjectsOf(FleetState fleet, IReadOnlySet<int> retired)
        {
            var subjects = new Dictionary<Subject, List<int>>();
            foreach (var identity in fleet.Identities.Values.Where(identity => !retired.Contains(identity.Id)).OrderBy(identity => identity.Id))
            {
                foreach (var subject in ReachMap.SubjectsOf(NetworkPolicy.Identity(identity)))
                {
                    if (!subjects.TryGetValue(subject, out var ids))
                    {
                        subjects[subject] = ids = [];
                    }

                    ids.Add(identity.Id);
                }
            }

            return subjects;
        }
    }
}
