using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Sallyport.Bench.Measures;
using Sallyport.Bench.Simulator;
using Sallyport.Harness;

namespace Sallyport.Bench.OpenVpn;

/// <summary>
/// Our gateway and <c>openvpn --server</c> in one namespace, on two ports, loaded in turns by the same clients from the same namespaces.
/// Nothing passes or fails here: it measures.
/// </summary>
internal sealed class OpenVpnBench : IAsyncDisposable
{
    /// <summary>Clients that are there before memory is read for the first time.</summary>
    private const int FirstClients = 100;

    private const int WarmUpSeconds = 3;
    private const int FirstPort = 10_000;
    private const int LastPort = 64_999;

    /// <summary>Stock keeps a client that said goodbye for five seconds; then its memory and its timers are gone.</summary>
    private static readonly TimeSpan Goodbyes = TimeSpan.FromSeconds(6);

    /// <summary>For what was put off during handshakes: collections, late acknowledgements, reports.</summary>
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(2);

    private readonly BenchOptions options;
    private readonly Action<string> tell;
    private readonly Topology topology = new();
    private readonly Namespace sender;
    private readonly Namespace receiver;
    private readonly Namespace load;
    private readonly List<IVpnServer> servers = [];
    private readonly List<Fleet> fleets = [];
    private int lastPort = FirstPort;

    private OpenVpnBench(BenchOptions options, Action<string> tell)
    {
        this.options = options;
        this.tell = tell;
        sender = topology.Attach("sender", 11);
        receiver = topology.AttachSite("receiver");
        load = topology.Attach("fleet", 12);
    }

    public static async Task<OpenVpnReport> Run(BenchOptions options, Action<string> tell)
    {
        await using var bench = new OpenVpnBench(options, tell);
        return await bench.Measure();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var fleet in fleets)
        {
            fleet.Dispose();
        }

        foreach (var server in servers)
        {
            await server.DisposeAsync();
        }

        topology.Dispose();
    }

    private async Task<OpenVpnReport> Measure()
    {
        tell("starting both servers");
        var stock = await StockServer.Start(topology.Gateway);
        servers.Add(stock);
        var ours = await OurServer.Start(topology.Gateway);
        servers.Add(ours);
        var (stockRounds, ourRounds) = (new ServerRounds(), new ServerRounds());

        await Transfers([("stock", stock, stockRounds), ("ours", ours, ourRounds)]);

        var devices = Math.Max(FirstClients + options.Clients, options.Handshakes);
        tell($"making {devices} identities for each server");
        var stockFleet = NewFleet(await stock.MakeProfiles(devices, "tls-crypt"));
        var ourFleet = NewFleet(await ours.MakeProfiles(devices, "tls-crypt-v2"));
        var ourTlsCryptFleet = NewFleet(await ours.MakeProfiles(options.Handshakes, "tls-crypt"));
        for (var round = 1; round <= options.Rounds; round++)
        {
            await ClientsRound($"round {round}, stock", stock, stockFleet, stockRounds);
            await ClientsRound($"round {round}, ours", ours, ourFleet, ourRounds);
            ourRounds.HandshakesTlsCrypt.Add(await Handshakes($"round {round}, ours, tls-crypt", ours, ourTlsCryptFleet));
        }

        return new OpenVpnReport(options, Machine.Read(), ourRounds, stockRounds);
    }

    private async Task Transfers(IReadOnlyList<(string Title, IVpnServer Server, ServerRounds Rounds)> pair)
    {
        var clients = new List<OpenVpnProcess>();
        try
        {
            foreach (var (_, server, _) in pair)
            {
                clients.Add(new OpenVpnProcess(receiver, server.ReceiverProfile));
                clients.Add(new OpenVpnProcess(sender, server.SenderProfile));
            }

            foreach (var client in clients)
            {
                await client.WaitUntilConnected();
            }

            foreach (var (title, server, _) in pair)
            {
                var warm = await Transfer(server, WarmUpSeconds);
                tell($"warm-up, {title}: {Describe(warm)}");
            }

            for (var round = 1; round <= options.Rounds; round++)
            {
                foreach (var (title, server, rounds) in pair)
                {
                    rounds.Transfers.Add(await Transfer(server, options.Seconds));
                    tell($"round {round}, {title}: {Describe(rounds.Transfers[^1])}");
                }
            }
        }
        finally
        {
            foreach (var client in clients)
            {
                client.Stop();
                client.Dispose();
            }
        }
    }

    private async Task<TransferRound> Transfer(IVpnServer server, int seconds)
    {
        var (process, control) = (server.ProcessId, server.ControlProcessId);
        var packets = DatagramsReceived();
        var beside = control is { } before ? ProcessMeter.CpuSeconds(before) : 0;
        var cpu = ProcessMeter.CpuSeconds(process);
        var sent = await Iperf.Send(sender, receiver, server.Target, seconds);
        cpu = ProcessMeter.CpuSeconds(process) - cpu;
        beside = control is { } after ? ProcessMeter.CpuSeconds(after) - beside : 0;
        packets = DatagramsReceived() - packets;
        var gigabytes = sent.Bytes / 1e9;
        return new TransferRound(
            sent.Bytes, sent.BitsPerSecond / 1e6, sent.Retransmits, cpu, cpu / gigabytes, control is null ? null : beside / gigabytes, packets / gigabytes);
    }

    private long DatagramsReceived()
    {
        using var report = JsonDocument.Parse(topology.Gateway.Execute("ip", "-s", "-j", "link", "show", "dev", Topology.Outer).Output);
        return report.RootElement[0].GetProperty("stats64").GetProperty("rx").GetProperty("packets").GetInt64();
    }

    /// <summary>A fresh process: memory with the first and with all idle clients; then, when they have left, handshakes.</summary>
    private async Task ClientsRound(string title, IVpnServer server, Fleet fleet, ServerRounds rounds)
    {
        await server.Restart();
        var process = server.ProcessId;
        var empty = ProcessMeter.ResidentKib(process);
        Complete(await fleet.Connect(0, FirstClients), title);
        await Task.Delay(Settling);
        var before = ProcessMeter.ResidentKib(process);
        Complete(await fleet.Connect(FirstClients, options.Clients), title);
        await Task.Delay(Settling);
        var online = await fleet.CountOnline();
        if (online != FirstClients + options.Clients)
        {
            throw new InvalidOperationException($"{title}: only {online} of {FirstClients + options.Clients} clients stayed online");
        }

        var after = ProcessMeter.ResidentKib(process);
        rounds.Memory.Add(new MemoryRound(empty, before, after, options.Clients, (double)(after - before) / options.Clients));
        tell($"{title}: {empty} KiB empty, {before} with {FirstClients} clients, {after} with {online}: {rounds.Memory[^1].KibPerClient:0.0} KiB a client");
        await fleet.LeaveAll();
        await Task.Delay(Goodbyes);
        rounds.Handshakes.Add(await Handshakes(title, server, fleet));
    }

    private async Task<HandshakeRound> Handshakes(string title, IVpnServer server, Fleet fleet)
    {
        // Code that the runtime compiles while it runs is compiled by then.
        await fleet.Visit(0, options.Handshakes);
        await Task.Delay(Goodbyes);
        var process = server.ProcessId;
        var cpu = ProcessMeter.CpuSeconds(process);
        var wave = await fleet.Visit(0, options.Handshakes);

        // To the end: taking leave is part of it.
        await Task.Delay(Goodbyes);
        cpu = ProcessMeter.CpuSeconds(process) - cpu;
        var made = new HandshakeRound(
            wave.Connected, wave.Failed, cpu, wave.Connected / cpu, wave.Elapsed.TotalSeconds, wave.Median.TotalMilliseconds, wave.Percentile99.TotalMilliseconds);
        tell($"{title}: {wave.Describe()} in {made.ElapsedSeconds:0.0} s, {made.PerCpuSecond:0} handshakes per CPU-second, median {made.MedianMilliseconds:0} ms");
        return made;
    }

    private static void Complete(WaveReport wave, string title)
    {
        if (wave.Failed > 0)
        {
            throw new InvalidOperationException($"{title}: {wave.Describe()}");
        }
    }

    private Fleet NewFleet(IReadOnlyList<string> profiles)
    {
        var made = new Fleet(
            profiles.Select((text, index) => DeviceProfile.Parse(index.ToString(CultureInfo.InvariantCulture), text)),
            server => load.Run(() => OpenSocket(server)));
        fleets.Add(made);
        return made;
    }

    /// <summary>
    /// From a port that nobody used lately: a stock server takes a reset from the address of a client that has just left for that client's,
    /// and lets it wait.
    /// </summary>
    private Socket OpenSocket(IPEndPoint server)
    {
        lastPort = lastPort < LastPort ? lastPort + 1 : FirstPort;
        var socket = new Socket(server.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { Blocking = false };
        socket.Bind(new IPEndPoint(server.AddressFamily == AddressFamily.InterNetworkV6 ? IPAddress.IPv6Any : IPAddress.Any, lastPort));
        socket.Connect(server);
        return socket;
    }

    private static string Describe(TransferRound round) =>
        string.Create(CultureInfo.InvariantCulture, $"{round.CpuPerGb:0.00} CPU-s/GB, {round.MbitPerSecond:0} Mbit/s, {round.PacketsPerGb / 1e3:0} k packets/GB, {round.Retransmits} retransmits");
}
