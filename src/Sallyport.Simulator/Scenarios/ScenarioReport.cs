using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Sallyport.Simulator.Measures;

namespace Sallyport.Simulator.Scenarios;

/// <summary>Devices that came back after all of them lost their sessions at once.</summary>
public sealed record StormReport(int Devices, int Back, double Seconds, LatencySummary Reconnecting);

/// <summary>What came of a scenario. Times of connecting and of packets are in milliseconds.</summary>
public sealed record ScenarioReport
{
    public required int Devices { get; init; }

    public required string Profile { get; init; }

    public required double Seconds { get; init; }

    /// <summary>In the beginning.</summary>
    public required int Connected { get; init; }

    public required int OnlineAtEnd { get; init; }

    public required LatencySummary Connecting { get; init; }

    public required long Sent { get; init; }

    /// <summary>Null where somebody answers who is not ours to ask.</summary>
    public long? Arrived { get; init; }

    public long? Reordered { get; init; }

    /// <summary>Of what was sent, what did not arrive.</summary>
    public double? LossPercent { get; init; }

    public LatencySummary? OneWay { get; init; }

    public required long Asked { get; init; }

    public required long Answered { get; init; }

    public required LatencySummary RoundTrip { get; init; }

    public required double UpMbitPerSecond { get; init; }

    public required double DownMbitPerSecond { get; init; }

    public required long Outages { get; init; }

    public required long Roams { get; init; }

    /// <summary>Devices that lost their server without being told to by the scenario.</summary>
    public required long Lost { get; init; }

    public required IReadOnlyList<StormReport> Storms { get; init; }

    /// <summary>Reasons of failed attempts, and how often each.</summary>
    public required IReadOnlyDictionary<string, long> Failures { get; init; }

    /// <summary>Resident memory of the simulator with all connected, in bytes for each device.</summary>
    public required double SimulatorBytesPerDevice { get; init; }

    public string ToJson() => JsonSerializer.Serialize(this, ScenarioJson.Default.ScenarioReport);

    public string ToText()
    {
        var text = new StringBuilder();
        Line("devices", $"{Devices}, {Connected} connected, {OnlineAtEnd} online at the end");
        Line("connecting", $"{Connecting}");
        Line("traffic", $"{Profile}, {Seconds:0.#} s: {Sent} sent, {UpMbitPerSecond:0.###} Mbit/s up, {DownMbitPerSecond:0.###} Mbit/s down");
        Line("answers", $"{Answered} of {Asked}");
        Line("round trip", $"{RoundTrip}");
        if (OneWay is not null)
        {
            Line("one way", $"{OneWay}");
            Line("arrived", $"{Arrived}, {LossPercent:0.###} % lost, {Reordered} out of order");
        }

        Line("went wrong", $"{Outages} outages, {Roams} roams, {Lost} lost their server");
        foreach (var storm in Storms)
        {
            Line("storm", $"{storm.Back} of {storm.Devices} back in {storm.Seconds:0.0} s; {storm.Reconnecting}");
        }

        foreach (var (reason, count) in Failures.OrderByDescending(one => one.Value))
        {
            Line("failed", $"{count} × {reason}");
        }

        Line("simulator", $"{SimulatorBytesPerDevice / 1024:0.0} KiB for each device");
        return text.ToString().TrimEnd();

        void Line(string title, FormattableString what) =>
            text.AppendLine(CultureInfo.InvariantCulture, $"{title,-12}{what.ToString(CultureInfo.InvariantCulture)}");
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true)]
[JsonSerializable(typeof(ScenarioReport))]
internal sealed partial class ScenarioJson : JsonSerializerContext;
