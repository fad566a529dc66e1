using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;
using Sallyport.Control.Changes;
using Sallyport.Control.Store;

namespace Sallyport.Control.Locks;

/// <summary>Ends locks when their time is over.</summary>
internal sealed class LockKeeper(Commands commands, Database database, TimeProvider time, ILogger<LockKeeper> log)
    : EndKeeper(commands, database, time, log)
{
    protected override long? NextEnd(SqliteConnection sql) => LockRow.NextEnd(sql);

    protected override int End(Change change, long now)
    {
        var due = LockRow.Due(change.Sql, now);
        foreach (var row in due)
        {
            LockCommands.Remove(change, row, "lock.expire");
        }

        return due.Count;
    }
}
