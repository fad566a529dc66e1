using System.Globalization;
using System.Text.Json.Nodes;
using Dapper;
using Sallyport.Api.Locks;
using Sallyport.Api.Paging;
using Sallyport.Control.Changes;
using Sallyport.Control.Http;
using Sallyport.Control.Identities;
using Sallyport.Control.Names;
using Sallyport.Control.Nodes;
using Sallyport.Control.Policies;
using Sallyport.Control.Store;
using Sallyport.Control.Users;

namespace Sallyport.Control.Locks;

internal sealed class LockCommands(Commands commands, Database database, Cuts cuts, LockKeeper keeper)
{
    /// <summary>Answers when the gateways have cut what it locks, or after the bounded wait.</summary>
    public async Task<LockInfo> CreateAsync(Actor actor, LockCreate input, Idempotency? idempotency, CancellationToken cancel)
    {
        ReasonInput.Check(input.Reason);
        LockRow? made = null;
        var committed = commands.RunCreate(
            actor,
            idempotency,
            change =>
            {
                made = Create(change, input);
                return (made.Id, made.ToInfo(change.Sql));
            },
            (change, id) => LockRow.Find(change.Sql, id)?.ToInfo(change.Sql),
            isFirst: true);
        var info = committed.Value;
        keeper.Look();
        if (made is null || info.Subjects == 0)
        {
            return info;
        }

        var cut = await cuts.EnforceAsync(
            new CutSubject(made.SubjectKind, made.Subject, "locked", "lock.add", SubjectOf(made.Id)), committed.Version, committed.At, cancel);
        return info with { Cut = cut };
    }

    public void Delete(Actor actor, int id) => commands.Run(actor, change =>
    {
        var row = LockRow.Find(change.Sql, id) ?? throw NoLock(id);
        RequireChange(change, row.SubjectKind, row.SubjectId, row.NetworkId);
        Remove(change, row, "lock.remove");
        return true;
    });

    public LockInfo Get(Actor actor, int id) => database.Read(sql =>
    {
        var row = LockRow.Find(sql, id) ?? throw NoLock(id);
        // One of all networks concerns each.
        actor.RequireAny(Right.See, row.NetworkId ?? actor.NetworkId, row.SubjectKind == "rule" ? RuleRow.Find(sql, row.SubjectId!.Value)?.SubjectNetworkId : row.NetworkId);
        return row.ToInfo(sql);
    });

    public Page<LockInfo> List(Actor actor, string? network, Paging paging) => database.Read(sql => paging.PageOf(
        LockRow.List(sql, Scope.NetworkOf(sql, actor, network), paging.AfterId, paging.Limit + 1), row => row.Id, row => row.ToInfo(sql)));

    /// <summary>What it cut off may come again.</summary>
    internal static void Remove(Change change, LockRow row, string action)
    {
        change.Sql.Execute("DELETE FROM locks WHERE id = @Id", new { row.Id });
        Touch(change, row);
        change.Audit(action, SubjectOf(row.Id), Describe(row));
    }

    /// <summary>Of an identity and its credentials, an application or a whole network that is about to be deleted.</summary>
    internal static void RemoveAllOn(Change change, ChangeKind kind, int id)
    {
        foreach (var row in LockRow.On(change.Sql, kind, id))
        {
            change.Sql.Execute("DELETE FROM locks WHERE id = @Id", new { row.Id });
            change.Audit("lock.remove", SubjectOf(row.Id), Describe(row));
        }
    }

    private static LockRow Create(Change change, LockCreate input)
    {
        var problems = new ProblemList();
        var network = input.Network is null ? null : Lookup.Network(change.Sql, input.Network).OrProblem("network", problems);
        var subject = LockSubject.Read(change.Sql, input.Subject, network?.Id ?? change.Actor.NetworkId, problems);
        if (network is not null && subject is { Id: not null } && subject.NetworkId != network.Id)
        {
            problems.Add("network", $"{subject.Kind} {subject.Name} is not in network {network.Name}", "leave the network out");
        }

        var until = RuleTimes.ReadUntil(input.Until, input.For, change.Now, problems);
        problems.ThrowIfAny();
        RequireChange(change, subject!.Kind, subject.Id, subject.NetworkId);
        var id = change.Sql.ExecuteScalar<int>(
            """
            INSERT INTO locks (subject_kind, subject_id, subject, labels, network_id, reason, until, created_at, created_by)
            VALUES (@Kind, @subjectId, @Name, @labels, @NetworkId, @Reason, @until, @Now, @by) RETURNING id
            """,
            new
            {
                subject.Kind,
                subjectId = subject.Id,
                subject.Name,
                labels = Column.Of(subject.Labels),
                subject.NetworkId,
                input.Reason,
                until,
                change.Now,
                by = change.Actor.Name,
            });
        var row = LockRow.Find(change.Sql, id)!;
        Touch(change, row);
        change.Audit("lock.add", SubjectOf(id), Describe(row));
        return row;
    }

    private static void RequireChange(Change change, string kind, int? id, int? networkId)
    {
        change.Actor.Require(Right.Change, networkId);
        if (kind == "rule" && RuleRow.Find(change.Sql, id!.Value) is { } rule)
        {
            RuleCommands.RequireChange(change.Actor, rule);
        }
    }

    private static void Touch(Change change, LockRow row)
    {
        foreach (var (kind, id) in row.Touches(change.Sql))
        {
            change.Touch(kind, id);
        }
    }

    private static ProblemException NoLock(int id) =>
        new(Refusal.NotFound("id", $"there is no lock {id}", "see which there are: sallyport lock list"));

    internal static string SubjectOf(int id) => string.Create(CultureInfo.InvariantCulture, $"lock:{id}");

    private static JsonObject Describe(LockRow row) => new()
    {
        ["subject"] = $"{row.SubjectKind}:{row.Subject}",
        ["reason"] = row.Reason,
        ["time"] = row.Until is null ? null : RuleTimes.Describe(row.Until, []),
    };
}
