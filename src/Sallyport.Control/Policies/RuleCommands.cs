using System.Globalization;
using System.Text.Json.Nodes;
using Dapper;
using Microsoft.Data.Sqlite;
using Sallyport.Api.Devices;
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

namespace Sallyport.Control.Policies;

internal sealed class RuleCommands(Commands commands, Database database, ChangeFeed feed, Cuts cuts, TimeProvider time)
{
    private static readonly string[] Effects = ["allow", "deny"];
    private static readonly string[] SubjectKinds = ["device", "site", "host", "group", "label", "network"];
    private const string SubjectHint = "write device:NAME, site:NAME, host:NETWORK, group:NAME, label:KEY=VALUE or network:NAME";

    /// <summary>Answers for a rule that denies when the gateways have cut what it denies, or after the bounded wait.</summary>
    public async Task<RuleInfo> CreateAsync(Actor actor, RuleCreate input, Idempotency? idempotency, CancellationToken cancel)
    {
        RuleRow? made = null;
        var info = Create(actor, input, idempotency, row => made = row);
        if (made is not { Effect: "deny" })
        {
            return info;
        }

        var subject = new CutSubject("rule", info.Id.ToString(CultureInfo.InvariantCulture), "added", "rule.create", SubjectOf(info.Id));
        return info with { Cut = await cuts.EnforceAsync(subject, feed.State.Version, made.CreatedAt, cancel) };
    }

    private RuleInfo Create(Actor actor, RuleCreate input, Idempotency? idempotency, Action<RuleRow> made)
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
            (change, id) => RuleRow.Find(change.Sql, id) is { } made ? Informing(change.Sql)(made) : null);
    }

    /// <summary>Changes when it is in force. Answers when the gateways have cut what it does not allow any more, or after the bounded wait.</summary>
    public async Task<RuleInfo> UpdateAsync(Actor actor, int id, RuleUpdate input, long? revision, CancellationToken cancel)
    {
        var committed = commands.Run(actor, change => Update(change, id, input, revision));
        var subject = new CutSubject("rule", id.ToString(CultureInfo.InvariantCulture), "changed", "rule.update", SubjectOf(id));
        var cut = await cuts.EnforceAsync(subject, committed.Version, committed.At, cancel);
        return database.Read(sql => Informing(sql)(committed.Value)) with { Cut = cut };
    }

    /// <summary>As part of a command.</summary>
    internal static RuleRow Create(Change change, RuleCreate input)
    {
        var problems = new ProblemList();
        var application = ReadTarget(change, input.To, problems);
        var subject = ReadSubject(change, input.From, input.FromNetwork, application, problems);
        var effect = input.Effect is null ? "allow" : NetworkInput.ReadOne(input.Effect, "effect", "effect", Effects, problems);
        var until = RuleTimes.ReadUntil(input.Until, input.For, change.Now, problems);
        var windows = RuleTimes.ReadWindows(input.Windows ?? [], problems);
        problems.ThrowIfAny();
        var (kind, identityId, name, networkId) = subject!;
        if (RuleRow.FindSame(change.Sql, application!.Id, kind, identityId, name, networkId, effect!) is { } same)
        {
            throw new ProblemException(Refusal.Conflict(
                "from",
                $"rule {same.Id} already {(effect == "deny" ? $"denies {input.From}" : $"allows {input.From} to reach")} application {application.Name}; nothing was changed",
                same.Until is null && same.WindowsJson == "[]" ? "nothing is left to do" : $"to change its time: sallyport rule update {same.Id}"));
        }

        var id = change.Sql.ExecuteScalar<int>(
            """
            INSERT INTO rules (application_id, subject_kind, subject_id, subject, network_id, effect, until, windows, created_at, revision)
            VALUES (@applicationId, @kind, @identityId, @name, @networkId, @effect, @until, @windows, @Now, 1) RETURNING id
            """,
            new { applicationId = application.Id, kind, identityId, name, networkId, effect, until, windows = Column.Of(windows), change.Now });
        var row = RuleRow.Find(change.Sql, id)!;
        change.Touch(ChangeKind.Rule, id);
        change.Audit("rule.create", SubjectOf(id), Describe(row));
        return row;
    }

    /// <summary>The rule of the same subject, application and effect; null where nothing is, or where the input names what does not exist.</summary>
    internal static RuleRow? FindSame(Change change, RuleCreate input)
    {
        var problems = new ProblemList();
        var application = ReadTarget(change, input.To, problems);
        return ReadSubject(change, input.From, input.FromNetwork, application, problems) is { } subject && application is not null && !problems.Any
            ? RuleRow.FindSame(change.Sql, application.Id, subject.Kind, subject.IdentityId, subject.Name, subject.NetworkId, input.Effect ?? "allow")
            : null;
    }

    /// <summary>As part of a command.</summary>
    internal static RuleRow Update(Change change, int id, RuleUpdate input, long? revision)
    {
        var row = RuleRow.Find(change.Sql, id) ?? throw NoRule(id);
        change.Actor.Require(Right.Change, row.NetworkId);
        Revisions.Check($"rule {id}", row.Revision, revision);
        var problems = new ProblemList();
        if (input.NoEnd == true && (input.Until is not null || input.For is not null))
        {
            problems.Add("noEnd", "an end is given beside it", "give one of the two");
        }

        var until = RuleTimes.ReadUntil(input.Until, input.For, change.Now, problems) ?? (input.NoEnd == true ? null : row.Until);
        var windows = input.Windows is null ? Column.List(row.WindowsJson) : RuleTimes.ReadWindows(input.Windows, problems);
        problems.ThrowIfAny();
        change.Sql.Execute(
            "UPDATE rules SET until = @until, windows = @windows, revision = revision + 1 WHERE id = @id",
            new { until, windows = Column.Of(windows), id });
        var updated = RuleRow.Find(change.Sql, id)!;
        change.Touch(ChangeKind.Rule, id);
        change.Audit("rule.update", SubjectOf(id), Describe(updated));
        return updated;
    }

    /// <summary>Answers when the gateways have cut what only this rule allowed, or after the bounded wait.</summary>
    public Task<CutResult> DeleteAsync(Actor actor, int id, CancellationToken cancel)
    {
        var committed = commands.Run(actor, change => Delete(change, id));
        var subject = new CutSubject("rule", id.ToString(CultureInfo.InvariantCulture), "removed", "rule.delete", SubjectOf(id));
        return cuts.EnforceAsync(subject, committed.Version, committed.At, cancel);
    }

    /// <summary>As part of a command.</summary>
    internal static RuleRow Delete(Change change, int id)
    {
        var row = RuleRow.Find(change.Sql, id) ?? throw NoRule(id);
        change.Actor.Require(Right.Change, row.NetworkId);
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
        actor.Require(Right.See, row.NetworkId);
        return Informing(sql)(row);
    });

    public Page<RuleInfo> List(Actor actor, string? network, Paging paging) => database.Read(sql => paging.PageOf(
        RuleRow.List(sql, Scope.NetworkOf(sql, actor, network), paging.AfterId, paging.Limit + 1), row => row.Id, Informing(sql)));

    private static ProblemException NoRule(int id) =>
        new(Refusal.NotFound("id", $"there is no rule {id}", "see which there are: sallyport rule list"));

    private static ApplicationRow? ReadTarget(Change change, string? text, ProblemList problems)
    {
        const string Prefix = "application:";
        if (text is null || !text.StartsWith(Prefix, StringComparison.Ordinal))
        {
            var hint = string.IsNullOrEmpty(text) || text.Contains(':', StringComparison.Ordinal)
                ? "write application:NAME" : $"did you mean {Prefix}{Label.Shorten(text)}?";
            problems.Add("to", text is null ? "the application is missing" : $"'{Label.Shorten(text)}' is not an application", hint);
            return null;
        }

        var application = Lookup.Application(change.Sql, text[Prefix.Length..]).OrProblem("to", problems);
        if (application is not null)
        {
            change.Actor.Require(Right.Change, application.NetworkId);
        }

        return application;
    }

    private static SubjectInput? ReadSubject(
        Change change, string? text, string? fromNetwork, ApplicationRow? application, ProblemList problems)
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
                return ReadIdentity(change, kind, name, network, application, problems);
            case HostIdentity.Kind:
                return ReadHost(change, name, application, problems);
            case "network":
                return ReadNetwork(change, name, network, application, problems);
            case "group":
                return Label.Check(name, "from", problems) ? OfMembers(change, kind, name, network, application) : null;
            case "label":
                var equals = name.IndexOf('=', StringComparison.Ordinal);
                IdentityInput.CheckLabel("from", equals < 0 ? name : name[..equals], equals < 0 ? null : name[(equals + 1)..], problems);
                return OfMembers(change, kind, name, network, application);
            default:
                var near = Nearest.Hint(kind, SubjectKinds);
                problems.Add("from", $"'{Label.Shorten(kind)}' cannot be a subject", near.Length > 0 ? near : SubjectHint);
                return null;
        }
    }

    private static SubjectInput? ReadIdentity(
        Change change, string kind, string name, NetworkRow? network, ApplicationRow? application, ProblemList problems)
    {
        // A name that two networks have means the one in the network that is said, or in the application's.
        var home = network?.Name ?? application?.Network;
        var local = home is null || name.Contains('.', StringComparison.Ordinal) ? [] : IdentityRow.FindByName(change.Sql, kind, name, home);
        var reference = network is null || name.Contains('.', StringComparison.Ordinal) ? name : $"{name}.{network.Name}";
        var identity = local.Count == 1 ? local[0] : Lookup.Identity(change.Sql, kind, reference).OrProblem("from", problems);
        if (identity is null || application is null)
        {
            return null;
        }

        if (network is not null && identity.NetworkId != network.Id)
        {
            problems.Add("fromNetwork", $"{kind} {identity.Name} is in network {identity.Network}, not in {network.Name}", "leave it out, or name another");
        }

        if (identity.Id == application.OwnerId)
        {
            problems.Add("from", $"{identity.Kind} {identity.Name} carries application {application.Name} itself", "what it does at home does not pass the gateway");
        }

        change.Actor.Require(Right.Change, identity.NetworkId);
        return new SubjectInput(identity.Kind, identity.Id, "", identity.NetworkId == application.NetworkId ? null : identity.NetworkId);
    }

    /// <summary>The gateway host opens flows to devices where a rule says so; it is made part of the network by it.</summary>
    private static SubjectInput? ReadHost(Change change, string name, ApplicationRow? application, ProblemList problems)
    {
        var network = Lookup.Network(change.Sql, name).OrProblem("from", problems);
        if (network is null || application is null)
        {
            return null;
        }

        change.Actor.Require(Right.Change, network.Id);
        if (EgressNetwork.Is(network))
        {
            problems.Add("from", "nobody beyond the gateway host opens flows to members", "name a device, a site, or the host in a network of members");
            return null;
        }

        if (network.Id != application.NetworkId)
        {
            problems.Add(
                "from", $"the gateway host reaches application {application.Name} as host:{application.Network}", $"write host:{application.Network}");
            return null;
        }

        if (HostIdentity.Ensure(change, network, "from", problems) is not { } host)
        {
            return null;
        }

        if (host.Id == application.OwnerId)
        {
            problems.Add("from", $"the gateway host carries application {application.Name} itself", "what it does at home does not pass the gateway");
        }

        return new SubjectInput(host.Kind, host.Id, "", null);
    }

    private static SubjectInput? ReadNetwork(
        Change change, string name, NetworkRow? said, ApplicationRow? application, ProblemList problems)
    {
        var network = Lookup.Network(change.Sql, name).OrProblem("from", problems);
        if (network is not null && said is not null && network.Id != said.Id)
        {
            problems.Add("fromNetwork", $"from says network {network.Name}", "leave one of the two out");
        }

        return network is null ? null : OfMembers(change, "network", "", network, application);
    }

    /// <param name="network">Null for the application's.</param>
    private static SubjectInput? OfMembers(Change change, string kind, string name, NetworkRow? network, ApplicationRow? application)
    {
        if (application is null)
        {
            return null;
        }

        change.Actor.Require(Right.Change, network?.Id ?? application.NetworkId);
        return new SubjectInput(kind, null, name, network is null || network.Id == application.NetworkId ? null : network.Id);
    }

    private static string SubjectOf(int id) => string.Create(CultureInfo.InvariantCulture, $"rule:{id}");

    /// <summary>Who is retired does not come back, and is no subject of a rule any more.</summary>
    public Func<RuleRow, RuleInfo> Informing(SqliteConnection sql)
    {
        var retired = IdentityRow.Retired(sql);
        // A host that the rule itself brings in is not yet in the state of the last commit.
        return row => row.ToInfo(
            row.SubjectKind == HostIdentity.Kind ? 1 : feed.State.Identities.Values.Count(identity => row.SpeaksOf(identity) && !retired.Contains(identity.Id)),
            time.GetUtcNow());
    }

    private static JsonObject Describe(RuleRow row) => new()
    {
        ["from"] = $"{row.SubjectKind}:{row.Subject}",
        ["fromNetwork"] = row.IsAcross ? row.SubjectNetwork : null,
        ["to"] = $"application:{row.Application}.{row.Network}",
        ["effect"] = row.Effect == "allow" ? null : row.Effect,
        ["time"] = RuleTimes.Describe(row.Until, Column.List(row.WindowsJson)) is { Length: > 0 } said ? said : null,
    };

    /// <summary>Whom a rule speaks of: one identity, or members of a network.</summary>
    /// <param name="NetworkId">Null for that of the application.</param>
    private sealed record SubjectInput(string Kind, int? IdentityId, string Name, int? NetworkId);
}
