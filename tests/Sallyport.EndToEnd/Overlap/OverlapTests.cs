using System.Net;
using System.Net.Sockets;
using Sallyport.Api.Applications;
using Sallyport.Api.Flows;
using Sallyport.Api.Rules;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Peers;

namespace Sallyport.EndToEnd.Overlap;

/// <summary>Stock clients with one and the same address in three networks with one and the same prefix. The kernels at both ends judge every checksum.</summary>
public abstract class OverlapTests(OverlapFixture fleet)
{
    protected abstract string GuestOf(IPAddress address);

    /// <summary>Guests who share an address differ by ports that the gateway gives them.</summary>
    protected abstract bool IsPortKept { get; }

    [NetworkFact]
    public async Task Boxes_of_one_address_reach_each_other_as_the_rules_say_and_no_further()
    {
        foreach (var box in fleet.Boxes.Values)
        {
            var next = OverlapFixture.After(box.Network);
            (await Greeter.Ask(box.Where, fleet.Service, OverlapFixture.Port)).ShouldBe($"{next}, you are {GuestOf(OverlapFixture.BoxAddress)}");
            (await Dial.Udp(box.Where, fleet.Service, OverlapFixture.Port)).Outcome.ShouldBe(DialOutcome.Connected);
            (await Pinger.Once(box.Where, fleet.Service)).ShouldBeTrue();

            // Not another port, though somebody answers there; not another service address, not the guest that it is seen as elsewhere.
            (await Greeter.Ask(fleet.Boxes[next].Where, OverlapFixture.BoxAddress, OverlapFixture.ForbiddenPort)).ShouldStartWith(next);
            (await Dial.Tcp(box.Where, fleet.Service, OverlapFixture.ForbiddenPort)).DeniedAtOnce.ShouldBeTrue();
            (await Dial.Tcp(box.Where, IPAddress.Parse("198.18.0.2"), OverlapFixture.Port)).DeniedAtOnce.ShouldBeTrue();
            (await Dial.Tcp(box.Where, IPAddress.Parse(GuestOf(OverlapFixture.BoxAddress)), OverlapFixture.Port)).DeniedAtOnce.ShouldBeTrue();
        }

        foreach (var network in OverlapFixture.Ring)
        {
            // All of them are called "box" and have one address: they are told apart by their networks and numbers.
            var next = OverlapFixture.After(network);
            var (from, to) = (await fleet.Client.GetDeviceAsync($"box.{network}"), await fleet.Client.GetDeviceAsync($"box.{next}"));
            var far = new FlowFarEnds(next, GuestOf(OverlapFixture.BoxAddress), OverlapFixture.BoxAddress.ToString());
            await Eventually.True(() => Greetings(network).Count > 0, $"the flows of {network} are reported");
            var greetings = Greetings(network);
            greetings.Select(flow => flow.Far).ShouldBe(greetings.Select(flow => far with { SourcePort = IsPortKept ? flow.SourcePort : flow.Far!.SourcePort }));
            foreach (var port in greetings.Select(flow => flow.Far!.SourcePort!.Value))
            {
                var who = await fleet.Client.WhoisAsync(far.Source!, next, IsPortKept ? null : port);
                (who.Name, who.HomeNetwork, who.As).ShouldBe(("box", network, "guest"));
            }

            greetings.ShouldAllBe(flow => flow.Network == network && flow.From.Id == from.Id && flow.To!.Id == to.Id
                && flow.Source == OverlapFixture.BoxAddress.ToString() && flow.Destination == fleet.Service.ToString());
            await Eventually.True(() => Denied(network).Count > 0, $"what was denied in {network} is reported");
            Denied(network).ShouldAllBe(flow => flow.From.Id == from.Id && flow.To!.Id == to.Id && flow.Reason == "NoApplication");
        }
    }

    private List<FlowInfo> Greetings(string network) => Flows(network, flow => flow is { Verdict: "allowed", Application: "greeter" });

    private List<FlowInfo> Denied(string network) =>
        Flows(network, flow => flow is { Verdict: "denied", DestinationPort: OverlapFixture.ForbiddenPort } && flow.Destination == fleet.Service.ToString());

    private List<FlowInfo> Flows(string network, Func<FlowInfo, bool> wanted) =>
        [.. fleet.Client.ListFlowsAsync(network: network).GetAwaiter().GetResult().Items.Where(flow => flow.Network == network && wanted(flow))];

    [NetworkFact]
    public async Task A_port_where_nobody_listens_is_told_across()
    {
        var box = fleet.Boxes["north"];
        (await Dial.Udp(box.Where, fleet.Service, OverlapFixture.ClosedPort)).Outcome.ShouldBe(DialOutcome.Refused, "the ICMP error found its socket");
    }

    [NetworkFact]
    public async Task Datagrams_in_fragments_cross()
    {
        var box = fleet.Boxes["east"];
        using var socket = box.Where.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));
        await socket.ConnectAsync(new IPEndPoint(fleet.Service, OverlapFixture.Port));
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        var buffer = new byte[65_536];
        foreach (var size in new[] { 1400, 2000, 8000, 20_000 })
        {
            var sent = new byte[size];
            sent.AsSpan().Fill((byte)size);
            await socket.SendAsync(sent, SocketFlags.None, limit.Token);
            var count = await socket.ReceiveAsync(buffer, SocketFlags.None, limit.Token);
            buffer[..count].ShouldBe(sent);
        }
    }

    [NetworkFact]
    public async Task A_long_transfer_crosses_unharmed_and_is_cut_with_its_rule()
    {
        var (box, server) = (fleet.Boxes["west"], fleet.Boxes["north"]);
        using var echo = new TcpEcho(server.Where, OverlapFixture.BoxAddress, 7000);
        await fleet.Client.AddApplicationAsync(new ApplicationCreate { Name = "echo", Device = "box.north", Services = ["tcp/7000"] });
        var rule = await fleet.Client.AddRuleAsync(new RuleCreate { From = "device:box.west", To = "application:echo.north" });
        await using var stream = await TcpStream.Open(box.Where, fleet.Service, 7000, chunkBytes: 8_000, paceMs: 10);
        await using var survivor = new Pinger(box.Where, fleet.Service);
        await stream.Progress(1_000_000);

        var cut = await fleet.Client.DeleteRuleAsync(rule.Id);
        cut.FlowsCut.ShouldBe(1);
        cut.Enforced.ShouldBeTrue();
        await Eventually.True(() => stream.Fault is not null, "the connection is reset");
        var tally = await survivor.Finish();
        tally.Lost.ShouldBe(0, $"what is still allowed does not notice: {tally}");
    }

    /// <summary>What a service of the gateway host in one network sees a box of another one as.</summary>
    protected async Task<IPAddress> SeenByHost(string network, string home)
    {
        await fleet.Client.AddApplicationAsync(new ApplicationCreate { Name = "dashboard", Host = network, Services = ["tcp/8080"] });
        await fleet.Client.AddRuleAsync(new RuleCreate { From = $"device:box.{home}", To = "application:dashboard" });
        var handle = (await fleet.Client.WhoisAsync("192.168.1.1", network)).Handle!;
        using var service = await Listening(IPAddress.Parse(handle));
        var place = (await fleet.Client.GetApplicationAsync("dashboard")).AppearsAt.Single(one => one.StartsWith(home + " ", StringComparison.Ordinal));
        var greeting = await Greeter.Ask(fleet.Boxes[home].Where, IPAddress.Parse(place.Split(' ')[1].Split('/')[0]), 8080);
        return IPAddress.Parse(greeting["host, you are ".Length..]);
    }

    /// <summary>The host's handle is there a moment after the first application of the host.</summary>
    private async Task<Greeter> Listening(IPAddress handle)
    {
        Greeter? greeter = null;
        await Eventually.True(
            () =>
            {
                try
                {
                    greeter = new Greeter(fleet.Topology.Gateway, handle, 8080, "host");
                    return true;
                }
                catch (SocketException)
                {
                    return false;
                }
            },
            "the host's handle");
        return greeter!;
    }
}

public sealed class OverlapTestsOfSharedGuests(OverlapOfSharedGuests fleet) : OverlapTests(fleet), IClassFixture<OverlapOfSharedGuests>
{
    [NetworkFact]
    public async Task A_service_of_the_gateway_host_answers_a_guest_whichever_thread_has_him()
    {
        var seen = await SeenByHost("east", "north");
        seen.GetAddressBytes()[12..].ShouldBe(IPAddress.Parse("198.19.0.1").GetAddressBytes());
    }

    protected override string GuestOf(IPAddress address) => "198.19.0.1";

    protected override bool IsPortKept => false;
}

public sealed class OverlapTestsOfGuestsEach(OverlapOfGuestsEach fleet) : OverlapTests(fleet), IClassFixture<OverlapOfGuestsEach>
{
    private readonly OverlapOfGuestsEach fleet = fleet;

    /// <summary>The pool's first block of the network's length, host by host.</summary>
    protected override string GuestOf(IPAddress address) => $"198.19.0.{address.GetAddressBytes()[3]}";

    protected override bool IsPortKept => true;

    [NetworkFact]
    public async Task A_service_of_the_gateway_host_knows_who_its_guest_from_another_network_is()
    {
        var who = await fleet.Client.WhoisAsync((await SeenByHost("east", "north")).ToString());
        (who.Kind, who.Name, who.Network, who.Address).ShouldBe(("device", "box", "east", GuestOf(OverlapFixture.BoxAddress)));
        (who.HomeNetwork, who.HomeAddress, who.As).ShouldBe(("north", "192.168.1.10", "guest"));
    }
}
