using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;
using Sallyport.Control.Changes;
using Sallyport.Control.Store;

namespace Sallyport.Control.Identities;

/// <summary>Releases from quarantine when its time is over.</summary>
internal sealed class QuarantineKeeper(Commands commands, Database database, TimeProvider time, ILogger<QuarantineKeeper> log)
    : EndKeeper(commands, database, time, log)
{
    protected override long? NextEnd(SqliteConnection sql) => IdentityRow.NextQuarantineEnd(sql);

    protected override int End(Change change, long now)
    {
        var due = IdentityRow.QuarantineDue(change.Sql, now);
        foreach (var row in due)
        {
            IdentityCommands.EndQuarantine(change, row);
        }

        return due.Count;
    }
}
