using System.Globalization;
using System.Text.Json;
using Sallyport.Bench.Handshakes;
using Sallyport.Bench.Measures;
using Sallyport.Bench.Small;
using Sallyport.Bench.Stages;
using Sallyport.Bench.Streams;
using Sallyport.Harness;
using Sallyport.Simulator.Fleets;

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

    /// <summary>Stock keeps a client that said goodbye for five seconds; then its memory and its timers are gone.</summary>
    private static readonly TimeSpan Goodbyes = TimeSpan.FromSeconds(6);

    /// <summary>For what was put off during handshakes: collections, late acknowledgements, reports.</summary>
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(2);

    private readonly BenchOptions options;
    private readonly Action<string> tell;
    private readonly Stage stage = new();
    private readonly Namespace sender;
    private readonly Namespace receiver;

    private OpenVpnBench(BenchOptions options, Action<string> tell)
    {
        this.options = options;
        this.tell = tell;
        sender = stage.Topology.Attach("sender", 11);
        receiver = stage.Topology.AttachSite("receiver");
    }

    public static async Task<OpenVpnReport> Run(BenchOptions options, Action<string> tell)
    {
        await using var bench = new OpenVpnBench(options, tell);
        return await bench.Measure();
    }

    public ValueTask DisposeAsync() => stage.DisposeAsync();

    private async Task<OpenVpnReport> Measure()
    {
        tell("starting both servers");
        var stock = await stage.StartStock();
        var ours = await stage.StartOurs();
        var (stockRounds, ourRounds) = (new ServerRounds(), new ServerRounds());

        if (options.Measures("transfer"))
        {
            await Transfers([("stock", stock, stockRounds), ("ours", ours, ourRounds)]);
        }

        var small = await Streams(stock, stockRounds, ours, ourRounds);
        if (options.Measures("clients"))
        {
            await Clients(stock, stockRounds, ours, ourRounds);
        }

        return new OpenVpnReport(options, Machine.Read(), ourRounds, stockRounds, small) { HandshakeFloor = Floor() };
    }

    private double? Floor()
    {
        if (!options.Measures("floor"))
        {
            return null;
        }

        tell("bare libssl, for its own cost of a handshake");
        return HandshakeFloor.Measure(options, tell).PerCpuSecondBare;
    }

    private async Task Clients(IVpnServer stock, ServerRounds stockRounds, IVpnServer ours, ServerRounds ourRounds)
    {
        var devices = Math.Max(FirstClients + options.Clients, options.Handshakes);
        tell($"making {devices} identities for each server");
        var stockFleet = await stage.NewFleet(await stock.MakeProfiles(devices, "tls-crypt"));
        var ourFleet = await stage.NewFleet(await ours.MakeProfiles(devices, "tls-crypt-v2"));
        var ourTlsCryptFleet = await stage.NewFleet(await ours.MakeProfiles(options.Handshakes, "tls-crypt"));
        for (var round = 1; round <= options.Rounds; round++)
        {
            await ClientsRound($"round {round}, stock", stock, stockFleet, stockRounds);
            await ClientsRound($"round {round}, ours", ours, ourFleet, ourRounds);
            ourRounds.HandshakesTlsCrypt.Add(await Handshakes($"round {round}, ours, tls-crypt", ours, ourTlsCryptFleet));
        }
    }

    /// <summary>Simulated senders, alike for both servers: runs of full packets that arrive coalesced, and small packets of many.</summary>
    private async Task<SmallRounds> Streams(IVpnServer stock, ServerRounds stockRounds, IVpnServer ours, ServerRounds ourRounds)
    {
        var (coalesced, small) = (options.Measures("coalesced"), options.Measures("small"));
        if (!coalesced && !small)
        {
            return new SmallRounds();
        }

        var devices = options.Devices ?? StreamKinds.SmallDevices;
        tell($"connecting {devices} devices to each server");
        var (stockFleet, ourFleet) = (await StationFleet.Board(stage, stock, devices, "stock"), await StationFleet.Board(stage, ours, devices, "ours"));
        for (var round = 1; coalesced && round <= options.Rounds; round++)
        {
            foreach (var (title, fleet, rounds) in new[] { ("stock", stockFleet, stockRounds), ("ours", ourFleet, ourRounds) })
            {
                rounds.Coalesced.Add(await fleet.Run(StreamKinds.Coalesced(), senders: 1, options.Seconds, coalesces: true));
                tell($"round {round}, {title}, coalesced: {rounds.Coalesced[^1].Describe()}");
            }
        }

        var measured = small ? await SmallSuite.Measure(stockFleet, ourFleet, devices, options, tell) : new SmallRounds();
        await stockFleet.Leave();
        await ourFleet.Leave();
        await Task.Delay(Goodbyes);
        return measured;
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
        var sent = await Iperf.Send(sender, receiver, server.Target, seconds, mbit: options.Mbit);
        cpu = ProcessMeter.CpuSeconds(process) - cpu;
        beside = control is { } after ? ProcessMeter.CpuSeconds(after) - beside : 0;
        packets = DatagramsReceived() - packets;
        var gigabytes = sent.Bytes / 1e9;
        return new TransferRound(
            sent.Bytes, sent.BitsPerSecond / 1e6, sent.Retransmits, cpu, cpu / gigabytes, control is null ? null : beside / gigabytes, packets / gigabytes);
    }

    private long DatagramsReceived()
    {
        using var report = JsonDocument.Parse(stage.Topology.Gateway.Execute("ip", "-s", "-j", "link", "show", "dev", Topology.Outer).Output);
        return report.RootElement[0].GetProperty("stats64").GetProperty("rx").GetProperty("packets").GetInt64();
    }

    /// <summary>A fresh process: memory with the first and with all idle clients; then, when they have left, handshakes.</summary>
    private async Task ClientsRound(string title, IVpnServer server, Fleet fleet, ServerRounds rounds)
    {
        await server.Restart();
        var process = server.ProcessId;
        var empty = ProcessMeter.ResidentKib(process);
        Stage.Complete(await fleet.Connect(0, FirstClients), title);
        await Task.Delay(Settling);
        var before = ProcessMeter.ResidentKib(process);
        Stage.Complete(await fleet.Connect(FirstClients, options.Clients), title);
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

    private static string Describe(TransferRound round) =>
        string.Create(CultureInfo.InvariantCulture, $"{round.CpuPerGb:0.00} CPU-s/GB, {round.MbitPerSecond:0} Mbit/s, {round.PacketsPerGb / 1e3:0} k packets/GB, {round.Retransmits} retransmits");
}
