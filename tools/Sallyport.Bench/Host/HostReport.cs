using System.Globalization;
using System.Text;
using System.Text.Json;
using Sallyport.Bench.Measures;

namespace Sallyport.Bench.Host;

/// <summary>One transfer between a device and the gateway's machine.</summary>
/// <param name="CpuPerGb">Server CPU-seconds (user + system) per 10^9 bytes that arrived.</param>
internal sealed record HostTransfer(double Bytes, double MbitPerSecond, long Retransmits, double CpuSeconds, double CpuPerGb);

internal sealed record HostRounds
{
    public List<HostTransfer> ToHost { get; } = [];

    public List<HostTransfer> FromHost { get; } = [];
}

/// <summary>Medians of the rounds, and the rounds.</summary>
internal sealed record HostReport(BenchOptions Options, Machine Machine, HostRounds Ours, HostRounds Stock)
{
    private static readonly JsonSerializerOptions Format = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, WriteIndented = true };

    private (double Ours, double Stock) ToHost => (Cpu(Ours.ToHost), Cpu(Stock.ToHost));

    private (double Ours, double Stock) FromHost => (Cpu(Ours.FromHost), Cpu(Stock.FromHost));

    /// <summary>As many bytes there as back.</summary>
    private (double Ours, double Stock) Both => ((ToHost.Ours + FromHost.Ours) / 2, (ToHost.Stock + FromHost.Stock) / 2);

    public string ToText()
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"{"",-40}{"ours",10}{"stock",10}{"ratio",10}");
        Add("server CPU-s per GB, device to host", ToHost, "0.00");
        Add("server CPU-s per GB, host to device", FromHost, "0.00");
        Add("both directions", Both, "0.00");
        Add("Mbit/s, device to host", (Speed(Ours.ToHost), Speed(Stock.ToHost)), "0");
        Add("Mbit/s, host to device", (Speed(Ours.FromHost), Speed(Stock.FromHost)), "0");
        text.Append(CultureInfo.InvariantCulture, $"{Options.DescribeRounds()}: iperf3 TCP {Options.Seconds} s between a stock client and the server's machine, AES-256-GCM, default MTU. ");
        text.Append(CultureInfo.InvariantCulture, $"{Machine.Openvpn}, {Machine.Openssl}, {Machine.Dotnet}, Linux {Machine.Kernel}, {Machine.Cores} cores of {Machine.Cpu}.");
        return text.ToString();

        void Add(string title, (double Ours, double Stock) figure, string format) => text.AppendLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{title,-40}{figure.Ours.ToString(format, CultureInfo.InvariantCulture),10}{figure.Stock.ToString(format, CultureInfo.InvariantCulture),10}{figure.Ours / figure.Stock,10:0.00}"));
    }

    public string ToJson() => JsonSerializer.Serialize(
        new
        {
            Benchmark = "host",
            HostCpuPerGbRatio = Both.Ours / Both.Stock,
            HostCpuPerGb = Both.Ours,
            HostCpuPerGbStock = Both.Stock,
            ToHostCpuPerGbRatio = ToHost.Ours / ToHost.Stock,
            ToHostCpuPerGb = ToHost.Ours,
            ToHostCpuPerGbStock = ToHost.Stock,
            FromHostCpuPerGbRatio = FromHost.Ours / FromHost.Stock,
            FromHostCpuPerGb = FromHost.Ours,
            FromHostCpuPerGbStock = FromHost.Stock,
            ToHostMbitPerSecond = Speed(Ours.ToHost),
            ToHostMbitPerSecondStock = Speed(Stock.ToHost),
            FromHostMbitPerSecond = Speed(Ours.FromHost),
            FromHostMbitPerSecondStock = Speed(Stock.FromHost),
            Machine,
            Settings = new { Options.Rounds, Options.Seconds },
            Rounds = new { Ours, Stock },
        },
        Format);

    private static double Cpu(IEnumerable<HostTransfer> transfers) => Median.Of(transfers.Select(transfer => transfer.CpuPerGb));

    private static double Speed(IEnumerable<HostTransfer> transfers) => Median.Of(transfers.Select(transfer => transfer.MbitPerSecond));
}
