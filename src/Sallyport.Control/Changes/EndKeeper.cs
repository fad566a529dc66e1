using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Sallyport.Control.Http;
using Sallyport.Control.Store;
using Sallyport.Control.Users;

namespace Sallyport.Control.Changes;

/// <summary>Ends what has an end by the clock. While control is away it goes on: who is shut out waits.</summary>
internal abstract partial class EndKeeper(Commands commands, Database database, TimeProvider time, ILogger log) : BackgroundService
{
    /// <summary>The wall clock may be set while we wait for a moment of it.</summary>
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(10);

    private readonly SemaphoreSlim changed = new(0, 1);

    /// <summary>Something has an end now that may be the next.</summary>
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

    /// <summary>Nanoseconds since the Unix epoch; null where nothing has an end.</summary>
    protected abstract long? NextEnd(SqliteConnection sql);

    /// <summary>Ends what is due at that time, and answers how many that were.</summary>
    protected abstract int End(Change change, long now);

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
            if (database.Read(NextEnd) <= now)
            {
                End(now);
            }

            var wait = database.Read(NextEnd) is { } end ? TimeSpan.FromTicks(Math.Max(end - time.NowNanoseconds(), 0) / 100) : LookEvery;
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
            commands.Run(Actor.System, change => End(change, now) is > 0 and var ended ? ended : throw new GoneException());
        }
        catch (GoneException)
        {
            // Somebody ended them in the meantime, and that is in the trail.
        }
    }

    private sealed class GoneException : Exception;

    [LoggerMessage(2211, LogLevel.Warning, "What is over could not be ended, and is tried again: {Why}")]
    private static partial void LogNotEnded(ILogger logger, string why);
}
