using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane.Handshakes;

/// <summary>
/// When each of so many clients is told that the gateway ends. All are told within a second, evenly, so that neither our queues nor the
/// gateway that comes next see them all at once. A stock client that hears it leaves without a word: what is not acknowledged is said
/// once more and not waited for.
/// </summary>
internal sealed class Farewell(int count, Instant began)
{
    /// <summary>How long to wait between two looks at it.</summary>
    public static readonly TimeSpan Step = TimeSpan.FromMilliseconds(10);

    private static readonly int Steps = (int)(DataPlaneLimits.FarewellSpread / Step);

    private readonly int _perStep = Math.Max(DataPlaneLimits.FarewellsPerStep, (count + Steps - 1) / Steps);
    private int _told;
    private int _toldAgain;

    public bool AllAreTold => _told == count;

    /// <summary>Who is to be told now for the first time: 0, 1 and so on.</summary>
    public bool TryTakeNext(Instant now, out int who) => TryTake(ref _told, now - began, out who);

    /// <summary>Who is to be told again now, in the same order and at the same pace.</summary>
    public bool TryTakeAgain(Instant now, out int who) => TryTake(ref _toldAgain, now - began - DataPlaneLimits.FarewellAgain, out who);

    /// <summary>The last one has had its time.</summary>
    public bool IsTimeOver(Instant now) =>
        now - began >= (Step * ((count + _perStep - 1) / _perStep)) + (2 * DataPlaneLimits.FarewellAgain);

    private bool TryTake(ref int taken, TimeSpan elapsed, out int who)
    {
        var due = elapsed < TimeSpan.Zero ? 0 : Math.Min(count, ((long)(elapsed / Step) + 1) * _perStep);
        who = taken;
        if (taken >= due)
        {
            return false;
        }

        taken++;
        return true;
    }
}
