using Microsoft.Data.Sqlite;
using Sallyport.Control.Appearances;
using Sallyport.Control.Audit;
using Sallyport.Control.Store;
using Sallyport.Control.Users;

namespace Sallyport.Control.Changes;

/// <summary>The fleet as it is, and as it would be after a command.</summary>
internal sealed record Draft(FleetState Before, FleetState After);

/// <summary>Tries a command out: everything that it checks is checked, and nothing of it ever was.</summary>
internal sealed class Drafts(Database database, AuditTrail audit, FleetLoader loader, ChangeFeed feed, TimeProvider time)
{
    public Draft Of(Actor actor, Action<Change> act)
    {
        try
        {
            return database.Write<Draft>(sql =>
            {
                var change = new Change(sql, actor, audit, time);
                act(change);
                AppearanceKeeper.Follow(change);
                throw new TriedException(new Draft(feed.State, After(sql, change)));
            });
        }
        catch (TriedException tried)
        {
            return tried.Draft;
        }
    }

    private FleetState After(SqliteConnection sql, Change change)
    {
        var before = feed.State;
        return before.With(loader.Load(sql, before.Version, change.Now, change.Touched));
    }

    /// <summary>Leaves the transaction without a trace.</summary>
    private sealed class TriedException(Draft draft) : Exception
    {
        public Draft Draft { get; } = draft;
    }
}
