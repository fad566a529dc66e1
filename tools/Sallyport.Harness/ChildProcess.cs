using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Sallyport.Harness;

/// <summary>A long-running program inside a namespace (or outside), its lines kept, ended on <see cref="Dispose"/>.</summary>
public sealed class ChildProcess : IDisposable
{
    private readonly Process process;
    private readonly List<string> lines = [];
    private readonly SemaphoreSlim changed = new(0);
    private readonly Lock gate = new();
    private bool disposed;

    public ChildProcess(Namespace? where, string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        Title = Path.GetFileName(program);
        var start = new ProcessStartInfo(where is null ? program : "ip")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        if (where is not null)
        {
            // `ip netns exec` becomes the program, so the process id is the program's.
            foreach (var word in new[] { "netns", "exec", where.Name, program })
            {
                start.ArgumentList.Add(word);
            }
        }

        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        process = Process.Start(start)!;
        ProcessId = process.Id;
        process.OutputDataReceived += (_, e) => Add(e.Data);
        process.ErrorDataReceived += (_, e) => Add(e.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public string Title { get; }

    public int ProcessId { get; }

    public bool HasExited => process.HasExited;

    public int ExitCode => process.ExitCode;

    /// <summary>Everything printed so far.</summary>
    public string Log
    {
        get
        {
            lock (gate)
            {
                return string.Join('\n', lines);
            }
        }
    }

    public int Count(string pattern)
    {
        lock (gate)
        {
            return lines.Count(line => Regex.IsMatch(line, pattern));
        }
    }

    /// <summary>Waits until <paramref name="pattern"/> was printed <paramref name="times"/> times; the log is in the exception otherwise.</summary>
    public async Task WaitForLine(string pattern, TimeSpan limit, int times = 1)
    {
        var watch = Stopwatch.StartNew();
        while (Count(pattern) < times)
        {
            if (process.HasExited)
            {
                await process.WaitForExitAsync();
                if (Count(pattern) >= times)
                {
                    return;
                }

                throw new InvalidOperationException($"{Title} ended with {process.ExitCode} before it printed '{pattern}':\n{Log}");
            }

            var left = limit - watch.Elapsed;
            if (left <= TimeSpan.Zero)
            {
                throw new TimeoutException($"{Title} did not print '{pattern}' {times} time(s) within {limit.TotalSeconds:0.#} s:\n{Log}");
            }

            await changed.WaitAsync(TimeSpan.FromMilliseconds(Math.Clamp(left.TotalMilliseconds, 1, 200)));
        }
    }

    /// <summary>Waits until it listens to its server: its process has a connected socket.</summary>
    public async Task StandsBy()
    {
        await Eventually.True(
            () => HasExited || Directory.EnumerateFiles($"/proc/{ProcessId}/fd").Any(file => new FileInfo(file).LinkTarget?.StartsWith("socket:", StringComparison.Ordinal) is true),
            $"{Title} connects");
        await Task.Delay(500);
        if (HasExited)
        {
            throw new InvalidOperationException($"{Title} ended with {ExitCode}:\n{Log}");
        }
    }

    public async Task<int> WaitForExit(TimeSpan limit)
    {
        using var timeout = new CancellationTokenSource(limit);
        try
        {
            await process.WaitForExitAsync(timeout.Token);
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"{Title} did not end within {limit.TotalSeconds:0.#} s:\n{Log}");
        }

        return process.ExitCode;
    }

    /// <summary>A line for its standard input.</summary>
    public void Tell(string line) => process.StandardInput.WriteLine(line);

    public void Signal(int signal) => Shell.Signal(ProcessId, signal);

    /// <summary>Asks it to end, insists after <paramref name="patience"/>.</summary>
    public void Stop(TimeSpan patience)
    {
        if (!process.HasExited)
        {
            Signal(Shell.SignalTerminate);
            if (!process.WaitForExit(patience))
            {
                process.Kill();
                process.WaitForExit(TimeSpan.FromSeconds(5));
            }
        }
    }

    public void Kill()
    {
        if (!process.HasExited)
        {
            process.Kill();
            process.WaitForExit(TimeSpan.FromSeconds(5));
        }
    }

    public void Dispose()
    {
        if (disposed)
        {
            return;
        }

        disposed = true;
        Kill();
        process.Dispose();
    }

    private void Add(string? line)
    {
        if (line is null)
        {
            return;
        }

        lock (gate)
        {
            lines.Add(line);
        }

        changed.Release();
    }
}
