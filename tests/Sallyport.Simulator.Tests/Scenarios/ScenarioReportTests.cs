using System.Text.Json;
using Sallyport.Simulator.Measures;
using Sallyport.Simulator.Scenarios;

namespace Sallyport.Simulator.Tests.Scenarios;

public sealed class ScenarioReportTests
{
    private static readonly ScenarioReport Report = new()
    {
        Devices = 50,
        Profile = "telemetry",
        Seconds = 60,
        Connected = 50,
        OnlineAtEnd = 49,
        Connecting = new LatencySummary(50, 10, 20, 30, 40, 50),
        Sent = 300,
        Arrived = 297,
        Reordered = 1,
        LossPercent = 1,
        OneWay = new LatencySummary(297, 0.1, 0.2, 0.3, 0.4, 0.5),
        Asked = 300,
        Answered = 297,
        RoundTrip = new LatencySummary(297, 0.2, 0.4, 0.6, 0.8, 1),
        UpMbitPerSecond = 0.5,
        DownMbitPerSecond = 0.25,
        Outages = 25,
        Roams = 100,
        Lost = 0,
        Storms = [new StormReport(50, 50, 1.5, new LatencySummary(50, 1, 2, 3, 4, 5))],
        Failures = new Dictionary<string, long> { ["the server is silent"] = 2 },
        SimulatorBytesPerDevice = 20_480,
    };

    [Fact]
    public void The_text_says_what_people_ask_for()
    {
        var lines = Report.ToText().Split('\n');
        lines.ShouldContain("devices     50, 50 connected, 49 online at the end");
        lines.ShouldContain("round trip  p50 0.2, p90 0.4, p99 0.6, p99.9 0.8, max 1 ms (297)");
        lines.ShouldContain("arrived     297, 1 % lost, 1 out of order");
        lines.ShouldContain(line => line.StartsWith("storm       50 of 50 back in 1.5 s", StringComparison.Ordinal));
        lines.ShouldContain("failed      2 × the server is silent");
        lines.ShouldContain("simulator   20.0 KiB for each device");
    }

    [Fact]
    public void The_json_has_the_keys_that_are_documented()
    {
        using var json = JsonDocument.Parse(Report.ToJson());
        json.RootElement.GetProperty("round_trip").GetProperty("p999").GetDouble().ShouldBe(0.8);
        json.RootElement.GetProperty("loss_percent").GetDouble().ShouldBe(1);
        json.RootElement.GetProperty("storms")[0].GetProperty("back").GetInt32().ShouldBe(50);
        json.RootElement.GetProperty("online_at_end").GetInt32().ShouldBe(49);
    }
}
