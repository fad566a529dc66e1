using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using Sallyport.Api.Client;
using Sallyport.Api.Networks;
using Sallyport.Api.Tunnels;
using Sallyport.EndToEnd.Fleet;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Host;

namespace Sallyport.EndToEnd.Ipsec;

/// <summary>
/// Two installations of ours, each a site of the other's, set up by commands that everybody has. The near gateway calls, the far one is called. What kernel-libipsec
/// cannot do, the two do with each other.
/// <code>
///   laptop ── near gateway 10.99.0.2 ══ ESP ══ far gateway 10.99.0.1 ── hq-plant 192.168.50.10
///          OpenVPN      (plant, 10.20.0.0/16)     (plant, 10.30.0.0/16)  OpenVPN
/// </code>
/// </summary>
public sealed class TwoGatewaysFixture : FleetFixture
{
    public const string Network = "plant";
    public const string NearV4 = "10.99.0.2";
    public const string NearV6 = "fd99::2";

    /// <summary>The site of the near gateway that the far one is, and the other way round.</summary>
    public const string Far = "far";
    public const string Near = "near";

    private const string Usual = "default";
    private const string KeyFile = "gateways.key";
    private static readonly string Port = TestApplication.Port.ToString(CultureInfo.InvariantCulture);
    private long call;

    protected override IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string>
    {
        ["SALLYPORT_GATEWAY_PACKET_THREADS"] = "2",
        ["SALLYPORT_IPSEC_THREADS"] = "2",
        ["SALLYPORT_IPSEC_PROBE"] = "1s",
    };

    /// <summary>The one that calls. <see cref="FleetFixture.Installation"/> is the one that is called.</summary>
    public Installation Caller { get; private set; } = null!;

    public Namespace CallerHost { get; private set; } = null!;

    /// <summary>A device of the near installation.</summary>
    public Namespace Laptop { get; private set; } = null!;

    public IPAddress LaptopAddress { get; private set; } = null!;

    public TestSite Hq { get; private set; } = null!;

    internal EspWatch Watch { get; private set; } = null!;

    /// <summary>Both ends with these words, and a new call.</summary>
    /// <param name="ofNetwork">Flags of "network update", for both.</param>
    /// <param name="ofSite">Flags of "site update", for both.</param>
    /// <param name="to">Where the far gateway is called.</param>
    public async Task<TunnelInfo> CallAnew(string[]? ofNetwork = null, string[]? ofSite = null, string to = Topology.GatewayV4)
    {
        string[] lasting = ["--ike-lifetime", "4h", "--child-lifetime", "1h", "--esp", Usual];
        foreach (var (installation, site) in new[] { (Installation, Near), (Caller, Far) })
        {
            installation.Say(["network", "update", Network, .. WithDefaults(ofNetwork ?? [], lasting)]);
            installation.Say(["site", "update", site, .. WithDefaults(ofSite ?? [], ["--mode", "tunnel", "--single-pairs", "no"])]);
        }

        Caller.Say("site", "update", Far, "--remote", to);

        // The credential is replaced by another with the same key: what was up under the old one is cut.
        var before = call;
        Caller.Say("site", "profile", Far, "--protocol", "ipsec", "--auth", "psk", "--peer-id", Topology.GatewayV4, "--psk-file", KeyFile, "--force");
        var tunnel = await Until(Caller.Client, Far, found => found.TunnelId != before && found.Sas.Count > 0);
        call = tunnel.TunnelId;
        return tunnel;
    }

    /// <summary>Waits until the live tunnel of a site is as wanted.</summary>
    public async Task<TunnelInfo> Until(SallyportClient client, string site, Func<TunnelInfo, bool> wanted, int seconds = IpsecDevice.Patience)
    {
        IReadOnlyList<TunnelInfo> last = [];
        for (var watch = Stopwatch.StartNew(); watch.Elapsed < TimeSpan.FromSeconds(seconds); await Task.Delay(100))
        {
            last = [.. (await client.ListTunnelsAsync(Network)).Items.Where(tunnel => tunnel.Identity == site && tunnel.State == "up")];
            if (last.FirstOrDefault(wanted) is { } found)
            {
                return found;
            }
        }

        throw new TimeoutException($"the tunnel of {site} is not as wanted after {seconds} s: {string.Join('\n', last)}\n{await BothDiagnoses()}");
    }

    /// <summary>How a gateway's machine calls an address of its first network.</summary>
    public static async Task<IPAddress> HandleOf(Namespace gateway, IPAddress address)
    {
        string[] Own() => [.. gateway.Execute("ip", "-6", "-o", "addr", "show", "dev", HostFixture.Device).Output.Split('\n').Where(line => line.Contains("inet6 fd", StringComparison.Ordinal))];
        await Eventually.True(() => Own().Length > 0, "the machine's handle");
        var bytes = IPAddress.Parse(Own()[0].Split(' ', StringSplitOptions.RemoveEmptyEntries)[3].Split('/')[0]).GetAddressBytes();
        address.GetAddressBytes().CopyTo(bytes, 12);
        return new IPAddress(bytes);
    }

    public async Task<string> BothDiagnoses()
    {
        var events = (await Caller.Client.ListEventsAsync(limit: 15)).Items;
        var drops = (await Caller.Client.GetStatusAsync()).Gateways.SelectMany(gateway => gateway.Drops);
        return $"=== far\n{await Diagnosis()}\n=== near\n{Caller.GatewayLog}\n--- events\n{string.Join('\n', events)}\n--- drops\n{string.Join('\n', drops)}";
    }

    protected override async Task Prepare()
    {
        Hq = await AddNetworkWithSite(new NetworkCreate { Name = Network, Prefixes = ["10.30.0.0/16"] });
        CallerHost = Topology.Attach("near", 2);
        Caller = await Installation.Start(CallerHost, new Dictionary<string, string>(Settings) { ["SALLYPORT_ENDPOINT"] = NearV4 });
        Own(new Ending(Caller));
        Watch = new EspWatch(Topology.Gateway);

        // The key is made by nobody's gateway, and brought to both.
        var key = RandomNumberGenerator.GetHexString(64, lowercase: true);
        foreach (var installation in new[] { Installation, Caller })
        {
            File.WriteAllText(Path.Combine(installation.WorkFolder, KeyFile), key + "\n");
        }

        Installation.Say("site", "add", Near, "--network", Network, "--subnet", "10.20.0.0/16", "--protocol", "ipsec", "--auth", "psk", "--peer-id", NearV4, "--psk-file", KeyFile);
        Installation.Say("rule", "add", "--from", $"site:{Near}", "--to", $"application:historian-{Network}");

        Caller.Say("network", "add", Network, "--prefix", "10.20.0.0/16");
        Caller.Say("site", "add", Far, "--network", Network, "--subnet", "10.30.0.0/16", "--subnet", Topology.SiteSubnet, "--protocol", "ipsec", "--auth", "psk", "--peer-id", Topology.GatewayV4, "--psk-file", KeyFile);
        Caller.Say(
            "application", "add", "historian", "--site", Far, "--target", Topology.Application.ToString(),
            "--tcp", Port, "--udp", Port, "--icmp");
        Caller.Say("device", "add", "laptop", "--network", Network, "--profile", "laptop.ovpn");
        Caller.Say("rule", "add", "--from", "device:laptop", "--to", "application:historian");
        Laptop = NewHost("laptop");
        LaptopAddress = IPAddress.Parse((await Caller.Client.GetDeviceAsync("laptop")).Addresses[0]);
        await Connected(Own(new OpenVpnProcess(Laptop, File.ReadAllText(Path.Combine(Caller.WorkFolder, "laptop.ovpn")))));
    }

    private static IEnumerable<string> WithDefaults(string[] given, string[] usual) =>
        usual.Chunk(2).Where(flag => !given.Contains(flag[0])).SelectMany(flag => flag).Concat(given);

    private sealed class Ending(Installation installation) : IDisposable
    {
        private bool isOver;

        public void Dispose()
        {
            if (!isOver)
            {
                isOver = true;
                installation.DisposeAsync().AsTask().GetAwaiter().GetResult();
            }
        }
    }
}

/// <summary>Counts what comes into a gateway's machine as ESP, plain and in UDP.</summary>
internal sealed class EspWatch
{
    private readonly Namespace where;

    public EspWatch(Namespace where)
    {
        this.where = where;
        const string rules = """
            table inet watch {
                counter plain4 { }
                counter plain6 { }
                counter wrapped { }
                chain in {
                    type filter hook prerouting priority -300;
                    meta nfproto ipv4 meta l4proto 50 counter name plain4
                    meta nfproto ipv6 meta l4proto 50 counter name plain6
                    udp dport 4500 counter name wrapped
                }
            }
            """;
        var made = Shell.TryRunWith("ip", ["netns", "exec", where.Name, "nft", "-f", "-"], input: rules);
        if (made.ExitCode != 0)
        {
            throw new InvalidOperationException($"nft: {made.All}");
        }
    }

    public int Plain4 => Read("plain4");

    public int Plain6 => Read("plain6");

    /// <summary>Messages of IKE at port 4500 as well.</summary>
    public int Wrapped => Read("wrapped");

    private int Read(string counter)
    {
        var words = where.Execute("nft", "list", "counter", "inet", "watch", counter).Output.Split([' ', '\n', '\t'], StringSplitOptions.RemoveEmptyEntries);
        return int.Parse(words[Array.IndexOf(words, "packets") + 1], CultureInfo.InvariantCulture);
    }
}
