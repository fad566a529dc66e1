using Dapper;
using Sallyport.Api.Nodes;
using Sallyport.Control.Policies;
using Sallyport.Control.Store;

namespace Sallyport.Control.Changes;

/// <summary>
/// Hands every committed change to every gateway link, in the order of the commits, and knows the state that they add up to.
/// </summary>
internal sealed class ChangeFeed
{
    private const int CatchUpMax = 1_000; // beyond, the whole model costs less than its parts
    private const int KeptVersions = 10_000; // a gateway that missed more gets the whole model

    private readonly Lock gate = new();
    private readonly List<Action<NodeMessage>> subscribers = [];
    private readonly Database database;
    private readonly FleetLoader loader;
    private readonly CountryTable countries;
    private volatile GatewaySettings settings; // changed under the gate
    private volatile FleetState state;

    public ChangeFeed(Database database, FleetLoader loader, CountryTable countries, GatewaySettings settings)
    {
        this.database = database;
        this.loader = loader;
        this.countries = countries;
        this.settings = settings;
        state = database.Write(sql =>
        {
            sql.Execute(
                """
                DELETE FROM changes WHERE version <
                    (SELECT min(version) FROM (SELECT DISTINCT version FROM changes ORDER BY version DESC LIMIT @KeptVersions))
                """,
                new { KeptVersions });
            return loader.LoadAll(sql);
        });
    }

    /// <summary>What gateways are told beside the fleet.</summary>
    public GatewaySettings Settings => settings;

    public FleetState State => state;

    /// <summary>Called by the writer after a commit that changed them, before that commit is published.</summary>
    public void Use(GatewaySettings changed)
    {
        lock (gate)
        {
            settings = changed;
        }
    }

    /// <summary>Called by the writer after each commit, before the next one.</summary>
    /// <param name="next">What the change makes of <see cref="State"/>.</param>
    public void Publish(ChangeSet change, FleetState next)
    {
        lock (gate)
        {
            state = next;
            NodeMessage message = change.Settings ? new Snapshot(state.Version, state.ToModel(settings, countries)) : change.ToDelta(countries);
            foreach (var subscriber in subscribers)
            {
                subscriber(message);
            }
        }
    }

    /// <summary>
    /// Sends what a gateway at <paramref name="knownVersion"/> (0: none) misses, then everything that is committed from now on.
    /// <paramref name="send"/> must not block. Dispose the answer to end it.
    /// </summary>
    public IDisposable Subscribe(long knownVersion, Action<NodeMessage> send)
    {
        lock (gate)
        {
            if (CatchUp(knownVersion) is { } missed)
            {
                send(missed);
            }

            subscribers.Add(send);
            return new Subscription(this, send);
        }
    }

    /// <summary>Null where the gateway has everything.</summary>
    private NodeMessage? CatchUp(long knownVersion)
    {
        var current = state;
        if (knownVersion == current.Version && knownVersion > 0)
        {
            return null;
        }

        if (knownVersion > 0 && knownVersion < current.Version && MissedSince(knownVersion, current.Version) is { } change)
        {
            return change.ToDelta(countries);
        }

        return new Snapshot(current.Version, current.ToModel(settings, countries));
    }

    private ChangeSet? MissedSince(long knownVersion, long version) => database.Read(sql =>
    {
        // A version that we do not know is too old, or of another history: before a restore, or of another installation.
        if (!sql.ExecuteScalar<bool>("SELECT EXISTS (SELECT 1 FROM changes WHERE version = @knownVersion)", new { knownVersion }))
        {
            return null;
        }

        // A reader that does not see the version itself would make a delta that claims it and leaves things out.
        if (sql.ExecuteScalar<long?>("SELECT max(version) FROM changes") is not { } seen || seen < version)
        {
            return null;
        }

        var rows = sql.Query<ChangeRow>(
            "SELECT DISTINCT kind, id FROM changes WHERE version > @knownVersion AND version <= @version LIMIT @limit",
            new { knownVersion, version, limit = CatchUpMax + 1 }).AsList();
        if (rows.Count > CatchUpMax || rows.Any(row => row.Kind == nameof(ChangeKind.Settings)))
        {
            return null;
        }

        var at = sql.ExecuteScalar<long>("SELECT max(at) FROM changes WHERE version <= @version", new { version });
        return loader.Load(sql, version, at, rows.Select(row => (Enum.Parse<ChangeKind>(row.Kind), row.Id)));
    });

    private sealed class ChangeRow
    {
        public string Kind { get; init; } = "";

        public int Id { get; init; }
    }

    private sealed class Subscription(ChangeFeed feed, Action<NodeMessage> send) : IDisposable
    {
        public void Dispose()
        {
            lock (feed.gate)
            {
                feed.subscribers.Remove(send);
            }
        }
    }
}
