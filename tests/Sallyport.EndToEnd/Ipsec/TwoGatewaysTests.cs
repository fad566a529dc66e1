using System.Net;
using Sallyport.EndToEnd.Fleet;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Peers;

namespace Sallyport.EndToEnd.Ipsec;

/// <summary>Two gateways of ours against each other: what no stock peer of these tests can do.</summary>
public sealed class TwoGatewaysTests(TwoGatewaysFixture fleet) : IClassFixture<TwoGatewaysFixture>
{
    private const string FarV4 = Topology.GatewayV4;
    private const string FarV6 = Topology.GatewayV6;

    [TwoGatewaysTheory]
    [InlineData("aes256gcm16-x25519-noesn", FarV4, "AES-256-GCM")]
    [InlineData("aes256gcm16-x25519-esn", FarV4, "AES-256-GCM/ESN")]
    [InlineData("chacha20poly1305-x25519-esn", FarV6, "CHACHA20-POLY1305/ESN")]
    [InlineData("aes256gmac-x25519-noesn", FarV4, "AES-256-GMAC")]
    [InlineData("aes128gmac-x25519-esn", FarV6, "AES-128-GMAC/ESN")]
    [InlineData("aes256-sha512-x25519-esn", FarV4, "AES-256-CBC/SHA-512/ESN")]
    public async Task Plain_ESP_carries_what_rules_allow_in_both_directions(string esp, string to, string suite)
    {
        var (wrapped, before) = (fleet.Watch.Wrapped, Plain(to));
        var near = await fleet.CallAnew(["--esp", esp], to: to);
        var far = await fleet.Until(fleet.Client, TwoGatewaysFixture.Near, tunnel => tunnel.Sas.Count == 1);
        (near.Protocol, far.Protocol).ShouldBe(("ipsec/esp", "ipsec/esp"));
        (near.Sas[0].Suite, far.Sas[0].Suite).ShouldBe((suite, suite));
        (near.Sas[0].SpiIn, near.Sas[0].SpiOut).ShouldBe((far.Sas[0].SpiOut, far.Sas[0].SpiIn));

        await Carries();
        (Plain(to) - before).ShouldBeGreaterThan(10, "ESP came as protocol 50");
        (fleet.Watch.Wrapped - wrapped).ShouldBe(0, "and nothing in UDP");

        var port = 7000 + Math.Abs(before % 1000);
        using var echo = new TcpEcho(fleet.Laptop, fleet.LaptopAddress, port);
        (await Dial.Tcp(fleet.Hq.Where, fleet.LaptopAddress, port)).DeniedAtOnce.ShouldBeTrue("no rule lets the far site in");
        echo.Accepted.ShouldBe(0);
    }

    private int Plain(string to) => to == FarV4 ? fleet.Watch.Plain4 : fleet.Watch.Plain6;

    [TwoGatewaysFact]
    public async Task New_keys_every_few_seconds_by_both_ends_lose_no_packet()
    {
        var begun = await fleet.CallAnew(["--ike-lifetime", "8s", "--child-lifetime", "5s"]);
        await Carries();
        await using var load = await Load.Start(fleet.Laptop);
        var near = await fleet.Until(fleet.Caller.Client, TwoGatewaysFixture.Far, tunnel => tunnel.Sas.Any(sa => sa.Rekeys >= 4) && tunnel.Renegotiations >= 8, seconds: 90);
        await load.NothingWasLost(await fleet.BothDiagnoses());
        near.Sas.Count(sa => sa.Sends).ShouldBe(1);
        near.TunnelId.ShouldBe(begun.TunnelId);
        foreach (var client in new[] { fleet.Client, fleet.Caller.Client })
        {
            (await client.ListEventsAsync(limit: 200)).Items.ShouldNotContain(one => one.At > begun.Since && (one.Kind == "negotiation.failed" || one.Kind == "handshake.failed"));
        }
    }

    [TwoGatewaysFact]
    public async Task With_single_pairs_each_pair_of_subnets_has_an_SA_of_its_own()
    {
        var near = await fleet.CallAnew(ofSite: ["--single-pairs", "yes"]);
        near = await fleet.Until(fleet.Caller.Client, TwoGatewaysFixture.Far, tunnel => tunnel.TunnelId == near.TunnelId && tunnel.Sas.Count == 2);
        await Carries();
        near = await fleet.Until(fleet.Caller.Client, TwoGatewaysFixture.Far, tunnel => tunnel.Sas.Any(sa => sa.PacketsOut > 10));
        var pairs = near.Sas.OrderBy(sa => sa.Remote[0], StringComparer.Ordinal).ToList();
        pairs.Select(sa => (sa.Local.ShouldHaveSingleItem(), sa.Remote.ShouldHaveSingleItem())).ShouldBe([("10.20.0.0/16", "10.30.0.0/16"), ("10.20.0.0/16", Topology.SiteSubnet)]);
        pairs[0].PacketsOut.ShouldBe(0, "what goes to the one subnet is not sent by the SA of the other");

        // The ranges in which other networks appear are each gateway's own: the far one refuses them, and says so, and the rest stands.
        var refused = (await fleet.Client.ListEventsAsync("negotiation.failed", limit: 20)).Items;
        refused.ShouldAllBe(one => one.Detail.Contains("the peer wants 198.1", StringComparison.Ordinal));
        near.Sas.Count.ShouldBe(2);
    }

    [TwoGatewaysFact]
    public async Task In_transport_mode_the_machines_of_both_gateways_reach_each_other()
    {
        fleet.Caller.Say("application", "add", "far-machine", "--site", TwoGatewaysFixture.Far, "--tcp", "8080");
        fleet.Caller.Say("rule", "add", "--from", $"host:{TwoGatewaysFixture.Network}", "--to", "application:far-machine");
        fleet.Installation.Say("application", "add", "machine", "--host", "--network", TwoGatewaysFixture.Network, "--tcp", "8080");
        var site = await fleet.Caller.Client.GetSiteAsync(TwoGatewaysFixture.Far);
        var handle = await TwoGatewaysFixture.HandleOf(fleet.CallerHost, IPAddress.Parse(site.Addresses[0]));
        using var service = new TcpEcho(fleet.Topology.Gateway, await TwoGatewaysFixture.HandleOf(fleet.Topology.Gateway, IPAddress.Parse("10.30.0.1")), 8080);
        var near = await fleet.CallAnew(ofSite: ["--mode", "transport"]);
        near.Sas[0].Mode.ShouldBe("transport");
        (await fleet.Until(fleet.Client, TwoGatewaysFixture.Near, tunnel => tunnel.Sas.Count == 1)).Sas[0].Mode.ShouldBe("transport");

        (await Dial.Tcp(fleet.CallerHost, handle, 8080)).Outcome.ShouldNotBe(DialOutcome.Connected, "the far gateway has no rule for it");
        service.Accepted.ShouldBe(0);

        fleet.Installation.Say("rule", "add", "--from", $"site:{TwoGatewaysFixture.Near}", "--to", "application:machine");
        await using var stream = await TcpStream.Open(fleet.CallerHost, handle, 8080, chunkBytes: 20_000);
        await stream.Progress(1_000_000);
    }

    /// <summary>An answer of each kind, and none from where no rule leads to.</summary>
    private async Task Carries()
    {
        await Eventually.True(() => Pinger.Once(fleet.Laptop, Topology.Application).GetAwaiter().GetResult(), "a ping through both gateways", IpsecDevice.Patience);
        (await Dial.Tcp(fleet.Laptop, Topology.Application, TestApplication.Port)).Outcome.ShouldBe(DialOutcome.Connected);
        (await Dial.Udp(fleet.Laptop, Topology.Application, TestApplication.Port)).Outcome.ShouldBe(DialOutcome.Connected);
        await using var stream = await TcpStream.Open(fleet.Laptop, Topology.Application, TestApplication.Port, chunkBytes: 20_000);
        await stream.Progress(1_000_000);
        (await Dial.Tcp(fleet.Laptop, Topology.Application, TestApplication.OtherPort)).DeniedAtOnce.ShouldBeTrue();
        fleet.Hq.Application.NeighbourPort.Accepted.ShouldBe(0);
    }
}

/// <summary>A test of two gateways that counts with nft what arrives.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class TwoGatewaysFactAttribute : FactAttribute
{
    public TwoGatewaysFactAttribute()
    {
        Skip = Requirements.Missing ?? NatBox.Missing;
    }
}

/// <summary>The same with cases.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class TwoGatewaysTheoryAttribute : TheoryAttribute
{
    public TwoGatewaysTheoryAttribute()
    {
        Skip = new TwoGatewaysFactAttribute().Skip;
    }
}
