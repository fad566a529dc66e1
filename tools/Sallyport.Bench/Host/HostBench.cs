using System.Globalization;
using System.Net;
using Sallyport.Api.Applications;
using Sallyport.Api.Credentials;
using Sallyport.Api.Devices;
using Sallyport.Api.Networks;
using Sallyport.Api.Rules;
using Sallyport.Bench.Measures;
using Sallyport.Bench.OpenVpn;
using Sallyport.Bench.Stages;
using Sallyport.Harness;

namespace Sallyport.Bench.Host;

/// <summary>
/// One stock device and a service on the gateway's machine: what the server process spends on either direction, ours through its translating
/// TUN, the stock server through its plain one. Nothing passes or fails here: it measures.
/// </summary>
internal sealed class HostBench : IAsyncDisposable
{
    private const int WarmUpSeconds = 3;
    private const string Plant = "plant";
    private static readonly IPAddress OurHost = IPAddress.Parse("10.20.0.1");
    private static readonly IPAddress StockHost = IPAddress.Parse("10.8.0.1");

    private readonly BenchOptions options;
    private readonly Action<string> tell;
    private readonly Topology topology = new();
    private readonly Namespace device;
    private readonly List<OpenVpnProcess> clients = [];
    private StockServer? stock;
    private Installation? ours;

    private HostBench(BenchOptions options, Action<string> tell)
    {
        this.options = options;
        this.tell = tell;
        device = topology.Attach("device", 11);
    }

    public static async Task<HostReport> Run(BenchOptions options, Action<string> tell)
    {
        await using var bench = new HostBench(options, tell);
        return await bench.Measure();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var client in clients)
        {
            client.Stop();
            client.Dispose();
        }

        if (stock is not null)
        {
            await stock.DisposeAsync();
        }

        if (ours is not null)
        {
            await ours.DisposeAsync();
        }

        topology.Dispose();
    }

    private async Task<HostReport> Measure()
    {
        tell("starting both servers");
        stock = await StockServer.Start(topology.Gateway);
        ours = await Installation.Start(topology.Gateway);
        clients.Add(new OpenVpnProcess(device, stock.SenderProfile));
        clients.Add(new OpenVpnProcess(device, await AddDevice(ours)));
        foreach (var client in clients)
        {
            await client.WaitUntilConnected();
        }

        var report = new HostReport(options, Machine.Read(), new HostRounds(), new HostRounds());
        await Round(WarmUpSeconds, "warm-up", new HostReport(options, report.Machine, new HostRounds(), new HostRounds()));
        for (var round = 1; round <= options.Rounds; round++)
        {
            await Round(options.Seconds, string.Create(CultureInfo.InvariantCulture, $"round {round}"), report);
        }

        return report;
    }

    private async Task Round(int seconds, string title, HostReport report)
    {
        foreach (var reverse in new[] { false, true })
        {
            await Transfer($"{title}, stock", stock!.ProcessId, StockHost, seconds, reverse, report.Stock);
            await Transfer($"{title}, ours", ours!.GatewayProcessId() ?? throw new InvalidOperationException("the gateway does not run"), OurHost, seconds, reverse, report.Ours);
        }
    }

    private async Task Transfer(string title, int process, IPAddress to, int seconds, bool reverse, HostRounds rounds)
    {
        var cpu = ProcessMeter.CpuSeconds(process);
        var sent = await Iperf.Send(device, topology.Gateway, to, seconds, reverse);
        cpu = ProcessMeter.CpuSeconds(process) - cpu;
        var made = new HostTransfer(sent.Bytes, sent.BitsPerSecond / 1e6, sent.Retransmits, cpu, cpu / (sent.Bytes / 1e9));
        (reverse ? rounds.FromHost : rounds.ToHost).Add(made);
        tell(string.Create(
            CultureInfo.InvariantCulture,
            $"{title}, {(reverse ? "host to device" : "device to host")}: {made.CpuPerGb:0.00} CPU-s/GB, {made.MbitPerSecond:0} Mbit/s, {made.Retransmits} retransmits"));
    }

    private static async Task<string> AddDevice(Installation installation)
    {
        var client = installation.Client;
        await client.AddNetworkAsync(new NetworkCreate { Name = Plant, Prefixes = ["10.20.0.0/16"] });
        await client.AddApplicationAsync(new ApplicationCreate { Name = "receiver", Host = Plant, Services = [$"tcp/{Iperf.Port}"] });
        var made = await client.AddDeviceAsync(new DeviceCreate { Name = "sender", Network = Plant, Profile = new ProfileRequest { Transport = "udp" } });
        await client.AddRuleAsync(new RuleCreate { From = "device:sender", To = "application:receiver" });
        await installation.UntilReady();
        return made.Profile!.Text.With("dev tun-ours");
    }
}
