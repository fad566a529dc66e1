namespace Sallyport.Control.Nodes;

/// <summary>
/// Records of one gateway that were not taken because something is wrong with them: counted always, told once in a while. One link's; not
/// for two threads at once.
/// </summary>
internal sealed class SkippedRecords
{
    /// <summary>A broken gateway sends thousands of records; one line a minute says the same.</summary>
    private static readonly TimeSpan TellEvery = TimeSpan.FromMinutes(1);

    private DateTimeOffset nextTelling = DateTimeOffset.MinValue;
    private long told;
    private string firstWhy = "";

    public long Count { get; private set; }

    public void Add(string why)
    {
        if (Count++ == told)
        {
            firstWhy = why;
        }
    }

    /// <summary>What to tell operators now; null where there is nothing new or they were told a moment ago.</summary>
    public string? Telling(DateTimeOffset now)
    {
        if (Count == told || now < nextTelling)
        {
            return null;
        }

        var text = $"{Count - told} record(s) of its reports were skipped; the first was {firstWhy}";
        told = Count;
        nextTelling = now + TellEvery;
        return text;
    }
}
