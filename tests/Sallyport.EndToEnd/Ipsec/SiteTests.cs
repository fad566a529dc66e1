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

/// <summary>Two networks with a device of OpenVPN each, and sites whose routers the tests start. Silence is noticed within seconds; two threads of IKE.</summary>
public sealed class SiteFixture : FleetFixture
{
    public const string Near = "near";
    public const string Far = "far";
    private readonly Dictionary<string, Namespace> laptops = [];
    private readonly Dictionary<string, SiteCase> sites = [];

    protected override IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string>
    {
        ["SALLYPORT_IPSEC_PROBE"] = "1s",
        ["SALLYPORT_IPSEC_DEAD"] = "10s",
        ["SALLYPORT_IPSEC_THREADS"] = "2",
        ["SALLYPORT_GATEWAY_PACKET_THREADS"] = "2",
    };

    /// <summary>The device "laptop-NETWORK", online by OpenVPN; it may reach every application "of-SITE-N".</summary>
    public Namespace Laptop(string network) => laptops[network];

    public SiteCase Site(string name) => sites[name];

    public static IPAddress At(int subnet) => IPAddress.Parse(FormattableString.Invariant($"192.168.{subnet}.10"));

    /// <summary>All sites are there before the laptops come, which else would come anew for each to learn its subnets.</summary>
    protected override async Task Prepare()
    {
        foreach (var (network, prefix) in new[] { (Near, "10.20.0.0/16"), (Far, "10.30.0.0/16") })
        {
            await Client.AddNetworkAsync(new NetworkCreate { Name = network, Prefixes = [prefix] });
            await Client.AddDeviceAsync(new DeviceCreate { Name = $"laptop-{network}", Network = network });
        }

        await AddSite("dc-psk", Near, "psk", 1, 71, 72);
        await AddSite("dc-certificate", Near, "certificate", 1, 73, 74);
        await AddSite("called-psk", Near, "psk", 1, 75);
        await AddSite("called-certificate", Near, "certificate", 1, 76);
        await AddSite("both", Near, "psk", 1, 77);
        await AddSite("moving", Near, "psk", 1, 78);
        await AddSite("double", Near, "psk", 2, 80);
        await AddSite($"twin-{Near}", Near, "psk", 1, 1);
        await AddSite($"twin-{Far}", Far, "psk", 1, 1);
        foreach (var network in new[] { Near, Far })
        {
            var profile = await Client.IssueDeviceProfileAsync($"laptop-{network}", new ProfileRequest());
            laptops.Add(network, NewHost($"laptop-{network}"));
            await Connected(Own(new OpenVpnProcess(laptops[network], profile.Text)));
        }
    }

    private async Task AddSite(string name, string network, string auth, int uplinks, params int[] subnets)
    {
        var created = await Client.AddSiteAsync(new SiteCreate
        {
            Name = name,
            Network = network,
            Subnets = [.. subnets.Select(subnet => $"192.168.{subnet}.0/24")],
            Profile = new ProfileRequest { Protocol = "ipsec", Auth = auth, Uplinks = uplinks },
        });
        var router = NewHost(name);
        sites.Add(name, new SiteCase(name, created.Profile!, router, $"10.99.0.{LastHost}"));
        foreach (var subnet in subnets)
        {
            if (uplinks == 1)
            {
                router.AddAddress("lo", $"{At(subnet)}/32");
            }

            var application = await Client.AddApplicationAsync(new ApplicationCreate
            {
                Name = $"of-{name}-{subnet}", Site = name, Target = At(subnet).ToString(), Services = [$"tcp/{TestApplication.Port}", "icmp"],
            });
            await Client.AddRuleAsync(new RuleCreate { From = $"device:laptop-{network}", To = $"application:{application.Name}" });
        }
    }
}

/// <summary>A site, and the machine that is its router.</summary>
/// <param name="Outer">The router's address.</param>
public sealed record SiteCase(string Name, ProfileIssued Profile, Namespace Router, string Outer);

/// <summary>Routers of sites with the distribution's strongSwan and the profiles that we write for it.</summary>
public sealed class SiteTests(SiteFixture fleet) : IClassFixture<SiteFixture>
{
    private const string Near = SiteFixture.Near;
    private const string Far = SiteFixture.Far;

    [IpsecTheory]
    [InlineData("psk", 71)]
    [InlineData("certificate", 73)]
    public async Task A_site_of_two_subnets_comes_up_and_both_are_reached_and_reach_what_they_may(string auth, int subnet)
    {
        var (name, profile, router, _) = fleet.Site($"dc-{auth}");
        using var charon = await CharonProcess.Start(router, profile.ForCharon());
        await Up(charon);
        using var first = new Greeter(router, SiteFixture.At(subnet), TestApplication.Port, "first");
        using var second = new Greeter(router, SiteFixture.At(subnet + 1), TestApplication.Port, "second");
        using var hidden = new TcpEcho(router, SiteFixture.At(subnet), TestApplication.OtherPort);
        (await Greeter.Ask(fleet.Laptop(Near), SiteFixture.At(subnet), TestApplication.Port)).ShouldStartWith("first, you are 10.20.");
        (await Greeter.Ask(fleet.Laptop(Near), SiteFixture.At(subnet + 1), TestApplication.Port)).ShouldStartWith("second, you are 10.20.");
        (await Dial.Tcp(fleet.Laptop(Near), SiteFixture.At(subnet), TestApplication.OtherPort)).DeniedAtOnce.ShouldBeTrue();
        hidden.Accepted.ShouldBe(0);

        // The other direction, to a device of OpenVPN.
        var laptop = IPAddress.Parse((await fleet.Client.GetDeviceAsync($"laptop-{Near}")).Addresses[0]);
        using var echo = new TcpEcho(fleet.Laptop(Near), laptop, 7000 + subnet);
        (await Dial.Tcp(router, laptop, 7000 + subnet)).DeniedAtOnce.ShouldBeTrue();
        await fleet.Client.AddApplicationAsync(new ApplicationCreate { Name = $"echo-{auth}", Device = $"laptop-{Near}", Services = [$"tcp/{7000 + subnet}"] });
        await fleet.Client.AddRuleAsync(new RuleCreate { From = $"site:{name}", To = $"application:echo-{auth}" });
        (await Dial.Tcp(router, laptop, 7000 + subnet)).Outcome.ShouldBe(DialOutcome.Connected);
        (await fleet.UntilTunnel(name, Near, found => found is not null))!.Wrapping.ShouldBe(auth);
    }

    [IpsecTheory]
    [InlineData("psk", 75)]
    [InlineData("certificate", 76)]
    public async Task The_gateway_calls_a_site_and_calls_again_when_its_router_was_gone(string auth, int subnet)
    {
        var (name, profile, router, outer) = fleet.Site($"called-{auth}");
        using var greeter = new Greeter(router, SiteFixture.At(subnet), TestApplication.Port, name);
        using (var charon = await CharonProcess.Start(router, profile.ForCharon().Waiting()))
        {
            await fleet.Client.UpdateSiteAsync(name, new SiteUpdate { Ipsec = new SiteIpsecInput { Remotes = [outer] } });
            await Called(charon, name);
            (await charon.Sa()).IsInitiator.ShouldBeFalse();
            (await Greeter.Ask(fleet.Laptop(Near), SiteFixture.At(subnet), TestApplication.Port)).ShouldStartWith(name);
            charon.Stop();
        }

        await fleet.UntilTunnel(name, Near, found => found is null, IpsecDevice.Patience);
        (await Dial.Tcp(fleet.Laptop(Near), SiteFixture.At(subnet), TestApplication.Port, limitSeconds: 1)).Outcome.ShouldNotBe(DialOutcome.Connected);
        using var back = await CharonProcess.Start(router, profile.ForCharon().Waiting());
        await Called(back, name, seconds: 60);
        (await Greeter.Ask(fleet.Laptop(Near), SiteFixture.At(subnet), TestApplication.Port)).ShouldStartWith(name);
    }

    [IpsecFact]
    public async Task The_gateway_follows_a_site_that_sends_it_elsewhere_and_goes_back_when_nobody_is_there()
    {
        var (name, profile, router, outer) = fleet.Site("moving");
        var other = fleet.NewHost("moving-2");
        var there = $"10.99.0.{fleet.LastHost}";
        other.AddAddress("lo", $"{SiteFixture.At(78)}/32");
        using var old = new Greeter(router, SiteFixture.At(78), TestApplication.Port, "old");
        using var replacement = new Greeter(other, SiteFixture.At(78), TestApplication.Port, "new");
        using var first = await CharonProcess.Start(router, profile.ForCharon().Waiting());
        using (var second = await CharonProcess.Start(other, profile.ForCharon().Waiting()))
        {
            await fleet.Client.UpdateSiteAsync(name, new SiteUpdate { Ipsec = new SiteIpsecInput { Remotes = [outer] } });
            await Called(first, name);
            (await Greeter.Ask(fleet.Laptop(Near), SiteFixture.At(78), TestApplication.Port)).ShouldStartWith("old");
            first.Control("--redirect", "--ike", name, "--gateway", there);
            await Called(second, name);
            (await second.Sa()).IsInitiator.ShouldBeFalse();
            second.Count("N\\(REDIR_FROM\\)").ShouldBe(1, second.Log);
            (await Greeter.Ask(fleet.Laptop(Near), SiteFixture.At(78), TestApplication.Port)).ShouldStartWith("new");
            (await fleet.Tunnels(name, Near)).Count.ShouldBe(1);
            second.Stop();
        }

        await Called(first, name, seconds: 60);
        (await Greeter.Ask(fleet.Laptop(Near), SiteFixture.At(78), TestApplication.Port)).ShouldStartWith("old");
    }

    [IpsecFact]
    public async Task A_site_that_both_ends_call_ends_up_with_one_tunnel_and_keeps_it()
    {
        var (_, profile, router, outer) = fleet.Site("both");
        using var charon = await CharonProcess.Start(router);
        await fleet.Client.UpdateSiteAsync("both", new SiteUpdate { Ipsec = new SiteIpsecInput { Remotes = [outer] } });
        charon.Load(profile.ForCharon());
        await Up(charon);
        using var greeter = new Greeter(router, SiteFixture.At(77), TestApplication.Port, "both");

        // The gateway calls two seconds later at the latest where nobody has come, and must not where somebody has.
        var settled = (await charon.Sa()).InitiatorSpi;
        await Task.Delay(TimeSpan.FromSeconds(5));
        (await charon.Sa()).InitiatorSpi.ShouldBe(settled, charon.Log);
        (await Greeter.Ask(fleet.Laptop(Near), SiteFixture.At(77), TestApplication.Port)).ShouldStartWith("both");
        (await fleet.Tunnels("both", Near)).Count.ShouldBe(1);
    }

    [IpsecFact]
    public async Task Two_sites_of_two_networks_have_one_and_the_same_subnet()
    {
        var chains = new List<CharonProcess>();
        var greeters = new List<Greeter>();
        try
        {
            foreach (var network in new[] { Near, Far })
            {
                var (_, profile, router, _) = fleet.Site($"twin-{network}");
                chains.Add(await CharonProcess.Start(router, profile.ForCharon()));
                greeters.Add(new Greeter(router, SiteFixture.At(1), TestApplication.Port, network));
            }

            foreach (var charon in chains)
            {
                await Up(charon);
            }

            (await Greeter.Ask(fleet.Laptop(Near), SiteFixture.At(1), TestApplication.Port)).ShouldStartWith("near, you are 10.20.");
            (await Greeter.Ask(fleet.Laptop(Far), SiteFixture.At(1), TestApplication.Port)).ShouldStartWith("far, you are 10.30.");
        }
        finally
        {
            chains.ForEach(charon => charon.Dispose());
            greeters.ForEach(greeter => greeter.Dispose());
        }
    }

    [IpsecFact]
    public async Task A_site_of_two_uplinks_loses_one_and_a_connection_lives_on_over_the_other_and_back()
    {
        var (_, profile, one, _) = fleet.Site("double");
        var two = fleet.NewHost("double-2");
        var host = fleet.Topology.AttachBehind(one, "172.16.1.1/24", "172.16.1.2/24");
        Namespace.Connect(two, "lan", host, "lan2");
        two.AddAddress("lan", "172.16.2.1/24");
        host.AddAddress("lan2", "172.16.2.2/24");
        host.AddAddress("lo", $"{SiteFixture.At(80)}/32");
        two.Write("/proc/sys/net/ipv4/ip_forward", "1");
        foreach (var (router, next) in new[] { (one, "172.16.1.2"), (two, "172.16.2.2") })
        {
            // Its own side of a policy has to have an address of its machine.
            router.AddAddress("lo", "192.168.80.1/32");
            router.Batch($"route add {SiteFixture.At(80)}/32 via {next}");
        }

        using var echo = new TcpEcho(host, SiteFixture.At(80), TestApplication.Port);
        using var second = await CharonProcess.Start(two, profile.ForCharon("double-2"));
        await Up(second);
        var first = await CharonProcess.Start(one, profile.ForCharon("double"));
        try
        {
            await Up(first);
            await using var stream = await TcpStream.Open(fleet.Laptop(Near), SiteFixture.At(80), TestApplication.Port);
            await stream.Progress(20_000);
            (await first.Sa()).Children[0].PacketsIn.ShouldBeGreaterThan(10, "the first is taken while it lives");
            (await second.Sa()).Children[0].PacketsIn.ShouldBe(0);
            (await fleet.Tunnels("double", Near)).Select(tunnel => tunnel.Uplink).Order().ShouldBe([1, 2]);
            await fleet.UntilDetail("tunnel.up", ", uplink 2");

            first.Kill();
            host.Batch("route replace default via 172.16.2.1");
            await stream.Progress(20_000, seconds: 60);
            (await second.Sa()).Children[0].PacketsIn.ShouldBeGreaterThan(10);

            first.Dispose();
            first = await CharonProcess.Start(one, profile.ForCharon("double"));
            await Up(first);
            host.Batch("route replace default via 172.16.1.1");
            await stream.Progress(20_000, seconds: IpsecDevice.Patience);
            (await first.Sa()).Children[0].PacketsIn.ShouldBeGreaterThan(10);
        }
        finally
        {
            first.Dispose();
        }
    }

    /// <summary>As <see cref="Up"/>, where the gateway has begun: it is up only when the answer to its last message has come.</summary>
    private async Task Called(CharonProcess charon, string name, int seconds = IpsecDevice.Patience)
    {
        await Up(charon, seconds);
        await fleet.UntilTunnel(name, Near, found => found?.Sas.Count == 1);
    }

    private async Task Up(CharonProcess charon, int seconds = IpsecDevice.Patience)
    {
        try
        {
            await charon.UntilChild(child => child.IsInstalled, "a CHILD_SA", seconds);
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{e.Message}\n{await fleet.Diagnosis()}");
        }
    }
}
