using Microsoft.Data.Sqlite;
using Sallyport.Api.Policy;
using Sallyport.Control.Applications;
using Sallyport.Control.Changes;
using Sallyport.Control.Http;
using Sallyport.Control.Identities;
using Sallyport.Control.Locks;
using Sallyport.Control.Names;
using Sallyport.Control.Store;
using Sallyport.Control.Tunnels;
using Sallyport.Control.Users;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Policies.Access;

/// <summary>Who can reach what, for one application, one identity, or all.</summary>
internal sealed class ReachQueries(Database database, ChangeFeed feed, PolicyModels models, TunnelRegistry tunnels, TimeProvider time)
{
    /// <param name="to">"application:historian".</param>
    /// <param name="service">"tcp/8883"; null for all that it offers.</param>
    public ReachPage WhoCanReach(Actor actor, string? to, string? service, string? at, Paging paging)
    {
        var problems = new ProblemList();
        var row = database.Read(sql => ReadApplication(sql, to, problems));
        var services = service is null ? null : ApplicationInput.ReadServices([service], problems).SelectMany(NetworkPolicy.Services).ToList();
        problems.ThrowIfAny();
        actor.Require(Right.See, row!.NetworkId);
        var question = Ask(at);
        var application = question.Model.Application(row.Id);
        var networks = question.Map.NetworksAround(row.NetworkId);
        var identities = application is null ? [] : question.Model.Identities.Where(identity => networks.Contains(identity.NetworkId));
        return question.Page(
            paging,
            identities,
            identity => identity.Id,
            identity => Only(question.Questions.ReachOf(identity, application!, question.Now).Where(reach => question.IsOfIt(reach)), services),
            () => application is null ? [] : NotesOn(question, row, application));
    }

    /// <param name="from">"device:pump-17", "site:hq" or "host:plant-a".</param>
    public ReachPage ReachOf(Actor actor, string? from, string? at, Paging paging)
    {
        var problems = new ProblemList();
        var row = database.Read(sql => OwnerInput.Read(sql, from, "from", problems));
        problems.ThrowIfAny();
        actor.Require(Right.See, row!.NetworkId);
        var question = Ask(at);
        var identity = question.Model.Identity(row.Id);
        return question.Page(
            paging,
            identity is null ? [] : question.Map.ApplicationsFor(identity),
            application => application.Id,
            application => question.Questions.ReachOf(identity!, application, question.Now).Where(reach => reach.Decision.ApplicationId == application.Id),
            () => database.Read(sql => NotesOn(sql, row)));
    }

    public ReachPage Access(Actor actor, string? network, string? at, Paging paging)
    {
        var networkId = database.Read(sql => Scope.NetworkOf(sql, actor, network));
        var question = Ask(at);
        return question.Page(
            paging, question.IdentitiesIn(networkId), identity => identity.Id, identity => question.Questions.ReachOf(identity, question.Now), () => []);
    }

    /// <summary>All rows as lines of CSV, one after another: as much as is asked for is made.</summary>
    public IEnumerable<string> AccessCsv(Actor actor, string? network, string? at)
    {
        var networkId = database.Read(sql => Scope.NetworkOf(sql, actor, network));
        var question = Ask(at);
        return question.IdentitiesIn(networkId).SelectMany(identity => question.Rows(question.Questions.ReachOf(identity, question.Now)))
            .Select(Csv)
            .Prepend(CsvText.Line("network", "from", "application", "application_network", "services", "destinations", "except", "rule", "permission", "via", "now", "opens", "closes", "names"));
    }

    private static string Csv(ReachInfo row) => CsvText.Line(
        row.Network,
        row.From,
        row.Application,
        row.ApplicationNetwork,
        string.Join(' ', row.Services),
        string.Join(' ', row.Destinations),
        string.Join(' ', row.Except),
        row.RuleId.ToString(System.Globalization.CultureInfo.InvariantCulture),
        row.Rule,
        row.Via,
        row.Now ? "yes" : "no",
        row.Opens?.UtcDateTime.ToString("O"),
        row.Closes?.UtcDateTime.ToString("O"),
        string.Join(' ', row.Names));

    private Question Ask(string? at)
    {
        var problems = new ProblemList();
        var moment = AskedTime.Read(at, time, problems);
        problems.ThrowIfAny();
        var fleet = feed.State;
        return new Question(fleet, models.Of(fleet), tunnels.SituationOf, moment);
    }

    private static IEnumerable<Core.Policy.Reach> Only(IEnumerable<Core.Policy.Reach> reached, IReadOnlyList<Service>? services) =>
        services is null ? reached : ReachRows.Within(reached, services);

    private static ApplicationRow? ReadApplication(SqliteConnection sql, string? text, ProblemList problems)
    {
        const string Prefix = "application:";
        if (string.IsNullOrEmpty(text))
        {
            problems.Add("to", "the application is missing", "write application:NAME");
            return null;
        }

        return Lookup.Application(sql, text.StartsWith(Prefix, StringComparison.Ordinal) ? text[Prefix.Length..] : text).OrProblem("to", problems);
    }

    /// <summary>What keeps everybody out, or will.</summary>
    private IReadOnlyList<string> NotesOn(Question question, ApplicationRow row, Application application)
    {
        var notes = new List<string>();
        var owner = question.Model.Identity(application.OwnerId);
        if (application.Locked)
        {
            notes.Add($"Application {row.Name} is locked: nobody reaches it.");
        }

        if (question.Map.CellsOf(application).IsEmpty)
        {
            notes.Add($"{row.OwnerKind} {row.Owner} does not carry {row.Target}.");
        }

        if (owner is { Active: false })
        {
            notes.Add($"{row.OwnerKind} {row.Owner}, which carries it, is not active: nobody reaches it.");
        }
        else if (owner is not null && !owner.Leaves(application))
        {
            notes.Add($"{row.OwnerKind} {row.Owner}, which carries it, is quarantined ({QuarantineWords.All[(int)owner.Quarantine - 1]}): nobody reaches it.");
        }
        else if (row.OwnerKind != HostIdentity.Kind && tunnels.PresenceOf(row.OwnerId).Presence == "offline")
        {
            notes.Add($"{row.OwnerKind} {row.Owner}, which carries it, is offline: nothing arrives until it connects.");
        }

        var locked = database.Read(sql => RuleRow.LeadingTo(sql, row.Id)).Where(rule => rule.IsLocked).ToList();
        notes.AddRange(locked.Select(rule => $"Rule {rule.Id} ({rule.SubjectKind}:{rule.Subject} to {rule.Target}) is locked: it lets nobody reach it."));
        if (question.Map.RulesOf(application.Id).Count == 0 && locked.Count == 0)
        {
            notes.Add($"No rule leads to application {row.Name}.");
        }

        return notes;
    }

    private static IReadOnlyList<string> NotesOn(SqliteConnection sql, IdentityRow row)
    {
        var state = row.Kind == HostIdentity.Kind || row.State == IdentityStates.Active ? null : $"{row.Kind} {row.Name} is {row.State}{LeftTo(row)}";
        var locks = LockRow.Concerning(sql, row.Locks, 0, []).Select(one => $"Lock {one.Id} is on {one.SubjectKind}:{one.Subject}: {row.Kind} {row.Name} reaches nothing.");
        return [.. state is null ? [] : (string[])[state], .. locks];
    }

    /// <summary>What its state leaves of what rules allow.</summary>
    private static string LeftTo(IdentityRow row) => (row.State == IdentityStates.Quarantined ? row.QuarantineDegree : null) switch
    {
        "throttled" => $" (throttled): it reaches what rules allow, at {LimitText.Rate(row.QuarantineRate ?? 0)} at most.",
        "management" => " (management): of what rules allow it reaches applications for management alone.",
        "forensic" => $" (forensic): of what rules allow it reaches application {row.QuarantineApplication} alone.",
        _ => ": it reaches nothing.",
    };

    /// <summary>One question to one state of the fleet.</summary>
    private sealed class Question(FleetState fleet, FleetModel model, Func<int, Situation> situations, Instant now)
    {
        private readonly ReachMap map = new(model);
        private ReachRows? rows;
        private ReachQuestions? questions;

        public FleetModel Model => model;

        public Instant Now => now;

        public ReachMap Map => map;

        public ReachQuestions Questions => questions ??= new ReachQuestions(model, map, situations);

        public IEnumerable<Identity> IdentitiesIn(int? networkId) =>
            model.Identities.Where(identity => networkId is null || identity.NetworkId == networkId);

        /// <summary>A rule to some of the addresses that there are does not lead to a name.</summary>
        public bool IsOfIt(Core.Policy.Reach reach) => reach.Application.Names.IsEmpty
            || map.ApplicationOf(reach.Decision.ApplicationId)!.Target.Contains(reach.Application.Target);

        public IEnumerable<ReachInfo> Rows(IEnumerable<Core.Policy.Reach> reached)
        {
            rows ??= new ReachRows(fleet, model, map, now);
            return reached.GroupBy(reach => reach.Application.Id).SelectMany(rows.Of);
        }

        /// <summary>Things by rising id from the cursor on, until there are rows enough.</summary>
        public ReachPage Page<T>(
            Paging paging, IEnumerable<T> things, Func<T, int> idOf, Func<T, IEnumerable<Core.Policy.Reach>> reachOf, Func<IReadOnlyList<string>> notes)
        {
            var items = new List<ReachInfo>();
            int? last = null;
            foreach (var thing in things.SkipWhile(thing => idOf(thing) <= paging.AfterId))
            {
                if (items.Count >= paging.Limit)
                {
                    return new ReachPage { Items = items, Next = Paging.Encode(last!.Value), Notes = NotesOf() };
                }

                items.AddRange(Rows(reachOf(thing)));
                last = idOf(thing);
            }

            return new ReachPage { Items = items, Notes = NotesOf() };

            IReadOnlyList<string> NotesOf() => paging.Cursor is null ? notes() : [];
        }
    }
}
