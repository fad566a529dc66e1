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
            if (database.Read(sql => LockRow.Due(sql, now)).Count > 0)
            {
                End(now);
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

    private void End(long now)
    {
        try
        {
            commands.Run(Actor.System, change =>
            {
                var due = LockRow.Due(change.Sql, now);
                foreach (var row in due)
                {
                    LockCommands.Remove(change, row, "lock.expire");
                }

                return due.Count > 0 ? due.Count : throw new GoneException();
            });
        }
        catch (GoneException)
        {
            // Somebody removed them in the meantime, and that is in the trail.
        }
    }

    private sealed class GoneException : Exception;

    [LoggerMessage(2201, LogLevel.Warning, "A lock whose time is over could not be ended, and is tried again: {Why}")]
    private static partial void LogNotEnded(ILogger logger, string why);
}
