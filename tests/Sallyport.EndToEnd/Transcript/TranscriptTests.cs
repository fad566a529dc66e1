using System.Net;
using System.Text.RegularExpressions;
using Sallyport.EndToEnd.Fleet;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Peers;

namespace Sallyport.EndToEnd.Transcript;

/// <summary>The five minutes of the README, line by line.</summary>
public sealed class TranscriptTests : IAsyncLifetime
{
    private readonly List<IDisposable> owned = [];
    private Topology topology = null!;
    private Installation sallyport = null!;

    [NetworkFact]
    public async Task Transcript_of_the_readme()
    {
        var site = topology.AttachSite();
        var a = topology.Attach("device-a", 11);
        var b = topology.Attach("device-b", 12);
        var application = Own(new TestApplication(site));

        sallyport.Say("network", "add", "plant-a", "--prefix", "10.20.0.0/16");
        sallyport.Say("site", "add", "hq", "--network", "plant-a", "--subnet", Topology.SiteSubnet, "--profile", "hq.ovpn");
        sallyport.Say("device", "add", "pump-17", "--network", "plant-a", "--label", "model=P200", "--profile", "pump-17.ovpn");
        sallyport.Say("application", "add", "historian", "--site", "hq", "--target", "192.168.50.10", "--tcp", "8883");

        // Unmodified clients with what they were given.
        using var router = new OpenVpnProcess(site, ReadPrivate("hq.ovpn"));
        await router.WaitUntilConnected();
        using var pump = new OpenVpnProcess(a, ReadPrivate("pump-17.ovpn"));
        await pump.WaitUntilConnected();

        var devices = await Eventually.Text(
            () => sallyport.Say("device", "list"), text => text.Contains("online", StringComparison.Ordinal), "pump-17 is online");
        devices.ShouldContain("pump-17");
        devices.ShouldContain("10.20.");
        devices.ShouldContain("udp");
        devices.ShouldContain("AES-256-GCM");
        devices.ShouldContain("2.6.14");

        // Refused at once, not a timeout.
        var refused = await Dial.Tcp(a, Topology.Application, TestApplication.Port);
        refused.DeniedAtOnce.ShouldBeTrue(refused.ToString());

        var flows = await Eventually.Text(
            () => sallyport.Say("flow", "list", "--device", "pump-17"),
            text => text.Contains("rule add", StringComparison.Ordinal),
            "the denied flow with the command that would allow it");
        flows.ShouldContain("DENIED");
        flows.ShouldContain("192.168.50.10:8883");
        flows.ShouldContain("historian");
        flows.ShouldContain("no rule");
        var command = Regex.Match(flows, "sallyport (rule add --from device:pump-17 --to application:historian)");
        command.Success.ShouldBeTrue(flows);
        sallyport.Say(command.Groups[1].Value.Split(' '));

        var works = await Dial.Tcp(a, Topology.Application, TestApplication.Port);
        works.Outcome.ShouldBe(DialOutcome.Connected, works.ToString());

        await NothingElseWorks(site, a, b);
        application.NeighbourPort.Accepted.ShouldBe(0);
        application.NeighbourHost.Accepted.ShouldBe(0);

        var explained = sallyport.Cli("policy", "explain", "--from", "device:pump-17", "--to", "192.168.50.10", "--tcp", "8883").All;
        explained.ToLowerInvariant().ShouldContain("allowed");
        explained.ShouldContain("application:historian");
        var missing = sallyport.Cli("policy", "explain", "--from", "device:pump-17", "--to", "192.168.50.10", "--tcp", "8884").All;
        missing.ToLowerInvariant().ShouldContain("denied");

        using var tail = sallyport.Follow("flow", "tail");
        await tail.StandsBy();
        await using var transfer = await TcpStream.Open(a, Topology.Application, TestApplication.Port);
        await tail.WaitForLine("pump-17.*8883", TimeSpan.FromSeconds(10));
        await transfer.Progress(20_000);

        await RevocationStopsTheTransfer(transfer, a);
        var audit = sallyport.Say("audit", "list");
        audit.ShouldContain("device.revoke");
        audit.ShouldContain("pump-17");
        sallyport.Say("audit", "verify");
    }

    public async Task InitializeAsync()
    {
        if (Requirements.Missing is null)
        {
            topology = new Topology();
            sallyport = await Installation.Start(topology.Gateway);
        }
    }

    public async Task DisposeAsync()
    {
        owned.ForEach(thing => thing.Dispose());
        if (sallyport is not null)
        {
            await sallyport.DisposeAsync();
        }

        topology?.Dispose();
    }

    /// <summary>Port 8884, other hosts, other devices, and the site calling the device.</summary>
    private async Task NothingElseWorks(Namespace site, Namespace a, Namespace b)
    {
        sallyport.Say("device", "add", "meter-4", "--network", "plant-a", "--profile", "meter-4.ovpn");
        using var meter = new OpenVpnProcess(b, ReadPrivate("meter-4.ovpn"));
        await meter.WaitUntilConnected();
        var pumpAddress = await InnerAddress("pump-17");
        var meterAddress = await InnerAddress("meter-4");
        using var onPump = new TcpEcho(a, pumpAddress, 22);
        using var onMeter = new TcpEcho(b, meterAddress, 22);

        await Denied(a, Topology.Application, TestApplication.OtherPort);
        await Denied(a, Topology.OtherHost, TestApplication.Port);
        await Denied(a, meterAddress, 22);
        await Denied(b, pumpAddress, 22);
        await Denied(b, Topology.Application, TestApplication.Port);
        await Denied(site, pumpAddress, 22);
        (await Pinger.Once(a, Topology.Application, limitMs: 500)).ShouldBeFalse();
        onPump.Accepted.ShouldBe(0);
        onMeter.Accepted.ShouldBe(0);
    }

    private async Task RevocationStopsTheTransfer(TcpStream transfer, Namespace a)
    {
        var revoked = sallyport.Say("device", "revoke", "pump-17", "--reason", "stolen");
        Regex.IsMatch(revoked, @"\d+(\.\d+)? ?(ms|milliseconds)").ShouldBeTrue(revoked);
        var then = transfer.Echoed;
        await Task.Delay(1000);
        transfer.Echoed.ShouldBe(then);
        transfer.SinceProgress.ShouldBeGreaterThan(TimeSpan.FromMilliseconds(900));
        (await Dial.Tcp(a, Topology.Application, TestApplication.Port, limitSeconds: 2)).Outcome.ShouldNotBe(DialOutcome.Connected);
        var devices = sallyport.Say("device", "list");
        Regex.IsMatch(devices, "pump-17 .*offline").ShouldBeTrue(devices);
    }

    private static async Task Denied(Namespace from, IPAddress to, int port)
    {
        var result = await Dial.Tcp(from, to, port);
        result.DeniedAtOnce.ShouldBeTrue($"{from.Name} to {to}:{port}: {result}");
    }

    private async Task<IPAddress> InnerAddress(string device) => IPAddress.Parse((await sallyport.Client.GetDeviceAsync(device)).Addresses[0]);

    /// <summary>A profile holds a private key: nobody else may read it.</summary>
    private string ReadPrivate(string file)
    {
        var path = Path.Combine(sallyport.WorkFolder, file);
        File.GetUnixFileMode(path).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return File.ReadAllText(path);
    }

    private T Own<T>(T thing)
        where T : IDisposable
    {
        owned.Add(thing);
        return thing;
    }
}
