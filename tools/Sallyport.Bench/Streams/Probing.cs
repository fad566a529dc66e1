using Sallyport.Bench.Stages;
using Sallyport.Simulator.Fleets;
using Sallyport.Simulator.Measures;
using Sallyport.Simulator.Traffic;

namespace Sallyport.Bench.Streams;

/// <summary>
/// Some devices that ask and one that answers, each on a thread of its own, so that a fleet which has its hands full does not delay their
/// clock: what the others notice.
/// </summary>
internal sealed class Probing
{
    private static readonly TrafficProfile Questions = new()
    {
        Name = "questions",
        Interval = TimeSpan.FromMilliseconds(100),
        Bytes = 160,
        Answers = 1,
        AnswerBytes = 160,
    };

    private static readonly TimeSpan LastAnswers = TimeSpan.FromSeconds(1);
    private readonly Fleet askers;
    private readonly Fleet answerer;
    private readonly InnerEnd target;

    private Probing(Fleet askers, Fleet answerer, InnerEnd target)
    {
        this.askers = askers;
        this.answerer = answerer;
        this.target = target;
    }

    public static async Task<Probing> Board(Stage stage, IEnumerable<string> devices, string sink, InnerEnd target)
    {
        var made = new Probing(await stage.NewFleet(devices), await stage.NewFleet([sink]), target);
        await made.answerer.Answer(0);
        await made.Connect();
        return made;
    }

    /// <summary>Connects all anew.</summary>
    public async Task Connect()
    {
        Stage.Complete(await answerer.Connect(0, 1), "who answers");
        Stage.Complete(await askers.Connect(0, askers.Count), "who asks");
    }

    public async Task Begin()
    {
        await askers.TakeReport();
        await askers.Speak(0, askers.Count, Questions, target);
    }

    /// <summary>Round trips since the beginning, and the share of questions without an answer.</summary>
    public async Task<(LatencyHistogram RoundTrip, double UnansweredPercent)> End()
    {
        await askers.BeQuiet(0, askers.Count);
        await Task.Delay(LastAnswers);
        var report = await askers.TakeReport();
        return (report.RoundTrip, 100.0 * (report.Asked - report.Answered) / Math.Max(report.Asked, 1));
    }

    public async Task<(LatencyHistogram RoundTrip, double UnansweredPercent)> During(TimeSpan time)
    {
        await Begin();
        await Task.Delay(time);
        return await End();
    }
}
