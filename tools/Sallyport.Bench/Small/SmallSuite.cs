using Sallyport.Bench.Measures;
using Sallyport.Bench.Stages;
using Sallyport.Bench.Streams;

namespace Sallyport.Bench.Small;

/// <summary>Many devices with small packets, through stock and ours in turns: as fast as they take them, and at a rate that both can.</summary>
internal static class SmallSuite
{
    public static async Task<SuiteReport> Run(BenchOptions options, Action<string> tell)
    {
        await using var stage = new Stage();
        tell("starting both servers");
        var (stock, ours) = (await stage.StartStock(), await stage.StartOurs());
        var devices = options.Devices ?? StreamKinds.SmallDevices;
        tell($"connecting {devices} devices to each");
        var rounds = await Measure(
            await StationFleet.Board(stage, stock, devices, "stock"), await StationFleet.Board(stage, ours, devices, "ours"), devices, options, tell);
        return rounds.AddTo(new SuiteReport("small", options));
    }

    /// <summary>Devices of both servers are connected all the time; only one of them is loaded.</summary>
    public static async Task<SmallRounds> Measure(StationFleet stock, StationFleet ours, int devices, BenchOptions options, Action<string> tell)
    {
        var rounds = new SmallRounds();
        for (var round = 1; round <= options.Rounds; round++)
        {
            foreach (var (title, fleet, saturated, low) in
                new[] { ("stock", stock, rounds.StockSaturated, rounds.StockLow), ("ours", ours, rounds.OursSaturated, rounds.OursLow) })
            {
                saturated.Add(await fleet.Run(StreamKinds.SmallSaturated(), devices, options.Seconds));
                tell($"round {round}, {title}, small packets, saturated: {saturated[^1].Describe()}");
                low.Add(await fleet.Run(StreamKinds.SmallAt(StreamKinds.LowRate), devices, options.Seconds));
                tell($"round {round}, {title}, small packets, {StreamKinds.LowRate} a second: {low[^1].Describe()}");
            }
        }

        return rounds;
    }
}
