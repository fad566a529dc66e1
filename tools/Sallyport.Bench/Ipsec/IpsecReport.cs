using System.Globalization;
using Sallyport.Bench.Measures;
using Sallyport.Bench.Streams;

namespace Sallyport.Bench.Ipsec;

/// <summary>IKE SAs with a CHILD SA each, set up on a fresh process.</summary>
/// <param name="Count">Set up between the two readings.</param>
/// <param name="CpuSeconds">Of the responder meanwhile.</param>
internal sealed record SetUpRound(int Count, double CpuSeconds, double ElapsedSeconds, long BeforeKib, long AfterKib)
{
    public double PerCpuSecond => Count / CpuSeconds;

    public double KibPerSa => (double)(AfterKib - BeforeKib) / Count;

    public string Describe() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Count} SAs in {ElapsedSeconds:0.0} s, {PerCpuSecond:0} per CPU-second; {BeforeKib} KiB before, {AfterKib} after: {KibPerSa:0.0} KiB an SA");
}

/// <summary>What was measured of each server; ratios only where both of theirs were.</summary>
internal sealed class IpsecReport(BenchOptions options)
{
    private readonly Dictionary<string, List<LaneRound>> transfers = [];
    private readonly Dictionary<(string Server, string Row), List<StreamRound>> streams = [];
    private readonly Dictionary<(string Server, IkeProof Proof), List<SetUpRound>> setUps = [];

    public void Add(string server, LaneRound round) => ListOf(transfers, server).Add(round);

    public void Add(string server, string row, StreamRound round) => ListOf(streams, (server, row)).Add(round);

    public void Add(string server, IkeProof proof, SetUpRound round) => ListOf(setUps, (server, proof)).Add(round);

    public SuiteReport ToSuite()
    {
        var report = new SuiteReport("ipsec", options);
        AddTransfers(report);
        AddStreams(report, "lean", "single packets between lean ends");
        AddStreams(report, "coalesced", "runs of packets between lean ends");
        foreach (var (proof, key, title) in new[] { (IkeProof.Certificate, "", "certificates of P-256"), (IkeProof.Psk, "_psk", "a pre-shared key each") })
        {
            AddSetUps(report, proof, key, title);
        }

        return report;
    }

    /// <summary>Our own figures have no name before them.</summary>
    private static string Prefix(string server) => server == IpsecServers.Ours ? "" : server + "_";

    private static List<TRound> ListOf<TKey, TRound>(Dictionary<TKey, List<TRound>> all, TKey key)
        where TKey : notnull
    {
        if (!all.TryGetValue(key, out var list))
        {
            all.Add(key, list = []);
        }

        return list;
    }

    private static IEnumerable<double> Ratios<TRound>(List<TRound> rounds, List<TRound> beside, Func<TRound, double> figure) =>
        rounds.Zip(beside, (one, other) => figure(one) / figure(other));

    private void AddTransfers(SuiteReport report)
    {
        if (!transfers.TryGetValue(Lane.OpenVpn, out var openvpn))
        {
            return;
        }

        foreach (var (server, rounds) in transfers.Where(one => one.Key != Lane.OpenVpn))
        {
            report.Add($"{Prefix(server)}cpu_per_gb_ratio", $"CPU per GB, {server} / openvpn", "0.00", Ratios(rounds, openvpn, round => round.CpuPerGb));
        }

        foreach (var (server, rounds) in transfers)
        {
            report.Add($"{Prefix(server)}cpu_per_gb", $"server CPU-seconds per GB, {server}", "0.00", rounds.Select(round => round.CpuPerGb));
            report.Add($"{Prefix(server)}mbit_per_second", $"  Mbit/s, {server}", "0", rounds.Select(round => round.MbitPerSecond));
        }
    }

    private void AddStreams(SuiteReport report, string row, string title)
    {
        if (!streams.TryGetValue((Lane.OpenVpn, row), out var openvpn))
        {
            return;
        }

        foreach (var name in IpsecServers.Names)
        {
            var rounds = streams[(name, row)];
            report.Add($"{Prefix(name)}{row}_cpu_per_gb_ratio", $"CPU per GB, {name} / openvpn, {title}", "0.00", Ratios(rounds, openvpn, round => round.CpuPerGb));
        }

        foreach (var name in IpsecServers.Names.Append(Lane.OpenVpn))
        {
            report.Add($"{Prefix(name)}{row}_cpu_per_gb", $"server CPU-seconds per GB, {name}, {title}", "0.00", streams[(name, row)].Select(round => round.CpuPerGb));
            report.Add($"{Prefix(name)}{row}_packets_per_second", $"  packets a second, {name}", "0", streams[(name, row)].Select(round => round.PacketsPerSecond));
        }
    }

    private void AddSetUps(SuiteReport report, IkeProof proof, string key, string title)
    {
        var measured = IpsecServers.Names.Where(name => setUps.ContainsKey((name, proof))).ToList();
        if (measured.Contains(IpsecServers.Ours) && measured.Contains(IpsecServers.Charon))
        {
            var (ours, charon) = (setUps[(IpsecServers.Ours, proof)], setUps[(IpsecServers.Charon, proof)]);
            report.Add($"sa_rate{key}_ratio", $"SAs per CPU-second, ours / charon, {title}", "0.00", Ratios(ours, charon, round => round.PerCpuSecond));
            report.Add($"kib_per_sa{key}_ratio", $"KiB per SA, ours / charon, {title}", "0.00", Ratios(ours, charon, round => round.KibPerSa));
        }

        foreach (var server in measured)
        {
            var rounds = setUps[(server, proof)];
            report.Add($"{Prefix(server)}sa_per_cpu_second{key}", $"SAs per CPU-second, {server}, {title}", "0", rounds.Select(round => round.PerCpuSecond));
            report.Add($"{Prefix(server)}kib_per_sa{key}", $"  KiB per SA, {server}", "0.0", rounds.Select(round => round.KibPerSa));
        }
    }
}
