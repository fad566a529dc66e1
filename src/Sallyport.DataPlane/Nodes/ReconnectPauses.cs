namespace Sallyport.DataPlane.Nodes;

/// <summary>
/// How long the link waits before it comes again. While nobody answers the pauses grow to a few seconds, so that a new control has its
/// gateways at once; where control answers and the link ends soon after, over and over, they grow further: something is wrong that
/// coming back does not mend. Each is shortened by chance, so that the gateways of one control do not come in step.
/// </summary>
internal sealed class ReconnectPauses(Func<double> chance)
{
    /// <summary>A link that lived this long did not end of what it began with.</summary>
    public static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan First = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestUnanswered = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan LongestUnfit = TimeSpan.FromSeconds(30);

    private int _unanswered;
    private int _unfit;

    /// <summary>Nobody was there.</summary>
    public TimeSpan AfterNoAnswer() => Pause(_unanswered++, LongestUnanswered);

    /// <summary>Control was there, and the link ended after this time.</summary>
    public TimeSpan AfterLink(TimeSpan lived)
    {
        _unanswered = 0;
        if (lived >= Soon)
        {
            _unfit = 0;
        }

        return Pause(_unfit++, LongestUnfit);
    }

    /// <summary>Half of it to all of it.</summary>
    private TimeSpan Pause(int before, TimeSpan longest)
    {
        var whole = TimeSpan.FromTicks(Math.Min(longest.Ticks, First.Ticks << Math.Min(before, 16)));
        return (whole / 2) + (whole / 2 * chance());
    }
}
