using Sallyport.Simulator.Measures;
using Sallyport.Simulator.Traffic;

namespace Sallyport.Simulator.Fleets;

/// <summary>What the devices of one thread saw.</summary>
internal sealed class Recorder
{
    private readonly Dictionary<string, long> failures = [];
    private readonly LatencyHistogram roundTrip = new();
    private readonly LatencyHistogram oneWay = new();
    private readonly LatencyHistogram connecting = new();
    private Arrivals[] arrivals = [];
    private long sent;
    private long sentBytes;
    private long asked;
    private long answered;
    private long answerBytes;
    private long arrived;
    private long arrivedBytes;

    public long Roams { get; set; }

    public long Lost { get; set; }

    public void Sent(int bytes, bool wantsAnswer)
    {
        sent++;
        sentBytes += bytes;
        asked += wantsAnswer ? 1 : 0;
    }

    /// <summary>A question or a report, at who answers.</summary>
    public void Arrived(Probe probe, int bytes)
    {
        arrived++;
        arrivedBytes += bytes;
        oneWay.Record(Monotonic.Nanoseconds - probe.Sent);
        if (probe.Device >= SimulatorLimits.SendersMax)
        {
            return;
        }

        if (probe.Device >= arrivals.Length)
        {
            Array.Resize(ref arrivals, (int)Math.Min(Math.Max(probe.Device + 1, arrivals.Length * 2L), SimulatorLimits.SendersMax));
        }

        arrivals[probe.Device].Record(probe.Sequence);
    }

    public void Answered(Probe probe, int bytes)
    {
        answerBytes += bytes;
        if (probe.Index == 0)
        {
            roundTrip.Record(Monotonic.Nanoseconds - probe.Sent);
        }

        answered += probe.IsLastAnswer ? 1 : 0;
    }

    public void Connected(TimeSpan took) => connecting.Record(took);

    public void Failed(string reason) => failures[reason] = failures.GetValueOrDefault(reason) + 1;

    public FleetReport Report()
    {
        var report = new FleetReport
        {
            Sent = sent,
            SentBytes = sentBytes,
            Asked = asked,
            Answered = answered,
            AnswerBytes = answerBytes,
            Arrived = arrived,
            ArrivedBytes = arrivedBytes,
            Reordered = arrivals.Sum(one => one.Reordered),
            Connects = connecting.Count,
            Lost = Lost,
            Roams = Roams,
            Failures = new Dictionary<string, long>(failures),
        };
        report.RoundTrip.Add(roundTrip);
        report.OneWay.Add(oneWay);
        report.Connecting.Add(connecting);
        return report;
    }
}
