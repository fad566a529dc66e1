namespace Sallyport.Cli;

/// <summary>A list without an end: outlives a restart of control, because what it shows does.</summary>
internal static class Following
{
    private static readonly TimeSpan ReconnectPause = TimeSpan.FromSeconds(1);

    /// <summary>Returns only by an exception: Ctrl-C, a refusal, or a server that was never there.</summary>
    /// <param name="open">Connects, calls the action when the server has answered, and yields what happens.</param>
    public static async Task RunAsync<T>(
        CommandContext c, Func<Action, IAsyncEnumerable<T>> open, Action<T> show, string meanwhile)
    {
        var answered = false;
        var lost = false;
        while (true)
        {
            try
            {
                var items = open(() =>
                {
                    answered = true;
                    if (lost)
                    {
                        lost = false;
                        c.Printer.Remark($"connected again; {meanwhile} shows what happened meanwhile");
                    }
                });
                await foreach (var item in items)
                {
                    show(item);
                }
            }
            catch (Exception error) when (answered && error is HttpRequestException or IOException or TaskCanceledException { InnerException: TimeoutException })
            {
                // Control is restarted.
            }

            if (!lost)
            {
                lost = true;
                c.Printer.Remark("the connection to the API ended; trying again, Ctrl-C ends it");
            }

            await Task.Delay(ReconnectPause, c.Cancel);
        }
    }
}
