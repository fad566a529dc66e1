using System.Text.Json.Nodes;
using Dapper;
using Microsoft.Data.Sqlite;
using Sallyport.Api.Audit;
using Sallyport.Control.Appearances;
using Sallyport.Control.Audit;
using Sallyport.Control.Store;
using Sallyport.Control.Tunnels;
using Sallyport.Control.Users;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Changes;

/// <summary>What came of a command, and the version of the model that it made (0: the gateways need not know).</summary>
internal sealed record Committed<T>(T Value, long Version, long At)
{
    /// <summary>How many live tunnels connect anew because the change sends their members other routes; null for none.</summary>
    public int? Reconnecting { get; init; }
}

/// <summary>
/// The one way to change anything: store, audit record and change row in one transaction, then the feed.
/// Where <c>act</c> throws, nothing of it ever was.
/// </summary>
internal sealed class Commands(Database database, AuditTrail audit, FleetLoader loader, ChangeFeed feed, RouteNews routes, TimeProvider time)
{
    private const int StepsAsideMax = 10; // who revokes without end may not keep a file from ever being applied

    /// <summary>Audit records as they are committed, for the events.</summary>
    public event Action<AuditRecord>? Audited;

    public Committed<T> Run<T>(Actor actor, Func<Change, T> act) => Run(actor, act, isFirst: false, isPatient: false);

    /// <summary>The same for what shuts somebody out: it does not wait until a long command is done.</summary>
    public Committed<T> RunFirst<T>(Actor actor, Func<Change, T> act) => Run(actor, act, isFirst: true, isPatient: false);

    /// <summary>
    /// The same for a command that takes long. Where somebody is to be shut out meanwhile it is undone, between two of its parts, and begins anew when that
    /// is done; after <see cref="StepsAsideMax"/> times it is not, so that it comes to an end.
    /// </summary>
    public Committed<T> RunLong<T>(Actor actor, Func<Change, T> act)
    {
        for (var steps = 0; ; steps++)
        {
            try
            {
                return Run(actor, act, isFirst: false, isPatient: steps < StepsAsideMax);
            }
            catch (StepAsideException)
            {
                database.LetPass();
            }
        }
    }

    private Committed<T> Run<T>(Actor actor, Func<Change, T> act, bool isFirst, bool isPatient)
    {
        Func<Func<SqliteConnection, Outcome<T>>, Action<Outcome<T>>, Outcome<T>> write = isFirst ? database.WriteFirst : database.Write;
        var outcome = write(
            sql =>
            {
                var change = new Change(sql, actor, audit, time) { IsInTheWay = () => isPatient && database.IsAskedFor };
                var value = act(change);
                AppearanceKeeper.Follow(change);
                Invariant.Check(change.Records.Count > 0, "every command leaves an audit record");
                var set = Record(sql, change);
                var after = set is null ? null : feed.State.With(set);
                return new Outcome<T>(value, change.Records, change.Followers, set, after, set is null ? 0 : Announce(change, after!, set));
            },
            committed =>
            {
                foreach (var follower in committed.Followers)
                {
                    follower();
                }

                if (committed.Set is { } set)
                {
                    feed.Publish(set, committed.After!);
                }

                audit.Committed(committed.Records[^1]);
            });
        foreach (var record in outcome.Records)
        {
            Audited?.Invoke(record);
        }

        return new Committed<T>(outcome.Value, outcome.Set?.Version ?? 0, outcome.Set?.CommittedAt ?? outcome.Records[^1].At)
        {
            Reconnecting = outcome.Reconnecting > 0 ? outcome.Reconnecting : null,
        };
    }

    /// <summary>The fleet as the command found it, and what the gateways would be told if the command that is under way were committed now.</summary>
    public Draft Foresee(Change change, FleetState before)
    {
        var set = ForeseeChange(change, before);
        return new Draft(before, before.With(set), set);
    }

    /// <summary>How many live tunnels would connect anew because it sends their members other routes; null for none.</summary>
    public int? Reconnecting(Draft draft) => routes.Of(draft.Before, draft.After, draft.Change).Count is > 0 and var count ? count : null;

    /// <summary>What of the fleet would be another.</summary>
    public ChangeSet ForeseeChange(Change change, FleetState before)
    {
        AppearanceKeeper.Follow(change);
        return loader.Load(change.Sql, before.Version + 1, change.Now, change.Touched);
    }

    /// <summary>Says of a change that is about to be committed which tunnels connect anew for it.</summary>
    private int Announce(Change change, FleetState after, ChangeSet set)
    {
        var news = routes.Of(feed.State, after, set);
        RouteNews.Audit(change, after, news);
        return news.Count;
    }

    private ChangeSet? Record(SqliteConnection sql, Change change)
    {
        if (change.Touched.Count == 0)
        {
            return null;
        }

        var version = FleetLoader.NextVersion(sql, time.NowNanoseconds());
        var set = loader.Load(sql, version, 0, change.Touched);

        // Taken before the commit, so that the measured time of a cut includes the disk.
        var at = time.NowNanoseconds();
        foreach (var kind in change.Touched.GroupBy(touched => touched.Kind, touched => touched.Id))
        {
            sql.Execute(
                "INSERT INTO changes (version, kind, id, at) SELECT @version, @kind, value, @at FROM json_each(@ids)",
                new { version, kind = kind.Key.ToString(), ids = Column.Of(kind), at });
        }

        return set with { CommittedAt = at };
    }

    private sealed record Outcome<T>(T Value, IReadOnlyList<AuditRecord> Records, IReadOnlyList<Action> Followers, ChangeSet? Set, FleetState? After, int Reconnecting);

    /// <summary>Leaves the transaction without a trace.</summary>
    internal sealed class StepAsideException : Exception;
}

/// <summary>A command under way. Everything it does goes through <see cref="Sql"/> and is committed together.</summary>
/// <param name="audit">Null where nothing is to be recorded, because it is only tried out.</param>
internal sealed class Change(SqliteConnection sql, Actor actor, AuditTrail? audit, TimeProvider time)
{
    private readonly List<AuditRecord> records = [];
    private readonly SortedSet<(ChangeKind Kind, int Id)> touched = [];
    private readonly List<(ChangeKind Kind, int Id)> touchedInOrder = [];
    private readonly List<Action> followers = [];

    public SqliteConnection Sql { get; } = sql;

    public Actor Actor { get; } = actor;

    /// <summary>Nanoseconds since the Unix epoch.</summary>
    public long Now { get; } = time.NowNanoseconds();

    /// <summary>Whether this command takes long, and somebody is to be shut out who waits for it.</summary>
    public Func<bool> IsInTheWay { get; init; } = () => false;

    public IReadOnlyList<AuditRecord> Records => records;

    public IReadOnlyCollection<(ChangeKind Kind, int Id)> Touched => touched;

    public IReadOnlyList<Action> Followers => followers;

    /// <summary>
    /// Does a part of the command, and undoes it where it throws or says no: then nothing of that part ever was. A long command steps aside before it.
    /// </summary>
    public bool Attempt(Func<bool> part)
    {
        if (IsInTheWay())
        {
            throw new Commands.StepAsideException();
        }

        var (recordsBefore, followersBefore, touchedBefore) = (records.Count, followers.Count, touchedInOrder.Count);
        Sql.Execute("SAVEPOINT part");
        var done = false;
        try
        {
            return done = part();
        }
        finally
        {
            if (!done)
            {
                Sql.Execute("ROLLBACK TO part");
                records.RemoveRange(recordsBefore, records.Count - recordsBefore);
                followers.RemoveRange(followersBefore, followers.Count - followersBefore);
                touched.ExceptWith(touchedInOrder.Skip(touchedBefore));
                touchedInOrder.RemoveRange(touchedBefore, touchedInOrder.Count - touchedBefore);
            }

            Sql.Execute("RELEASE part");
        }
    }

    /// <summary>The record of what is done here. <paramref name="detail"/> holds no secret.</summary>
    public void Audit(string action, string subject, JsonObject? detail = null)
    {
        if (audit is null)
        {
            return;
        }

        // What does not apply is left out, not said to be nothing.
        var said = new JsonObject((detail ?? []).Where(pair => pair.Value is not null).Select(pair => KeyValuePair.Create(pair.Key, pair.Value?.DeepClone())));
        audit.Append(Sql, records, time.NowNanoseconds(), Actor.Name, action, subject, said.ToJsonString());
    }

    /// <summary>Records that the trail itself was found cut or altered, where it was.</summary>
    public void NoteAuditTrail() => audit?.Note(Sql, records, time.NowNanoseconds());

    /// <summary>What has to follow the commit before anybody else writes: state in memory that goes with the store's. Must not fail.</summary>
    public void OnCommitted(Action follower) => followers.Add(follower);

    /// <summary>The gateways are to know that this was made, changed or removed.</summary>
    public void Touch(ChangeKind kind, int id)
    {
        if (touched.Add((kind, id)))
        {
            touchedInOrder.Add((kind, id));
        }
    }
}
