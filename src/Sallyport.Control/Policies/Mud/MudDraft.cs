using System.Globalization;
using Sallyport.Api.Nodes;
using Sallyport.Api.Policy;
using Sallyport.Control.Applications;
using Sallyport.Control.Changes;
using Sallyport.Control.Identities;
using Sallyport.Control.Names;
using Sallyport.Core.Policy;

namespace Sallyport.Control.Policies.Mud;

/// <summary>Who carries an application that is to be made.</summary>
/// <param name="Id">0 where it is made with its first application.</param>
internal sealed record MudOwner(int Id, string Kind, string Name, int NetworkId, string Network)
{
    public static MudOwner Of(FleetState fleet, IdentityModel identity) => new(identity.Id, identity.Kind, identity.Name, identity.NetworkId, fleet.Networks[identity.NetworkId].Name);

    /// <summary>The host as it carries what lies beyond it.</summary>
    public static MudOwner Beyond(FleetState fleet) =>
        fleet.Egress is { } known ? Of(fleet, known) : new MudOwner(0, HostIdentity.Kind, Egress.Name, 0, Egress.Name);
}

/// <summary>The applications and rules of a plan: those that are there already are found again, and none is there twice.</summary>
/// <param name="groupsOf">Of applications, by their number.</param>
internal sealed class MudDraft(FleetState fleet, MudSubject subject, string prefix, ILookup<int, string> groupsOf)
{
    private readonly ILookup<int, ApplicationModel> byOwner = fleet.Applications.Values.OrderBy(one => one.Id).ToLookup(one => one.OwnerId);
    private readonly Dictionary<(int NetworkId, string Name), ApplicationModel> byName = fleet.Applications.Values.ToDictionary(one => (one.NetworkId, one.Name));
    private readonly ILookup<string, RuleModel> byTarget = fleet.Rules.Values.OrderBy(rule => rule.Id).ToLookup(rule => TargetOf(fleet, rule));
    private readonly List<Made> made = [];
    private readonly List<Ruled> ruled = [];
    private readonly HashSet<string> taken = [];
    private readonly List<MudNote> notes = [];

    public IReadOnlyList<MudNote> Notes => notes;

    public IReadOnlyList<MudApplication> Applications => [.. made.Select(Show)];

    public IReadOnlyList<MudRule> Rules => [.. ruled.Select(Show)];

    private sealed record Made(string Name, MudOwner Owner, string? Target, IReadOnlyList<string> Names, MudServices Services, string? Group, string State)
    {
        public SortedSet<string> Entries { get; } = new(EntryOrder);
    }

    private sealed record Ruled(string From, string? FromNetwork, string To, bool Deny, int? Existing)
    {
        public SortedSet<string> Entries { get; } = new(EntryOrder);
    }

    /// <summary>"application:NAME.NETWORK" of one that offers just this: the one that is there, or one to be made.</summary>
    /// <param name="stem">What its name says beside the prefix.</param>
    /// <param name="target">Null for the whole of what the owner or the names stand for.</param>
    public string Application(MudOwner owner, string? target, IReadOnlyList<string> names, MudServices services, string stem, IEnumerable<MudAce> entries)
    {
        if (made.Find(one => one.Group is null && one.Owner == owner && one.Target == target && one.Names.SequenceEqual(names) && one.Services.Texts.SequenceEqual(services.Texts)) is { } again)
        {
            again.Entries.UnionWith(entries.Select(entry => entry.Place));
            return To(again);
        }

        var same = byOwner[owner.Id].FirstOrDefault(one => IsJust(one, owner, target, names, services));
        return To(Make(same?.Name ?? NameFor(owner, stem), owner, target, names, services, null, same is null ? null : "there", entries));
    }

    /// <summary>"application-group:NAME.NETWORK" of an application on each of them.</summary>
    public string Group(IReadOnlyList<(MudOwner Owner, string? Target)> places, MudServices services, string stem, IEnumerable<MudAce> entries)
    {
        var all = entries.ToList();
        var network = places[0].Owner.Network;
        var group = Fit($"{prefix}-{stem}-{Slug(services)}");
        foreach (var (owner, target) in places)
        {
            if (made.Find(one => one.Group == group && one.Owner == owner && one.Target == target) is { } again)
            {
                again.Entries.UnionWith(all.Select(entry => entry.Place));
                continue;
            }

            // One that is there would have to join the group, and be reached by whoever reaches that.
            var at = places.Count(place => place.Owner == owner) > 1 ? $"{owner.Name}-{Plain(target ?? "")}" : owner.Name;
            Make(NameFor(owner, $"{stem}-{at}-{Slug(services)}"), owner, target, [], services, group, null, all);
        }

        return $"application-group:{group}.{network}";
    }

    public void Rule(string from, int fromNetworkId, string to, bool deny, IEnumerable<MudAce> entries)
    {
        var network = to[(to.LastIndexOf('.') + 1)..];
        var home = fleet.Networks.TryGetValue(fromNetworkId, out var known) ? known.Name : "";
        var isMany = from.StartsWith("group:", StringComparison.Ordinal) || from.StartsWith("label:", StringComparison.Ordinal);
        var rule = ruled.Find(one => one.From == from && one.To == to && one.Deny == deny);
        if (rule is null)
        {
            var existing = Existing(from, fromNetworkId, to, deny);
            rule = new Ruled(from, isMany && home != network ? home : null, to, deny, existing?.Id);
            ruled.Add(rule);
            if (existing is not null && (existing.Until is not null || existing.Windows.Count > 0 || existing.Limit is not null || RuleConditionInput.Describe(existing.Conditions).Length > 0))
            {
                notes.Add(new MudNote(
                    MudNote.Remark, "", null, string.Create(CultureInfo.InvariantCulture, $"rule {existing.Id} ({from} to {to}) is there with hours, an end, conditions or a limit, and stays so"),
                    string.Create(CultureInfo.InvariantCulture, $"sallyport rule show {existing.Id}")));
            }
        }

        rule.Entries.UnionWith(entries.Select(entry => entry.Place));
    }

    /// <summary>Applications that begin like those of the file or are in a group of it, and are none of them: of an older one, most likely.</summary>
    public void NoteLeftovers()
    {
        foreach (var (group, network) in made.Where(one => one.Group is not null).Select(one => (one.Group!, one.Owner.Network)).Distinct())
        {
            foreach (var other in fleet.Applications.Values.Where(one => groupsOf[one.Id].Contains(group)).OrderBy(one => one.Name, StringComparer.Ordinal))
            {
                if (fleet.Networks[other.NetworkId].Name == network && !made.Exists(one => one.Name == other.Name && one.Owner.Network == network))
                {
                    notes.Add(new MudNote(
                        MudNote.Remark, "", null, $"application {other.Name} of network {network} is in the group {group}, and a rule to that leads to it as well, which the file does not ask for",
                        $"to keep it out: sallyport application update {other.Name}.{network} --remove-group {group}"));
                }
            }
        }

        var networks = made.Select(one => one.Owner.Network).Append(subject.Network.Name).ToHashSet();
        foreach (var old in fleet.Applications.Values.Where(one => one.Name.StartsWith(prefix + "-", StringComparison.Ordinal)).OrderBy(one => one.Name, StringComparer.Ordinal))
        {
            var network = fleet.Networks[old.NetworkId].Name;
            if (networks.Contains(network) && !made.Exists(one => one.Name == old.Name && one.Owner.Network == network))
            {
                notes.Add(new MudNote(
                    MudNote.Remark, "", null, $"application {old.Name} of network {network} is called like those of this file, and the file does not ask for it",
                    $"if it is of an older file: sallyport application remove {old.Name}.{network}"));
            }
        }
    }

    private Made Make(
        string name, MudOwner owner, string? target, IReadOnlyList<string> names, MudServices services, string? group, string? state, IEnumerable<MudAce> entries)
    {
        state ??= StateOf(name, owner, target, names, services, group);
        var application = new Made(name, owner, target, names, services, group, state);
        application.Entries.UnionWith(entries.Select(entry => entry.Place));
        taken.Add($"{name}.{owner.Network}");
        made.Add(application);
        return application;
    }

    private string StateOf(string name, MudOwner owner, string? target, IReadOnlyList<string> names, MudServices services, string? group)
    {
        if (Known(name, owner.NetworkId) is not { } before)
        {
            return "new";
        }

        if (IsJust(before, owner, target, names, services) && (group is null || groupsOf[before.Id].SequenceEqual([group])))
        {
            return "there";
        }

        notes.Add(new MudNote(
            MudNote.Remark, "", null, $"application {name} of network {owner.Network} is there, with {string.Join(", ", before.Services)} at {string.Join(", ", before.Names ?? [before.Target])}, and would be changed",
            "if it is something else, keep it, and give the names of this file another beginning: name=OTHER"));
        return "changes";
    }

    /// <summary>A name that is free, or that of one that the same owner carries: then this is what becomes of it.</summary>
    private string NameFor(MudOwner owner, string stem)
    {
        var name = Fit($"{prefix}-{stem}");
        var free = name;
        for (var n = 2; taken.Contains($"{free}.{owner.Network}") || (Known(free, owner.NetworkId) is { } other && other.OwnerId != owner.Id); n++)
        {
            var tail = string.Create(CultureInfo.InvariantCulture, $"-{n}");
            free = name[..Math.Min(name.Length, Label.LengthMax - tail.Length)].TrimEnd('-') + tail;
        }

        if (Known(name, owner.NetworkId) is { } taker && taker.OwnerId != owner.Id && fleet.Identities.TryGetValue(taker.OwnerId, out var at))
        {
            notes.Add(new MudNote(
                MudNote.Remark, "", null, $"the name {name} is taken in network {owner.Network} by an application at {at.Kind} {at.Name}, which stays as it is: that of this file is called {free}",
                "for other names: name=OTHER"));
        }

        return free;
    }

    private ApplicationModel? Known(string name, int networkId) => byName.GetValueOrDefault((networkId, name));

    private static bool IsJust(ApplicationModel one, MudOwner owner, string? target, IReadOnlyList<string> names, MudServices services)
    {
        var isThere = target is null
            ? owner.Kind == HostIdentity.Kind && (owner.Network != Egress.Name || ApplicationInput.ParseTarget(one.Target) == Egress.Everything)
            : ApplicationInput.ParseTarget(one.Target) == ApplicationInput.ParseTarget(target);
        return isThere && (one.Names ?? []).Order(StringComparer.Ordinal).SequenceEqual(names) && MudServices.Read(one.Services).Texts.SequenceEqual(services.Texts);
    }

    private RuleModel? Existing(string from, int fromNetworkId, string to, bool deny) => byTarget[to].FirstOrDefault(rule =>
        rule.Effect == (deny ? "deny" : "allow") && FromOf(rule) == from && (rule.NetworkId == 0 ? NetworkOf(rule) : rule.NetworkId) == fromNetworkId);

    /// <summary>Of what the rule leads to.</summary>
    private int NetworkOf(RuleModel rule) => NetworkPolicy.Targets(rule) is [var first, ..] && fleet.Applications.TryGetValue(first, out var application) ? application.NetworkId : 0;

    /// <summary>"application:historian.plant-a"; empty where nothing is there.</summary>
    private static string TargetOf(FleetState fleet, RuleModel rule)
    {
        if (NetworkPolicy.Targets(rule) is not [var first, ..] || !fleet.Applications.TryGetValue(first, out var application))
        {
            return "";
        }

        var network = fleet.Networks[application.NetworkId].Name;
        return rule.ApplicationId != 0 ? $"application:{application.Name}.{network}" : $"application-group:{rule.ApplicationGroup}.{network}";
    }

    private string FromOf(RuleModel rule) => rule.SubjectKind switch
    {
        "device" or "site" when fleet.Identities.TryGetValue(rule.SubjectId, out var identity) => $"{identity.Kind}:{identity.Name}.{fleet.Networks[identity.NetworkId].Name}",
        HostIdentity.Kind when fleet.Identities.TryGetValue(rule.SubjectId, out var host) => $"{host.Kind}:{host.Name}",
        "network" when fleet.Networks.TryGetValue(rule.NetworkId, out var network) => $"network:{network.Name}",
        _ => $"{rule.SubjectKind}:{rule.Subject}",
    };

    private static string To(Made one) => $"application:{one.Name}.{one.Owner.Network}";

    private MudApplication Show(Made one) => new()
    {
        Name = one.Name,
        Network = one.Owner.Network,
        Site = one.Owner.Kind == "site" ? $"{one.Owner.Name}.{one.Owner.Network}" : null,
        Device = one.Owner.Kind == "device" ? $"{one.Owner.Name}.{one.Owner.Network}" : null,
        Host = one.Owner.Kind == HostIdentity.Kind ? one.Owner.Network : null,
        Target = one.Target,
        Names = one.Names,
        Services = one.Services.Texts,
        Groups = one.Group is null ? [] : [one.Group],
        State = one.State,
        Entries = [.. one.Entries],
    };

    private static MudRule Show(Ruled one) => new()
    {
        From = one.From, FromNetwork = one.FromNetwork, To = one.To, Deny = one.Deny, Existing = one.Existing, Entries = [.. one.Entries],
    };

    /// <summary>"tcp-443", for a name.</summary>
    public static string Slug(MudServices services) => services.IsEverything ? "all" : services.Texts switch
    {
        [var one] => Plain(one),
        [var one, var two] => $"{Plain(one)}-{Plain(two)}",
        [var one, ..] => $"{Plain(one)}-and-more",
        [] => "nothing",
    };

    /// <summary>Lower-case letters, digits and single hyphens.</summary>
    public static string Plain(string text)
    {
        var letters = string.Concat(text.Select(c => char.IsAsciiLetterOrDigit(c) ? char.ToLowerInvariant(c) : '-'));
        return string.Join('-', letters.Split('-', StringSplitOptions.RemoveEmptyEntries));
    }

    private static string Fit(string name) => Plain(name) is var plain && plain.Length <= Label.LengthMax ? plain : plain[..Label.LengthMax].TrimEnd('-');

    /// <summary>By line, as the file has them.</summary>
    private static readonly Comparer<string> EntryOrder = Comparer<string>.Create((a, b) =>
        LineOf(a) != LineOf(b) ? LineOf(a).CompareTo(LineOf(b)) : string.CompareOrdinal(a, b));

    private static int LineOf(string place) =>
        int.TryParse(place.AsSpan(place.LastIndexOf(' ') + 1).TrimEnd(')'), NumberStyles.None, CultureInfo.InvariantCulture, out var line) ? line : 0;
}
