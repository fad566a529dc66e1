using System.Globalization;
using Sallyport.Api.Nodes;
using Sallyport.Api.Policy;
using Sallyport.Control.Applications;
using Sallyport.Control.Changes;
using Sallyport.Control.Identities;
using Sallyport.Control.Networks;
using Sallyport.Control.Store;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Policies.Learning;

/// <summary>Whose behaviour a plan is about.</summary>
/// <param name="Text">"group:pumps", as a rule names it.</param>
/// <param name="Members">Identities of one network.</param>
internal sealed record LearnSubject(string Text, int NetworkId, IReadOnlyDictionary<int, IdentityModel> Members);

/// <summary>
/// From what was observed to the smallest applications and rules that cover it. Applications that are there come first where they are about as
/// narrow; what several members use is one rule for the subject, what one of them uses is a rule for that one. Ports become a range only
/// where each of them was used.
/// </summary>
internal sealed class Planner(FleetState fleet, FleetModel model, LearnSubject subject, Observed observed)
{
    /// <summary>An application that offers more ports than this, or more than one address, is wider than what it would be used for.</summary>
    public const int PortsMax = 16;

    private const int ServicesMax = 64; // of one application; more are not one thing that is used

    private const int SkippedMax = 10; // of one reason

    private readonly List<LearnedApplication> applications = [];
    private readonly List<LearnedRule> rules = [];
    private readonly List<LearnSkipped> skipped = [];
    private readonly HashSet<string> taken = [];

    public LearnPlan Plan(DateTimeOffset since)
    {
        var uses = Sound();
        var named = uses.ToLookup(NamedOf);
        foreach (var application in named.Where(group => group.Key is not null).OrderBy(group => group.Key!.Id))
        {
            foreach (var (from, part) in BySubject([.. application]))
            {
                AddRule(from, application.Key!, part);
            }
        }

        foreach (var place in named[null].GroupBy(use => use.Key.Destination).OrderBy(place => place.Key))
        {
            PlanFor(place.Key, [.. place]);
        }

        SkipTheRest();
        return new LearnPlan
        {
            Subject = subject.Text,
            Network = fleet.Networks[subject.NetworkId].Name,
            Since = since,
            Members = subject.Members.Count,
            MembersSeen = uses.SelectMany(use => use.Members).Distinct().Count(),
            Flows = observed.Flows,
            Applications = applications,
            Rules = rules,
            Skipped = [.. skipped.GroupBy(one => one.Why).SelectMany(Shortened)],
            Commands = [.. applications.Select(CommandOf), .. rules.Where(rule => rule.Existing is null).Select(rule => $"sallyport rule add --from {CommandText.Word(rule.From)}{(rule.FromNetwork is null ? "" : $" --from-network {rule.FromNetwork}")} --to {rule.To}")],
        };
    }

    private sealed record Use(ServiceKey Key, IReadOnlySet<int> Members, IReadOnlySet<int> Applications, IReadOnlySet<int> Rules, long Flows, long Denied, long LastSeen);

    /// <summary>The application of names that allowed it: its addresses are others tomorrow, and none of them is proposed.</summary>
    private ApplicationModel? NamedOf(Use use) =>
        use.Applications.Order().Select(id => fleet.Applications.GetValueOrDefault(id)).FirstOrDefault(application => application is { Names.Count: > 0 });

    /// <summary>Without what nobody answered, and what was denied but once.</summary>
    private IReadOnlyList<Use> Sound()
    {
        var sound = new List<Use>();
        foreach (var (key, parts) in observed.Uses().OrderBy(pair => pair.Key.Destination).ThenBy(pair => pair.Key.Protocol).ThenBy(pair => pair.Key.Port))
        {
            var use = new Use(
                key, parts.SelectMany(part => part.Members).ToHashSet(), parts.SelectMany(part => part.Applications).ToHashSet(), parts.SelectMany(part => part.Rules).ToHashSet(), parts.Sum(part => part.Flows), parts.Sum(part => part.Denied), parts.Max(part => part.LastSeen));
            if (use.Denied == 0 && !parts.Any(part => part.IsAnswered || (key.Protocol == IpProtocol.Udp && part.Packets >= Observed.OneWayPacketsMin)))
            {
                skipped.Add(new LearnSkipped(Text(key), "it was allowed, and nothing ever came back", use.Flows));
            }
            else if (use.Denied == use.Flows && use.Denied < Observed.DeniedFlowsMin)
            {
                skipped.Add(new LearnSkipped(Text(key), "it was denied once, and never asked for again", use.Flows));
            }
            else
            {
                sound.Add(use);
            }
        }

        return sound;
    }

    private void PlanFor(IpAddress destination, IReadOnlyList<Use> uses)
    {
        var (known, inside) = model.Resolve(subject.NetworkId, destination);
        var carrier = known is not null ? fleet.Identities[known.Id] : Allowance.CarrierAt(fleet, subject.NetworkId, destination);
        if (carrier is null)
        {
            skipped.AddRange(uses.Select(use => new LearnSkipped(Text(use.Key), "nobody in the network carries it", use.Flows)));
            return;
        }

        destination = known is null ? destination : inside;
        var byApplication = uses.ToLookup(use => Fitting(carrier, use.Key with { Destination = destination }));
        foreach (var application in byApplication.Where(group => group.Key is not null).OrderBy(group => group.Key!.Id))
        {
            foreach (var (from, part) in BySubject([.. application]))
            {
                AddRule(from, application.Key!, part);
            }
        }

        foreach (var (from, part) in BySubject([.. byApplication[null]]))
        {
            AddWithApplication(from, carrier, destination, part);
        }
    }

    /// <summary>What several members do is the subject's; what one does is that one's.</summary>
    private IEnumerable<(string From, IReadOnlyList<Use> Uses)> BySubject(IReadOnlyList<Use> uses)
    {
        var shared = uses.Where(use => use.Members.Count > 1 || subject.Members.Count == 1).ToList();
        if (shared.Count > 0)
        {
            yield return (subject.Text, shared);
        }

        foreach (var one in uses.Except(shared).GroupBy(use => use.Members.Single()).OrderBy(group => group.Key))
        {
            var member = subject.Members[one.Key];
            yield return ($"{member.Kind}:{fleet.ReferenceTo(member.Kind, member.Name, member.NetworkId)}", [.. one]);
        }
    }

    /// <summary>The narrowest application that is there, where it offers little more.</summary>
    private ApplicationModel? Fitting(IdentityModel carrier, ServiceKey key)
    {
        var narrowest = carrier.Id == 0 ? null : Remedy.NarrowestOf(fleet, carrier, key.Destination, ServiceText.Word(key.Protocol), key.Port);
        return narrowest is not null && ApplicationInput.ParseTarget(narrowest.Target) == IpPrefix.Host(key.Destination)
            && narrowest.Services.SelectMany(NetworkPolicy.Services).Sum(service => service.ToPort - service.FromPort + 1) <= PortsMax ? narrowest : null;
    }

    private void AddRule(string from, ApplicationModel application, IReadOnlyList<Use> uses) => rules.Add(RuleOf(
        from, application.NetworkId, $"application:{fleet.ReferenceTo("application", application.Name, application.NetworkId)}", uses, application, ExistingRule(application, from, uses)));

    private void AddWithApplication(string from, IdentityModel carrier, IpAddress destination, IReadOnlyList<Use> uses)
    {
        var services = ServicesOf(uses);
        if (services.Count > ServicesMax)
        {
            skipped.Add(new LearnSkipped(
                $"{from} to {destination}",
                string.Create(CultureInfo.InvariantCulture, $"{services.Count} different ports are no service; where they are, write the range yourself"),
                uses.Sum(use => use.Flows)));
            return;
        }

        var name = Allowance.NameFor(fleet, carrier, destination, services.Count == 1 ? services[0].Replace('/', '-') : "", taken);
        taken.Add(name);
        var owner = fleet.ReferenceTo(carrier.Kind, carrier.Name, carrier.NetworkId);
        applications.Add(new LearnedApplication
        {
            Name = name,
            Site = carrier.Kind == "site" ? owner : null,
            Device = carrier.Kind == "device" ? owner : null,
            Host = carrier.Kind == HostIdentity.Kind ? carrier.Name : null,
            Target = destination.ToString(),
            Services = services,
        });
        var isNew = fleet.Applications.Values.All(other => other.Name != name);
        var network = EgressNetwork.IsCarrier(carrier) ? Egress.Name : fleet.Networks[carrier.NetworkId].Name;
        rules.Add(RuleOf(from, carrier.NetworkId, $"application:{(isNew ? name : $"{name}.{network}")}", uses, null, null));
    }

    /// <summary>
    /// A rule that is always in force and speaks of all who use it, or the very rule that would be made, even if it ends; else one with conditions or hours, where
    /// all of it came by such rules.
    /// </summary>
    private RuleModel? ExistingRule(ApplicationModel application, string from, IReadOnlyList<Use> uses)
    {
        var users = uses.SelectMany(use => use.Members).Distinct().Select(id => subject.Members[id]).ToList();
        var allows = AllowsTo(application);
        var alike = allows.Where(rule => !IsConditional(rule)).ToList();
        return alike.Find(rule => rule.Until is null && (users.TrueForAll(RuleSubject.Of(rule, application.NetworkId).Speaks) || IsFrom(rule, application, from)))
            ?? alike.Find(rule => rule.ApplicationId == application.Id && IsFrom(rule, application, from))
            ?? ConditionalRule([.. allows.Where(rule => rule.Until is null && IsConditional(rule))], application, uses, users);
    }

    /// <summary>What came by conditions and hours alone goes on to; what was denied by them, or came around them, does not.</summary>
    private static RuleModel? ConditionalRule(List<RuleModel> rules, ApplicationModel application, IReadOnlyList<Use> uses, List<IdentityModel> users)
    {
        var by = uses.SelectMany(use => use.Rules).ToHashSet();
        var those = rules.Where(rule => by.Contains(rule.Id)).ToList();
        return uses.All(use => use.Denied == 0) && those.Count == by.Count && users.TrueForAll(user => those.Exists(rule => RuleSubject.Of(rule, application.NetworkId).Speaks(user)))
            ? those.FirstOrDefault() : null;
    }

    private List<RuleModel> AllowsTo(ApplicationModel application) =>
        [.. fleet.RulesTo(application.Id).Where(rule => rule.Effect == "allow")];

    private static bool IsConditional(RuleModel rule) => rule.Windows.Count > 0 || RuleConditionInput.IsConditioned(rule);

    /// <summary>Rules with conditions or hours that a new one goes around: it came by them, or they lead where the new one does.</summary>
    private IReadOnlyList<int> BypassedOf(ApplicationModel? application, IReadOnlyList<Use> uses)
    {
        var users = uses.SelectMany(use => use.Members).Distinct().Select(id => subject.Members[id]).ToList();
        var beside = application is null ? [] : AllowsTo(application).Where(rule => users.Exists(RuleSubject.Of(rule, application.NetworkId).Speaks));
        return
        [
            .. uses.SelectMany(use => use.Rules).Select(id => fleet.Rules.GetValueOrDefault(id)).OfType<RuleModel>().Concat(beside)
                .Where(IsConditional).Select(rule => rule.Id).Distinct().Order(),
        ];
    }

    private bool IsFrom(RuleModel rule, ApplicationModel application, string from)
    {
        var own = fleet.Identities.GetValueOrDefault(rule.SubjectId);
        return (rule.NetworkId == 0 ? own?.NetworkId ?? application.NetworkId : rule.NetworkId) == subject.NetworkId
            && $"{rule.SubjectKind}:{(own is null ? rule.Subject : fleet.ReferenceTo(own.Kind, own.Name, own.NetworkId))}" == from;
    }

    /// <summary>Rules with an end by which all of it came; none where one without an end allowed a part of it.</summary>
    private IReadOnlyList<int> TemporaryOf(IReadOnlyList<Use> uses)
    {
        var known = uses.SelectMany(use => use.Rules).Distinct().Order().Select(id => fleet.Rules.GetValueOrDefault(id)).OfType<RuleModel>().ToList();
        return known.TrueForAll(rule => rule.Until is not null) ? [.. known.Select(rule => rule.Id)] : [];
    }

    private LearnedRule RuleOf(string from, int networkId, string to, IReadOnlyList<Use> uses, ApplicationModel? application, RuleModel? existing) => new()
    {
        From = from,
        FromNetwork = networkId != subject.NetworkId && (from.StartsWith("group:", StringComparison.Ordinal) || from.StartsWith("label:", StringComparison.Ordinal))
            ? fleet.Networks[subject.NetworkId].Name : null,
        To = to,
        Existing = existing?.Id,
        Until = UnixTime.ToTime(existing?.Until),
        Temporary = existing is { Until: null } ? [] : TemporaryOf(uses),
        Bypasses = existing is null ? BypassedOf(application, uses) : [],
        Services = ServicesOf(uses),
        Members = uses.SelectMany(use => use.Members).Distinct().Count(),
        Flows = uses.Sum(use => use.Flows),
        Denied = uses.Sum(use => use.Denied),
        LastSeen = UnixTime.ToTime(uses.Max(use => use.LastSeen)),
    };

    private void SkipTheRest()
    {
        foreach (var (id, flows) in observed.Scanners.OrderBy(pair => pair.Key))
        {
            skipped.Add(new LearnSkipped(
                $"{subject.Members[id].Kind}:{subject.Members[id].Name}",
                $"it was denied at more than {Observed.ScanMin} different services: that is a scan, and none of it is proposed",
                flows));
        }

        skipped.AddRange(observed.Undecided.OrderBy(pair => pair.Key).Select(pair => new LearnSkipped("flows", $"denied: {Remedy.ReasonText(pair.Key)}", pair.Value)));
        if (observed.LeftOut > 0)
        {
            skipped.Add(new LearnSkipped("flows", "they went to more different services than can be looked at; ask for a smaller group or fewer days", observed.LeftOut));
        }
    }

    /// <summary>A scan through a wide rule leaves thousands.</summary>
    private static IEnumerable<LearnSkipped> Shortened(IGrouping<string, LearnSkipped> alike)
    {
        var all = alike.ToList();
        return all.Count <= SkippedMax
            ? all
            : [.. all.Take(SkippedMax), new LearnSkipped(string.Create(CultureInfo.InvariantCulture, $"{all.Count - SkippedMax} more"), alike.Key, all.Skip(SkippedMax).Sum(one => one.Flows))];
    }

    private static IReadOnlyList<string> ServicesOf(IReadOnlyList<Use> uses) =>
        ServiceText.Merged(uses.Select(use => (use.Key.Protocol, (int)use.Key.Port, (int)use.Key.Port)));

    private static string CommandOf(LearnedApplication application)
    {
        var owner = application.Host == Egress.Name ? $"--egress --target {application.Target}"
            : application.Host is { } network ? $"--host --network {network}"
            : $"{(application.Site is { } site ? $"--site {site}" : $"--device {application.Device}")} --target {application.Target}";
        return $"sallyport application add {application.Name} {owner} {string.Join(' ', application.Services.Select(ServiceText.Flag))}";
    }

    private static string Text(ServiceKey key) => $"{ServiceText.Of(key.Protocol, key.Port, key.Port)} {key.Destination}";
}
