using Sallyport.Api.Devices;
using Sallyport.Api.Locks;
using Sallyport.Bench.Stages;
using Sallyport.Simulator.Fleets;
using Sallyport.Simulator.Traffic;

namespace Sallyport.Bench.Policy;

/// <summary>
/// Cuts in a whole installation with ten thousand live flows: a rule that allows is taken away or one that denies is added, and a hundred
/// flows that speak at that moment lose their permission while all others go on.
/// </summary>
internal sealed class CutRounds
{
    public const int Flows = 10_000;
    private const int FlowsEach = 10;
    private const int Cuts = 200;
    private const int Devices = Flows / FlowsEach;

    /// <summary>All conversations of a busy device have spoken by then.</summary>
    private static readonly TimeSpan AllSpoke = TimeSpan.FromMilliseconds(250);

    private static readonly TimeSpan LastAnswers = TimeSpan.FromSeconds(1);

    /// <summary>Each conversation once in ten seconds.</summary>
    private static readonly TrafficProfile Calm = new()
    {
        Name = "calm",
        Interval = TimeSpan.FromSeconds(1),
        Bytes = 160,
        Answers = 1,
        AnswerBytes = 160,
        Conversations = FlowsEach,
    };

    private static readonly TrafficProfile Busy = Calm with { Name = "busy", Interval = TimeSpan.FromMilliseconds(20) };

    private readonly CutFleet fleet;
    private readonly Fleet cut;
    private readonly Fleet others;
    private readonly List<CutResult> results = [];

    private CutRounds(CutFleet fleet, Fleet cut, Fleet others)
    {
        this.fleet = fleet;
        this.cut = cut;
        this.others = others;
    }

    /// <summary>Milliseconds from the commit to the last packet of what was cut, by the gateway's clock; 0 where none passed after it.</summary>
    public double[] ToLastPacket => [.. results.Select(one => one.MillisecondsToLastPacket!.Value)];

    /// <summary>To the moment from which no packet could pass.</summary>
    public double[] ToEnforced => [.. results.Select(one => one.MillisecondsToEnforced!.Value)];

    public double FlowsCut => results.Average(one => one.FlowsCut);

    /// <summary>Of questions of those that were not cut.</summary>
    public long OthersUnanswered { get; private set; }

    public long OthersAsked { get; private set; }

    /// <summary>The end of all: the network is locked.</summary>
    public CutResult Everything { get; private set; } = null!;

    public static async Task<CutRounds> Run(Action<string> tell)
    {
        await using var stage = new Stage();
        var ours = await stage.StartOurs();
        tell($"making {Devices} identities");
        var enrolled = await CutFleet.Enrol(ours.Installation.Client, Devices - (CutFleet.Batches * CutFleet.BatchSize));
        await ours.Installation.UntilReady();
        var site = await stage.NewFleet([enrolled.SiteProfile]);
        await site.Answer(0);
        Stage.Complete(await site.Connect(0, 1), "the site");
        var made = new CutRounds(enrolled, await stage.NewFleet(enrolled.Cut), await stage.NewFleet(enrolled.Others));
        await made.Begin();
        tell($"{Flows} flows; {Cuts} cuts");
        for (var number = 0; number < Cuts; number++)
        {
            await made.CutOnce(number);
        }

        await made.End();
        made.Everything = (await ours.Installation.Client.AddLockAsync(new LockCreate { Subject = $"network:{CutFleet.Network}", Reason = "benchmark" })).Cut!;
        return made;
    }

    private async Task Begin()
    {
        foreach (var each in new[] { cut, others })
        {
            Stage.Complete(await each.Connect(0, each.Count, Stage.Width), "devices");
            await each.Speak(0, each.Count, Calm, CutFleet.Target);
        }

        await Task.Delay(Calm.Interval!.Value * (FlowsEach + 2));
        await OthersBeQuiet();
        await others.Speak(0, others.Count, Calm, CutFleet.Target);
    }

    /// <summary>Every other time a rule that denies.</summary>
    private async Task CutOnce(int number)
    {
        var batch = number % CutFleet.Batches;
        var first = batch * CutFleet.BatchSize;
        await cut.Speak(first, CutFleet.BatchSize, Busy, CutFleet.Target);
        await Task.Delay(AllSpoke);
        if (number / CutFleet.Batches % 2 == 0)
        {
            Take(await fleet.Forbid(batch));
            await fleet.Allow(batch);
        }
        else
        {
            var (result, rule) = await fleet.Deny(batch);
            Take(result);
            await fleet.EndDenial(rule);
        }

        // They come back before the next cut.
        await Task.Delay(AllSpoke);
        await cut.Speak(first, CutFleet.BatchSize, Calm, CutFleet.Target);
    }

    private void Take(CutResult result)
    {
        if (!result.Enforced || result.FlowsCut == 0)
        {
            throw new InvalidOperationException($"a cut that cuts nothing measures nothing: {result.Summary}");
        }

        results.Add(result);
    }

    private async Task End()
    {
        var report = await OthersBeQuiet();
        (OthersAsked, OthersUnanswered) = (report.Asked, report.Asked - report.Answered);
    }

    /// <summary>A question that is on its way when they stop is answered yet.</summary>
    private async Task<FleetReport> OthersBeQuiet()
    {
        await others.BeQuiet(0, others.Count);
        await Task.Delay(LastAnswers);
        return await others.TakeReport();
    }
}
