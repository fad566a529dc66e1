using System.Diagnostics;
using System.Net;
using Sallyport.Api.Client;
using Sallyport.Core.Primitives;
using Sallyport.Simulator.Enrolment;
using Sallyport.Simulator.Fleets;
using Sallyport.Simulator.Profiles;
using Sallyport.Simulator.Traffic;

namespace Sallyport.Simulator.Scenarios;

/// <summary>A fleet that connects, speaks for a while, meets with what was ordered, and leaves.</summary>
public sealed class Scenario : IDisposable
{
    /// <summary>What is under way when the fleet falls silent may still arrive.</summary>
    private static readonly TimeSpan LastPackets = TimeSpan.FromSeconds(1.5);

    /// <summary>Until all are connected; as long as stock clients would be patient with a server that is busy.</summary>
    private static readonly TimeSpan ConnectPatience = TimeSpan.FromMinutes(5);

    /// <summary>Server and client both take a control message as delivered by then.</summary>
    private static readonly TimeSpan TlsLinger = TimeSpan.FromSeconds(10);

    private const string SeeServer = "Does it run, and does it listen there? ./sallyport status, or the server's log, tells.";

    private readonly ScenarioOptions options;
    private readonly Action<string> tell;
    private readonly List<StormReport> storms = [];
    private Fleet? fleet;
    private Fleet? responder;
    private long outages;

    private Scenario(ScenarioOptions options, Action<string> tell)
    {
        this.options = options;
        this.tell = tell;
    }

    /// <exception cref="ScenarioException">It did not come about; the message says why.</exception>
    public static async Task<ScenarioReport> Run(ScenarioOptions options, Action<string> tell, CancellationToken cancel = default)
    {
        using var scenario = new Scenario(options, tell);
        if (options.Profiles is { } folder)
        {
            var answers = options.Responder is { } file ? ProfileFolder.ReadFile(file) : null;
            return await scenario.Play(ProfileFolder.Read(folder), answers, options.To is { } to ? new InnerEnd(IpAddress.From(to), FleetPlan.Port) : null, cancel);
        }

        using var client = Installation();
        var status = await client.GetStatusAsync(cancel);
        if (IPAddress.TryParse(status.Endpoint, out var endpoint))
        {
            // Before anything is enrolled; a name is looked at when the profiles have it.
            scenario.Guard([new IPEndPoint(endpoint, status.OpenVpnPort)]);
        }

        tell($"enrolling {options.Devices} devices");
        var enrolled = await EnrolledFleet.Enrol(client, new FleetPlan { Name = $"simulated-{Environment.ProcessId}", Devices = options.Devices }, cancel);
        try
        {
            return await scenario.Play(
                [.. enrolled.Profiles.Select((text, index) => DeviceProfile.Parse($"{index}", text))],
                DeviceProfile.Parse("responder", enrolled.ResponderProfile),
                new InnerEnd(IpAddress.Parse(FleetPlan.Target), FleetPlan.Port),
                cancel);
        }
        finally
        {
            await scenario.KeepOrRemove(enrolled);
        }

        SallyportClient Installation()
        {
            var data = options.Data ?? throw new ScenarioException("no installation is named", "--data", "Name its data directory.");
            var (socket, token) = (Path.Combine(data, "api.sock"), Path.Combine(data, "admin.token"));
            return File.Exists(socket) && File.Exists(token)
                ? new SallyportClient(new ClientOptions { UnixSocket = socket, Token = File.ReadAllText(token).Trim(), Timeout = TimeSpan.FromMinutes(2) })
                : throw new ScenarioException($"no Sallyport runs with its data in {data}", "--data", "Start it with ./run, or name its data directory with --data or SALLYPORT_DATA.");
        }
    }

    public void Dispose()
    {
        fleet?.Dispose();
        responder?.Dispose();
    }

    /// <exception cref="ScenarioException">One of them is none of ours.</exception>
    private void Guard(IEnumerable<IPEndPoint> servers)
    {
        if (TargetGuard.Refused(servers, TargetGuard.OwnAddresses(), options.AllowRemote, TargetGuard.IsInOwnNamespace()) is { } remote)
        {
            throw new ScenarioException(
                $"{remote} is not this machine, and this is not a network namespace of its own", "the server", "If the server is yours: --allow-remote");
        }
    }

    private async Task<ScenarioReport> Play(IReadOnlyList<DeviceProfile> profiles, DeviceProfile? answers, InnerEnd? target, CancellationToken cancel)
    {
        Guard(profiles.Append(answers).OfType<DeviceProfile>().Select(one => one.Server));
        var sources = options.Sources.Count > 0 ? new SourcePool(options.Sources) : SourcePool.For(profiles[0].Server.Address, profiles.Count);
        var usual = new FleetOptions { Sources = sources, Reconnects = true };
        if (answers is not null)
        {
            responder = await Fleet.Start([answers], usual);
            target = await ConnectResponder(target, cancel);
        }

        var before = Environment.WorkingSet;
        fleet = await Fleet.Start(profiles, usual with { Threads = options.Threads, FreesTlsAfter = options.FreesTls ? TlsLinger : null });
        var wave = await Connect(cancel);
        var memory = Environment.WorkingSet - before;
        var traffic = options.Rate is { } rate ? options.Traffic.AtRate(rate, profiles.Count) : options.Traffic;
        if (target is { } to)
        {
            await fleet.Speak(0, fleet.Count, traffic, to);
        }

        tell($"{wave.Describe()} in {wave.Elapsed.TotalSeconds:0.0} s; {traffic.Name} for {options.Duration.TotalSeconds:0.#} s");
        var watch = Stopwatch.StartNew();
        await Misfortunes(watch, cancel);
        var seconds = watch.Elapsed.TotalSeconds;
        await fleet.BeQuiet(0, fleet.Count);
        await Task.Delay(LastPackets, cancel);
        var report = await Report(wave, seconds, (double)memory / profiles.Count);
        await fleet.LeaveAll();
        return report;
    }

    private async Task<InnerEnd> ConnectResponder(InnerEnd? target, CancellationToken cancel)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        patience.CancelAfter(ConnectPatience);
        var wave = await responder!.Connect(0, 1, 1, patience.Token);
        await responder.Answer(0);
        return await responder.InnerAddress(0) is { } own
            ? target ?? new InnerEnd(IpAddress.From(own), FleetPlan.Port)
            : throw new ScenarioException($"the responder does not connect: {wave.Describe()}", "the server", SeeServer);
    }

    private async Task<WaveReport> Connect(CancellationToken cancel)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        patience.CancelAfter(ConnectPatience);
        var wave = await fleet!.Connect(0, fleet.Count, options.Width, patience.Token);
        return wave.Connected > 0 ? wave : throw new ScenarioException($"no device connects: {wave.Describe()}", "the server", SeeServer);
    }

    /// <summary>Until the time is over.</summary>
    private async Task Misfortunes(Stopwatch watch, CancellationToken cancel)
    {
        var outageAt = options.Outage is null ? TimeSpan.MaxValue : options.Duration / 3;
        var roamAt = options.Roam ?? TimeSpan.MaxValue;
        var stormAt = options.Storm ?? TimeSpan.MaxValue;
        while (watch.Elapsed < options.Duration)
        {
            var next = new[] { outageAt, roamAt, stormAt, options.Duration }.Min();
            await Task.Delay(next > watch.Elapsed ? next - watch.Elapsed : TimeSpan.Zero, cancel);
            if (next == options.Duration)
            {
                return;
            }

            if (next == outageAt)
            {
                outageAt = TimeSpan.MaxValue;
                await BeginOutage();
            }
            else if (next == roamAt)
            {
                roamAt += options.Roam!.Value;
                await fleet!.Roam(0, fleet.Count);
            }
            else
            {
                stormAt += options.Storm!.Value;
                await Storm(cancel);
            }
        }
    }

    private async Task BeginOutage()
    {
        var count = Math.Max(fleet!.Count * options.Share / 100, 1);
        outages += count;
        tell($"outage: {count} devices for {options.Outage!.Value.TotalSeconds:0.#} s");
        await fleet.Silence(0, count, options.Outage.Value);
    }

    private async Task Storm(CancellationToken cancel)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        patience.CancelAfter(ConnectPatience);
        var wave = await fleet!.Connect(0, fleet.Count, fleet.Count, patience.Token);
        storms.Add(new StormReport(fleet.Count, wave.Connected, wave.Elapsed.TotalSeconds, wave.Times.Summary()));
        tell($"storm: {wave.Describe()} in {wave.Elapsed.TotalSeconds:0.0} s");
    }

    private async Task<ScenarioReport> Report(WaveReport wave, double seconds, double bytesPerDevice)
    {
        var said = await fleet!.Report();
        var heard = responder is null ? null : await responder.Report();
        return new ScenarioReport
        {
            Devices = fleet.Count,
            Profile = options.Traffic.Name,
            Seconds = seconds,
            Connected = wave.Connected,
            OnlineAtEnd = await fleet.CountOnline(),
            Connecting = wave.Times.Summary(),
            Sent = said.Sent,
            Arrived = heard?.Arrived,
            Reordered = heard?.Reordered,
            LossPercent = heard is null || said.Sent == 0 ? null : 100.0 * Math.Max(said.Sent - heard.Arrived, 0) / said.Sent,
            OneWay = heard?.OneWay.Summary(),
            Asked = said.Asked,
            Answered = said.Answered,
            RoundTrip = said.RoundTrip.Summary(),
            UpMbitPerSecond = said.SentBytes * 8 / seconds / 1e6,
            DownMbitPerSecond = said.AnswerBytes * 8 / seconds / 1e6,
            Outages = outages,
            Roams = said.Roams,
            Lost = said.Lost,
            Storms = storms,
            Failures = said.Failures,
            SimulatorBytesPerDevice = bytesPerDevice,
        };
    }

    private async Task KeepOrRemove(EnrolledFleet enrolled)
    {
        if (options.Keep is not { } folder)
        {
            tell("removing the devices");
            await enrolled.Remove();
            return;
        }

        for (var i = 0; i < enrolled.Profiles.Count; i++)
        {
            ProfileFolder.Write(folder, $"device-{i:00000}", enrolled.Profiles[i]);
        }

        ProfileFolder.Write(Path.Combine(folder, "responder"), "responder", enrolled.ResponderProfile);
        tell($"profiles in {folder}: --profiles {folder} --responder {Path.Combine(folder, "responder", "responder.ovpn")} --to {IPAddress.Parse(FleetPlan.Target)}");
    }
}
