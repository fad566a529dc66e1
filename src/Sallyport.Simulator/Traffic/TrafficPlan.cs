using Sallyport.Core.Primitives;

namespace Sallyport.Simulator.Traffic;

/// <summary>When one device sends next. Without a clock, a socket or an object of its own.</summary>
public struct TrafficPlan
{
    /// <summary>An answer that takes longer is lost, and its question asked again.</summary>
    public static readonly TimeSpan AnswerPatience = TimeSpan.FromSeconds(1);

    /// <summary>Bursts that are caught up with after a delay of our own; older ones are left out, as a busy device would.</summary>
    private const int CatchUp = 4;

    private Instant next;
    private Instant lastProgress;
    private int open;

    public static TrafficPlan None => new() { next = Instant.Never };

    /// <summary>Questions without an answer so far.</summary>
    public readonly int Open => open;

    /// <param name="phase">0 to 1: where in its interval this device stands, so that a fleet does not speak at once.</param>
    public static TrafficPlan Start(TrafficProfile profile, Instant now, double phase) => new()
    {
        next = profile.Window > 0 ? now : profile.Interval is { } interval ? now + (interval * phase) : Instant.Never,
        lastProgress = now,
    };

    public readonly Instant NextDue(TrafficProfile profile) =>
        profile.Window == 0 ? next : open < profile.Window ? next : lastProgress + AnswerPatience;

    /// <summary>How many packets are to leave now.</summary>
    public int Take(TrafficProfile profile, Instant now)
    {
        if (profile.Window > 0)
        {
            if (open > 0 && now - lastProgress >= AnswerPatience)
            {
                open = 0;
                lastProgress = now;
            }

            var room = Math.Max(profile.Window - open, 0);
            open += room;
            return room;
        }

        if (profile.Interval is not { } interval || next > now)
        {
            return 0;
        }

        var bursts = (int)Math.Min(1 + ((now - next).Ticks / interval.Ticks), CatchUp);
        next = Instant.Min(next + (interval * bursts), Instant.Never);
        if (next <= now)
        {
            next = now + interval;
        }

        return bursts * profile.Burst;
    }

    /// <summary>The last packet of an answer has come.</summary>
    public void Answered(Instant now)
    {
        open = Math.Max(open - 1, 0);
        lastProgress = now;
    }
}
