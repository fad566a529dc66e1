using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Sallyport.Control.Changes;
using Sallyport.Control.Http;
using Sallyport.Control.Store;
using Sallyport.Control.Users;

namespace Sallyport.Control.Locks;

/// <summary>Ends locks when their time is over. While control is away they stay: who is locked out waits.</summary>
internal sealed partial class LockKeeper(Commands commands, Database database, TimeProvider time, ILogger<LockKeeper> log) : BackgroundService
{
    /// <summary>The wall clock may be set while we wait for a moment of it.</summary>
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(10);

    private readonly SemaphoreSlim changed = new(0, 1);

    /// <summary>A lock was added, whose end may be the next.</summary>
    public void Look()
    {
        try
        {
            changed.Release();
        }
        catch (SemaphoreFullException)
        {
            // It is going to look in any case.
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            await changed.WaitAsync(EndDue(), stoppingToken);
        }
    }

    /// <summary>Returns how long to wait for the next. What goes wrong is tried again: nobody is let in by it.</summary>
    private TimeSpan EndDue()
    {
        try
        {
            var now = time.NowNanoseconds();
            foreach (var row in database.Read(sql => LockRow.Due(sql, now)))
            {
                commands.Run(Actor.System, change => End(change, row.Id));
            }

            var wait = database.Read(LockRow.NextEnd) is { } end ? TimeSpan.FromTicks(Math.Max(end - time.NowNanoseconds(), 0) / 100) : LookEvery;
            return wait < LookEvery ? wait + TimeSpan.FromMilliseconds(1) : LookEvery;
        }
        catch (Exception e) when (e is SqliteException or InvalidOperationException or ProblemException)
        {
            LogNotEnded(log, e.Message);
            return LookEvery;
        }
    }

    private static bool End(Change change, int id)
    {
        // Where somebody removed it in the meantime, its end is over as well.
        if (LockRow.Find(change.Sql, id) is { } row)
        {
            LockCommands.Remove(change, row, "lock.expire");
        }
        else
        {
            change.Audit("lock.expire", LockCommands.SubjectOf(id));
        }

        return true;
    }

    [LoggerMessage(2101, LogLevel.Warning, "A lock whose time is over could not be ended, and is tried again: {Why}")]
    private static partial void LogNotEnded(ILogger logger, string why);
}
