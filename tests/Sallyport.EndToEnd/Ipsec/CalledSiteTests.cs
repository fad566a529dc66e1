using System.Diagnostics;
using System.Net;
using Sallyport.Api.Applications;
using Sallyport.Api.Credentials;
using Sallyport.Api.Devices;
using Sallyport.Api.Networks;
using Sallyport.Api.Rules;
using Sallyport.Api.Sites;
using Sallyport.EndToEnd.Fleet;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Peers;
using Sallyport.Harness.Ipsec;

namespace Sallyport.EndToEnd.Ipsec;

/// <summary>Two networks with a device of OpenVPN and a site of two subnets each: one whose router takes single pairs, one in which proofs stand for seconds only.</summary>
public sealed class CalledSiteFixture : FleetFixture
{
    public const string Pairs = "pairs";
    public const string Again = "again";

    /// <summary>For how long a proof stands in the second network.</summary>
    public static readonly TimeSpan Proof = TimeSpan.FromSeconds(15);

    private readonly Dictionary<string, (SiteCase Site, Namespace Laptop)> cases = [];

    public SiteCase Site(string network) => cases[network].Site;

    public Namespace Laptop(string network) => cases[network].Laptop;

    public static IPAddress At(int subnet) => IPAddress.Parse(FormattableString.Invariant($"192.168.{subnet}.10"));

    protected override async Task Prepare()
    {
        await Add(Pairs, "10.20.0.0/16", new NetworkIpsecInput(), new SiteIpsecInput { SinglePairs = true });
        await Add(Again, "10.30.0.0/16", new NetworkIpsecInput { Reauthenticate = FormattableString.Invariant($"{Proof.TotalSeconds}s") }, null);
    }

    private async Task Add(string network, string prefix, NetworkIpsecInput ofNetwork, SiteIpsecInput? ofSite)
    {
        await Client.AddNetworkAsync(new NetworkCreate { Name = network, Prefixes = [prefix], Ipsec = ofNetwork });
        var name = $"router-{network}";
        var created = await Client.AddSiteAsync(new SiteCreate
        {
            Name = name,
            Network = network,
            Subnets = ["192.168.75.0/24", "192.168.76.0/24"],
            Ipsec = ofSite,
            Profile = new ProfileRequest { Protocol = "ipsec", Auth = "psk" },
        });
        await Client.AddDeviceAsync(new DeviceCreate { Name = $"laptop-{network}", Network = network });
        var router = NewHost(name);
        var outer = $"10.99.0.{LastHost}";
        foreach (var subnet in new[] { 75, 76 })
        {
            router.AddAddress("lo", $"{At(subnet)}/32");
            var application = await Client.AddApplicationAsync(new ApplicationCreate
            {
                Name = $"of-{network}-{subnet}", Site = name, Target = At(subnet).ToString(), Services = [$"tcp/{TestApplication.Port}", $"udp/{TestApplication.Port}", "icmp"],
            });
            await Client.AddRuleAsync(new RuleCreate { From = $"device:laptop-{network}", To = $"application:{application.Name}" });
        }

        cases.Add(network, (new SiteCase(name, created.Profile!, router, outer), await Laptop(network, NewHost($"laptop-{network}"))));
    }

    private async Task<Namespace> Laptop(string network, Namespace where)
    {
        var profile = await Client.IssueDeviceProfileAsync($"laptop-{network}", new ProfileRequest());
        await Connected(Own(new OpenVpnProcess(where, profile.Text)));
        return where;
    }
}

/// <summary>Sites that the gateway calls, whose routers are the distribution's strongSwan.</summary>
public sealed class CalledSiteTests(CalledSiteFixture fleet) : IClassFixture<CalledSiteFixture>
{
    private const string Pairs = CalledSiteFixture.Pairs;
    private const string Again = CalledSiteFixture.Again;

    [IpsecFact]
    public async Task A_router_that_takes_single_pairs_is_asked_for_a_CHILD_SA_for_each()
    {
        var (name, profile, router, outer) = fleet.Site(Pairs);
        using var charon = await CharonProcess.Start(router, profile.ForCharon().Waiting());
        await fleet.Client.UpdateSiteAsync(name, new SiteUpdate { Ipsec = new SiteIpsecInput { Remotes = [outer] } });
        foreach (var subnet in new[] { 75, 76 })
        {
            await charon.UntilChild(
                child => child.IsInstalled && child.LocalSelectors is [var local] && child.RemoteSelectors is ["10.20.0.0/16"] && local == $"192.168.{subnet}.0/24",
                $"a CHILD_SA for subnet {subnet}", IpsecDevice.Patience);
        }

        await fleet.UntilTunnel(name, Pairs, found => found?.Sas.Count > 0);
        var sa = await charon.Sa();
        sa.IsInitiator.ShouldBeFalse("the gateway has called");
        foreach (var subnet in new[] { 75, 76 })
        {
            using var greeter = new Greeter(router, CalledSiteFixture.At(subnet), TestApplication.Port, $"subnet {subnet}");
            (await Greeter.Ask(fleet.Laptop(Pairs), CalledSiteFixture.At(subnet), TestApplication.Port)).ShouldStartWith($"subnet {subnet}, you are 10.20.");
        }

        // All rows of the sheet, once each, and every packet by the SA of its own pair.
        var rows = profile.Files.Single(file => file.Name == $"swanctl/conf.d/{name}.conf").Text.Split('\n').Count(line => line.Contains("remote_ts", StringComparison.Ordinal));
        await Eventually.True(() => charon.Sa().GetAwaiter().GetResult().Children.Count(child => child.IsInstalled) == rows, $"{rows} CHILD_SAs", IpsecDevice.Patience);
        var children = (await charon.Sa()).Children;
        children.Select(child => (child.LocalSelectors[0], child.RemoteSelectors[0])).Distinct().Count().ShouldBe(rows);
        children.Where(child => child.PacketsIn > 0).Select(child => child.LocalSelectors[0]).Order().ShouldBe(["192.168.75.0/24", "192.168.76.0/24"]);
        (await fleet.UntilTunnel(name, Pairs, found => found?.Sas.Count == rows)).ShouldNotBeNull();
        (await fleet.Client.ListEventsAsync("negotiation.failed", limit: 20)).Items.ShouldBeEmpty();

        // What the router deletes alone, as many do with what is idle, is asked for again.
        var deleted = children.First(child => child.LocalSelectors[0] == "192.168.76.0/24" && child.RemoteSelectors[0] == "10.20.0.0/16");
        await charon.TerminateChild(deleted.Name);
        await charon.UntilChild(
            child => child.IsInstalled && child.SpiIn != deleted.SpiIn && (child.LocalSelectors[0], child.RemoteSelectors[0]) == ("192.168.76.0/24", "10.20.0.0/16"),
            "the CHILD_SA anew", IpsecDevice.Patience);
        (await charon.Sa()).UniqueId.ShouldBe(sa.UniqueId, "in the same IKE SA");
    }

    [IpsecFact]
    public async Task A_called_site_proves_again_who_it_is_before_its_time_is_over_and_its_connections_go_on_until_it_cannot()
    {
        var (name, profile, router, outer) = fleet.Site(Again);
        using var charon = await CharonProcess.Start(router, profile.ForCharon().Waiting());
        await fleet.Client.UpdateSiteAsync(name, new SiteUpdate { Ipsec = new SiteIpsecInput { Remotes = [outer] } });
        await charon.UntilChild(child => child.IsInstalled, "a CHILD_SA", IpsecDevice.Patience);
        await fleet.UntilTunnel(name, Again, found => found?.Sas.Count > 0);
        using var echo = new TcpEcho(router, CalledSiteFixture.At(75), TestApplication.Port);
        await using var stream = await TcpStream.Open(fleet.Laptop(Again), CalledSiteFixture.At(75), TestApplication.Port);
        var longest = TimeSpan.Zero;
        for (var i = 0; i < 2; i++)
        {
            await stream.Progress(20_000);
            var before = (await charon.Sas()).Where(sa => sa.IsEstablished).MaxBy(sa => sa.UniqueId)!;
            var watch = Stopwatch.StartNew();
            while (!(await charon.Sas()).Any(sa => sa.IsEstablished && sa.UniqueId > before.UniqueId))
            {
                watch.Elapsed.ShouldBeLessThan(CalledSiteFixture.Proof + TimeSpan.FromSeconds(10), $"it was not called anew\n{charon.Log}");
                longest = longest > stream.SinceProgress ? longest : stream.SinceProgress;
                await Task.Delay(50);
            }

            await stream.Progress(20_000);
            await Eventually.True(() => charon.Sas().GetAwaiter().GetResult().Count == 1, "the old one is gone", IpsecDevice.Patience);
        }

        longest.ShouldBeLessThan(TimeSpan.FromSeconds(3), "the new one is there before the old one goes");
        (await fleet.Client.ListEventsAsync("handshake.failed", limit: 20)).Items.ShouldBeEmpty();

        // The router has another key now: what it has proven is good until its time is over, and not for longer.
        charon.Load(profile.ForCharon().Waiting().With("secret", "\"another key than the one that both ends had\""));
        await fleet.UntilTunnel(name, Again, found => found is null, 60);
        (await fleet.UntilDetail("handshake.failed", $"call to {outer}")).Detail.ShouldNotContain("\n");
        (await Dial.Tcp(fleet.Laptop(Again), CalledSiteFixture.At(75), TestApplication.Port, limitSeconds: 1)).Outcome.ShouldNotBe(DialOutcome.Connected);
    }
}
