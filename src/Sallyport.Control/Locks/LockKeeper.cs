using Microsoft.Extensions.Hosting;
using Sallyport.Control.Changes;
using Sallyport.Control.Store;
using Sallyport.Control.Users;

namespace Sallyport.Control.Locks;

/// <summary>Ends locks when their time is over. While control is away they stay: who is locked out waits.</summary>
internal sealed class LockKeeper(Commands commands, Database database, TimeProvider time) : BackgroundService
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
            var now = time.NowNanoseconds();
            foreach (var row in database.Read(sql => LockRow.Due(sql, now)))
            {
                End(row.Id);
            }

            var wait = database.Read(LockRow.NextEnd) is { } end ? TimeSpan.FromTicks(Math.Max(end - time.NowNanoseconds(), 0) / 100) : LookEvery;
            var soon = wait < LookEvery ? wait + TimeSpan.FromMilliseconds(1) : LookEvery;
            await changed.WaitAsync(soon, stoppingToken);
        }
    }

    private void End(int id) => commands.Run(Actor.System, change =>
    {
        // Somebody may have removed it in the meantime; what is recorded then is that it ended, which is true.
        if (LockRow.Find(change.Sql, id) is { } row)
        {
            LockCommands.Remove(change, row, "lock.expire");
        }

        return true;
    });
}
