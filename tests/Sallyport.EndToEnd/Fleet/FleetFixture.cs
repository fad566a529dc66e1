using System.Diagnostics;
using Sallyport.Api.Applications;
using Sallyport.Api.Client;
using Sallyport.Api.Credentials;
using Sallyport.Api.Devices;
using Sallyport.Api.Events;
using Sallyport.Api.Networks;
using Sallyport.Api.Rules;
using Sallyport.Api.Sites;
using Sallyport.Api.Tunnels;
using Sallyport.EndToEnd.Harness;

namespace Sallyport.EndToEnd.Fleet;

/// <summary>
/// An installation with its outside, where a test class adds networks and devices. Override <see cref="Settings"/> and <see cref="Prepare"/>.
/// </summary>
public abstract class FleetFixture : IAsyncLifetime
{
    private readonly List<IDisposable> owned = [];
    private int hosts = 30;

    public Topology Topology { get; private set; } = null!;

    public Installation Installation { get; private set; } = null!;

    public SallyportClient Client => Installation.Client;

    protected virtual IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string>();

    public async Task InitializeAsync()
    {
        if (Requirements.Missing is not null)
        {
            return;
        }

        try
        {
            Topology = new Topology();
            Installation = await Installation.Start(Topology.Gateway, Settings);
            await Prepare();
        }
        catch
        {
            await DisposeAsync();
            throw;
        }
    }

    public async Task DisposeAsync()
    {
        foreach (var thing in Enumerable.Reverse(owned))
        {
            thing.Dispose();
        }

        if (Installation is not null)
        {
            await Installation.DisposeAsync();
        }

        Topology?.Dispose();
    }

    /// <summary>The last part of the newest host's outer address.</summary>
    public int LastHost => hosts;

    /// <summary>A namespace with an outer address of its own.</summary>
    public Namespace NewHost(string role) => Topology.Attach(role, Interlocked.Increment(ref hosts));

    public T Own<T>(T thing)
        where T : IDisposable
    {
        owned.Add(thing);
        return thing;
    }

    /// <summary>A network with a site "hq-NETWORK" that is online, carries <see cref="Topology.SiteSubnet"/>, and runs <see cref="TestApplication"/>.</summary>
    public async Task<TestSite> AddNetworkWithSite(NetworkCreate network, string sitePrefix = "hq")
    {
        await Client.AddNetworkAsync(network);
        var name = $"{sitePrefix}-{network.Name}";
        var v6 = network.Prefixes!.Any(prefix => prefix.Contains(':', StringComparison.Ordinal));
        var created = await Client.AddSiteAsync(new SiteCreate
        {
            Name = name,
            Network = network.Name,
            Subnets = v6 ? [Topology.SiteSubnet, "fd50::/64"] : [Topology.SiteSubnet],
            Profile = new ProfileRequest { Transport = "udp" },
        });
        await Client.AddApplicationAsync(new ApplicationCreate
        {
            Name = $"historian-{network.Name}",
            Site = name,
            Target = Topology.Application.ToString(),
            Services = [$"tcp/{TestApplication.Port}", $"udp/{TestApplication.Port}", "icmp"],
        });
        if (v6)
        {
            await Client.AddApplicationAsync(new ApplicationCreate
            {
                Name = $"historian6-{network.Name}",
                Site = name,
                Target = TestApplication.AddressV6.ToString(),
                Services = [$"tcp/{TestApplication.Port}", $"udp/{TestApplication.Port}", "icmp"],
            });
        }

        var where = Topology.AttachSite($"site-{network.Name}", Interlocked.Increment(ref hosts));
        var application = Own(new TestApplication(where));
        var router = Own(new OpenVpnProcess(where, created.Profile!.Text));
        await Connected(router);
        return new TestSite(name, where, router, application);
    }

    /// <summary>Waits until the client is connected; what the gateway and control say of it is in the exception otherwise.</summary>
    public async Task Connected(OpenVpnProcess client, int times = 1, int seconds = 20)
    {
        try
        {
            await client.WaitUntilConnected(times, seconds);
        }
        catch (Exception e) when (e is TimeoutException or InvalidOperationException)
        {
            throw new TimeoutException($"{e.Message}\n{await Diagnosis()}");
        }
    }

    /// <summary>The gateway's log, its drops, and what happened last.</summary>
    public async Task<string> Diagnosis()
    {
        var events = (await Client.ListEventsAsync(limit: 15)).Items;
        var drops = (await Client.GetStatusAsync()).Gateways.SelectMany(gateway => gateway.Drops);
        return $"--- gateway\n{Installation.GatewayLog}\n--- events\n{string.Join('\n', events)}\n--- drops\n{string.Join('\n', drops)}";
    }

    /// <summary>A device with its profile, not connected yet.</summary>
    public async Task<DeviceCreated> AddDevice(string name, string network, ProfileRequest? profile = null) =>
        await Client.AddDeviceAsync(new DeviceCreate { Name = name, Network = network, Profile = profile ?? new ProfileRequest() });

    public Task Allow(string device, string network) =>
        Client.AddRuleAsync(new RuleCreate { From = $"device:{device}", To = $"application:historian-{network}" });

    public Task Allow6(string device, string network) =>
        Client.AddRuleAsync(new RuleCreate { From = $"device:{device}", To = $"application:historian6-{network}" });

    /// <summary>The live tunnels of a device, as the gateway reported them.</summary>
    public async Task<IReadOnlyList<TunnelInfo>> Tunnels(string device, string network) =>
        [.. (await Client.ListTunnelsAsync(network)).Items.Where(tunnel => tunnel.Identity == device && tunnel.State == "up")];

    /// <summary>Waits until the live tunnel of a device, or its absence, is as wanted: reports come every few seconds.</summary>
    public async Task<TunnelInfo?> UntilTunnel(string device, string network, Func<TunnelInfo?, bool> wanted, int seconds = 10)
    {
        TunnelInfo? last = null;
        for (var watch = Stopwatch.StartNew(); watch.Elapsed < TimeSpan.FromSeconds(seconds);)
        {
            last = await Tunnels(device, network) is [var first, ..] ? first : null;
            if (wanted(last))
            {
                return last;
            }

            await Task.Delay(100);
        }

        throw new TimeoutException($"the tunnel of {device} is not as wanted after {seconds} s: {last}");
    }

    /// <summary>The events of one kind that speak of a device.</summary>
    public async Task<IReadOnlyList<EventInfo>> Events(string kind, string device) =>
        [.. (await Client.ListEventsAsync(kind, limit: 200)).Items.Where(one => one.Subject is { } subject && subject.StartsWith($"device:{device}", StringComparison.Ordinal))];

    /// <summary>Events take their way from gateway to control.</summary>
    public async Task UntilEvent(string kind, string device, int seconds = 10)
    {
        for (var watch = Stopwatch.StartNew(); watch.Elapsed < TimeSpan.FromSeconds(seconds); await Task.Delay(100))
        {
            if (await Events(kind, device) is not [])
            {
                return;
            }
        }

        throw new TimeoutException($"no event {kind} of {device} after {seconds} s\n{await Diagnosis()}");
    }

    /// <summary>The first event of a kind whose one line says so.</summary>
    public async Task<EventInfo> UntilDetail(string kind, string part, int seconds = 20)
    {
        for (var watch = Stopwatch.StartNew(); watch.Elapsed < TimeSpan.FromSeconds(seconds); await Task.Delay(100))
        {
            if ((await Client.ListEventsAsync(kind, limit: 200)).Items.LastOrDefault(one => one.Detail.Contains(part, StringComparison.OrdinalIgnoreCase)) is { } found)
            {
                return found;
            }
        }

        throw new TimeoutException($"no event {kind} with '{part}' after {seconds} s\n{await Diagnosis()}");
    }

    /// <summary>A device that is allowed, with its profile's text.</summary>
    public async Task<string> AddAllowedDevice(string name, string network, ProfileRequest? profile = null)
    {
        var created = await AddDevice(name, network, profile);
        await Allow(name, network);
        return created.Profile!.Text;
    }

    protected virtual Task Prepare() => Task.CompletedTask;
}
