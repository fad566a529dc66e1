using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Sallyport.Bench.Measures;
using Sallyport.Bench.Small;

namespace Sallyport.Bench.OpenVpn;

/// <summary>Medians of the rounds, and the rounds.</summary>
internal sealed record OpenVpnReport(BenchOptions Options, Machine Machine, ServerRounds Ours, ServerRounds Stock, SmallRounds Small)
{
    private static readonly JsonSerializerOptions Format = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, WriteIndented = true, Converters = { new NothingForNoNumber() } };

    /// <summary>
    /// Handshakes per CPU-second of libssl alone, in a loop of the same run with the same certificates; null where that was not measured.
    /// </summary>
    public double? HandshakeFloor { get; init; }

    private Figure CpuPerGb => new(Median.Of(Ours.Transfers.Select(r => r.CpuPerGb)), Median.Of(Stock.Transfers.Select(r => r.CpuPerGb)));

    private Figure Throughput => new(Median.Of(Ours.Transfers.Select(r => r.MbitPerSecond)), Median.Of(Stock.Transfers.Select(r => r.MbitPerSecond)));

    private Figure CpuPerGbCoalesced => new(Median.Of(Ours.Coalesced.Select(r => r.CpuPerGb)), Median.Of(Stock.Coalesced.Select(r => r.CpuPerGb)));

    private Figure SmallPackets => new(Median.Of(Small.OursSaturated.Select(r => r.PacketsPerCpuSecond)), Median.Of(Small.StockSaturated.Select(r => r.PacketsPerCpuSecond)));

    private Figure SmallPacketsLowRate => new(Median.Of(Small.OursLow.Select(r => r.PacketsPerCpuSecond)), Median.Of(Small.StockLow.Select(r => r.PacketsPerCpuSecond)));

    private Figure Memory => new(Median.Of(Ours.Memory.Select(r => r.KibPerClient)), Median.Of(Stock.Memory.Select(r => r.KibPerClient)));

    private Figure Handshakes => new(Median.Of(Ours.Handshakes.Select(r => r.PerCpuSecond)), Median.Of(Stock.Handshakes.Select(r => r.PerCpuSecond)));

    private Figure HandshakesTlsCrypt => new(Median.Of(Ours.HandshakesTlsCrypt.Select(r => r.PerCpuSecond)), Handshakes.Stock);

    private double ControlCpuPerGb => Median.Of(Ours.Transfers.Select(r => r.ControlCpuPerGb ?? 0));

    public string ToText()
    {
        var text = new StringBuilder();
        text.AppendLine(Row("", "ours", "stock", "ratio"));
        Add("server CPU-s per GB, client to client", CpuPerGb, "0.00");
        Add("the same, packets arriving coalesced", CpuPerGbCoalesced, "0.00");
        Add("Mbit/s of one TCP stream", Throughput, "0");
        Add("small packets per CPU-s, saturated", SmallPackets, "0");
        Add("  at 10,000 a second", SmallPacketsLowRate, "0");
        Add("KiB per idle client", Memory, "0.0");
        Add("TLS handshakes per server CPU-second", Handshakes, "0");
        Add("the same, both with tls-crypt", HandshakesTlsCrypt, "0");
        if (Ours.Transfers.Count > 0)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"sallyportd beside our gateway: {ControlCpuPerGb:0.000} CPU-s per GB.");
        }

        text.Append(Options.DescribeRounds()).Append(": ").AppendJoin("; ", Conditions()).Append(". ").Append(Machine.Describe());
        return text.ToString();

        void Add(string title, Figure figure, string format)
        {
            if (!double.IsNaN(figure.Ratio))
            {
                text.AppendLine(Row(title, Say(figure.Ours, format), Say(figure.Stock, format), Say(figure.Ratio, "0.00")));
            }
        }

        static string Say(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
    }

    public string ToJson() => JsonSerializer.Serialize(
        new
        {
            Benchmark = "openvpn",
            CpuPerGbRatio = CpuPerGb.Ratio,
            CpuPerGb = CpuPerGb.Ours,
            CpuPerGbStock = CpuPerGb.Stock,
            CpuPerGbCoalescedRatio = CpuPerGbCoalesced.Ratio,
            CpuPerGbCoalesced = CpuPerGbCoalesced.Ours,
            CpuPerGbCoalescedStock = CpuPerGbCoalesced.Stock,
            SmallPacketRatio = SmallPackets.Ratio,
            SmallPacketLowRateRatio = SmallPacketsLowRate.Ratio,
            SmallPacketsPerCpuSecond = SmallPackets.Ours,
            SmallPacketsPerCpuSecondStock = SmallPackets.Stock,
            ControlCpuPerGb,
            ThroughputRatio = Throughput.Ratio,
            MbitPerSecond = Throughput.Ours,
            MbitPerSecondStock = Throughput.Stock,
            KibPerClient = Memory.Ours,
            KibPerClientStock = Memory.Stock,
            HandshakesPerCpuSecond = Handshakes.Ours,
            HandshakesPerCpuSecondStock = Handshakes.Stock,
            HandshakeRatio = Handshakes.Ratio,
            HandshakeFloorRatio = Handshakes.Ours / HandshakeFloor,
            HandshakesPerCpuSecondTlsCrypt = HandshakesTlsCrypt.Ours,
            HandshakeTlsCryptRatio = HandshakesTlsCrypt.Ratio,
            Machine,
            Settings = new { Options.Rounds, Options.Seconds, Options.Clients, Options.Handshakes, Options.Devices },
            Rounds = new { Ours, Stock, Small },
        },
        Format);

    /// <summary>Of what was measured.</summary>
    private IEnumerable<string> Conditions()
    {
        if (Ours.Transfers.Count > 0)
        {
            yield return $"iperf3 TCP {Options.Seconds} s from stock client to stock client, AES-256-GCM, default MTU";
        }

        if (Ours.Coalesced.Count + Small.OursSaturated.Count > 0)
        {
            yield return "simulated devices";
        }

        if (Ours.Memory.Count > 0)
        {
            yield return $"RSS growth by {Options.Clients} idle clients";
        }

        if (Ours.Handshakes.Count > 0)
        {
            yield return $"{Options.Handshakes} full handshakes, P-256 on both sides, tls-crypt (stock) and tls-crypt-v2 (ours)";
        }
    }

    private static string Row(string title, string ours, string stock, string ratio) => $"{title,-40}{ours,10}{stock,10}{ratio,10}";

    /// <summary>What was not measured is null.</summary>
    private sealed class NothingForNoNumber : JsonConverter<double>
    {
        public override double Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.GetDouble();

        public override void Write(Utf8JsonWriter writer, double value, JsonSerializerOptions options)
        {
            if (double.IsFinite(value))
            {
                writer.WriteNumberValue(value);
            }
            else
            {
                writer.WriteNullValue();
            }
        }
    }

    /// <summary>One measured thing of both servers.</summary>
    private readonly record struct Figure(double Ours, double Stock)
    {
        public double Ratio => Ours / Stock;
    }
}
