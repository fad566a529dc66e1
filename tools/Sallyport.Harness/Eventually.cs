using System.Diagnostics;

namespace Sallyport.Harness;

/// <summary>Waits for something that another process brings about.</summary>
public static class Eventually
{
    public static async Task True(Func<bool> condition, string what, int seconds = 10)
    {
        var watch = Stopwatch.StartNew();
        while (!condition())
        {
            if (watch.Elapsed > TimeSpan.FromSeconds(seconds))
            {
                throw new TimeoutException($"not within {seconds} s: {what}");
            }

            await Task.Delay(50);
        }
    }

    /// <summary>The text of <paramref name="read"/> once it satisfies <paramref name="condition"/>; the last text is in the exception otherwise.</summary>
    public static async Task<string> Text(Func<string> read, Func<string, bool> condition, string what, int seconds = 10)
    {
        var watch = Stopwatch.StartNew();
        while (true)
        {
            var text = read();
            if (condition(text))
            {
                return text;
            }

            if (watch.Elapsed > TimeSpan.FromSeconds(seconds))
            {
                throw new TimeoutException($"not within {seconds} s: {what}; last:\n{text}");
            }

            await Task.Delay(100);
        }
    }
}
