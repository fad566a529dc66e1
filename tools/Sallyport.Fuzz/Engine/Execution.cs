using System.Diagnostics;

namespace Sallyport.Fuzz.Engine;

/// <summary>Runs single inputs and tells findings from noise.</summary>
public sealed class Execution(FuzzTarget target)
{
    /// <summary>A type that is used for the first time allocates, code is compiled: what remains when repeated is the input's doing.</summary>
    private const int Repeats = 3;

    public FuzzTarget Target => target;

    public Probe Probe { get; } = new();

    public TimeSpan Elapsed { get; private set; }

    public Finding? Try(ReadOnlySpan<byte> input)
    {
        for (var attempt = 1; ; attempt++)
        {
            Probe.Clear();
            var started = Stopwatch.GetTimestamp();
            try
            {
                target.Run(input, Probe);
                Elapsed = Stopwatch.GetElapsedTime(started);
                return null;
            }
            catch (AllocationException) when (attempt < Repeats)
            {
            }
            catch (Exception thrown)
            {
                Elapsed = Stopwatch.GetElapsedTime(started);
                return Finding.Of(thrown, input);
            }
        }
    }

    /// <summary>How long an input takes that seemed slow: the least of three times, since this process is not alone on its machine.</summary>
    public TimeSpan Slowness(ReadOnlySpan<byte> input)
    {
        var least = Elapsed;
        for (var i = 1; i < Repeats; i++)
        {
            Try(input);
            least = Elapsed < least ? Elapsed : least;
        }

        return least;
    }

    /// <summary>A shorter input with the same fault, as far as leaving out parts leads to one.</summary>
    public Finding Shrink(Finding finding)
    {
        var tries = 2000;
        for (var part = finding.Input.Length / 2; part > 0; part /= 2)
        {
            for (var at = 0; at + part <= finding.Input.Length && tries > 0; tries--)
            {
                byte[] shorter = [.. finding.Input[..at], .. finding.Input[(at + part)..]];
                if (Try(shorter) is { } again && again.Kind == finding.Kind)
                {
                    finding = again;
                }
                else
                {
                    at += part;
                }
            }
        }

        return finding;
    }
}
