using Sallyport.Api.Applications;
using System.Diagnostics;
using Sallyport.Api.Credentials;
using Sallyport.Api.Flows;
using Sallyport.Api.Networks;
using Sallyport.Api.Rules;
using Sallyport.EndToEnd.Fleet;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Peers;
using Sallyport.EndToEnd.Revocation;
using Sallyport.EndToEnd.Stock;
using Sallyport.Harness.Ipsec;

namespace Sallyport.EndToEnd.Ipsec;

/// <summary>A network that takes every way to authenticate, with a site that comes by OpenVPN; two packet threads and two of IKE, so that messages cross.</summary>
public sealed class IpsecFixture : FleetFixture
{
    public const string Network = "plant-a";

    public TestSite Site { get; private set; } = null!;

    protected override IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string>
    {
        ["SALLYPORT_GATEWAY_PACKET_THREADS"] = "2",
        ["SALLYPORT_IPSEC_THREADS"] = "2",
    };

    protected override async Task Prepare() => Site = await AddNetworkWithSite(new NetworkCreate
    {
        Name = Network,
        Prefixes = ["10.20.0.0/16", "fd20::/64"],
        Ipsec = new NetworkIpsecInput { Authentication = ["certificate", "psk", "eap-tls", "eap-mschapv2"] },
    });
}

/// <summary>Devices with the distribution's strongSwan and the profiles that we write for it.</summary>
public sealed class DeviceTests(IpsecFixture fleet) : IClassFixture<IpsecFixture>
{
    private const string Network = IpsecFixture.Network;

    [IpsecTheory]
    [InlineData("psk")]
    [InlineData("certificate")]
    [InlineData("eap-tls")]
    [InlineData("eap-mschapv2")]
    public async Task A_device_comes_up_as_who_it_is_and_reaches_what_it_may(string auth)
    {
        var name = $"pump-{auth}";

        // Long messages come in parts.
        using var device = await fleet.ComeUp(name, Network, auth, options: new CharonOptions { Settings = ["fragment_size = 400"] });
        device.Charon.Count(@"EF\(1/[2-9]\)").ShouldBeGreaterThan(0, device.Charon.Log);
        await fleet.Allow6(name, Network);
        var known = await fleet.Client.GetDeviceAsync(name);
        var sa = await device.Charon.Sa();
        sa.Local.VirtualAddresses.ShouldBe(known.Addresses);
        File.ReadAllText(device.Charon.ResolverFile).ShouldContain("nameserver 10.20.0.1");

        (await Dial.Tcp(device.Where, Topology.Application, TestApplication.Port)).Outcome.ShouldBe(DialOutcome.Connected);
        (await Dial.Tcp(device.Where, TestApplication.AddressV6, TestApplication.Port)).Outcome.ShouldBe(DialOutcome.Connected);
        (await Dial.Udp(device.Where, Topology.Application, TestApplication.Port)).Outcome.ShouldBe(DialOutcome.Connected);
        (await Pinger.Once(device.Where, Topology.Application)).ShouldBeTrue();
        (await Dial.Tcp(device.Where, Topology.Application, TestApplication.OtherPort)).DeniedAtOnce.ShouldBeTrue();
        (await Dial.Tcp(device.Where, Topology.OtherHost, TestApplication.Port)).DeniedAtOnce.ShouldBeTrue();
        fleet.Site.Application.NeighbourPort.Accepted.ShouldBe(0);
        fleet.Site.Application.NeighbourHost.Accepted.ShouldBe(0);

        var tunnel = (await fleet.UntilTunnel(name, Network, found => found?.Sas.Count == 1))!;
        (tunnel.Protocol, tunnel.Wrapping).ShouldBe(("ipsec/udp", auth));
        var child = sa.Children.ShouldHaveSingleItem();
        Convert.ToUInt32(tunnel.Sas[0].SpiIn, 16).ShouldBe(child.SpiOut);
        fleet.Installation.Say("tunnel", "list").ShouldContain("ipsec/udp");
    }

    [IpsecTheory]
    [InlineData("psk")]
    [InlineData("eap-tls")]
    [InlineData("eap-mschapv2")]
    public async Task A_post_quantum_key_is_in_the_keys_of_both(string auth)
    {
        var created = await fleet.AddDevice($"ppk-{auth}", Network, new ProfileRequest { Protocol = "ipsec", Auth = auth, Ppk = true });
        using var device = await fleet.StartDevice(created.Device, created.Profile!);
        await device.UntilUp();
        device.Charon.Count("using PPK for PPK_ID").ShouldBe(1, device.Charon.Log);
        await fleet.Allow($"ppk-{auth}", Network);
        (await Dial.Tcp(device.Where, Topology.Application, TestApplication.Port)).Outcome.ShouldBe(DialOutcome.Connected);
    }

    /// <summary>Beside EAP as well, where both come in the last message.</summary>
    [IpsecTheory]
    [InlineData("psk")]
    [InlineData("eap-mschapv2")]
    public async Task A_device_that_can_do_without_its_post_quantum_key_comes_in_where_nobody_knows_it_and_one_that_cannot_does_not(string auth)
    {
        static CharonProfile Unknown(CharonProfile profile, string required) => (profile with
        {
            Text = profile.Text.Replace("secrets {", "secrets {\n    ppk-other {\n        id = other-ppk\n        secret = 0x0102030405060708\n    }", StringComparison.Ordinal),
        }).WithLine("ppk_id = other-ppk").WithLine($"ppk_required = {required}");

        using var lenient = await fleet.ComeUp($"lenient-{auth}", Network, auth, profile => Unknown(profile, "no"));
        lenient.Charon.Count("peer didn't use PPK for PPK_ID").ShouldBe(1, lenient.Charon.Log);
        (await Dial.Tcp(lenient.Where, Topology.Application, TestApplication.Port)).Outcome.ShouldBe(DialOutcome.Connected);
        using var strict = await fleet.StartDevice($"strict-{auth}", Network, auth, profile => Unknown(profile, "yes").With("keyingtries", "1"));
        await strict.Charon.WaitForLine("AUTH_FAILED", IpsecDevice.Patience);
        await fleet.UntilDetail("handshake.failed", $"strict-{auth}.plant-a.sallyport: its post-quantum pre-shared key is not known here");
        (await fleet.Tunnels($"strict-{auth}", Network)).ShouldBeEmpty();
    }

    [IpsecFact]
    public async Task A_device_that_says_its_certificates_whole_name_is_known_by_it()
    {
        // What strongSwan says where nobody tells it who it is.
        using var device = await fleet.ComeUp("formal", Network, "certificate", profile => profile.Replacing("            id = formal.plant-a.sallyport\n", ""));
        (await device.Charon.Sa()).Local.Identity.ShouldContain("CN=formal");
        (await Dial.Tcp(device.Where, Topology.Application, TestApplication.Port)).Outcome.ShouldBe(DialOutcome.Connected);
        (await fleet.UntilTunnel("formal", Network, found => found is not null))!.Wrapping.ShouldBe("certificate");
    }

    [IpsecFact]
    public async Task A_device_changes_over_from_OpenVPN_and_its_name_address_rules_and_flows_go_on()
    {
        var created = await fleet.AddDevice("twofold", Network);
        await fleet.Allow("twofold", Network);
        var where = fleet.NewHost("twofold");
        using var client = new OpenVpnProcess(where, created.Profile!.Text);
        await fleet.Connected(client);
        await using var stream = await TcpStream.Open(where, Topology.Application, TestApplication.Port);
        await stream.Progress(20_000);
        var before = (await fleet.Client.ListFlowsAsync(device: "twofold")).Items.Single(flow => flow.DestinationPort == TestApplication.Port);

        var issued = await fleet.Client.IssueDeviceProfileAsync("twofold", new ProfileRequest { Protocol = "ipsec", KeepOld = true });
        client.Stop();
        using var device = await fleet.StartDevice(created.Device, issued, where: where);
        await device.UntilUp();

        // The kernel repeats what it could not send while the address was gone.
        await stream.Progress(50_000, seconds: 40);
        (await device.Charon.Sa()).Local.VirtualAddresses.ShouldBe(created.Device.Addresses);
        (await fleet.UntilTunnel("twofold", Network, found => found is not null))!.Protocol.ShouldBe("ipsec/udp");
        await UntilFlow(before.SourcePort, now => now.State == "live" && now.BytesOut > before.BytesOut + 40_000);
    }

    [IpsecFact]
    public async Task A_tunnel_tells_its_IKE_SA_and_says_when_its_last_CHILD_SA_goes_but_not_when_it_is_renewed()
    {
        using var device = await fleet.ComeUp("bare", Network, shape: profile => profile.With("close_action", "none"));
        var tunnel = (await fleet.UntilTunnel("bare", Network, found => found is { Sas.Count: 1, Ike: not null }))!;
        var (ike, sa) = (tunnel.Ike!, await device.Charon.Sa());
        (ike.SpiInitiator, ike.SpiResponder, ike.Initiator, ike.Rekeys, tunnel.IkeOnly).ShouldBe((sa.InitiatorSpi, sa.ResponderSpi, "peer", 0, false));

        await device.Charon.RekeyChild("bare");
        await fleet.UntilTunnel("bare", Network, found => found?.Sas.Any(child => child.Rekeys == 1) is true, IpsecDevice.Patience);
        await device.Charon.RekeyIke("bare");
        tunnel = (await fleet.UntilTunnel("bare", Network, found => found?.Ike?.Rekeys == 1, IpsecDevice.Patience))!;
        sa = await device.Charon.UntilIke(one => one.IsEstablished && one.InitiatorSpi != ike.SpiInitiator, "new keys of the IKE SA");
        (tunnel.Ike!.SpiInitiator, tunnel.Ike.SpiResponder, tunnel.Ike.Since > ike.Since).ShouldBe((sa.InitiatorSpi, sa.ResponderSpi, true));
        var list = fleet.Installation.Say("tunnel", "list");
        list.ShouldContain($"SA {tunnel.Sas[0].SpiIn} in, {tunnel.Sas[0].SpiOut} out: ");
        (await Told()).ShouldBeEmpty("renewed is not gone");

        await device.Charon.TerminateChild("bare");
        await fleet.UntilTunnel("bare", Network, found => found?.IkeOnly is true, IpsecDevice.Patience);
        fleet.Installation.Say("tunnel", "list").ShouldContain("up, IKE only");
        fleet.Installation.Say("device", "show", "bare").ShouldContain("online, IKE only");
        await fleet.UntilDetail("tunnel.ike-only", "its last CHILD_SA is gone");
        (await Told()).ShouldHaveSingleItem().Network.ShouldBe(Network);

        await device.Charon.Initiate("bare");
        await fleet.UntilTunnel("bare", Network, found => found is { IkeOnly: false, Sas.Count: 1 }, IpsecDevice.Patience);

        async Task<IReadOnlyList<Sallyport.Api.Events.EventInfo>> Told() =>
            [.. (await fleet.Client.ListEventsAsync("tunnel.ike-only")).Items.Where(one => one.Subject == "device:bare")];
    }

    [IpsecFact]
    public async Task A_change_of_its_network_says_what_becomes_of_those_who_are_connected()
    {
        const string Changing = "changing";
        await fleet.Client.AddNetworkAsync(new NetworkCreate { Name = Changing, Prefixes = ["10.61.0.0/16"] });
        using var device = await fleet.StartDevice("follower", Changing);
        await device.UntilUp();
        await fleet.UntilTunnel("follower", Changing, found => found?.Sas.Count == 1, IpsecDevice.Patience);
        fleet.Installation.Say("network", "update", Changing, "--esp", "aes256gcm16-ecp384-noesn,aes256gcm16-noesn", "--reauthenticate", "24h").ShouldContain(
            "1 tunnel of IPsec goes on: --esp holds from its next new keys on; --reauthenticate holds when it connects anew");
        fleet.Installation.Say("device", "show", "follower").ShouldMatch("(?m)^  SA [0-9a-f]{8} in, [0-9a-f]{8} out: ");
        fleet.Installation.Say("tunnel", "show", $"device:follower.{Changing}").ShouldContain("peer's side");
        var off = fleet.Installation.Say("network", "update", Changing, "--ipsec", "off");
        off.ShouldMatch("(?m)^network changing changed: .+ to the last packet|^network changing changed: no packet passed after the commit");
        off.ShouldContain("cut 1 tunnel");
        await fleet.UntilTunnel("follower", Changing, found => found is null, IpsecDevice.Patience);
    }

    [IpsecFact]
    public async Task Who_has_no_extended_sequence_numbers_and_deletes_what_has_them_is_told_of()
    {
        using var device = await fleet.StartDevice("user-space", Network, shape: profile => profile.With("esp_proposals", "aes256gcm16-ecp384-esn").With("close_action", "none"));
        await device.Charon.WaitForLine("ESN not supported", IpsecDevice.Patience);
        var told = await fleet.UntilDetail("tunnel.ike-only", "with extended sequence numbers (esn)", IpsecDevice.Patience);
        told.Subject.ShouldBe("device:user-space");
    }

    [IpsecFact]
    public Task A_device_is_routed_what_it_may_reach_and_no_more_and_a_site_that_is_added_later_with_it() => BeRouted("later", new CharonOptions());

    /// <summary>Since then it asks for what it had before when it comes back, and no more.</summary>
    [LaterStrongswanFact("6.0.2")]
    public Task A_device_is_offered_a_site_that_is_added_later_where_it_does_not_ask_for_it() =>
        BeRouted("later-still", new CharonOptions { Installation = CharonInstallation.Since("6.0.2")! });

    private async Task BeRouted(string network, CharonOptions options)
    {
        await fleet.Client.AddNetworkAsync(new NetworkCreate { Name = network, Prefixes = ["10.60.0.0/16", "fd60::/64"] });
        using var device = await fleet.StartDevice("early", network, options: options);
        var before = await device.UntilUp();
        before.RemoteSelectors.ShouldContain("10.60.0.0/16");
        before.RemoteSelectors.ShouldContain("fd60::/64");
        before.RemoteSelectors.ShouldNotContain("192.168.66.0/24");
        Routes(device).ShouldBe(before.RemoteSelectors.Where(one => !one.Contains(':', StringComparison.Ordinal)).Order(StringComparer.Ordinal));

        var added = fleet.Installation.Say("site", "add", "new", "--network", network, "--subnet", "192.168.66.0/24");
        added.ShouldContain("1 tunnel connects anew for other routes: it is silent for some seconds (who: sallyport event list --kind network.reroute)");
        await device.UntilUp(child => child.RemoteSelectors.Contains("192.168.66.0/24"));
        var after = (await device.Charon.Sa()).Children.Where(child => child.IsInstalled).SelectMany(child => child.RemoteSelectors).ToList();
        after.Order(StringComparer.Ordinal).ShouldBe(before.RemoteSelectors.Append("192.168.66.0/24").Order(StringComparer.Ordinal));
        await Eventually.True(() => Routes(device).Contains("192.168.66.0/24"), "the route to the new site", IpsecDevice.Patience);
        Routes(device).ShouldBe(after.Where(one => !one.Contains(':', StringComparison.Ordinal)).Order(StringComparer.Ordinal));
    }

    /// <summary>What strongSwan has in a table of its own, before all others.</summary>
    private static IReadOnlyList<string> Routes(IpsecDevice device) =>
    [
        .. Shell.Run("ip", "-n", device.Where.Name, "-4", "route", "show", "table", "220").Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split(' ')[0]).Order(StringComparer.Ordinal),
    ];

    [IpsecFact]
    public async Task A_rule_that_goes_cuts_live_flows_and_a_revocation_cuts_everything_and_says_so_to_the_device()
    {
        using var device = await fleet.ComeUp("leaver", Network);
        using var witness = await fleet.ComeUp("witness", Network);
        await using var steady = await FourFlows.Start(witness.Where, Topology.Application);
        var rule = (await fleet.Client.ListRulesAsync(Network)).Items.Single(one => one.From == "device:leaver");
        await using (var flows = await FourFlows.Start(device.Where, Topology.Application))
        {
            var removed = await fleet.Client.DeleteRuleAsync(rule.Id);
            (removed.Enforced, removed.TunnelsCut).ShouldBe((true, 0), removed.Summary);
            await flows.HaveStopped(isTold: true, "a rule was removed");
        }

        (await Dial.Tcp(device.Where, Topology.Application, TestApplication.Port)).DeniedAtOnce.ShouldBeTrue();
        await fleet.Allow("leaver", Network);
        await using (var flows = await FourFlows.Start(device.Where, Topology.Application))
        {
            var cut = await fleet.Client.RevokeDeviceAsync("leaver", "stolen");
            (cut.Enforced, cut.TunnelsCut).ShouldBe((true, 1), cut.Summary);
            await device.Charon.WaitForLine("received DELETE for IKE_SA", IpsecDevice.Patience);
            await flows.HaveStopped(isTold: false, "it was revoked");
        }

        await device.Charon.WaitForLine("AUTHENTICATION_FAILED", IpsecDevice.Patience);
        await fleet.UntilTunnel("leaver", Network, found => found is null);
        await steady.GoOn("after the neighbour was revoked");
    }

    [IpsecFact]
    public async Task A_site_of_OpenVPN_and_devices_of_either_protocol_reach_applications_of_an_IPsec_device_where_a_rule_says_so()
    {
        using var server = await fleet.StartDevice("server", Network);
        await server.UntilUp();
        using var echo = new TcpEcho(server.Where, server.Address, 502);
        using var panel = await fleet.StartDevice("panel", Network);
        var created = await fleet.AddDevice("laptop", Network);
        var laptop = fleet.NewHost("laptop");
        using var client = new OpenVpnProcess(laptop, created.Profile!.Text);
        await panel.UntilUp();
        await fleet.Connected(client);
        var from = new[] { fleet.Site.Where, panel.Where, laptop };
        foreach (var where in from)
        {
            (await Dial.Tcp(where, server.Address, 502)).DeniedAtOnce.ShouldBeTrue(where.Name);
        }

        await fleet.Client.AddApplicationAsync(new ApplicationCreate { Name = "modbus", Device = "server", Services = ["tcp/502"] });
        foreach (var who in new[] { $"site:{fleet.Site.Name}", "device:panel", "device:laptop" })
        {
            await fleet.Client.AddRuleAsync(new RuleCreate { From = who, To = "application:modbus" });
        }

        foreach (var where in from)
        {
            (await Dial.Tcp(where, server.Address, 502)).Outcome.ShouldBe(DialOutcome.Connected, where.Name);
        }

        (await Dial.Tcp(server.Where, panel.Address, 502)).DeniedAtOnce.ShouldBeTrue();
    }

    /// <summary>Flows are reported every few seconds. On another packet thread a conversation has another record.</summary>
    private async Task UntilFlow(int port, Func<FlowInfo, bool> wanted)
    {
        IReadOnlyList<FlowInfo> last = [];
        for (var watch = Stopwatch.StartNew(); watch.Elapsed < TimeSpan.FromSeconds(20); await Task.Delay(100))
        {
            last = (await fleet.Client.ListFlowsAsync(device: "twofold")).Items;
            if (last.Any(flow => flow.SourcePort == port && wanted(flow)))
            {
                return;
            }
        }

        throw new TimeoutException($"no flow is as wanted after 20 s:\n{string.Join('\n', last)}");
    }
}
