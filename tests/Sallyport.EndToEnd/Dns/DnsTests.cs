using System.Net;
using System.Net.Sockets;
using Sallyport.Api.Applications;
using Sallyport.Api.Dns;
using Sallyport.Api.Networks;
using Sallyport.Api.Rules;
using Sallyport.EndToEnd.Fleet;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Peers;

namespace Sallyport.EndToEnd.Dns;

public sealed class DnsFixture : FleetFixture
{
    public TestSite Site { get; private set; } = null!;

    public NameServer Corporate { get; private set; } = null!;

    protected override async Task Prepare()
    {
        var resolver = NewHost("resolver");
        var address = IPAddress.Parse($"10.99.0.{LastHost}");
        Corporate = Own(new NameServer(resolver, address, new Dictionary<string, IPAddress> { ["www.corp.example"] = IPAddress.Parse("10.1.2.3") }));
        Site = await AddNetworkWithSite(new NetworkCreate
        {
            Name = "plant",
            Prefixes = ["10.20.0.0/16", "fd00:20::/64"],
            Dns = new NetworkDnsInput { Forward = [$"corp.example={address}"] },
        });
        await Client.AddApplicationAsync(new ApplicationCreate { Name = "camera", Site = Site.Name, Target = "192.168.50.11", Services = ["tcp/554"] });
    }
}

/// <summary>What the stock client of a device, and the resolver of its system behind it, make of names.</summary>
public sealed class DnsTests(DnsFixture fleet) : IClassFixture<DnsFixture>
{
    private static readonly IPAddress Gateway = IPAddress.Parse("10.20.0.1");

    [NetworkFact]
    public async Task A_granted_application_has_a_name_and_loses_it_with_its_rule_and_others_never_had_one()
    {
        var (device, client) = await Connect("pump-1");
        using var running = client;
        await fleet.Allow("pump-1", "plant");

        // What the client is told is what its system's resolver is set up with.
        await client.WaitForLine("dhcp-option DNS 10.20.0.1");
        await client.WaitForLine("dhcp-option DOMAIN plant.sallyport");
        using var files = new ResolverFiles(device, "nameserver 10.20.0.1\nsearch plant.sallyport\noptions timeout:2 attempts:1\n");
        (await Lookup(device, "ahostsv4", "historian-plant")).ShouldStartWith("192.168.50.10");
        (await Lookup(device, "ahostsv4", "historian-plant.plant.sallyport")).ShouldStartWith("192.168.50.10");
        (await Lookup(device, "hosts", "192.168.50.10")).ShouldContain("historian-plant.plant.sallyport");
        (await Lookup(device, "ahostsv4", "192-168-50-10.hq-plant")).ShouldStartWith("192.168.50.10");
        (await Lookup(device, "hosts", "10.20.0.1")).ShouldContain("gateway.plant.sallyport");
        (await Lookup(device, "ahostsv4", "camera")).ShouldBeEmpty();
        (await Ask(device, "camera.plant.sallyport")).ShouldBe("NXDOMAIN");
        (await Ask(device, "192-168-50-11.hq-plant.plant.sallyport")).ShouldBe("NXDOMAIN");

        var rule = (await fleet.Client.ListRulesAsync()).Items.Single(one => one.From == "device:pump-1");
        fleet.Installation.Say("rule", "remove", $"{rule.Id}");
        (await Ask(device, "historian-plant.plant.sallyport")).ShouldBe("NXDOMAIN");
        (await Ask(device, "192-168-50-10.hq-plant.plant.sallyport")).ShouldBe("NXDOMAIN");
        (await Lookup(device, "ahostsv4", "historian-plant")).ShouldBeEmpty();
    }

    [NetworkFact]
    public async Task A_name_is_known_to_who_may_reach_it_and_to_nobody_else()
    {
        var (panel, panelClient) = await Connect("panel");
        using var one = panelClient;
        var (server, serverClient) = await Connect("server");
        using var other = serverClient;
        (await Ask(panel, "server.plant.sallyport")).ShouldBe("NXDOMAIN");
        await fleet.Client.AddApplicationAsync(new ApplicationCreate { Name = "modbus", Device = "server", Services = ["tcp/502"] });
        await fleet.Client.AddRuleAsync(new RuleCreate { From = "device:panel", To = "application:modbus" });

        var address = (await fleet.Client.GetDeviceAsync("server")).Addresses[0];
        (await Ask(panel, "server.plant.sallyport")).ShouldBe(address);
        (await Ask(panel, "modbus.plant.sallyport")).ShouldBe(address);
        (await Ask(server, "panel.plant.sallyport")).ShouldBe("NXDOMAIN");
        (await Ask(server, "modbus.plant.sallyport")).ShouldBe(address, "its own");
        (await Ask(server, "server.plant.sallyport")).ShouldBe(address);

        // Over IPv6 as well.
        var own6 = (await fleet.Client.GetDeviceAsync("panel")).Addresses.Single(text => text.Contains(':', StringComparison.Ordinal));
        (await Ask(panel, "panel.plant.sallyport", type: 28, server: IPAddress.Parse("fd00:20::1"))).ShouldBe(own6);
    }

    [NetworkFact]
    public async Task Names_of_a_domain_that_is_forwarded_are_asked_for_and_all_others_refused()
    {
        var (device, client) = await Connect("outstation");
        using var running = client;
        (await Ask(device, "www.corp.example")).ShouldBe("10.1.2.3");
        (await Ask(device, "nothing.corp.example")).ShouldBe("NXDOMAIN");
        (await Ask(device, "www.example.org")).ShouldBe("REFUSED");
        (await Ask(device, "secrets.are.carried.out.this.way.example.net")).ShouldBe("REFUSED");
        fleet.Corporate.Asked.ShouldAllBe(name => name.EndsWith("corp.example"));

        using var files = new ResolverFiles(device, "nameserver 10.20.0.1\nsearch plant.sallyport\noptions timeout:2 attempts:1\n");
        (await Lookup(device, "ahostsv4", "www.corp.example")).ShouldStartWith("10.1.2.3");

        await Eventually.True(() => fleet.Client.ListDnsQueriesAsync(device: "outstation").GetAwaiter().GetResult().Items.Any(query => query.Name.StartsWith("secrets")), "the log");
        var log = fleet.Installation.Say("dns", "log", "--device", "outstation");
        log.Split('\n').ShouldContain(line => line.Contains("www.corp.example") && line.Contains("NOERROR") && line.Contains("10.1.2.3"));
        log.Split('\n').ShouldContain(line => line.Contains("www.example.org") && line.Contains("REFUSED"));
        log.ShouldNotContain("pump-1");
        (await fleet.Client.ListDnsQueriesAsync(network: "plant")).Items.Select(query => query.From.Name).ShouldContain("outstation");
    }

    [NetworkFact]
    public async Task A_network_can_go_without()
    {
        await fleet.Client.AddNetworkAsync(new NetworkCreate { Name = "quiet", Prefixes = ["10.30.0.0/16"] });
        var (device, client) = await Connect("loner", "quiet");
        using var running = client;
        var gateway = IPAddress.Parse("10.30.0.1");
        (await Ask(device, "loner.quiet.sallyport", server: gateway)).ShouldStartWith("10.30.");
        fleet.Installation.Say("network", "update", "quiet", "--dns", "off").ShouldContain("not answered");
        (await Ask(device, "loner.quiet.sallyport", server: gateway)).ShouldBe("nothing");
        fleet.Installation.Say("network", "update", "quiet", "--dns", "on");
        (await Ask(device, "loner.quiet.sallyport", server: gateway)).ShouldStartWith("10.30.");
    }

    private async Task<(Namespace Device, OpenVpnProcess Client)> Connect(string name, string network = "plant")
    {
        var created = await fleet.AddDevice(name, network);
        var device = fleet.NewHost(name);
        var client = new OpenVpnProcess(device, created.Profile!.Text, ["--verb", "3"]);
        await fleet.Connected(client);
        return (device, client);
    }

    /// <summary>What the C library makes of it; empty where it finds nothing.</summary>
    private static Task<string> Lookup(Namespace from, string database, string key) =>
        Task.Run(() => from.Execute("getent", database, key).Output.Trim());

    /// <summary>The addresses in the answer, its code where there are none, "nothing" where there is no answer.</summary>
    private static async Task<string> Ask(Namespace from, string name, ushort type = 1, IPAddress? server = null)
    {
        server ??= Gateway;
        using var socket = from.Run(() => new Socket(server.AddressFamily, SocketType.Dgram, ProtocolType.Udp));
        var query = DnsWire.Question(name, type, (ushort)name.Length);
        var answer = new byte[2048];
        for (var attempt = 0; attempt < 2; attempt++)
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(2));
            try
            {
                await socket.ConnectAsync(new IPEndPoint(server, 53), limit.Token);
                await socket.SendAsync(query, SocketFlags.None, limit.Token);
                var length = await socket.ReceiveAsync(answer, SocketFlags.None, limit.Token);
                answer.AsSpan(0, 2).SequenceEqual(query.AsSpan(0, 2)).ShouldBeTrue("an answer to this question");
                return DnsWire.Read(answer.AsSpan(0, length));
            }
            catch (Exception e) when (e is SocketException or OperationCanceledException)
            {
                // Refused, or lost.
            }
        }

        return "nothing";
    }

    /// <summary>Gives programs of a namespace an /etc/resolv.conf of their own, as <c>ip netns exec</c> does.</summary>
    private sealed class ResolverFiles : IDisposable
    {
        private readonly string folder;

        public ResolverFiles(Namespace of, string text)
        {
            folder = Path.Combine("/etc/netns", of.Name);
            Directory.CreateDirectory(folder);
            File.WriteAllText(Path.Combine(folder, "resolv.conf"), text);
        }

        public void Dispose() => Directory.Delete(folder, recursive: true);
    }
}
