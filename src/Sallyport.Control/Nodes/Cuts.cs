using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Sallyport.Api.Devices;
using Sallyport.Api.Nodes;
using Sallyport.Control.Audit;
using Sallyport.Control.Changes;
using Sallyport.Control.Policies;
using Sallyport.Control.Store;
using Sallyport.Control.Users;

namespace Sallyport.Control.Nodes;

/// <summary>What is cut, for the answer ("device", "pump-17", "retired") and for the audit trail ("device.revoke", "device:pump-17.plant-a").</summary>
internal sealed record CutSubject(string Kind, string Name, string State, string Action, string AuditSubject)
{
    /// <summary>To cut is what was asked for: it is recorded also where nothing was live. A change may cut, and mostly does not.</summary>
    public bool IsOrder { get; init; } = Action != "fleet.apply" && !Action.EndsWith(".update", StringComparison.Ordinal);
}

/// <summary>Waits until the gateways have enforced a change, and writes what they measured into the audit trail.</summary>
internal sealed partial class Cuts(GatewayLinks links, Commands commands, Database database, ControlOptions options, TimeProvider time, ILogger<Cuts> log)
{
    private const int RecordedRulesMax = 100; // at one moment; each record says how many there were

    private static readonly TimeSpan LateWait = TimeSpan.FromSeconds(60); // beyond, the gateway's own reconnection tells

    public async Task<CutResult> EnforceAsync(CutSubject subject, long version, long committedAt, CancellationToken cancel)
    {
        var waits = links.Connected.Select(link => (link.Name, Task: link.AcknowledgedAsync(version))).ToList();
        // The change is made: whoever asked may go, the record is written all the same.
        await WaitAsync(waits.Select(wait => wait.Task), options.CutWait);
        var cuts = waits.Select(wait => CutOf(wait.Name, wait.Task, committedAt)).ToList();
        var result = ResultOf(subject, committedAt, cuts);
        var away = links.List().Where(gateway => !gateway.Connected && cuts.All(cut => cut.Gateway != gateway.Name)).Select(gateway => gateway.Name).ToList();
        if (away.Count > 0)
        {
            result = result with { Summary = $"{result.Summary} Not connected: {string.Join(", ", away)}; each enforces it when it comes back." };
        }

        Record(subject, version, result, late: false);
        var missing = waits.Where(wait => !wait.Task.IsCompleted).ToList();
        if (missing.Count > 0)
        {
            _ = RecordLateAsync(subject, version, committedAt, missing);
        }

        cancel.ThrowIfCancellationRequested();
        return result;
    }

    /// <summary>What the clock did to rules at one gateway: a record for each of them, as for a change that somebody made.</summary>
    /// <param name="rules">Those of its rules that change at that moment, checked.</param>
    /// <param name="aged">Subjects of which facts stopped to count at that moment: recorded where that cut anything.</param>
    public void RecordSchedule(string gateway, ScheduleReport report, IReadOnlyList<RuleModel> rules, IReadOnlyList<string> aged)
    {
        // After a broken link the last ones are told again.
        var news = rules.Take(RecordedRulesMax)
            .Select(rule => (Action: $"rule.{RuleTimes.WhatHappens(rule, report.DueAt)}.enforced", Subject: string.Create(CultureInfo.InvariantCulture, $"rule:{rule.Id}")))
            .Concat((report.FlowsCut > 0 ? aged.Take(RecordedRulesMax) : []).Select(subject => (Action: $"{subject.Split(':')[0]}.posture.age.enforced", Subject: subject)))
            .Where(one => !database.Read(sql => AuditTrail.HasSchedule(sql, one.Action, one.Subject, gateway, report.DueAt)))
            .ToList();
        if (news.Count > 0)
        {
            commands.Run(Actor.System, change => RecordSchedule(change, gateway, report, news));
        }
    }

    private static bool RecordSchedule(Change change, string gateway, ScheduleReport report, IReadOnlyList<(string Action, string Subject)> rules)
    {
        foreach (var (action, subject) in rules)
        {
            change.Audit(
                action,
                subject,
                new JsonObject
                {
                    ["dueAt"] = report.DueAt,
                    ["gateway"] = gateway,
                    ["enforced"] = true,
                    ["millisecondsToEnforced"] = Milliseconds(report.DueAt, report.AppliedAt),
                    ["millisecondsToLastPacket"] = report.FlowsCut > 0 ? Milliseconds(report.DueAt, report.LastPacketAt) : null,
                    ["flowsCut"] = report.FlowsCut,
                    ["rulesAtOnce"] = report.Rules.Count > 1 ? report.Rules.Count : null,
                });
        }

        return true;
    }

    private async Task RecordLateAsync(CutSubject subject, long version, long committedAt, List<(string Name, Task<Acknowledge> Task)> waits)
    {
        try
        {
            await WaitAsync(waits.Select(wait => wait.Task), LateWait);
            var cuts = waits.Select(wait => CutOf(wait.Name, wait.Task, committedAt)).ToList();
            Record(subject, version, ResultOf(subject, committedAt, cuts), late: true);
        }
        catch (Exception e) when (e is ObjectDisposedException or InvalidOperationException or Microsoft.Data.Sqlite.SqliteException)
        {
            // Control is stopping, and with it the store.
            LogLateRecordLost(log, subject.AuditSubject, e.Message);
        }
    }

    private async Task WaitAsync(IEnumerable<Task> tasks, TimeSpan limit)
    {
        var all = Task.WhenAll(tasks);
        await all.WaitAsync(limit, time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private static GatewayCut CutOf(string name, Task<Acknowledge> task, long committedAt)
    {
        if (!task.IsCompletedSuccessfully)
        {
            return new GatewayCut { Gateway = name, Confirmed = false };
        }

        var acknowledge = task.Result;
        var cutAny = acknowledge.TunnelsCut > 0 || acknowledge.FlowsCut > 0;
        return new GatewayCut
        {
            Gateway = name,
            Confirmed = true,
            MillisecondsToEnforced = Milliseconds(committedAt, acknowledge.AppliedAt),
            MillisecondsToLastPacket = cutAny || acknowledge.LastPacketAt > 0 ? Milliseconds(committedAt, acknowledge.LastPacketAt) : null,
            TunnelsCut = acknowledge.TunnelsCut,
            FlowsCut = acknowledge.FlowsCut,
        };
    }

    /// <summary>What lies before the commit took no time.</summary>
    private static double Milliseconds(long from, long to) => Math.Round(Math.Max(0, to - from) / 1e6, 3);

    private static CutResult ResultOf(CutSubject subject, long committedAt, IReadOnlyList<GatewayCut> cuts)
    {
        var enforced = cuts.Count > 0 && cuts.All(cut => cut.Confirmed);
        var lastPacket = cuts.Max(cut => cut.MillisecondsToLastPacket);
        var tunnels = cuts.Sum(cut => cut.TunnelsCut);
        var flows = cuts.Sum(cut => cut.FlowsCut);
        return new CutResult
        {
            Kind = subject.Kind,
            Name = subject.Name,
            State = subject.State,
            CommittedAt = UnixTime.ToTime(committedAt),
            Enforced = enforced,
            MillisecondsToLastPacket = lastPacket,
            MillisecondsToEnforced = cuts.Max(cut => cut.MillisecondsToEnforced),
            TunnelsCut = tunnels,
            FlowsCut = flows,
            Gateways = cuts,
            Summary = Summary(subject, cuts, lastPacket, tunnels, flows),
        };
    }

    private static string Summary(CutSubject subject, IReadOnlyList<GatewayCut> cuts, double? lastPacket, int tunnels, int flows)
    {
        var head = $"{subject.Kind} {subject.Name} is {subject.State}.";
        if (cuts.Count == 0)
        {
            return head + " No gateway is connected, so nothing was measured; one that runs without us enforces it when it is back, "
                + "and may carry a live tunnel until then.";
        }

        var silent = cuts.Where(cut => !cut.Confirmed).Select(cut => cut.Gateway).ToList();
        var tail = silent.Count == 0 ? "" : $" Not confirmed by {string.Join(", ", silent)} yet.";
        if (silent.Count == cuts.Count)
        {
            return head + tail;
        }

        if (lastPacket is not { } measured)
        {
            return $"{head} It had nothing live.{tail}";
        }

        var last = measured == 0
            ? "no packet passed after the commit"
            : string.Create(CultureInfo.InvariantCulture, $"the last packet passed {measured:0.0} ms after the commit");
        return $"{head} Cut {tunnels} tunnel(s) and {flows} flow(s); {last}.{tail}";
    }

    private void Record(CutSubject subject, long version, CutResult result, bool late)
    {
        if (subject.IsOrder || result.TunnelsCut + result.FlowsCut > 0)
        {
            commands.Run(Actor.System, change => Record(change, subject, version, result, late));
        }
    }

    private static bool Record(Change change, CutSubject subject, long version, CutResult result, bool late)
    {
        var gateways = result.Gateways.Select(cut => (JsonNode)new JsonObject
        {
            ["gateway"] = cut.Gateway,
            ["confirmed"] = cut.Confirmed,
            ["millisecondsToEnforced"] = cut.MillisecondsToEnforced,
            ["millisecondsToLastPacket"] = cut.MillisecondsToLastPacket,
            ["tunnelsCut"] = cut.TunnelsCut,
            ["flowsCut"] = cut.FlowsCut,
        });
        change.Audit(
            subject.Action + ".enforced",
            subject.AuditSubject,
            new JsonObject
            {
                ["version"] = version,
                ["enforced"] = result.Enforced,
                ["late"] = late ? true : null,
                ["millisecondsToEnforced"] = result.MillisecondsToEnforced,
                ["millisecondsToLastPacket"] = result.MillisecondsToLastPacket,
                ["tunnelsCut"] = result.TunnelsCut,
                ["flowsCut"] = result.FlowsCut,
                ["gateways"] = new JsonArray([.. gateways]),
            });
        return true;
    }

    [LoggerMessage(2001, LogLevel.Warning, "The late confirmation for {Subject} could not be recorded: {Why}")]
    private static partial void LogLateRecordLost(ILogger logger, string subject, string why);
}
