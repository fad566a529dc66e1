using Sallyport.Bench.Measures;

namespace Sallyport.Bench.Policy;

/// <summary>What policy costs in a large fleet, in this process, and how fast a change of it is everywhere, in a whole installation. Ours alone.</summary>
internal static class PolicySuite
{
    public const int FewestDevices = 10_000;
    private const int UsualDevices = 100_000;
    private const int Rules = 10_000;

    public static async Task<SuiteReport> Run(BenchOptions options, Action<string> tell)
    {
        var report = new SuiteReport("policy", options);
        var devices = options.Devices ?? UsualDevices;
        Measure(report, devices, options.Rounds, tell);
        tell("starting an installation");
        var cuts = await CutRounds.Run(tell);
        return report
            .Add("cut_p50_ms", $"commit to last packet of what is cut, {CutRounds.Flows} live flows, p50, ms", "0.0", Percentile(cuts.ToLastPacket, 50))
            .Add("cut_p99_ms", "  p99", "0.0", Percentile(cuts.ToLastPacket, 99))
            .Add("cut_max_ms", "  the slowest", "0.0", cuts.ToLastPacket.Max())
            .Add("enforced_p50_ms", "commit to the packet path on the new model, p50, ms", "0.0", Percentile(cuts.ToEnforced, 50))
            .Add("enforced_p99_ms", "  p99", "0.0", Percentile(cuts.ToEnforced, 99))
            .Add("cuts", "cuts", "0", cuts.ToLastPacket.Length)
            .Add("flows_per_cut", "  flows of each", "0.0", cuts.FlowsCut)
            .Add("others_asked", "questions of those that were not cut, meanwhile", "0", cuts.OthersAsked)
            .Add("others_unanswered", "  without an answer", "0", cuts.OthersUnanswered)
            .Add("everything_flows", "flows that a lock of their network cut at the end", "0", cuts.Everything.FlowsCut)
            .Add("everything_ms", "  commit to the last packet, ms", "0.0", cuts.Everything.MillisecondsToLastPacket ?? double.NaN)
            .Add("everything_enforced_ms", "  to the packet path on the new model, ms", "0.0", cuts.Everything.MillisecondsToEnforced ?? double.NaN);
    }

    /// <summary>In this process, without sockets.</summary>
    private static void Measure(SuiteReport report, int devices, int rounds, Action<string> tell)
    {
        tell($"memory of {devices} devices");
        var memory = PolicyMemory.PerDevice(devices, Rules);
        var (few, many) = (PolicyFleet.Make(devices, PolicyFleet.CommonRules), PolicyFleet.Make(devices, Rules));
        var (all, even) = (new DecisionRounds(devices, isCommonOnly: false), new DecisionRounds(devices, isCommonOnly: true));
        var (anybody, withFew, withMany) = (new List<double>(), new List<double>(), new List<double>());
        var allowed = 0;

        // The first round is for the compiler.
        for (var round = 0; round <= rounds; round++)
        {
            anybody.Add(all.Run(many.Fleet, out allowed));
            withFew.Add(even.Run(few.Fleet, out var before));
            withMany.Add(even.Run(many.Fleet, out var after));
            if (before != after)
            {
                throw new InvalidOperationException("rules of odd devices changed the verdicts of even ones");
            }

            tell(Invariant($"round {round}: {anybody[^1]:0.000} µs; even devices {withFew[^1]:0.000} with {PolicyFleet.CommonRules} rules, {withMany[^1]:0.000} with {Rules}"));
        }

        var flow = PolicyMemory.PerFlow(many, CutRounds.Flows);
        var change = ChangeRounds.Run(many, Rules, devices, LiveFlows.Begin(many.Fleet, CutRounds.Flows, isAbroad: false));
        report
            .Add("decision_us", $"decision on a new flow, {devices} devices, {Rules} rules, µs", "0.000", anybody.Skip(1))
            .Add("decisions_per_second", "  a second, one core", "0", anybody.Skip(1).Select(one => 1e6 / one))
            .Add("allowed_percent", "  allowed, %", "0.0", DecisionRounds.Percent(allowed))
            .Add("decision_us_few_rules", $"the same of every other device, with {PolicyFleet.CommonRules} rules", "0.000", withFew.Skip(1))
            .Add("decision_us_many_rules", $"  and with {Rules - PolicyFleet.CommonRules} more that do not concern them", "0.000", withMany.Skip(1))
            .Add("bytes_per_device", "bytes per device, the gateway's whole model", "0", memory.Gateway)
            .Add("bytes_per_device_fleet", "  of which what decides", "0", memory.Fleet)
            .Add("bytes_per_flow", "bytes per flow", "0", flow.Entry)
            .Add("bytes_per_flow_translation", "  and more where it crosses networks", "0", flow.Translation)
            .Add("change_us", "one rule added: the next fleet model, µs", "0.0", change.With)
            .Add("change_apply_us", "  a gateway's next model, from what control sends", "0.0", change.Apply)
            .Add("change_adopt_us", $"  a packet thread with {CutRounds.Flows} live flows goes over to it", "0.0", change.Adopt);
    }

    private static double Percentile(double[] values, int percent)
    {
        var sorted = values.Order().ToArray();
        return sorted[Math.Max((int)Math.Ceiling(sorted.Length * percent / 100.0) - 1, 0)];
    }

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
