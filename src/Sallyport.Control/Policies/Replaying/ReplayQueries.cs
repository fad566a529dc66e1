using System.Globalization;
using System.Text;
using Microsoft.Data.Sqlite;
using Sallyport.Api.Policy;
using Sallyport.Control.Changes;
using Sallyport.Control.FleetFiles;
using Sallyport.Control.Flows;
using Sallyport.Control.Http;
using Sallyport.Control.Identities;
using Sallyport.Control.Store;
using Sallyport.Control.Tunnels;
using Sallyport.Control.Users;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Policies.Replaying;

/// <summary>Runs drafts against what was recorded.</summary>
internal sealed class ReplayQueries(
    Database database, TrafficDatabase traffic, Drafts drafts, FleetFileCommands files, RuleCommands rules, CountryTable countries,
    TunnelRegistry tunnels, TimeProvider time)
{
    private const int DaysDefault = 7;
    private const int DaysMax = 366;
    private const int LimitDefault = 1_000;
    private const int LimitMax = 10_000;

    private const int EditsMax = 1_000;

    public async Task<ReplayReport> ReplayAsync(Actor actor, ReplayRequest request, CancellationToken cancel)
    {
        var problems = new ProblemList();
        var days = Observation.ReadDays(request.Days, DaysDefault, DaysMax, problems);
        if (request.Limit is < 1 or > LimitMax)
        {
            problems.Add("limit", $"{request.Limit} is out of range", $"use 1 to {LimitMax}");
        }

        if ((request.AddRules?.Count ?? 0) + (request.RemoveRules?.Count ?? 0) > EditsMax)
        {
            problems.Add("addRules", "the draft has too many changes", $"use at most {EditsMax}");
        }

        if (request.File is not null && (request.AddRules is { Count: > 0 } || request.RemoveRules is { Count: > 0 }))
        {
            problems.Add("file", "changes of rules are given beside a file", "put them into the file, or leave it out");
        }

        problems.ThrowIfAny();
        var networkId = database.Read(sql => Scope.NetworkOf(sql, actor, request.Network));
        var draft = request.File is null
            ? await drafts.OfAsync(actor, change => Edit(change, request), cancel)
            : await files.DraftAsync(actor, Encoding.UTF8.GetBytes(request.File), request.Prune ?? false, cancel);
        return Run(draft, days, networkId, request.Limit ?? LimitDefault, cancel);
    }

    /// <summary>The same for a draft that was made elsewhere.</summary>
    public ReplayReport Run(Draft draft, int days, int? networkId, int limit, CancellationToken cancel)
    {
        var since = time.GetUtcNow() - TimeSpan.FromDays(days);
        var replay = new Replay(draft.Before, draft.After, countries, tunnels.SituationOf);
        var tally = new ReplayTally(draft);
        foreach (var flow in RecordedFlows.Since(traffic.Database, new Instant(since.ToUnixNanoseconds()), networkId))
        {
            cancel.ThrowIfCancellationRequested();
            tally.Add(flow, replay.Judge(flow));
        }

        return database.Read(sql => tally.Report(since, limit, id => StateOf(sql, draft, id)));
    }

    /// <summary>"device:pump-17 is quarantined: management".</summary>
    private static string StateOf(SqliteConnection sql, Draft draft, int id)
    {
        if (IdentityRow.Find(sql, id) is not { } row)
        {
            return draft.Before.Identities.TryGetValue(id, out var known) ? $"{known.Kind}:{known.Name} is no more" : $"#{id} is no more";
        }

        return $"{row.Kind}:{draft.Before.ReferenceTo(row.Kind, row.Name, row.NetworkId)} is {row.Standing}";
    }

    private void Edit(Change change, ReplayRequest request)
    {
        // What is removed first makes room for the same rule with other hours.
        foreach (var (i, id) in (request.RemoveRules ?? []).Index())
        {
            Prefixing(string.Create(CultureInfo.InvariantCulture, $"removeRules[{i}]"), () => RuleCommands.Delete(change, id));
        }

        foreach (var (i, rule) in (request.AddRules ?? []).Index())
        {
            Prefixing(string.Create(CultureInfo.InvariantCulture, $"addRules[{i}]"), () => rules.Create(change, rule));
        }
    }

    /// <summary>What is wrong with a part says in which part it is.</summary>
    private static void Prefixing(string part, Action act)
    {
        try
        {
            act();
        }
        catch (ProblemException e)
        {
            var errors = e.Problem.Errors.Select(error => error with { Field = error.Field == "id" ? part : $"{part}.{error.Field}" });
            throw new ProblemException(e.Problem with { Errors = [.. errors], Status = e.Problem.Status == 404 ? 422 : e.Problem.Status });
        }
    }
}
