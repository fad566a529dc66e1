using System.Globalization;
using System.Text.Json.Nodes;
using Dapper;
using Microsoft.Data.Sqlite;
using Sallyport.Api.Devices;
using Sallyport.Api.Nodes;
using Sallyport.Api.Paging;
using Sallyport.Api.Rules;
using Sallyport.Control.Applications;
using Sallyport.Control.Changes;
using Sallyport.Control.Http;
using Sallyport.Control.Identities;
using Sallyport.Control.Names;
using Sallyport.Control.Networks;
using Sallyport.Control.Nodes;
using Sallyport.Control.Store;
using Sallyport.Control.Users;
using Sallyport.Core.Policy;

namespace Sallyport.Control.Policies;

internal sealed class RuleCommands(
    Commands commands, Database database, ChangeFeed feed, Cuts cuts, CountryTable countries, VolumeTable volumes, TimeProvider time)
{
    private static readonly string[] Effects = ["allow", "deny"];
    private static readonly string[] SubjectKinds = ["device", "site", "host", "group", "label", "network"];
    private const string SubjectHint = "write device:NAME, site:NAME, host:NETWORK, group:NAME, label:KEY=VALUE or network:NAME";

    /// <summary>Answers for a rule that denies when the gateways have cut what it denies, or after the bounded wait.</summary>
    public async Task<RuleInfo> CreateAsync(Actor actor, RuleCreate input, Idempotency? idempotency, CancellationToken cancel)
    {
        RuleRow? made = null;
        var committed = Create(actor, input, idempotency, row => made = row);
        var info = committed.Value with { TunnelsReconnecting = committed.Reconnecting };
        if (made is not { Effect: "deny" })
        {
            return info;
        }

        var subject = new CutSubject("rule", info.Id.ToString(CultureInfo.InvariantCulture), "added", "rule.create", SubjectOf(info.Id));
        return info with { Cut = await cuts.EnforceAsync(subject, committed.Version, committed.At, cancel) };
    }

    private Committed<RuleInfo> Create(Actor actor, RuleCreate input, Idempotency? idempotency, Action<RuleRow> made)
    {
        actor.Require(Right.Change, actor.NetworkId);
        return commands.RunCreate(
            actor,
            idempotency,
            change =>
            {
                var row = Create(change, input);
                made(row);
                return (row.Id, Informing(change.Sql)(row));
            },
            (change, id) => RuleRow.Find(change.Sql, id) is { } made ? Informing(change.Sql)(made) : null,
            isFirst: input.Effect == "deny");
    }

    /// <summary>Changes when it is in force, what it asks for, and how much it lets pass. Answers when the gateways have cut what it does not allow any more, or after the bounded wait.</summary>
    public async Task<RuleInfo> UpdateAsync(Actor actor, int id, RuleUpdate input, long? revision, CancellationToken cancel)
    {
        var committed = commands.RunFirst(actor, change => Update(change, id, input, revision));
        var subject = new CutSubject("rule", id.ToString(CultureInfo.InvariantCulture), "changed", "rule.update", SubjectOf(id));
        var cut = await cuts.EnforceAsync(subject, committed.Version, committed.At, cancel);
        return database.Read(sql => Informing(sql)(committed.Value)) with { Cut = cut, TunnelsReconnecting = committed.Reconnecting };
    }

    /// <summary>As part of a command.</summary>
    internal RuleRow Create(Change change, RuleCreate input)
    {
        var problems = new ProblemList();
        var target = ReadTarget(change, input, problems);
        var subject = ReadSubject(change, input.From, input.FromNetwork, target, problems);
        var effect = input.Effect is null ? "allow" : NetworkInput.ReadOne(input.Effect, "effect", "effect", Effects, problems);
        var until = RuleTimes.ReadUntil(input.Until, input.For, change.Now, problems);
        var windows = RuleTimes.ReadWindows(input.Windows ?? [], problems);
        var conditions = Column.Of(RuleConditionInput.Read(input.Conditions, null, countries, problems));
        var limit = ReadLimit(input.Limit, null, effect, problems);
        problems.ThrowIfAny();
        var (kind, identityId, name, networkId) = subject!;
        if (RuleRow.FindSame(change.Sql, target!, kind, identityId, name, networkId, effect!, conditions) is { } same)
        {
            throw IsThere(same, input, $"{target!.Text}{(conditions == "{}" ? "" : " under the same conditions")}", change.Now);
        }

        var id = change.Sql.ExecuteScalar<int>(
            """
            INSERT INTO rules (target_network_id, application_id, application_group, subject_kind, subject_id, subject, network_id, effect, until, windows,
                conditions, limits, created_at, revision)
            VALUES (@NetworkId, @applicationId, @Group, @kind, @identityId, @name, @networkOfSubject, @effect, @until, @windows, @conditions, @limits,
                @Now, 1) RETURNING id
            """,
            new
            {
                target!.NetworkId,
                applicationId = target.Application?.Id,
                target.Group,
                kind,
                identityId,
                name,
                networkOfSubject = networkId,
                effect,
                until,
                windows = Column.Of(windows),
                conditions,
                limits = Column.Of(limit),
                change.Now,
            });
        var row = RuleRow.Find(change.Sql, id)!;
        change.Touch(ChangeKind.Rule, id);
        change.Audit("rule.create", SubjectOf(id), Describe(row));
        return row;
    }

    /// <param name="to">What it leads to, and how.</param>
    private static ProblemException IsThere(RuleRow same, RuleCreate input, string to, long now)
    {
        if (same.Until is not { } end || end > now)
        {
            var does = same.Effect == "deny" ? $"denies {input.From}" : $"allows {input.From} to reach";
            return new ProblemException(Refusal.Conflict(
                "from", $"rule {same.Id} already {does} {to}; nothing was changed",
                same.Until is null && same.WindowsJson == "[]" ? "nothing is left to do" : $"to change its time: sallyport rule update {same.Id}"));
        }

        var did = same.Effect == "deny" ? $"denied {input.From}" : $"allowed {input.From} to reach";
        return new ProblemException(Refusal.Conflict(
            "from", $"rule {same.Id} {did} {to} until it ended at {UnixTime.ToTime(end):u}; nothing was changed",
            $"let it hold again: sallyport rule update {same.Id} {EndFlag(input)}, or remove it first: sallyport rule remove {same.Id}"));
    }

    /// <summary>What was said of the end, as rule update takes it.</summary>
    private static string EndFlag(RuleCreate input) =>
        input.For is { } span ? $"--for {span}"
        : input.Until is { } until ? $"--until {until.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture)}"
        : "--no-end (or --for 8h, --until TIME)";

    /// <summary>
    /// The rule of the same subject, target, effect and conditions, else the only one that differs in its conditions and is not
    /// <paramref name="isAnothers"/>; null where there is none, or where the input names what does not exist.
    /// </summary>
    internal RuleRow? FindSame(Change change, RuleCreate input, Func<int, bool> isAnothers)
    {
        var problems = new ProblemList();
        var target = ReadTarget(change, input, problems);
        var conditions = Column.Of(RuleConditionInput.Read(input.Conditions, null, countries, problems));
        return ReadSubject(change, input.From, input.FromNetwork, target, problems) is { } subject && target is not null && !problems.Any
            ? OneOf(RuleRow.ListSame(change.Sql, target, subject.Kind, subject.IdentityId, subject.Name, subject.NetworkId, input.Effect ?? "allow"))
            : null;

        RuleRow? OneOf(IReadOnlyList<RuleRow> same)
        {
            var left = same.Where(row => !isAnothers(row.Id)).ToList();
            return same.FirstOrDefault(row => row.ConditionsJson == conditions) ?? (left.Count == 1 ? left[0] : null);
        }
    }

    /// <summary>Whether a rule of the same subject, target and effect is in force when, asks for and lets pass what the input says.</summary>
    internal bool IsAlready(RuleRow row, RuleCreate input)
    {
        var problems = new ProblemList();
        return UnixTime.ToTime(row.Until) == input.Until
            && row.WindowsJson == Column.Of(RuleTimes.ReadWindows(input.Windows ?? [], problems))
            && row.ConditionsJson == Column.Of(RuleConditionInput.Read(input.Conditions, null, countries, problems))
            && row.LimitsJson == Column.Of(ReadLimit(input.Limit, null, row.Effect, problems))
            && !problems.Any;
    }

    /// <summary>As part of a command.</summary>
    internal RuleRow Update(Change change, int id, RuleUpdate input, long? revision)
    {
        var row = RuleRow.Find(change.Sql, id) ?? throw NoRule(id);
        RequireChange(change.Actor, row);
        Revisions.Check($"rule {id}", row.Revision, revision);
        var problems = new ProblemList();
        if (input.NoEnd == true && (input.Until is not null || input.For is not null))
        {
            problems.Add("noEnd", "an end is given beside it", "give one of the two");
        }

        var until = RuleTimes.ReadUntil(input.Until, input.For, change.Now, problems) ?? (input.NoEnd == true ? null : row.Until);
        var windows = input.Windows is null ? Column.List(row.WindowsJson) : RuleTimes.ReadWindows(input.Windows, problems);
        var conditions = Column.Of(RuleConditionInput.Read(input.Conditions, row.Conditions, countries, problems));
        var limit = ReadLimit(input.Limit, row.Limit, row.Effect, problems);
        var target = new RuleTarget(row.NetworkId, row.Network, ApplicationRow.Find(change.Sql, row.ApplicationId), row.ApplicationGroup.Length == 0 ? null : row.ApplicationGroup);
        int? subjectId = row.SubjectId == 0 ? null : row.SubjectId;
        if (RuleRow.FindSame(change.Sql, target, row.SubjectKind, subjectId, row.StoredSubject, row.StoredNetworkId, row.Effect, conditions) is { } same && same.Id != id)
        {
            problems.AddConflict("conditions", $"rule {same.Id} asks for the same already", $"remove one of the two: sallyport rule remove {id}");
        }

        problems.ThrowIfAny();
        change.Sql.Execute(
            "UPDATE rules SET until = @until, windows = @windows, conditions = @conditions, limits = @limits, revision = revision + 1 WHERE id = @id",
            new { until, windows = Column.Of(windows), conditions, limits = Column.Of(limit), id });
        var updated = RuleRow.Find(change.Sql, id)!;
        change.Touch(ChangeKind.Rule, id);
        change.Audit("rule.update", SubjectOf(id), Describe(updated));
        return updated;
    }

    /// <summary>Answers when the gateways have cut what only this rule allowed, or after the bounded wait.</summary>
    public Task<CutResult> DeleteAsync(Actor actor, int id, CancellationToken cancel)
    {
        var committed = commands.RunFirst(actor, change => Delete(change, id));
        var subject = new CutSubject("rule", id.ToString(CultureInfo.InvariantCulture), "removed", "rule.delete", SubjectOf(id));
        return cuts.EnforceAsync(subject, committed.Version, committed.At, cancel);
    }

    /// <summary>As part of a command.</summary>
    internal static RuleRow Delete(Change change, int id)
    {
        var row = RuleRow.Find(change.Sql, id) ?? throw NoRule(id);
        RequireChange(change.Actor, row);
        if (row.IsLocked)
        {
            throw new ProblemException(Refusal.Conflict(
                "id", $"rule {id} is locked, and the same rule made anew would not be", "remove the lock first: sallyport lock list"));
        }

        change.Sql.Execute("DELETE FROM rules WHERE id = @id", new { id });
        change.Touch(ChangeKind.Rule, id);
        HostIdentity.RemoveIfUnused(change, row.SubjectId);
        change.Audit("rule.delete", SubjectOf(id), Describe(row));
        return row;
    }

    public RuleInfo Get(Actor actor, int id) => database.Read(sql =>
    {
        var row = RuleRow.Find(sql, id) ?? throw NoRule(id);
        actor.RequireAny(Right.See, row.NetworkId, row.SubjectNetworkId);
        return Informing(sql)(row);
    });

    /// <summary>Who changes a rule must be allowed to make it: in the network that offers and in the one that uses.</summary>
    internal static void RequireChange(Actor actor, RuleRow row)
    {
        actor.Require(Right.Change, row.NetworkId);
        actor.Require(Right.Change, row.SubjectNetworkId);
    }

    public Page<RuleInfo> List(Actor actor, string? network, Paging paging) => database.Read(sql => paging.PageOf(
        RuleRow.List(sql, Scope.NetworkOf(sql, actor, network), paging.AfterId, paging.Limit + 1), row => row.Id, Informing(sql)));

    private static ProblemException NoRule(int id) =>
        new(Refusal.NotFound("id", $"there is no rule {id}", "see which there are: sallyport rule list"));

    private static LimitModel? ReadLimit(LimitInput? input, LimitModel? before, string? effect, ProblemList problems)
    {
        if (input is not null && effect == "deny")
        {
            problems.Add("limit", "a rule that denies lets nothing pass that could be limited", "leave the limit out");
        }

        return LimitReading.Read(input, before, problems);
    }

    private static string Spoken(RuleTarget target) => target.Text.Replace(':', ' ').Replace("-group ", " group ", StringComparison.Ordinal);

    private static RuleTarget? ReadTarget(Change change, RuleCreate input, ProblemList problems)
    {
        const string Prefix = "application:";
        const string GroupPrefix = "application-group:";
        var text = input.To;
        if (text is not null && text.StartsWith(GroupPrefix, StringComparison.Ordinal))
        {
            return ReadGroup(change, text[GroupPrefix.Length..], input.FromNetwork ?? NetworkOfSubject(change, input.From), problems);
        }

        if (text is null || !text.StartsWith(Prefix, StringComparison.Ordinal))
        {
            var hint = string.IsNullOrEmpty(text) || text.Contains(':', StringComparison.Ordinal)
                ? "write application:NAME or application-group:NAME" : $"did you mean {Prefix}{Label.Shorten(text)}?";
            problems.Add("to", text is null ? "the application is missing" : $"'{Label.Shorten(text)}' is not an application", hint);
            return null;
        }

        var application = Lookup.Application(change.Sql, text[Prefix.Length..]).OrProblem("to", problems);
        if (application is not null)
        {
            change.Actor.Require(Right.Change, application.NetworkId);
        }

        return application is null ? null : new RuleTarget(application.NetworkId, application.Network, application, null);
    }

    /// <summary>
    /// "scada.plant-a", or "scada" in the subject's network where that has such a group, else in the only one that has. Where none has it is the
    /// subject's: it may be empty still.
    /// </summary>
    private static RuleTarget? ReadGroup(Change change, string text, string? subjects, ProblemList problems)
    {
        var dot = text.IndexOf('.', StringComparison.Ordinal);
        var group = dot < 0 ? text : text[..dot];
        if (!Label.Check(group, "to", problems))
        {
            return null;
        }

        var having = change.Sql.Query<string>(
            "SELECT DISTINCT n.name FROM applications a JOIN networks n ON n.id = a.network_id, json_each(a.groups) g WHERE g.value = @group ORDER BY n.name",
            new { group }).AsList();
        var name = dot >= 0 ? text[(dot + 1)..] : having.Count == 0 || (subjects is not null && having.Contains(subjects)) ? subjects : having.Count == 1 ? having[0] : null;
        if (name is null)
        {
            problems.Add(
                "to",
                having.Count == 0 ? $"no application is in a group '{group}', so that its network must be said" : $"{having.Count} networks have applications in a group '{group}'",
                $"say which network: application-group:{group}.{(having.Count == 0 ? "NETWORK" : having[0])}");
            return null;
        }

        var network = Lookup.Network(change.Sql, name).OrProblem("to", problems);
        if (network is null)
        {
            return null;
        }

        change.Actor.Require(Right.Change, network.Id);
        return new RuleTarget(network.Id, network.Name, null, group);
    }

    private static string? NetworkOfSubject(Change change, string? from)
    {
        var parts = from?.Split(':', 2);
        return parts is ["device" or "site", var name] ? Lookup.Identity(change.Sql, parts[0], name).Value?.Network
            : parts is [HostIdentity.Kind or "network", var network] ? network.Split('.')[0] : null;
    }

    private static SubjectInput? ReadSubject(
        Change change, string? text, string? fromNetwork, RuleTarget? target, ProblemList problems)
    {
        var network = fromNetwork is null ? null : Lookup.Network(change.Sql, fromNetwork).OrProblem("fromNetwork", problems);
        var colon = text?.IndexOf(':', StringComparison.Ordinal) ?? -1;
        if (string.IsNullOrEmpty(text) || colon < 0)
        {
            problems.Add(
                "from",
                string.IsNullOrEmpty(text) ? "the subject is missing" : $"'{Label.Shorten(text)}' does not say what it is",
                string.IsNullOrEmpty(text) ? SubjectHint : Lookup.HintOfKind(change.Sql, text));
            return null;
        }

        if (fromNetwork is not null && network is null)
        {
            return null;
        }

        var kind = text[..colon];
        var name = text[(colon + 1)..];
        switch (kind)
        {
            case "device" or "site":
                return ReadIdentity(change, kind, name, network, target, problems);
            case HostIdentity.Kind:
                return ReadHost(change, name, target, problems);
            case "network":
                return ReadNetwork(change, name, network, target, problems);
            case "group":
                return Label.Check(name, "from", problems) ? OfMembers(change, kind, name, network, target, problems) : null;
            case "label":
                return OfMembers(change, kind, RuleSubject.ReadLabels(name, "from", problems), network, target, problems);
            default:
                var near = Nearest.Hint(kind, SubjectKinds);
                problems.Add("from", $"'{Label.Shorten(kind)}' cannot be a subject", near.Length > 0 ? near : SubjectHint);
                return null;
        }
    }

    private static SubjectInput? ReadIdentity(
        Change change, string kind, string name, NetworkRow? network, RuleTarget? target, ProblemList problems)
    {
        // A name that two networks have means the one in the network that is said, or in the application's.
        var home = network?.Name ?? target?.Network;
        var local = home is null || name.Contains('.', StringComparison.Ordinal) ? [] : IdentityRow.FindByName(change.Sql, kind, name, home);
        var reference = network is null || name.Contains('.', StringComparison.Ordinal) ? name : $"{name}.{network.Name}";
        var identity = local.Count == 1 ? local[0] : Lookup.Identity(change.Sql, kind, reference).OrProblem("from", problems);
        if (identity is null || target is null)
        {
            return null;
        }

        if (network is not null && identity.NetworkId != network.Id)
        {
            problems.Add("fromNetwork", $"{kind} {identity.Name} is in network {identity.Network}, not in {network.Name}", "leave it out, or name another");
        }

        if (identity.Id == target.Application?.OwnerId)
        {
            problems.Add("from", $"{identity.Kind} {identity.Name} carries {Spoken(target)} itself", "what it does at home does not pass the gateway");
        }

        change.Actor.Require(Right.Change, identity.NetworkId);
        return new SubjectInput(identity.Kind, identity.Id, "", identity.NetworkId == target.NetworkId ? null : identity.NetworkId);
    }

    /// <summary>The gateway host opens flows to devices where a rule says so; it is made part of the network by it.</summary>
    private static SubjectInput? ReadHost(Change change, string name, RuleTarget? target, ProblemList problems)
    {
        var network = Lookup.Network(change.Sql, name).OrProblem("from", problems);
        if (network is null || target is null)
        {
            return null;
        }

        change.Actor.Require(Right.Change, network.Id);
        if (EgressNetwork.Is(network))
        {
            problems.Add("from", "nobody beyond the gateway host opens flows to members", "name a device, a site, or the host in a network of members");
            return null;
        }

        if (network.Id != target.NetworkId)
        {
            problems.Add("from", $"the gateway host reaches {Spoken(target)} as host:{target.Network}", $"write host:{target.Network}");
            return null;
        }

        if (HostIdentity.Ensure(change, network, "from", problems) is not { } host)
        {
            return null;
        }

        if (host.Id == target.Application?.OwnerId)
        {
            problems.Add("from", $"the gateway host carries {Spoken(target)} itself", "what it does at home does not pass the gateway");
        }

        return new SubjectInput(host.Kind, host.Id, "", null);
    }

    private static SubjectInput? ReadNetwork(
        Change change, string name, NetworkRow? said, RuleTarget? target, ProblemList problems)
    {
        var network = Lookup.Network(change.Sql, name).OrProblem("from", problems);
        if (network is not null && said is not null && network.Id != said.Id)
        {
            problems.Add("fromNetwork", $"from says network {network.Name}", "leave one of the two out");
        }

        return network is null ? null : OfMembers(change, "network", "", network, target, problems);
    }

    /// <param name="network">Null for the application's.</param>
    private static SubjectInput? OfMembers(Change change, string kind, string name, NetworkRow? network, RuleTarget? target, ProblemList problems)
    {
        if (target is null)
        {
            return null;
        }

        change.Actor.Require(Right.Change, network?.Id ?? target.NetworkId);
        if (EgressNetwork.Is(network ?? NetworkRow.Find(change.Sql, target.Network)!))
        {
            var isSaid = kind == "network" || network is not null;
            problems.Add(
                isSaid ? "from" : "fromNetwork", isSaid ? "nobody is a member of what lies beyond the gateway host" : $"it is not said of which network the {kind} is",
                kind == "network" ? "name the network of the devices: network:NAME" : $"nobody is a member of {Egress.Name}: say whose {kind} is meant: fromNetwork=NETWORK");
            return null;
        }

        return new SubjectInput(kind, null, name, network is null || network.Id == target.NetworkId ? null : network.Id);
    }

    private static string SubjectOf(int id) => string.Create(CultureInfo.InvariantCulture, $"rule:{id}");

    /// <summary>Who is retired does not come back, and is no subject of a rule any more.</summary>
    public Func<RuleRow, RuleInfo> Informing(SqliteConnection sql)
    {
        var retired = IdentityRow.Retired(sql);
        return row => row.ToInfo(CountSubjects(row), time.GetUtcNow(), volumes.Used("rule", row.Id, row.Limit));

        int CountSubjects(RuleRow row)
        {
            var subject = row.ToSubject();
            // A host that the rule itself brings in is not yet in the state of the last commit.
            return row.SubjectKind == HostIdentity.Kind ? 1
                : feed.State.Identities.Values.Count(identity => subject.Speaks(identity) && !retired.Contains(identity.Id));
        }
    }

    private static JsonObject Describe(RuleRow row) => new()
    {
        ["from"] = $"{row.SubjectKind}:{row.Subject}",
        ["fromNetwork"] = row.IsAcross ? row.SubjectNetwork : null,
        ["to"] = $"{row.Target}.{row.Network}",
        ["effect"] = row.Effect == "allow" ? null : row.Effect,
        ["time"] = RuleTimes.Describe(row.Until, Column.List(row.WindowsJson)) is { Length: > 0 } said ? said : null,
        ["conditions"] = RuleConditionInput.Describe(row.Conditions) is { Length: > 0 } asked ? asked : null,
        ["limit"] = LimitReading.Describe(row.Limit) is { Length: > 0 } limit ? limit : null,
    };

    /// <summary>Whom a rule speaks of: one identity, or members of a network.</summary>
    /// <param name="NetworkId">Null for that of the application.</param>
    private sealed record SubjectInput(string Kind, int? IdentityId, string Name, int? NetworkId);
}
