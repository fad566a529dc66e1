using System.Globalization;
using System.Text;
using System.Text.Json;
using Sallyport.Bench.Measures;

namespace Sallyport.Bench.OpenVpn;

/// <summary>Medians of the rounds, and the rounds.</summary>
internal sealed record OpenVpnReport(BenchOptions Options, Machine Machine, ServerRounds Ours, ServerRounds Stock)
{
    private static readonly JsonSerializerOptions Format = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, WriteIndented = true };

    private Figure CpuPerGb => new(Median.Of(Ours.Transfers.Select(r => r.CpuPerGb)), Median.Of(Stock.Transfers.Select(r => r.CpuPerGb)));

    private Figure Throughput => new(Median.Of(Ours.Transfers.Select(r => r.MbitPerSecond)), Median.Of(Stock.Transfers.Select(r => r.MbitPerSecond)));

    private Figure Memory => new(Median.Of(Ours.Memory.Select(r => r.KibPerClient)), Median.Of(Stock.Memory.Select(r => r.KibPerClient)));

    private Figure Handshakes => new(Median.Of(Ours.Handshakes.Select(r => r.PerCpuSecond)), Median.Of(Stock.Handshakes.Select(r => r.PerCpuSecond)));

    private Figure HandshakesTlsCrypt => new(Median.Of(Ours.HandshakesTlsCrypt.Select(r => r.PerCpuSecond)), Handshakes.Stock);

    private double ControlCpuPerGb => Median.Of(Ours.Transfers.Select(r => r.ControlCpuPerGb ?? 0));

    public string ToText()
    {
        var text = new StringBuilder();
        text.AppendLine(Row("", "ours", "stock", "ratio"));
        Add("server CPU-s per GB, client to client", CpuPerGb, "0.00");
        Add("Mbit/s of the same, one TCP stream", Throughput, "0");
        Add("KiB per idle client", Memory, "0.0");
        Add("TLS handshakes per server CPU-second", Handshakes, "0");
        Add("the same, both with tls-crypt", HandshakesTlsCrypt, "0");
        text.AppendLine(CultureInfo.InvariantCulture, $"sallyportd beside our gateway: {ControlCpuPerGb:0.000} CPU-s per GB.");
        text.Append(CultureInfo.InvariantCulture, $"Medians of {Options.Rounds} interleaved rounds: iperf3 TCP {Options.Seconds} s from stock client to stock client, AES-256-GCM, default MTU; ");
        text.Append(CultureInfo.InvariantCulture, $"RSS growth by {Options.Clients} idle clients; {Options.Handshakes} full handshakes, P-256 on both sides, tls-crypt (stock) and tls-crypt-v2 (ours). ");
        text.Append(CultureInfo.InvariantCulture, $"{Machine.Openvpn}, {Machine.Openssl}, {Machine.Dotnet}, Linux {Machine.Kernel}, {Machine.Cores} cores of {Machine.Cpu}.");
        return text.ToString();

        void Add(string title, Figure figure, string format) => text.AppendLine(Row(
            title,
            figure.Ours.ToString(format, CultureInfo.InvariantCulture),
            figure.Stock.ToString(format, CultureInfo.InvariantCulture),
            figure.Ratio.ToString("0.00", CultureInfo.InvariantCulture)));
    }

    public string ToJson() => JsonSerializer.Serialize(
        new
        {
            Benchmark = "openvpn",
            CpuPerGbRatio = CpuPerGb.Ratio,
            CpuPerGb = CpuPerGb.Ours,
            CpuPerGbStock = CpuPerGb.Stock,
            ControlCpuPerGb,
            ThroughputRatio = Throughput.Ratio,
            MbitPerSecond = Throughput.Ours,
            MbitPerSecondStock = Throughput.Stock,
            KibPerClient = Memory.Ours,
            KibPerClientStock = Memory.Stock,
            HandshakesPerCpuSecond = Handshakes.Ours,
            HandshakesPerCpuSecondStock = Handshakes.Stock,
            HandshakeRatio = Handshakes.Ratio,
            HandshakesPerCpuSecondTlsCrypt = HandshakesTlsCrypt.Ours,
            HandshakeTlsCryptRatio = HandshakesTlsCrypt.Ratio,
            Machine,
            Settings = new { Options.Rounds, Options.Seconds, Options.Clients, Options.Handshakes },
            Rounds = new { Ours, Stock },
        },
        Format);

    private static string Row(string title, string ours, string stock, string ratio) => $"{title,-40}{ours,10}{stock,10}{ratio,10}";

    /// <summary>One measured thing of both servers.</summary>
    private readonly record struct Figure(double Ours, double Stock)
    {
        public double Ratio => Ours / Stock;
    }
}
