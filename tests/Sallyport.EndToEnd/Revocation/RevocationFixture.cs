using System.Net;
using Sallyport.Api.Applications;
using Sallyport.Api.Devices;
using Sallyport.Api.Networks;
using Sallyport.Api.Rules;
using Sallyport.Api.Sites;
using Sallyport.EndToEnd.Fleet;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Peers;

namespace Sallyport.EndToEnd.Revocation;

/// <summary>
/// A plant with sites and a yard with one, stock clients all, and a witness in the plant whose four flows to the site "hq" no
/// revocation may harm. Every case has a device of its own, an application of its own that it loses, and the witness's that it keeps.
/// </summary>
public sealed class RevocationFixture : FleetFixture
{
    public const string Plant = "plant";
    public const string Yard = "yard";
    public const string Depot = "depot";
    public const string OtherSubnetOfDepot = "192.168.60.0/24";

    /// <summary>In place of a site: beyond the gateway host.</summary>
    public const string Internet = "internet";
    private const int InternetSubnet = 70;
    private static readonly string[] Withdrawn = ["site-revoked", "site-quarantined", "site-locked"];
    private static readonly string[] Services = [$"tcp/{TestApplication.Port}", $"udp/{TestApplication.Port}", "icmp"];
    private readonly Dictionary<string, (Namespace Where, int Subnet)> sites = [];
    private int cases;

    public FourFlows Witness { get; private set; } = null!;

    /// <summary>The witness's application.</summary>
    private static IPAddress Steady { get; } = Address(50, 10);

    /// <param name="site">Where the application is that it loses.</param>
    /// <param name="grant">The rule, to that application; null for one that speaks of the device.</param>
    /// <param name="facts">What is reported of the device.</param>
    public async Task<RevocationCase> NewCase(
        string name, string site = "hq", Func<string, string, RuleCreate>? grant = null, Dictionary<string, string?>? facts = null)
    {
        var (where, subnet) = sites[site];
        var network = site == Yard ? Yard : Plant;
        var address = Address(subnet, 100 + Interlocked.Increment(ref cases));
        Offer(where, address);
        var application = $"of-{name}";
        await Client.AddApplicationAsync(new ApplicationCreate
        {
            Name = application,
            Site = site == Internet ? null : site,
            Host = site == Internet ? Internet : null,
            Target = address.ToString(),
            Services = Services,
        });
        var created = await Client.AddDeviceAsync(new DeviceCreate
        {
            Name = name,
            Network = network,
            Groups = [$"{name}-group"],
            Labels = new Dictionary<string, string> { ["case"] = name },
            Profile = new(),
        });
        var rule = await Client.AddRuleAsync(
            grant?.Invoke($"device:{name}", $"application:{application}") ?? new RuleCreate { From = $"device:{name}", To = $"application:{application}" });
        if (network == Plant)
        {
            await Client.AddRuleAsync(new RuleCreate { From = $"device:{name}", To = "application:steady" });
        }

        if (facts is not null)
        {
            await Client.ReportDevicePostureAsync(name, new PostureUpdate { Facts = facts });
        }

        var host = NewHost(name);
        var client = new OpenVpnProcess(host, created.Profile!.Text);
        await Connected(client);
        var lost = await FourFlows.Start(host, address);
        var kept = network == Plant ? await FourFlows.Start(host, Steady) : null;
        return new RevocationCase(name, application, site, rule.Id, client, lost, kept);
    }

    /// <summary>The site that one way of withdrawing a site is for.</summary>
    public static string Annex(string way) => $"annex-{way}";

    /// <summary>Two hours of today, by UTC, with this moment far from them.</summary>
    public static string FarFromNow()
    {
        var middle = DateTime.UtcNow.AddHours(12);
        return FormattableString.Invariant($"daily {middle.AddHours(-1):HH':'mm}-{middle.AddHours(1):HH':'mm} Etc/UTC");
    }

    /// <summary>Hours that began two hours ago and end with the next full minute that is some seconds away.</summary>
    public static string UntilTheMinute(out DateTime end)
    {
        var soon = DateTime.UtcNow.AddSeconds(8);
        end = soon.AddMinutes(1).AddTicks(-(soon.Ticks % TimeSpan.TicksPerMinute));
        return FormattableString.Invariant($"daily {end.AddHours(-2):HH':'mm}-{end:HH':'mm} Etc/UTC");
    }

    protected override async Task Prepare()
    {
        await Client.AddNetworkAsync(new NetworkCreate { Name = Plant, Prefixes = ["10.20.0.0/16"] });
        await Client.AddNetworkAsync(new NetworkCreate { Name = Yard, Prefixes = ["10.20.0.0/16"] });
        await AddSite("hq", Plant, 50);
        await AddSite(Depot, Plant, 51, OtherSubnetOfDepot);
        await AddSite(Yard, Yard, 52);
        foreach (var (index, way) in Withdrawn.Index())
        {
            await AddSite(Annex(way), Plant, 53 + index);
        }

        var beyond = NewHost(Internet);
        Topology.Gateway.Batch($"route add 192.168.{InternetSubnet}.0/24 via 10.99.0.{LastHost}");
        sites.Add(Internet, (beyond, InternetSubnet));
        Offer(sites["hq"].Where, Steady);
        await Client.AddApplicationAsync(new ApplicationCreate
        {
            Name = "steady", Site = "hq", Target = Steady.ToString(), Services = Services, Management = true,
        });
        var created = await AddDevice("witness", Plant);
        await Client.AddRuleAsync(new RuleCreate { From = "device:witness", To = "application:steady" });
        var host = NewHost("witness");
        await Connected(Own(new OpenVpnProcess(host, created.Profile!.Text)));
        Witness = await FourFlows.Start(host, Steady);
        Own(new Ending(Witness));
    }

    private static IPAddress Address(int subnet, int host) => IPAddress.Parse(FormattableString.Invariant($"192.168.{subnet}.{host}"));

    private async Task AddSite(string name, string network, int subnet, params string[] more)
    {
        var created = await Client.AddSiteAsync(new SiteCreate
        {
            Name = name, Network = network, Subnets = [FormattableString.Invariant($"192.168.{subnet}.0/24"), .. more], Profile = new(),
        });
        var where = NewHost($"site-{name}");
        sites.Add(name, (where, subnet));
        await Connected(Own(new OpenVpnProcess(where, created.Profile!.Text)));
    }

    private void Offer(Namespace where, IPAddress address)
    {
        where.AddAddress("lo", $"{address}/32");
        Own(new TcpEcho(where, address, TestApplication.Port));
        Own(new UdpEcho(where, address, TestApplication.Port));
    }

    private sealed class Ending(FourFlows flows) : IDisposable
    {
        public void Dispose() => flows.DisposeAsync().AsTask().GetAwaiter().GetResult();
    }
}

/// <summary>A device that is online with four flows to the application that it is about to lose, and four to another one.</summary>
/// <param name="Kept">Null where all of its network is cut off.</param>
public sealed record RevocationCase(
    string Device, string Application, string Site, int Rule, OpenVpnProcess Client, FourFlows Lost, FourFlows? Kept) : IAsyncDisposable
{
    public async ValueTask DisposeAsync()
    {
        await Lost.DisposeAsync();
        if (Kept is not null)
        {
            await Kept.DisposeAsync();
        }

        Client.Dispose();
    }
}
