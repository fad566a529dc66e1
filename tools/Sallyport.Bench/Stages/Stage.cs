using System.Globalization;
using Sallyport.Harness;
using Sallyport.Simulator.Fleets;
using Sallyport.Simulator.Profiles;

namespace Sallyport.Bench.Stages;

/// <summary>Namespaces, servers and fleets of one benchmark, all ended with it.</summary>
internal sealed class Stage : IAsyncDisposable
{
    /// <summary>As many handshakes at a time as keep two cores busy.</summary>
    public const int Width = 32;

    private readonly List<IVpnServer> servers = [];
    private readonly List<Fleet> fleets = [];
    private readonly SourcePool sources = SourcePool.Anywhere();

    public Stage()
    {
        Load = Topology.Attach("fleet", 12);
    }

    public Topology Topology { get; } = new();

    /// <summary>Where simulated devices live.</summary>
    public Namespace Load { get; }

    public async Task<StockServer> StartStock()
    {
        var server = await StockServer.Start(Topology.Gateway);
        servers.Add(server);
        return server;
    }

    /// <param name="settings">SALLYPORT_* and DOTNET_* variables.</param>
    public async Task<OurServer> StartOurs(IReadOnlyDictionary<string, string>? settings = null)
    {
        var server = await OurServer.Start(Topology.Gateway, settings);
        servers.Add(server);
        return server;
    }

    public async Task Stop(IVpnServer server)
    {
        servers.Remove(server);
        await server.DisposeAsync();
    }

    public async Task<Fleet> NewFleet(IEnumerable<string> profiles, FleetOptions? options = null)
    {
        var parsed = profiles.Select((text, index) => DeviceProfile.Parse(index.ToString(CultureInfo.InvariantCulture), text)).ToList();
        var made = await Fleet.Start(parsed, (options ?? new FleetOptions()) with { Sources = sources, EnterThread = Load.Enter });
        fleets.Add(made);
        return made;
    }

    public void End(Fleet fleet)
    {
        fleets.Remove(fleet);
        fleet.Dispose();
    }

    /// <summary>Where it is not complete there is nothing to measure.</summary>
    public static void Complete(WaveReport wave, string title)
    {
        if (wave.Failed > 0)
        {
            throw new InvalidOperationException($"{title}: {wave.Describe()}");
        }
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

        Topology.Dispose();
    }
}
