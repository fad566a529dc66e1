using Sallyport.Api.Policy;
using Sallyport.Control.Tests.Worlds;

namespace Sallyport.Control.Tests.Policies.Mud;

/// <summary>What each construct of RFC 8520 becomes, and that nothing becomes more than it says.</summary>
public sealed class MudPlanTests(MudPlanTests.SharedWorld shared) : IClassFixture<MudPlanTests.SharedWorld>
{
    /// <summary>One for all: a plan changes nothing.</summary>
    public sealed class SharedWorld : IAsyncLifetime
    {
        private ControlWorld? world;

        internal Api.Client.SallyportClient Client => world!.Client;

        public async Task InitializeAsync() => world = await MudText.WorldAsync();

        public async Task DisposeAsync() => await world!.DisposeAsync();
    }

    private const string Https = "\"ipv4\":{\"protocol\":6,\"ietf-acldns:dst-dnsname\":\"NAME\"},\"tcp\":{\"ietf-mud:direction-initiated\":\"from-device\",\"destination-port\":{\"operator\":\"eq\",\"port\":443}}";

    [Theory]
    // Names are names, each for just its ports.
    [InlineData("a \"ipv4\":{\"dst-dnsname\":\"A.Vendor.Example.\"},\"tcp\":{\"destination-port\":{\"operator\":\"eq\",\"port\":443}}",
        "box-a-vendor-example-tcp-443: tcp/443 on host:internet at a.vendor.example|device:cam-1.plant-a > application:box-a-vendor-example-tcp-443.internet")]
    [InlineData("a \"ipv4\":{\"dst-dnsname\":\"a.example\",\"protocol\":6}",
        "box-a-example-tcp-1-65535: tcp/1-65535 on host:internet at a.example|device:cam-1.plant-a > application:box-a-example-tcp-1-65535.internet")]
    [InlineData("a \"ipv4\":{\"dst-dnsname\":\"a.example\"}",
        "box-a-example-all: tcp/1-65535 udp/1-65535 icmp on host:internet at a.example|device:cam-1.plant-a > application:box-a-example-all.internet")]
    // An address in the place of a name, and networks: beyond the host, behind a site, of a device, of the host.
    [InlineData("a \"ipv4\":{\"dst-dnsname\":\"203.0.113.7\"},\"udp\":{\"destination-port\":{\"operator\":\"eq\",\"port\":123}}",
        "box-203-0-113-7-udp-123: udp/123 on host:internet at 203.0.113.7|device:cam-1.plant-a > application:box-203-0-113-7-udp-123.internet")]
    [InlineData("a \"ipv4\":{\"destination-ipv4-network\":\"203.0.113.0/28\"},\"udp\":{\"destination-port\":{\"operator\":\"lte\",\"port\":100}}",
        "box-203-0-113-0-28-udp-1-100: udp/1-100 on host:internet at 203.0.113.0/28|device:cam-1.plant-a > application:box-203-0-113-0-28-udp-1-100.internet")]
    [InlineData("a \"ipv4\":{\"destination-ipv4-network\":\"192.168.50.9/32\"},\"tcp\":{\"destination-port\":{\"operator\":\"gte\",\"port\":65000}}",
        "box-192-168-50-9-tcp-65000-65535: tcp/65000-65535 on hq.plant-a at 192.168.50.9|device:cam-1.plant-a > application:box-192-168-50-9-tcp-65000-65535.plant-a")]
    [InlineData("a \"ipv4\":{\"destination-ipv4-network\":\"10.20.0.14/32\"},\"tcp\":{\"destination-port\":{\"operator\":\"neq\",\"port\":80}}",
        "box-10-20-0-14-tcp-1-79-tcp-81-65535: tcp/1-79 tcp/81-65535 on pump.plant-a at 10.20.0.14|device:cam-1.plant-a > application:box-10-20-0-14-tcp-1-79-tcp-81-65535.plant-a")]
    [InlineData("a \"ipv4\":{\"destination-ipv4-network\":\"10.20.0.1/32\"},\"icmp\":{\"type\":8,\"code\":0}",
        "box-plant-a-icmp: icmp on host:plant-a at all|device:cam-1.plant-a > application:box-plant-a-icmp.plant-a")]
    // An application that offers just this is taken; one that offers more is not.
    [InlineData("a \"ipv4\":{\"destination-ipv4-network\":\"192.168.50.10/32\"},\"tcp\":{\"destination-port\":{\"port\":554}}",
        "recorder: tcp/554 on hq.plant-a at 192.168.50.10|device:cam-1.plant-a > application:recorder.plant-a")]
    [InlineData("a \"ipv4\":{\"destination-ipv4-network\":\"192.168.50.10/32\"},\"tcp\":{\"destination-port\":{\"port\":22}}",
        "box-192-168-50-10-tcp-22: tcp/22 on hq.plant-a at 192.168.50.10|device:cam-1.plant-a > application:box-192-168-50-10-tcp-22.plant-a")]
    // Ranges, as the RFC and as observers write them.
    [InlineData("a \"ipv4\":{\"dst-dnsname\":\"a.example\"},\"udp\":{\"destination-port\":{\"lower-port\":5000,\"upper-port\":5010}}",
        "box-a-example-udp-5000-5010: udp/5000-5010 on host:internet at a.example|device:cam-1.plant-a > application:box-a-example-udp-5000-5010.internet")]
    [InlineData("a \"ipv4\":{\"dst-dnsname\":\"a.example\"},\"udp\":{\"destination-port\":{\"operator\":\"range\",\"lower-port\":5000,\"upper-port\":5010}}",
        "box-a-example-udp-5000-5010: udp/5000-5010 on host:internet at a.example|device:cam-1.plant-a > application:box-a-example-udp-5000-5010.internet")]
    [InlineData("!a \"ipv4\":{\"dst-dnsname\":\"a.example\"},\"tcp\":{\"destination-port\":{\"port\":23}}",
        "box-a-example-tcp-23: tcp/23 on host:internet at a.example|deny device:cam-1.plant-a > application:box-a-example-tcp-23.internet")]
    public async Task What_the_device_opens_is_an_application_of_just_that(string entry, string expected)
    {
        var plan = await shared.Client.PlanMudAsync(MudText.For("device:cam-1", MudText.Of([entry])));
        MudText.Shown(plan).ShouldBe(expected.Split('|'));
        plan.Findings.ShouldNotContain(finding => finding.Kind == "decide" || finding.Kind == "cannot");
        plan.Rules.Single().Entries.ShouldBe([$"a (line {MudText.FirstLine})"]);
    }

    [Theory]
    // Nothing here can say it.
    [InlineData("a \"eth\":{\"ethertype\":\"0x888e\"}", "cannot", "ethertype 0x888e")]
    [InlineData("a \"ipv4\":{\"protocol\":17},\"eth\":{\"ethertype\":\"0x0800\",\"destination-mac-address\":\"ff:ff:ff:ff:ff:ff\"}", "cannot", "eth.destination-mac-address")]
    [InlineData("a \"ipv4\":{\"dst-dnsname\":\"a.example\",\"dscp\":46}", "cannot", "ipv4.dscp")]
    [InlineData("a \"ipv4\":{\"dst-dnsname\":\"a.example\"},\"tcp\":{\"flags\":\"syn\"}", "cannot", "tcp.flags")]
    [InlineData("a \"ipv4\":{\"dst-dnsname\":\"a.example\"},\"ietf-mud-tls:client-profiles\":{}", "cannot", "client-profiles")]
    [InlineData("a \"ipv4\":{\"protocol\":2,\"destination-ipv4-network\":\"203.0.113.1/32\"}", "cannot", "IP protocol 2")]
    [InlineData("a \"ipv4\":{\"protocol\":17,\"dst-dnsname\":\"a.example\"},\"tcp\":{}", "cannot", "matches nothing")]
    [InlineData("a \"ipv4\":{\"dst-dnsname\":\"a.example\"},\"icmp\":{\"type\":13}", "cannot", "ICMP type 13")]
    [InlineData("a \"ipv4\":{\"destination-ipv4-network\":\"239.255.255.250/32\"},\"udp\":{\"destination-port\":{\"port\":1900}}", "cannot", "a group, a broadcast or a link")]
    [InlineData("a \"ipv6\":{\"dst-dnsname\":\"a.example\"},\"tcp\":{\"destination-port\":{\"port\":443}}", "cannot", "IPv4 only")]
    [InlineData("a \"ipv6\":{\"destination-ipv6-network\":\"2001:db8::/32\"},\"tcp\":{\"destination-port\":{\"port\":443}}", "cannot", "IPv4 only")]
    [InlineData("a \"ipv6\":{\"protocol\":17},\"ipv4\":{\"dst-dnsname\":\"a.example\"}", "cannot", "a second part about addresses")]
    [InlineData("a \"ietf-mud:mud\":{\"my-controller\":[null]},\"mud\":{\"local-networks\":[null]}", "cannot", "a second part about addresses or of one name")]
    [InlineData("a \"ipv4\":{\"dst-dnsname\":\"a.example\",\"ietf-acldns:dst-dnsname\":\"b.example\"}", "cannot", "ipv4.dst-dnsname")]
    [InlineData("a \"ipv4\":{\"dst-dnsname\":\"a.example\",\"protocol\":58}", "cannot", "the other IP family")]
    [InlineData("a \"ipv4\":{\"dst-dnsname\":\"a.example\"},\"icmp\":{\"type\":128}", "cannot", "the other IP family")]
    [InlineData("a \"ipv4\":{\"src-dnsname\":\"a.example\"}", "cannot", "of the device itself")]
    [InlineData("a \"ipv4\":{\"dst-dnsname\":\"*.example\"},\"tcp\":{\"destination-port\":{\"port\":443}}", "cannot", "wildcard *.example")]
    [InlineData("a \"ipv4\":{\"dst-dnsname\":\"a.example\"},\"tcp\":{\"destination-port\":{\"port\":0}}", "cannot", "no packet has such a port")]
    [InlineData("a \"ietf-mud:mud\":{\"my-controller\":[null],\"local-networks\":[null]}", "cannot", "my-controller and local-networks")]
    // The file grants it to whom it does not say, or only the operator knows.
    [InlineData("a \"tcp\":{\"destination-port\":{\"port\":443}}", "decide", "it names no peer for tcp/443")]
    [InlineData("a", "decide", "it names no peer for all services")]
    [InlineData("a \"ipv4\":{\"destination-ipv4-network\":\"0.0.0.0/0\"},\"tcp\":{\"destination-port\":{\"port\":443}}", "decide", "it names no peer")]
    [InlineData("a \"ipv4\":{\"destination-ipv4-network\":\"192.168.1.5/32\"},\"tcp\":{\"destination-port\":{\"port\":443}}", "decide", "192.168.1.5 is private")]
    [InlineData("a \"ipv4\":{\"destination-ipv4-network\":\"10.20.0.0/24\"},\"tcp\":{\"destination-port\":{\"port\":443}}", "decide", "no one device or site carries all of it")]
    [InlineData("a \"ipv4\":{\"destination-ipv4-network\":\"192.168.0.0/16\"},\"tcp\":{\"destination-port\":{\"port\":443}}", "decide", "no one device or site carries all of it")]
    [InlineData("a \"ietf-mud:mud\":{\"controller\":\"urn:ietf:params:mud:ntp\"},\"udp\":{\"destination-port\":{\"port\":123}}", "decide", "who is controller urn:ietf:params:mud:ntp")]
    [InlineData("a \"ietf-mud:mud\":{\"my-controller\":[null]}", "decide", "who is my-controller, whom the device asks for all services?")]
    [InlineData("a \"ietf-mud:mud\":{\"local-networks\":[null]},\"udp\":{\"destination-port\":{\"port\":5683}}", "decide", "who is local-networks, whom the device asks for udp/5683?")]
    [InlineData("a \"ietf-mud:mud\":{\"same-manufacturer\":[null]},\"udp\":{\"destination-port\":{\"port\":5683}}", "decide", "who is same-manufacturer")]
    [InlineData("a \"ietf-mud:mud\":{\"manufacturer\":\"other.example\"},\"udp\":{\"destination-port\":{\"port\":5683}}", "decide", "who is manufacturer other.example")]
    [InlineData("a \"ietf-mud:mud\":{\"model\":\"https://other.example/m\"},\"udp\":{\"destination-port\":{\"port\":5683}}", "decide", "who is model https://other.example/m")]
    [InlineData("a \"ietf-mud:mud\":{\"local-networks\":[null]},\"udp\":{\"source-port\":{\"port\":5353}}", "decide", "no entry lets local-networks open udp/5353")]
    // It is there without a rule.
    [InlineData("a \"ietf-mud:mud\":{\"controller\":\"urn:ietf:params:mud:dns\"},\"ipv4\":{\"protocol\":17},\"udp\":{\"destination-port\":{\"port\":53}}", "covered", "the gateway answers names in network plant-a")]
    [InlineData("a \"ietf-mud:mud\":{\"controller\":\"urn:ietf:params:mud:gateway\"},\"udp\":{\"destination-port\":{\"port\":67}}", "covered", "DHCP stays on its own link")]
    [InlineData("!a", "covered", "denied anyway")]
    [InlineData("a \"ietf-mud:mud\":{\"local-networks\":[null]},\"ipv4\":{\"destination-ipv4-network\":\"203.0.113.1/32\"},\"tcp\":{\"destination-port\":{\"port\":1}}", "cannot", "in no local network")]
    public async Task What_leads_to_no_rule_is_told_with_its_reason(string entry, string kind, string why)
    {
        var plan = await shared.Client.PlanMudAsync(MudText.For("device:cam-1", MudText.Of([entry])));
        MudText.Shown(plan).ShouldBeEmpty("nothing is allowed that the file does not say, or that nobody decided");
        var finding = plan.Findings.Single(one => one.Entry == "a");
        (finding.Kind, finding.Line).ShouldBe((kind, MudText.FirstLine));
        finding.Why.ShouldContain(why);
        plan.Commands.ShouldBeEmpty();
        if (kind == "decide")
        {
            finding.Hint.ShouldNotBeNullOrEmpty();
            plan.FleetFile.ShouldContain("# to decide: a (line 7)");
        }
    }

    [Fact]
    public async Task Names_with_the_same_services_are_one_application_and_both_families_are_one_entry()
    {
        var plan = await shared.Client.PlanMudAsync(MudText.For("label:model=C1", MudText.Of(
            [$"b {Named("b.example")}", $"a {Named("a.example")}", $"a6 {Named("a.example").Replace("ipv4", "ipv6", StringComparison.Ordinal)}", "n \"ipv4\":{\"dst-dnsname\":\"n.example\"},\"udp\":{\"destination-port\":{\"port\":123}}"],
            [$"a-back {Back("a.example")}"])));
        MudText.Shown(plan).ShouldBe(
        [
            "box-tcp-443: tcp/443 on host:internet at a.example b.example",
            "box-n-example-udp-123: udp/123 on host:internet at n.example",
            "label:model=C1 of plant-a > application:box-tcp-443.internet",
            "label:model=C1 of plant-a > application:box-n-example-udp-123.internet",
        ]);
        plan.Applications[0].Entries.ShouldBe(["b (line 7)", "a (line 8)", "a6 (line 9)"]);
        MudText.Found(plan).ShouldBe(["answers a-back"]);
        plan.Findings.ShouldContain(finding => finding.Hint == "sallyport network update plant-a --default-route on");
        plan.Members.ShouldBe(2);
    }

    [Fact]
    public async Task Controllers_are_whom_the_operator_names_and_no_more_of_them_than_the_file_asks_for()
    {
        var file = MudText.Of(
        [
            "ctl \"ietf-mud:mud\":{\"controller\":\"urn:x=y\"},\"tcp\":{\"destination-port\":{\"port\":554}}",
            "mine \"ietf-mud:mud\":{\"my-controller\":[null]},\"udp\":{\"destination-port\":{\"lower-port\":5000,\"upper-port\":6000}}",
            "other \"ietf-mud:mud\":{\"controller\":\"urn:z\"},\"tcp\":{\"destination-port\":{\"port\":9}}",
        ]);
        var plan = await shared.Client.PlanMudAsync(MudText.For("group:doors", file) with
        {
            Controller = ["urn:x=y=application:recorder-all", "urn:z=application:recorder"],
            MyController = ["application:panel.plant-a", "application:recorder-all"],
        });
        MudText.Shown(plan).ShouldBe(
        [
            "recorder: tcp/554 on hq.plant-a at 192.168.50.10", "box-panel-udp-5684: udp/5684 on pump.plant-a at 10.20.0.14", "box-recorder-all-udp-5000: udp/5000 on hq.plant-a at 192.168.50.10",
            "group:doors > application:recorder.plant-a", "group:doors > application:box-panel-udp-5684.plant-a", "group:doors > application:box-recorder-all-udp-5000.plant-a",
        ], "of an application that offers more the part is one of its own; where one offers just that part it is taken");
        var decide = plan.Findings.Single(finding => finding.Kind == "decide");
        (decide.Entry, decide.Why).ShouldBe(("other", "application recorder offers tcp/554, and the file asks controller urn:z for tcp/9"));
        plan.Findings.Where(finding => finding.Entry == "mine").Select(finding => finding.Why).ShouldBe(
            ["application panel does not offer udp/5000-5683, udp/5685-6000, which the file asks for", "application recorder-all does not offer udp/5001-6000, which the file asks for"]);
    }

    [Fact]
    public async Task A_controller_without_ports_is_the_application_as_it_is_and_never_a_device_as_a_whole()
    {
        var file = MudText.Of(["mine \"ietf-mud:mud\":{\"my-controller\":[null]}"], ["mine-back \"ietf-mud:mud\":{\"my-controller\":[null]}"]);
        var plan = await shared.Client.PlanMudAsync(MudText.For("device:cam-1", file) with { MyController = ["application:panel"] });
        MudText.Shown(plan).ShouldBe(["device:cam-1.plant-a > application:panel.plant-a"]);
        MudText.Found(plan).ShouldBe(["answers mine-back"]);

        plan = await shared.Client.PlanMudAsync(MudText.For("device:cam-1", file) with { MyController = ["device:pump", "site:hq", "network:plant-a"] });
        MudText.Shown(plan).ShouldBeEmpty();
        MudText.Found(plan).ShouldBe(["decide mine", "decide mine", "decide mine", "answers mine-back"]);
    }

    [Fact]
    public async Task Whom_the_peer_may_open_is_the_device_s_own_service()
    {
        const string Page = "\"ipv4\":{\"protocol\":6},\"tcp\":{\"ietf-mud:direction-initiated\":\"to-device\",\"PORT-port\":{\"operator\":\"eq\",\"port\":80}}";
        var file = MudText.Of(
            [$"page-back \"ietf-mud:mud\":{{\"local-networks\":[null]}},{Page.Replace("PORT", "source", StringComparison.Ordinal)}"],
            [$"page \"ietf-mud:mud\":{{\"local-networks\":[null]}},{Page.Replace("PORT", "destination", StringComparison.Ordinal)}", "probe \"ietf-mud:mud\":{\"my-controller\":[null]},\"icmp\":{\"type\":8}"]);
        var one = await shared.Client.PlanMudAsync(MudText.For("device:cam-1", file) with { LocalNetworks = ["site:hq"], MyController = ["application:panel"] });
        MudText.Shown(one).ShouldBe(
        [
            "box-own-cam-1-tcp-80: tcp/80 on cam-1.plant-a at 10.20.0.11", "box-own-cam-1-icmp: icmp on cam-1.plant-a at 10.20.0.11",
            "site:hq.plant-a > application:box-own-cam-1-tcp-80.plant-a", "device:pump.plant-a > application:box-own-cam-1-icmp.plant-a",
        ]);
        MudText.Found(one).ShouldBe(["answers page-back"]);

        var many = await shared.Client.PlanMudAsync(MudText.For("label:model=C1", file) with { LocalNetworks = ["network:plant-a", "group:doors"], MyController = ["application:recorder"] });
        MudText.Shown(many).ShouldBe(
        [
            "box-own-cam-1-tcp-80: tcp/80 on cam-1.plant-a at 10.20.0.11 in box-own-tcp-80", "box-own-cam-2-tcp-80: tcp/80 on cam-2.plant-a at 10.20.0.12 in box-own-tcp-80",
            "network:plant-a > application-group:box-own-tcp-80.plant-a", "group:doors > application-group:box-own-tcp-80.plant-a",
        ]);
        many.Findings.Single(finding => finding.Kind == "decide").Why.ShouldBe("application recorder opens nothing by itself: who carries it is more than it");
    }

    [Fact]
    public async Task Makers_and_models_are_labels_of_devices_that_are_there()
    {
        await using var world = await MudText.WorldAsync();
        var file = MudText.Of(
        [
            "same \"ietf-mud:mud\":{\"same-manufacturer\":[null]},\"udp\":{\"destination-port\":{\"port\":5683}}",
            "maker \"ietf-mud:mud\":{\"manufacturer\":\"vendor\"},\"udp\":{\"destination-port\":{\"port\":1}}",
            "model \"ietf-mud:mud\":{\"model\":\"https://vendor.example/b1\"},\"udp\":{\"destination-port\":{\"port\":2}}",
        ]);
        var plan = await world.Client.PlanMudAsync(MudText.For("device:cam-1", file) with { SameManufacturer = ["label:manufacturer=vendor"], Model = ["https://vendor.example/b1=label:model=B1"] });
        MudText.Shown(plan).ShouldBe(
        [
            "box-same-manufacturer-cam-2-udp-5683: udp/5683 on cam-2.plant-a at 10.20.0.12 in box-same-manufacturer-udp-5683", "box-same-manufacturer-bell-udp-5683: udp/5683 on bell.plant-a at 10.20.0.13 in box-same-manufacturer-udp-5683",
            "box-manufacturer-cam-2-udp-1: udp/1 on cam-2.plant-a at 10.20.0.12 in box-manufacturer-udp-1", "box-manufacturer-bell-udp-1: udp/1 on bell.plant-a at 10.20.0.13 in box-manufacturer-udp-1",
            "box-model-bell-udp-2: udp/2 on bell.plant-a at 10.20.0.13",
            "device:cam-1.plant-a > application-group:box-same-manufacturer-udp-5683.plant-a", "device:cam-1.plant-a > application-group:box-manufacturer-udp-1.plant-a", "device:cam-1.plant-a > application:box-model-bell-udp-2.plant-a",
        ], "the pump is of nobody, and the camera is no neighbour of its own");

        // By the host of the file's URL, where devices have it as their label; the key may be another.
        await world.Client.UpdateDeviceAsync("bell", new() { Labels = new Dictionary<string, string> { ["vendor"] = "mud.vendor.example" } });
        plan = await world.Client.PlanMudAsync(MudText.For("device:cam-1", MudText.Of(["same \"ietf-mud:mud\":{\"same-manufacturer\":[null]},\"udp\":{\"destination-port\":{\"port\":5683}}"])) with { ManufacturerLabel = "vendor" });
        MudText.Shown(plan).ShouldBe(["box-same-manufacturer-bell-udp-5683: udp/5683 on bell.plant-a at 10.20.0.13", "device:cam-1.plant-a > application:box-same-manufacturer-bell-udp-5683.plant-a"]);
    }

    [Fact]
    public async Task Entries_are_tried_in_order_and_a_rule_that_denies_is_made_only_where_it_takes_nothing_that_comes_first()
    {
        var plan = await shared.Client.PlanMudAsync(MudText.For("device:cam-1", MudText.Of(
        [
            "!telnet \"tcp\":{\"destination-port\":{\"port\":23}}",
            $"web {Named("a.example")}",
            "!web-of-all \"ipv4\":{\"dst-dnsname\":\"a.example\"}",
            "!b-udp \"ipv4\":{\"dst-dnsname\":\"b.example\",\"protocol\":17}",
            "b \"ipv4\":{\"dst-dnsname\":\"b.example\"}",
            "b-late \"ipv4\":{\"dst-dnsname\":\"b.example\",\"protocol\":17}",
            "!rest",
            $"late {Named("late.example")}",
        ])));
        MudText.Shown(plan).ShouldBe(
        [
            "box-b-example-udp-1-65535: udp/1-65535 on host:internet at b.example", "box-a-example-tcp-443: tcp/443 on host:internet at a.example",
            "box-b-example-tcp-1-22-and-more: tcp/1-22 tcp/24-65535 icmp on host:internet at b.example",
            "deny device:cam-1.plant-a > application:box-b-example-udp-1-65535.internet", "device:cam-1.plant-a > application:box-a-example-tcp-443.internet",
            "device:cam-1.plant-a > application:box-b-example-tcp-1-22-and-more.internet",
        ]);
        MudText.Found(plan).ShouldBe(["cannot b-late", "cannot late", "covered telnet", "covered web-of-all", "covered rest"]);
        plan.Findings.Single(finding => finding.Entry == "web-of-all").Why.ShouldStartWith("web (line 8) before it grants a part of it");
    }

    [Theory]
    [InlineData("!d \"ipv4\":{\"destination-ipv4-network\":\"192.168.50.0/24\",\"dscp\":1}")] // a condition that no rule has
    [InlineData("!d \"ietf-mud:mud\":{\"my-controller\":[null]},\"tcp\":{}")] // somebody whom nobody named
    [InlineData("!d \"ipv4\":{\"destination-ipv4-network\":\"192.168.0.0/17\"}")] // more than one carries
    public async Task What_is_accepted_after_a_denial_that_no_rule_can_say_is_left_out_and_told(string denial)
    {
        const string Accept = "a \"ipv4\":{\"destination-ipv4-network\":\"192.168.50.10/32\"},\"tcp\":{\"destination-port\":{\"port\":554}}";
        var plan = await shared.Client.PlanMudAsync(MudText.For("device:cam-1", MudText.Of([denial, Accept])));
        MudText.Shown(plan).ShouldBeEmpty();
        plan.Findings.ShouldContain(finding => finding.Entry == "a");
        MudText.Shown(await shared.Client.PlanMudAsync(MudText.For("device:cam-1", MudText.Of([Accept, denial])))).Count.ShouldBe(2, "the other way round it takes nothing");
    }

    [Fact]
    public async Task Udp_has_no_opener_and_the_device_is_taken_for_it_where_both_could_be()
    {
        const string Bacnet = "\"ietf-mud:mud\":{\"my-controller\":[null]},\"udp\":{\"source-port\":{\"port\":47808},\"destination-port\":{\"port\":47808}}";
        var plan = await shared.Client.PlanMudAsync(MudText.For("device:cam-1", MudText.Of([$"out {Bacnet}"], [$"in {Bacnet}", "push \"ietf-mud:mud\":{\"my-controller\":[null]},\"udp\":{\"destination-port\":{\"port\":9}}"])) with { MyController = ["device:pump"] });
        MudText.Shown(plan).ShouldBe(
        [
            "box-my-controller-pump-udp-47808: udp/47808 on pump.plant-a at 10.20.0.14", "box-own-cam-1-udp-9: udp/9 on cam-1.plant-a at 10.20.0.11",
            "device:cam-1.plant-a > application:box-my-controller-pump-udp-47808.plant-a", "device:pump.plant-a > application:box-own-cam-1-udp-9.plant-a",
        ]);
        MudText.Found(plan).ShouldBe(["remark out", "answers in"]);
    }

    [Fact]
    public async Task A_peer_beyond_the_host_opens_nothing()
    {
        var plan = await shared.Client.PlanMudAsync(MudText.For("device:cam-1", MudText.Of(
            [], ["ssh \"ipv4\":{\"src-dnsname\":\"a.example\"},\"tcp\":{\"direction-initiated\":\"to-device\",\"destination-port\":{\"port\":22}}", "net \"ipv4\":{\"source-ipv4-network\":\"203.0.113.0/24\"},\"udp\":{\"destination-port\":{\"port\":9}}"])));
        MudText.Shown(plan).ShouldBeEmpty();
        MudText.Found(plan).ShouldBe(["cannot ssh", "cannot net"]);
    }

    [Fact]
    public async Task A_file_may_come_before_the_first_device()
    {
        var file = MudText.Of([$"a {Named("a.example")}"], ["page \"ietf-mud:mud\":{\"local-networks\":[null]},\"tcp\":{\"destination-port\":{\"port\":80}}"]);
        var plan = await shared.Client.PlanMudAsync(MudText.For("label:model=NEW", file) with { LocalNetworks = ["site:hq"] });
        (plan.Members, plan.Network).ShouldBe((0, "plant-a"));
        MudText.Shown(plan).ShouldBe(["box-a-example-tcp-443: tcp/443 on host:internet at a.example", "label:model=NEW of plant-a > application:box-a-example-tcp-443.internet"]);
        plan.Findings.Single(finding => finding.Entry == "page").Hint.ShouldBe("ask again when there is one");
    }

    [Theory]
    [InlineData("", null, "for")]
    [InlineData("cam-1", null, "for")]
    [InlineData("site:hq", null, "for")]
    [InlineData("device:cam-9", null, "for")]
    [InlineData("label:model", null, "for")]
    [InlineData("device:cam-1", "recorder", "controller[0]")]
    [InlineData("device:cam-1", "urn:x=recorder", "controller[0]")]
    [InlineData("device:cam-1", "urn:x=application:recoder", "controller[0]")]
    [InlineData("device:cam-1", "urn:x=group:nobody", "controller[0]")]
    public async Task What_the_operator_says_wrong_is_told_with_its_place(string who, string? controller, string field)
    {
        var problem = await ControlWorld.ProblemOf(() => shared.Client.PlanMudAsync(MudText.For(who, MudText.Of([])) with { Controller = controller is null ? null : [controller] }));
        problem.Errors.Select(error => error.Field).ShouldBe([field]);
    }

    private static string Named(string name) => Https.Replace("NAME", name, StringComparison.Ordinal);

    private static string Back(string name) => $"\"ipv4\":{{\"protocol\":6,\"ietf-acldns:src-dnsname\":\"{name}\"}},\"tcp\":{{\"source-port\":{{\"operator\":\"eq\",\"port\":443}}}}";
}
