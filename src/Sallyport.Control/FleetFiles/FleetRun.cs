using Sallyport.Api.Applications;
using Sallyport.Api.Fleets;
using Sallyport.Api.Networks;
using Sallyport.Api.Rules;
using Sallyport.Control.Applications;
using Sallyport.Control.Changes;
using Sallyport.Control.Credentials;
using Sallyport.Control.Http;
using Sallyport.Control.Identities;
using Sallyport.Control.Ipsec;
using Sallyport.Control.Networks;
using Sallyport.Control.Policies;
using Sallyport.Control.Store;

namespace Sallyport.Control.FleetFiles;

/// <summary>
/// Makes everything as a file says, by the commands that the API runs, inside one of its own: each entry is a part that is undone where it
/// fails or turns out to change nothing, so that all that is wrong is found at once, and what is as it should be leaves no record.
/// </summary>
internal sealed class FleetRun(
    Change change, FleetFile file, IReadOnlySet<string> pruned, FileProblems problems, NetworkCommands networks, IdentityCommands identities,
    RuleCommands rules)
{
    private readonly List<FleetChange> changes = [];
    private readonly List<string> remarks = [];
    private readonly HashSet<string> broken = new(StringComparer.Ordinal); // what refers to these is not blamed for it
    private readonly Dictionary<int, int> ruleLines = [];
    private readonly HashSet<string> scope = new(StringComparer.Ordinal);
    private FleetGroups? groups;
    private FileNames? names;

    public IReadOnlyList<FleetChange> Changes => changes;

    public IReadOnlyList<string> Remarks => remarks;

    public int Unchanged { get; private set; }

    /// <summary>Where in the file a rule stands, by its number.</summary>
    public IReadOnlyDictionary<int, int> RuleLines => ruleLines;

    /// <summary>What names mean in the file. There when it has run.</summary>
    public FileNames Meant => names!;

    public void Run()
    {
        Look();
        names = new FileNames(change, file, scope);
        PruneApplications();
        PruneMembers("site", FleetFileReader.Sites, file.Sites);
        PruneMembers("device", FleetFileReader.Devices, file.Devices);
        foreach (var network in file.Networks)
        {
            Part(network, [$"network:{network.Name}", $"host:{network.Name}"], [], () => PutNetwork(network));
        }

        groups = FleetGroups.Of(change, file, scope, problems);
        foreach (var member in file.Sites.Concat(file.Devices))
        {
            Part(member, NamesOf(member.Input.Kind, member.Name, member.Network), [$"network:{member.Network}"], () => PutMember(member));
        }

        PutOtherMembers();
        foreach (var application in file.Applications)
        {
            var owner = OwnerOf(application);
            Part(
                application, NamesOf("application", application.Name, owner.Network), [$"{owner.Kind}:{owner.Name}", $"network:{owner.Network}"],
                () => PutApplication(application, owner));
        }

        foreach (var rule in file.Rules)
        {
            Part(rule, [], [rule.Input.From ?? "", rule.Input.To ?? ""], () => PutRule(rule));
        }

        PruneRules();
    }

    /// <summary>Which networks the file speaks of: nothing outside them is ever removed.</summary>
    private void Look()
    {
        scope.UnionWith(file.Networks.Select(network => network.Name));
        scope.UnionWith(file.Sites.Concat(file.Devices).Select(member => member.Network).OfType<string>());
        // An application beyond the gateway host does not make the file speak of all that is there.
        scope.UnionWith(file.Applications.Select(application => OwnerOf(application).Network).OfType<string>().Where(network => network != Core.Policy.Egress.Name));
    }

    /// <param name="names">What the entry is called elsewhere in the file.</param>
    /// <param name="needs">What it refers to.</param>
    /// <param name="put">Whether it changed anything.</param>
    private void Part<T>(FileEntry<T> entry, IReadOnlyList<string> names, IReadOnlyList<string> needs, Func<bool> put)
    {
        if (entry.IsBroken || problems.IsFull || needs.Any(broken.Contains))
        {
            broken.UnionWith(names);
            return;
        }

        try
        {
            if (!change.Attempt(put))
            {
                Unchanged++;
            }
        }
        catch (ProblemException refused) when (refused.Problem.Status is not (401 or 403))
        {
            broken.UnionWith(names);
            foreach (var error in refused.Problem.Errors)
            {
                var (path, at) = PlaceOf(entry, error.Field);
                problems.Add(path, at, error, refused.Problem.Status == 409);
            }
        }
    }

    private bool PutNetwork(FileEntry<NetworkCreate> entry)
    {
        var subject = $"network:{entry.Name}";
        if (entry.Name == Core.Policy.Egress.Name && NetworkRow.Find(change.Sql, entry.Name) is null)
        {
            return PutBeyond(entry, subject);
        }

        if (NetworkRow.Find(change.Sql, entry.Name) is { } before)
        {
            return Say("change", subject, entry.Line, FileValue.Differences(FileKeys.Network, before, networks.Update(change, entry.Name, FileKeys.Change(entry.Input), null)));
        }

        return Say("add", subject, entry.Line, FileValue.Differences(FileKeys.Network, null, networks.Create(change, entry.Input)));
    }

    /// <summary>What lies beyond the gateway host is made by the first who speaks of it, and is then changed like any other network.</summary>
    private bool PutBeyond(FileEntry<NetworkCreate> entry, string subject)
    {
        var made = EgressNetwork.Make(change);
        var after = entry.Node.Pairs.Count == 0 ? made : networks.Update(change, entry.Name, FileKeys.Change(entry.Input), null);
        return Say("add", subject, entry.Line, FileValue.Differences(FileKeys.Network, null, after));
    }

    private bool PutMember(FileEntry<IdentityInput> entry)
    {
        var kind = entry.Input.Kind;
        var keys = kind == "site" ? FileKeys.Site : FileKeys.Device;
        var before = entry.Network is null ? null : IdentityRow.FindByName(change.Sql, kind, entry.Name, entry.Network).SingleOrDefault();
        var wanted = entry.Input with { Network = entry.Network, Groups = groups!.Of(entry.Name, entry.Network, before, entry.Input.Groups) };
        if (before is null)
        {
            var (made, _) = identities.Create(change, wanted);
            return Say("add", made.Subject, entry.Line, FileValue.Differences(keys, null, made));
        }

        if (before.State == IdentityStates.Retired)
        {
            Remark($"{before.Subject} (line {entry.Line}) was revoked and does not come back: remove it to add it anew as another identity");
        }

        KeepsAddresses(entry, before);
        if (IsAlready(before, wanted))
        {
            return false;
        }

        return Say(
            "change", before.Subject, entry.Line,
            FileValue.Differences(keys, before, IdentityCommands.Update(change, $"{entry.Name}.{entry.Network}", wanted with { Addresses = null }, null)));
    }

    /// <summary>Groups are about devices and sites that the file need not have.</summary>
    private void PutOtherMembers()
    {
        var own = file.Sites.Concat(file.Devices).Select(member => (member.Name, member.Network)).ToHashSet();
        foreach (var row in groups!.Others(change, own).TakeWhile(_ => !problems.IsFull))
        {
            var wanted = new IdentityInput(row.Kind) { Groups = groups.Of(row.Name, row.Network, row, null) };
            if (IsAlready(row, wanted))
            {
                continue;
            }

            var line = groups.LineOf(row);
            try
            {
                change.Attempt(() => Say(
                    "change", row.Subject, line,
                    FileValue.Differences(FileKeys.Device, row, IdentityCommands.Update(change, $"{row.Name}.{row.Network}", wanted, null))));
            }
            catch (ProblemException refused) when (refused.Problem.Status is not (401 or 403))
            {
                problems.Add(FleetFileReader.Groups, new FileMark(line ?? 1, 1), refused.Problem.Errors[0], isConflict: false);
            }
        }
    }

    private bool PutApplication(FileEntry<ApplicationCreate> entry, FileOwner owner)
    {
        if (entry.Network is { } said && owner.Network is { } network && said != network)
        {
            throw new ProblemException(Refusal.Invalid([Refusal.Field(
                owner.Kind, $"{owner.Kind} {owner.Name} is in network {network}, and the application's name says {said}",
                $"an application is in the network of who carries it: write {entry.Name}.{network}, or another {owner.Kind}")]));
        }

        var known = ApplicationRow.FindByName(change.Sql, entry.Name, owner.Network);
        if (known is not [var before])
        {
            var made = ApplicationCommands.Create(change, owner.In(entry.Input)).ToInfo();
            return Say("add", $"application:{made.Name}.{made.Network}", entry.Line, FileValue.Differences(FileKeys.Application, null, made));
        }

        if (owner.Name is not null && (owner.Kind, owner.Name.Split('.')[0]) != (before.OwnerKind, before.Owner))
        {
            throw new ProblemException(Refusal.Conflict(
                owner.Kind, $"{before.OwnerKind} {before.Owner} carries application {before.Name}, not {owner.Kind} {owner.Name.Split('.')[0]}",
                $"an application stays where it is: give this one another name, or remove the old one first: sallyport application remove {before.Name}.{before.Network}"));
        }

        var after = ApplicationCommands.Update(change, $"{before.Name}.{before.Network}", FileKeys.Change(entry.Input), null);
        return Say("change", before.Subject, entry.Line, FileValue.Differences(FileKeys.Application, before.ToInfo(), after.ToInfo()));
    }

    private bool PutRule(FileEntry<RuleCreate> entry)
    {
        var isSaid = entry.Input.FromNetwork is not null; // whose the subject is
        entry = entry with { Input = entry.Input with { To = Meant.Whole(entry.Input.To), From = isSaid ? entry.Input.From : Meant.Whole(entry.Input.From) } };
        var same = rules.FindSame(change, entry.Input, ruleLines.ContainsKey);
        if (same is not null && !ruleLines.TryAdd(same.Id, entry.Line))
        {
            throw new ProblemException(Refusal.Conflict("from", $"line {ruleLines[same.Id]} has the same rule already", "leave one of them out; hours can be several in one rule"));
        }

        if (entry.Input.Until is { } end && end <= UnixTime.ToTime(change.Now))
        {
            return PutOver(entry, same, end);
        }

        if (same is null)
        {
            var made = rules.Create(change, entry.Input);
            ruleLines[made.Id] = entry.Line;
            return Say("add", SubjectOf(made), entry.Line, [.. FileValue.Differences(FileKeys.Rule, null, InfoOf(made)).Where(IsOfItsOwn)]);
        }

        if (rules.IsAlready(same, entry.Input))
        {
            return false;
        }

        var after = rules.Update(change, same.Id, FileKeys.Change(entry.Input), null);
        return Say("change", SubjectOf(same), entry.Line, FileValue.Differences(FileKeys.Rule, InfoOf(same), InfoOf(after)));
    }

    /// <summary>A rule whose end has come allows nothing: a file that still has it is old, not wrong.</summary>
    private bool PutOver(FileEntry<RuleCreate> entry, RuleRow? same, DateTimeOffset end)
    {
        if (same is null || UnixTime.ToTime(same.Until) == end)
        {
            Remark($"the rule in line {entry.Line} ended at {FileValue.Time(end)}: take it out of the file, or give it another end");
            return false;
        }

        RuleCommands.Delete(change, same.Id);
        ruleLines.Remove(same.Id);
        return Say("remove", SubjectOf(same), entry.Line, [$"it ended at {FileValue.Time(end)}"]);
    }

    /// <summary>What is to go takes the rules that lead to it along.</summary>
    private void PruneApplications()
    {
        if (!Prunes(FleetFileReader.Applications))
        {
            return;
        }

        var named = file.Applications.Select(application => (application.Name, OwnerOf(application).Network)).ToHashSet();
        foreach (var row in ScopedNetworks().SelectMany(network => ApplicationRow.List(change.Sql, network.Id, 0, int.MaxValue)))
        {
            if (!named.Contains((row.Name, row.Network)))
            {
                Remove(row.Subject, () =>
                {
                    RemoveRules(RuleRow.OfApplication(change.Sql, row.Id));
                    ApplicationCommands.Delete(change, $"{row.Name}.{row.Network}");
                });
            }
        }
    }

    /// <summary>Only what never had a credential: somebody carried the others' profiles to where they are.</summary>
    private void PruneMembers(string kind, string section, IReadOnlyList<FileEntry<IdentityInput>> entries)
    {
        if (!Prunes(section))
        {
            return;
        }

        var named = entries.Select(entry => (entry.Name, entry.Network)).ToHashSet();
        foreach (var row in ScopedNetworks().SelectMany(network => IdentityRow.InNetwork(change.Sql, network.Id).ToList()))
        {
            if (row.Kind != kind || row.State == IdentityStates.Retired || named.Contains((row.Name, row.Network)))
            {
                continue;
            }

            if (row.State != IdentityStates.Pending || CredentialRow.Of(change.Sql, row.Id).Any())
            {
                Remark($"{row.Subject} is not in the file and stays, because it has credentials: sallyport {kind} remove {row.Name}.{row.Network}");
                continue;
            }

            Remove(row.Subject, () =>
            {
                RemoveRules(RuleRow.OfSubject(change.Sql, row.Id));
                IdentityCommands.Delete(change, kind, $"{row.Name}.{row.Network}");
            });
        }
    }

    private void PruneRules()
    {
        // Where something is wrong a rule may only seem to be missing.
        if (!Prunes(FleetFileReader.Rules) || problems.Any)
        {
            return;
        }

        var inScope = ScopedNetworks().SelectMany(network => RuleRow.List(change.Sql, network.Id, 0, int.MaxValue).Where(rule => rule.NetworkId == network.Id)).ToList();
        foreach (var rule in inScope.Where(rule => !ruleLines.ContainsKey(rule.Id)))
        {
            Remove(SubjectOf(rule), () => RuleCommands.Delete(change, rule.Id));
        }
    }

    private void RemoveRules(IEnumerable<RuleRow> rules)
    {
        foreach (var rule in rules)
        {
            RuleCommands.Delete(change, rule.Id);
            Say("remove", SubjectOf(rule), null, []);
        }
    }

    /// <summary>What cannot be removed stays, and the answer says why.</summary>
    private void Remove(string subject, Action remove)
    {
        var before = changes.Count;
        try
        {
            change.Attempt(() =>
            {
                remove();
                return Say("remove", subject, null, []);
            });
        }
        catch (ProblemException refused) when (refused.Problem.Status is not (401 or 403))
        {
            changes.RemoveRange(before, changes.Count - before);
            Remark($"{subject} is not in the file and stays: {refused.Problem.Errors[0].Message}");
        }
    }

    private bool Prunes(string section) => pruned.Contains(section) && file.Sections.Contains(section);

    private IEnumerable<NetworkRow> ScopedNetworks() => scope.Order(StringComparer.Ordinal).Select(name => NetworkRow.Find(change.Sql, name)).OfType<NetworkRow>();

    private bool Say(string action, string subject, int? line, IReadOnlyList<string> what)
    {
        if (action == "change" && what.Count == 0)
        {
            return false;
        }

        changes.Add(new FleetChange { Action = action, Subject = subject, What = what, Line = line });
        return true;
    }

    private void Remark(string sentence)
    {
        if (remarks.Count < FleetFileLimits.RemarksMax)
        {
            remarks.Add(sentence);
        }
    }

    private static void KeepsAddresses(FileEntry<IdentityInput> entry, IdentityRow row)
    {
        var has = FileKeys.AddressesOf(row);
        if (entry.Input.Addresses is { } wanted && wanted.FirstOrDefault(address => !has.Contains(address)) is { } other)
        {
            throw new ProblemException(Refusal.Conflict(
                "addresses", $"{row.Kind} {row.Name} has the address {string.Join(" and ", has)}, not {Names.Label.Shorten(other)}",
                "an address is given once: write the one that it has, or leave the key out"));
        }
    }

    /// <summary>Most of a fleet is, most of the time.</summary>
    private static bool IsAlready(IdentityRow row, IdentityInput wanted) =>
        (wanted.Labels is null || FileValue.Show(wanted.Labels) == FileValue.Show(Column.Labels(row.LabelsJson)))
        && (wanted.Groups is null || wanted.Groups.Order(StringComparer.Ordinal).SequenceEqual(FileKeys.GroupsOf(row)))
        && (wanted.Subnets is null || wanted.Subnets.SequenceEqual(Column.List(row.SubnetsJson)))
        && (wanted.Ipsec is null || (new ProblemList() is var wrong && Column.Of(PeerInput.Read(wanted.Ipsec, row.Ipsec, wrong)) == Column.Of(row.Ipsec) && !wrong.Any))
        && (wanted.Limit is null || (new ProblemList() is var problems && LimitReading.Read(wanted.Limit, row.Limit, problems) == row.Limit && !problems.Any));

    private FileOwner OwnerOf(FileEntry<ApplicationCreate> entry) => FileOwner.Of(change, file, entry);

    private RuleInfo InfoOf(RuleRow row) => row.ToInfo(0, UnixTime.ToTime(change.Now), null);

    /// <summary>What the name of a new rule does not say already.</summary>
    private static bool IsOfItsOwn(string difference) =>
        !difference.StartsWith("from", StringComparison.Ordinal) && !difference.StartsWith("to:", StringComparison.Ordinal) && !difference.StartsWith("deny:", StringComparison.Ordinal);

    private static string SubjectOf(RuleRow row) =>
        $"rule:{row.SubjectKind}:{row.Subject}{(row.IsAcross && row.SubjectKind != "network" ? $" of {row.SubjectNetwork}" : "")} {(row.Effect == "deny" ? "not to" : "to")} {row.Target}.{row.Network}";

    private static string[] NamesOf(string kind, string name, string? network) => [$"{kind}:{name}", $"{kind}:{name}.{network}"];

    /// <summary>The innermost of the file that a field of the API is: its key, or the item or label within.</summary>
    private static (string Path, FileMark At) PlaceOf<T>(FileEntry<T> entry, string field)
    {
        if (field == "name" || KeyOf(entry, field) is not var (key, rest))
        {
            return (entry.Path, entry.At);
        }

        if (entry.Node.Find(key) is not { } pair)
        {
            return ($"{entry.Path}.{key}", entry.At);
        }

        var at = (pair.Value, rest) switch
        {
            (FileList list, ['[', .. var number, ']']) when int.TryParse(number, out var index) && index < list.Items.Count => list.Items[index].At,
            (FileMap map, ['.', .. var label]) when map.Find(label) is { } found => found.Value.At,
            _ => pair.Value.At,
        };
        return ($"{entry.Path}.{key}{rest}", at);
    }

    /// <summary>Of "conditions.sources[0]" the longest beginning that a key is, and what is left of it.</summary>
    private static (string Key, string Below)? KeyOf<T>(FileEntry<T> entry, string field)
    {
        for (var end = field.Length; end > 0; end = field.AsSpan(0, end).LastIndexOfAny('[', '.'))
        {
            if (entry.KeyOf(field[..end]) is { } key)
            {
                return (key, field[end..]);
            }
        }

        return null;
    }
}
