using System.Text.Json;
using Sallyport.EndToEnd.Fleet;
using Sallyport.EndToEnd.Harness;

namespace Sallyport.EndToEnd.Simulate;

/// <summary>The fleet simulator as operators start it, against our gateway and against stock.</summary>
public sealed class SimulateTests(SimulateTests.Fixture fixture) : IClassFixture<SimulateTests.Fixture>
{
    private const int Devices = 50;

    [NetworkFact]
    public async Task Fifty_devices_speak_through_an_outage_and_roaming_and_are_gone_afterwards()
    {
        using var simulation = Simulate(
            fixture.NewHost("fleet"), "--devices", $"{Devices}", "--data", fixture.Installation.Data,
            "--rate", "200", "--duration", "12s", "--outage", "3s", "--share", "50", "--roam", "5s", "--json");
        (await simulation.WaitForExit(TimeSpan.FromSeconds(120))).ShouldBe(0, simulation.Log);
        using var report = Report(simulation);
        var root = report.RootElement;
        root.GetProperty("connected").GetInt32().ShouldBe(Devices);
        root.GetProperty("online_at_end").GetInt32().ShouldBe(Devices, "an outage shorter than ping-restart costs nobody the tunnel");
        root.GetProperty("lost").GetInt64().ShouldBe(0);
        root.GetProperty("roams").GetInt64().ShouldBe(2 * Devices);
        root.GetProperty("outages").GetInt64().ShouldBe(Devices / 2);

        // Half of the devices are not heard for a quarter of the time: an eighth of the packets. All others arrive and are answered.
        root.GetProperty("loss_percent").GetDouble().ShouldBeInRange(9, 17);
        root.GetProperty("arrived").GetInt64().ShouldBeGreaterThan(1500);
        var (asked, answered) = (root.GetProperty("asked").GetInt64(), root.GetProperty("answered").GetInt64());
        answered.ShouldBeInRange((long)(asked * 0.8), asked);
        root.GetProperty("round_trip").GetProperty("count").GetInt64().ShouldBe(answered);
        root.GetProperty("round_trip").GetProperty("p50").GetDouble().ShouldBeGreaterThan(0);

        (await fixture.Client.ListNetworksAsync()).Items.ShouldBeEmpty("what was enrolled is removed");
    }

    [NetworkFact]
    public async Task A_download_through_a_stock_server_comes_by_profiles_alone()
    {
        var folder = Directory.CreateTempSubdirectory("sp-profiles-").FullName;
        try
        {
            using var pki = new StockPki();
            using var server = new OpenVpnProcess(
                fixture.NewHost("stock"), StockConfig.Server(pki, "udp4", $"local 10.99.0.{fixture.LastHost}", "client-to-client", "disable-dco"));
            await server.WaitUntilConnected();
            foreach (var name in new[] { "device-1", "device-2", "responder" })
            {
                Directory.CreateDirectory(Path.Combine(folder, "responder"));
                await File.WriteAllTextAsync(
                    Path.Combine(folder, name == "responder" ? "responder" : "", name + ".ovpn"),
                    StockConfig.Client(pki, pki.Client(name), "udp4", $"10.99.0.{fixture.LastHost}"));
            }

            using var simulation = Simulate(
                fixture.NewHost("fleet"), "--profiles", folder, "--responder", Path.Combine(folder, "responder", "responder.ovpn"),
                "--profile", "firmware", "--duration", "3s", "--storm", "1s", "--json");
            (await simulation.WaitForExit(TimeSpan.FromSeconds(120))).ShouldBe(0, simulation.Log);
            using var report = Report(simulation);
            report.RootElement.GetProperty("connected").GetInt32().ShouldBe(2);
            report.RootElement.GetProperty("storms").GetArrayLength().ShouldBeGreaterThan(0);
            report.RootElement.GetProperty("down_mbit_per_second").GetDouble().ShouldBeGreaterThan(0.1);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [NetworkFact]
    public async Task A_server_beyond_this_machine_is_refused_unless_it_is_allowed()
    {
        var folder = Directory.CreateTempSubdirectory("sp-profiles-").FullName;
        try
        {
            using var pki = new StockPki();
            await File.WriteAllTextAsync(Path.Combine(folder, "device.ovpn"), StockConfig.Client(pki, pki.Client(), "udp4", "192.0.2.1"));

            // Not in a namespace of its own, and nothing is sent: it ends at once.
            using var simulation = new ChildProcess(
                null, Programs.PathOf("sallyport-simulator"), ["--profiles", folder, "--profile", "idle", "--duration", "1s"], Runtime);
            (await simulation.WaitForExit(TimeSpan.FromSeconds(20))).ShouldBe(1);
            simulation.Log.ShouldContain("192.0.2.1:1194 is not this machine");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static Dictionary<string, string> Runtime { get; } = new() { ["DOTNET_ROOT"] = Programs.DotnetRoot };

    private static ChildProcess Simulate(Namespace where, params string[] words) => new(where, Programs.PathOf("sallyport"), ["simulate", .. words], Runtime);

    /// <summary>What stands on standard output behind the remarks.</summary>
    private static JsonDocument Report(ChildProcess simulation)
    {
        var lines = simulation.Log.Split('\n').SkipWhile(line => line != "{").ToArray();
        return JsonDocument.Parse(string.Join('\n', lines.Take(Array.IndexOf(lines, "}") + 1)));
    }

    public sealed class Fixture : FleetFixture;
}
