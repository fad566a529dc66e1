using Sallyport.Simulator.Measures;

namespace Sallyport.Simulator.Fleets;

/// <summary>What a fleet saw since it began.</summary>
public sealed record FleetReport
{
    public long Sent { get; init; }

    /// <summary>Of UDP payload, as are all bytes here.</summary>
    public long SentBytes { get; init; }

    /// <summary>Of those sent, the ones that want an answer.</summary>
    public long Asked { get; init; }

    /// <summary>Whole answers.</summary>
    public long Answered { get; init; }

    public long AnswerBytes { get; init; }

    /// <summary>At who answers.</summary>
    public long Arrived { get; init; }

    public long ArrivedBytes { get; init; }

    public long Reordered { get; init; }

    /// <summary>Handshakes that came to their end, renegotiations not counted.</summary>
    public long Connects { get; init; }

    /// <summary>Times that a device that was online was not any more, without having left.</summary>
    public long Lost { get; init; }

    public long Roams { get; init; }

    public IReadOnlyDictionary<string, long> Failures { get; init; } = new Dictionary<string, long>();

    public LatencyHistogram RoundTrip { get; } = new();

    public LatencyHistogram OneWay { get; } = new();

    public LatencyHistogram Connecting { get; } = new();

    public static FleetReport Sum(IEnumerable<FleetReport> reports)
    {
        var all = reports.ToArray();
        var sum = new FleetReport
        {
            Sent = all.Sum(one => one.Sent),
            SentBytes = all.Sum(one => one.SentBytes),
            Asked = all.Sum(one => one.Asked),
            Answered = all.Sum(one => one.Answered),
            AnswerBytes = all.Sum(one => one.AnswerBytes),
            Arrived = all.Sum(one => one.Arrived),
            ArrivedBytes = all.Sum(one => one.ArrivedBytes),
            Reordered = all.Sum(one => one.Reordered),
            Connects = all.Sum(one => one.Connects),
            Lost = all.Sum(one => one.Lost),
            Roams = all.Sum(one => one.Roams),
            Failures = all.SelectMany(one => one.Failures).GroupBy(one => one.Key).ToDictionary(one => one.Key, one => one.Sum(of => of.Value)),
        };
        foreach (var one in all)
        {
            sum.RoundTrip.Add(one.RoundTrip);
            sum.OneWay.Add(one.OneWay);
            sum.Connecting.Add(one.Connecting);
        }

        return sum;
    }
}
