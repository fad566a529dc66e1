namespace Sallyport.Control.Tests.Worlds;

/// <summary>The system's clock, which holds one thread when it asks for the time, until it is let go: so a test stands in the middle of a command.</summary>
internal sealed class HeldTime : TimeProvider, IDisposable
{
    private readonly ManualResetEventSlim reached = new();
    private readonly ManualResetEventSlim free = new();
    private Thread? held;
    private int callsLeft;

    /// <summary>Runs it on a thread of its own and returns when that asks for the time again after <paramref name="calls"/> times.</summary>
    public Task<T> RunHeld<T>(int calls, Func<T> act)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        callsLeft = calls;
        held = new Thread(() =>
        {
            try
            {
                done.SetResult(act());
            }
            catch (Exception e)
            {
                done.SetException(e);
            }

            reached.Set();
        });
        held.Start();
        reached.Wait();
        done.Task.IsCompleted.ShouldBeFalse("it asked less often");
        return done.Task;
    }

    public void LetGo() => free.Set();

    public override DateTimeOffset GetUtcNow()
    {
        if (Thread.CurrentThread == held && callsLeft-- == 0)
        {
            reached.Set();
            free.Wait();
        }

        return System.GetUtcNow();
    }

    public void Dispose()
    {
        reached.Dispose();
        free.Dispose();
    }
}
