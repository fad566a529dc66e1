using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Sallyport.Api.Networks;
using Sallyport.Api.Nodes;
using Sallyport.Control.Nodes;
using Sallyport.Control.Tests.Worlds;
using CertificateRequest = Sallyport.Api.Nodes.CertificateRequest;

namespace Sallyport.Control.Tests.Nodes;

public sealed class NodeLinkTests
{
    [Fact]
    public async Task A_gateway_is_welcomed_with_the_whole_model_and_gets_a_certificate()
    {
        await using var world = await ControlWorld.StartAsync(change: options => options with { Gateway = new GatewaySettings { OpenVpnUdp = ["0.0.0.0:1194"] } });
        await world.PlantAsync();
        await world.HqAsync(profile: true);
        using var gateway = await FakeGateway.ConnectAsync(world);
        var snapshot = await gateway.ReceiveAsync<Snapshot>();
        snapshot.Model.Settings.OpenVpnUdp.ShouldBe(["0.0.0.0:1194"]);
        snapshot.Model.Settings.TlsCryptV2ServerKeys.Single().Length.ShouldBe(128);
        snapshot.Model.Settings.AuthTokenKey.Length.ShouldBe(32);
        snapshot.Model.Settings.IkeTicketKey.Length.ShouldBe(32);
        snapshot.Model.Settings.IkeTicketKey.ShouldNotBe(snapshot.Model.Settings.AuthTokenKey);
        snapshot.Model.Settings.IkeIdentity.ShouldBe("vpn.example.net", "the name that profiles dial is the one that the certificate has");
        snapshot.Model.Networks.Single().WrappingKey.ShouldBeNull();
        snapshot.Model.Identities.Single().Kind.ShouldBe("site");
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new System.Security.Cryptography.X509Certificates.CertificateRequest("CN=x", key, HashAlgorithmName.SHA256);
        await gateway.SendAsync(new CertificateRequest(request.CreateSigningRequest()));
        var certificate = await gateway.ReceiveAsync<Certificate>();
        certificate.Chain.Count.ShouldBe(2);
        using var leaf = X509CertificateLoader.LoadCertificate(certificate.Chain[0]);
        leaf.CopyWithPrivateKey(key).HasPrivateKey.ShouldBeTrue();
        certificate.Anchors.ShouldContain(anchor => anchor.SequenceEqual(world.Control.Authority.Root.RawData));
    }

    [Fact]
    public async Task A_gateway_that_comes_back_gets_only_what_it_missed_as_one()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        long version;
        using (var gateway = await FakeGateway.ConnectAsync(world))
        {
            version = (await gateway.ReceiveAsync<Snapshot>()).Version;
        }

        var pump = await world.PumpAsync();
        await world.PumpAsync("pump-18");
        await world.Client.DeleteDeviceAsync("pump-18");
        using var again = await FakeGateway.ConnectAsync(world, modelVersion: version);
        var delta = await again.ReceiveAsync<Delta>();
        delta.Version.ShouldBe(world.Control.Feed.State.Version);
        delta.Version.ShouldBeGreaterThan(version + 2);
        delta.Identities.Single().Name.ShouldBe("pump-17");
        delta.RemovedIdentities.ShouldBe([pump.Device.Id + 1]);
        delta.CommittedAt.ShouldBeGreaterThan(0);
    }

    [Fact]
    public async Task A_gateway_that_has_everything_gets_nothing_until_something_changes()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        using var gateway = await FakeGateway.ConnectAsync(world, modelVersion: world.Control.Feed.State.Version);
        await world.PumpAsync();
        (await gateway.ReceiveAsync<Delta>()).Identities.Single().Name.ShouldBe("pump-17");
    }

    [Theory]
    [InlineData(999)]
    [InlineData(0)]
    [InlineData(long.MaxValue)]
    public async Task A_version_that_control_does_not_know_is_answered_with_the_whole_model(long version)
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        using var gateway = await FakeGateway.ConnectAsync(world, modelVersion: version);
        (await gateway.ReceiveAsync<Snapshot>()).Model.Networks.Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_gateway_of_another_history_gets_the_whole_model()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        var version = world.Control.Feed.State.Version;
        await Task.Delay(5);
        await world.PumpAsync();
        using var gateway = await FakeGateway.ConnectAsync(world, modelVersion: version + 1);
        (await gateway.ReceiveAsync<Snapshot>()).Model.Identities.Count.ShouldBe(1);
    }

    [Fact]
    public async Task Other_settings_after_a_restart_reach_a_gateway_that_kept_running()
    {
        var directory = ControlWorld.NewDirectory();
        long version;
        await using (var world = await ControlWorld.StartAsync(directory))
        {
            version = world.Control.Feed.State.Version;
        }

        await using (var world = await ControlWorld.StartAsync(directory))
        {
            world.Control.Feed.State.Version.ShouldBe(version);
        }

        await using (var world = await ControlWorld.StartAsync(directory, change: options => options with { Gateway = new GatewaySettings { PingSeconds = 5 } }))
        {
            using var gateway = await FakeGateway.ConnectAsync(world, modelVersion: version);
            (await gateway.ReceiveAsync<Snapshot>()).Model.Settings.PingSeconds.ShouldBe(5);
        }

        Directory.Delete(directory, recursive: true);
    }

    [Fact]
    public async Task A_revocation_waits_for_every_gateway_and_records_what_each_measured()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        await world.PumpAsync();
        using var one = await FakeGateway.ConnectAsync(world);
        using var two = await FakeGateway.ConnectAsync(world, "gw-2");
        await one.ReceiveAsync<Snapshot>();
        await two.ReceiveAsync<Snapshot>();
        var revoking = world.Client.RevokeDeviceAsync("pump-17", "stolen");
        var delta = await one.ReceiveAsync<Delta>();
        await two.ReceiveAsync<Delta>();
        await one.SendAsync(new Acknowledge(delta.Version, delta.CommittedAt + 2_000_000, delta.CommittedAt + 1_000_000, 1, 3));
        await Task.Delay(50);
        revoking.IsCompleted.ShouldBeFalse();
        await two.SendAsync(new Acknowledge(delta.Version, delta.CommittedAt + 9_000_000, 0, 0, 0));
        var cut = await revoking;
        cut.Enforced.ShouldBeTrue();
        cut.MillisecondsToLastPacket.ShouldBe(1);
        cut.MillisecondsToEnforced.ShouldBe(9);
        cut.Gateways.Select(gateway => gateway.Gateway).ShouldBe(["gw-1", "gw-2"]);
        cut.Gateways[1].MillisecondsToLastPacket.ShouldBeNull();
        cut.Summary.ShouldBe("device pump-17 is retired. Cut 1 tunnel(s) and 3 flow(s); the last packet passed 1.0 ms after the commit.");
        (await world.Client.ListAuditAsync(action: "device.revoke.enforced")).Items.Single().Detail.ShouldContain("\"gateway\":\"gw-2\"");
    }

    [Fact]
    public async Task A_gateway_that_does_not_confirm_is_named_and_recorded_when_it_does()
    {
        await using var world = await ControlWorld.StartAsync(change: options => options with { CutWait = TimeSpan.FromMilliseconds(200) });
        await world.PlantAsync();
        await world.PumpAsync();
        using var gateway = await FakeGateway.ConnectAsync(world);
        await gateway.ReceiveAsync<Snapshot>();
        var cut = await world.Client.QuarantineDeviceAsync("pump-17", null);
        cut.Enforced.ShouldBeFalse();
        cut.MillisecondsToLastPacket.ShouldBeNull();
        cut.Summary.ShouldBe("device pump-17 is quarantined. Not confirmed by gw-1 yet.");
        var delta = await gateway.ReceiveAsync<Delta>();
        (delta.Identities.Single().Active, delta.Identities.Single().WhyInactive).ShouldBe((false, "quarantined"));
        await gateway.SendAsync(new Acknowledge(delta.Version, delta.CommittedAt + 300_000_000, delta.CommittedAt, 1, 0));
        await Until(async () => (await world.Client.ListAuditAsync(action: "device.quarantine.enforced")).Items.Count == 2);
        (await world.Client.ListAuditAsync(action: "device.quarantine.enforced")).Items[0].Detail.ShouldContain("\"late\":true");
    }

    [Fact]
    public async Task Without_a_gateway_the_answer_says_so()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        await world.PumpAsync();
        var cut = await world.Client.RevokeDeviceAsync("pump-17", null);
        cut.Enforced.ShouldBeFalse();
        cut.Gateways.ShouldBeEmpty();
        cut.Summary.ShouldContain("No gateway is connected");
    }

    [Fact]
    public async Task Presence_follows_the_tunnel_and_the_link()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        var id = (await world.PumpAsync()).Device.Id;
        var gateway = await FakeGateway.ConnectAsync(world);
        await gateway.SendAsync(new TunnelReport([FakeGateway.Tunnel(id, 1)]));
        await Until(async () => (await world.Client.GetDeviceAsync("pump-17")).Presence == "online");
        // A newer tunnel takes over; the end of the old one must not hide it.
        await gateway.SendAsync(new TunnelReport([FakeGateway.Tunnel(id, 2) with { Since = 1_700_000_005_000_000_000 }]));
        await gateway.SendAsync(new TunnelReport([FakeGateway.Tunnel(id, 1, up: false)]));
        await Until(async () => (await world.Client.ListTunnelsAsync()).Items is [{ TunnelId: 2 }]);
        (await world.Client.GetDeviceAsync("pump-17")).Presence.ShouldBe("online");
        (await world.Client.ListTunnelsAsync()).Items.Single().ClientVersion.ShouldBe("2.6.14");
        (await world.Client.ListTunnelsAsync(network: "plant-a", limit: 1)).Items.Count.ShouldBe(1);
        gateway.Dispose();
        await Until(async () => (await world.Client.GetDeviceAsync("pump-17")).Presence == "unknown");
        (await world.Client.GetDeviceAsync("pump-17")).Tunnel!.State.ShouldBe("unknown");
        using var again = await FakeGateway.ConnectAsync(world);
        await Until(async () => (await world.Client.GetDeviceAsync("pump-17")).Presence == "online");
        await again.SendAsync(new TunnelReport([FakeGateway.Tunnel(id, 2, up: false)]));
        await Until(async () => (await world.Client.GetDeviceAsync("pump-17")).Presence == "offline");
        await world.FlushAsync();
        (await world.Client.ListEventsAsync()).Items.Select(happened => happened.Kind).ShouldContain("tunnel.down");
    }

    [Fact]
    public async Task A_tunnel_from_before_a_restart_of_control_is_unknown_until_its_gateway_is_back()
    {
        var directory = ControlWorld.NewDirectory();
        await using (var world = await ControlWorld.StartAsync(directory))
        {
            await world.PlantAsync();
            var id = (await world.PumpAsync()).Device.Id;
            using var gateway = await FakeGateway.ConnectAsync(world);
            await gateway.SendAsync(new TunnelReport([FakeGateway.Tunnel(id)]));
            await Until(async () => (await world.Client.GetDeviceAsync("pump-17")).Presence == "online");
            await world.FlushAsync();
        }

        await using (var world = await ControlWorld.StartAsync(directory))
        {
            (await world.Client.GetDeviceAsync("pump-17")).Presence.ShouldBe("unknown");
        }

        Directory.Delete(directory, recursive: true);
    }

    [Fact]
    public async Task Ready_means_that_a_gateway_listens_with_the_newest_model()
    {
        await using var world = await ControlWorld.StartAsync();
        using var http = world.Http();
        (await http.GetAsync("/healthz")).IsSuccessStatusCode.ShouldBeTrue();
        ((int)(await http.GetAsync("/readyz")).StatusCode).ShouldBe(503);
        using var gateway = await FakeGateway.ConnectAsync(world);
        var snapshot = await gateway.ReceiveAsync<Snapshot>();
        await gateway.SendAsync(new Acknowledge(snapshot.Version, 1, 0, 0, 0));
        await gateway.SendAsync(new Ready(["udp 0.0.0.0:1194"]));
        await Until(async () => (await http.GetAsync("/readyz")).IsSuccessStatusCode);
        var status = await world.Client.GetStatusAsync();
        status.Gateways.Single().Listening.ShouldBe(["udp 0.0.0.0:1194"]);
        status.Gateways.Single().Ready.ShouldBeTrue();
    }

    [Fact]
    public async Task Hostile_frames_end_the_link_and_nothing_else()
    {
        await using var world = await ControlWorld.StartAsync();
        foreach (var (number, bytes) in Hostile().Index())
        {
            using var gateway = await FakeGateway.ConnectAsync(world, $"gw-{number}");
            await gateway.ReceiveAsync<Snapshot>();
            await gateway.SendRawAsync(bytes);
            (await gateway.ReceiveAsync()).ShouldBeNull(Convert.ToHexString(bytes[..Math.Min(40, bytes.Length)]));
        }

        await Until(() => Task.FromResult(
            world.Log.Lines.Count(line => line.Contains("was ended: it sent", StringComparison.Ordinal)) == Hostile().Count()));
        (await world.Client.GetStatusAsync()).TunnelsUp.ShouldBe(0);
    }

    [Fact]
    public async Task A_wrong_record_costs_itself_and_neither_the_others_nor_the_link()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.PlantAsync();
        var id = (await world.PumpAsync()).Device.Id;
        var network = (await world.Client.GetNetworkAsync("plant-a")).Id;
        using var gateway = await FakeGateway.ConnectAsync(world);
        await gateway.ReceiveAsync<Snapshot>();
        var good = FakeGateway.Flow(network, id, 0);
        await gateway.SendAsync(new FlowReport(
        [
            good with { FlowId = 1 },
            good with { FlowId = 2, SourcePort = 70_000 },
            good with { FlowId = 3, FirstSeen = long.MaxValue },
            good with { FlowId = 4, Source = new string('x', 1_000) },
            good with { FlowId = 5, BytesOut = -1 },
            null!,
            good with { FlowId = 7 },
        ]));
        await gateway.SendAsync(new TunnelReport([null!, FakeGateway.Tunnel(id, 1) with { ClientVersion = new string('x', 300) }, FakeGateway.Tunnel(id, 2)]));
        await gateway.SendAsync(new EventReport([new GatewayEvent("a", 1, 0, "", new string('x', 3_000)), new GatewayEvent("kept", 1, 0, "", "")]));
        await gateway.SendAsync(new DropReport(new Dictionary<string, long> { ["a b"] = 1, ["NoRule"] = 5 }));
        await Until(async () => (await world.Client.ListGatewaysAsync()).Items.Single().Drops.Count == 1);

        await world.FlushAsync();
        (await world.Client.ListFlowsAsync()).Items.Count.ShouldBe(2);
        (await world.Client.ListTunnelsAsync()).Items.Single().TunnelId.ShouldBe(2);
        var gatewayNow = (await world.Client.ListGatewaysAsync()).Items.Single();
        gatewayNow.Connected.ShouldBeTrue();
        gatewayNow.Drops.ShouldBe(new Dictionary<string, long> { ["NoRule"] = 5 });
        var events = (await world.Client.ListEventsAsync()).Items;
        events.ShouldContain(happened => happened.Kind == "kept");
        // One line for all of them; the next in a minute.
        events.Single(happened => happened.Kind == "gateway.records.skipped").Detail.ShouldBe(
            "5 record(s) of its reports were skipped; the first was impossible ports");
        using var http = world.Http();
        http.DefaultRequestHeaders.Authorization = new System.Net.Http.Headers.AuthenticationHeaderValue("Bearer", world.Token);
        await Until(async () => (await http.GetStringAsync("/metrics")).Contains("sallyport_gateway_records_skipped{gateway=\"gw-1\"} 9\n", StringComparison.Ordinal));
    }

    [Fact]
    public void Skipped_records_are_told_once_a_minute_with_their_number()
    {
        var skipped = new SkippedRecords();
        var now = DateTimeOffset.UnixEpoch;
        skipped.Telling(now).ShouldBeNull();
        skipped.Add("one");
        skipped.Add("two");
        skipped.Telling(now).ShouldBe("2 record(s) of its reports were skipped; the first was one");
        skipped.Add("three");
        skipped.Telling(now + TimeSpan.FromSeconds(59)).ShouldBeNull();
        skipped.Add("four");
        skipped.Telling(now + TimeSpan.FromSeconds(60)).ShouldBe("2 record(s) of its reports were skipped; the first was three");
        skipped.Telling(now + TimeSpan.FromSeconds(200)).ShouldBeNull();
        skipped.Count.ShouldBe(4);
    }

    [Fact]
    public async Task A_gateway_whose_link_was_ended_waits_for_its_next_welcome_and_the_others_do_not()
    {
        await using var world = await ControlWorld.StartAsync();
        for (var i = 0; i < 2; i++)
        {
            using var broken = await FakeGateway.ConnectAsync(world);
            await broken.ReceiveAsync<Snapshot>();
            await broken.SendRawAsync([0, 0, 0, 0]);
            (await broken.ReceiveAsync()).ShouldBeNull();
        }

        var started = System.Diagnostics.Stopwatch.GetTimestamp();
        var again = FakeGateway.ConnectAsync(world);
        (await FakeGateway.ConnectAsync(world, "gw-2")).Dispose();
        again.IsCompleted.ShouldBeFalse();
        (await again).Dispose();
        System.Diagnostics.Stopwatch.GetElapsedTime(started).ShouldBeGreaterThan(TimeSpan.FromSeconds(0.8)); // the second breach costs a second
    }

    [Fact]
    public void Each_breach_soon_after_a_hello_doubles_the_wait_up_to_half_a_minute()
    {
        var penalties = new LinkPenalties();
        var now = DateTimeOffset.UnixEpoch;
        penalties.WaitOf("gw", now).ShouldBe(TimeSpan.Zero);
        foreach (var seconds in new[] { 0.5, 1, 2, 4, 8, 16, 30, 30 })
        {
            penalties.Ended("gw", TimeSpan.FromSeconds(1), now);
            penalties.WaitOf("gw", now).ShouldBe(TimeSpan.FromSeconds(seconds));
            penalties.WaitOf("gw", now + TimeSpan.FromSeconds(seconds)).ShouldBe(TimeSpan.Zero);
            penalties.WaitOf("gw", now - TimeSpan.FromDays(1)).ShouldBe(TimeSpan.FromSeconds(seconds));
        }

        penalties.WaitOf("other", now).ShouldBe(TimeSpan.Zero);
        penalties.Ended("gw", TimeSpan.FromSeconds(10), now);
        penalties.WaitOf("gw", now).ShouldBe(TimeSpan.FromSeconds(0.5));

        // Names without end cost no memory without end: the oldest is forgotten.
        for (var i = 0; i < 64; i++)
        {
            penalties.Ended($"gw-{i}", TimeSpan.Zero, now + TimeSpan.FromMilliseconds(1));
        }

        penalties.WaitOf("gw", now).ShouldBe(TimeSpan.Zero);
        penalties.WaitOf("gw-0", now).ShouldBeGreaterThan(TimeSpan.Zero);
    }

    [Fact]
    public async Task A_link_begins_with_a_hello_of_our_protocol()
    {
        await using var world = await ControlWorld.StartAsync();
        foreach (var first in new NodeMessage[]
        {
            new Ready([]), new Hello("gw", "9", Hello.CurrentProtocol + 1, 1, 0), new Hello("a gw", "9", Hello.CurrentProtocol, 1, 0),
            new Hello("", "9", Hello.CurrentProtocol, 1, 0),
        })
        {
            using var gateway = await FakeGateway.DialAsync(world);
            await gateway.SendAsync(first);
            (await gateway.ReceiveAsync()).ShouldBeNull();
        }
    }

    [Fact]
    public async Task A_second_link_of_one_name_takes_the_place_of_the_first()
    {
        await using var world = await ControlWorld.StartAsync();
        using var first = await FakeGateway.ConnectAsync(world);
        await first.ReceiveAsync<Snapshot>();
        using var second = await FakeGateway.ConnectAsync(world);
        await second.ReceiveAsync<Snapshot>();
        (await first.ReceiveAsync()).ShouldBeNull();
        (await world.Client.ListGatewaysAsync()).Items.Single().Connected.ShouldBeTrue();
    }

    [Fact]
    public void Any_bytes_at_all_are_a_message_or_a_refusal()
    {
        var seeds = Messages().Select(message => NodeFrames.Write(message)[4..]).ToList();
        ulong state = 42;
        for (var round = 0; round < 20_000; round++)
        {
            var body = (byte[])seeds[round % seeds.Count].Clone();
            for (var i = 0; i < 1 + (round % 5); i++)
            {
                state = (state * 6364136223846793005) + 1442695040888963407;
                var at = (int)((state >> 33) % (ulong)body.Length);
                body[at] = (byte)(state >> 20);
            }

            try
            {
                NodeFrames.Parse(round % 7 == 0 ? body.AsSpan(0, body.Length / 2) : body, new SkippedRecords());
            }
            catch (NodeProtocolException)
            {
                // The link would end.
            }
        }
    }

    private static IEnumerable<NodeMessage> Messages() =>
    [
        new Hello("gw-1", "0.1.0", 1, 7, 0),
        new Acknowledge(5, 1, 2, 3, 4),
        new Ready(["udp 0.0.0.0:1194"]),
        new CertificateRequest([1, 2, 3]),
        new TunnelReport([FakeGateway.Tunnel(1)]),
        new FlowReport([FakeGateway.Flow(1, 2, 3)]),
        new EventReport([new GatewayEvent("handshake.failed", 1, 0, "203.0.113.7:1", "no certificate")]),
        new DropReport(new Dictionary<string, long> { ["NoRule"] = 5 }),
    ];

    private static IEnumerable<byte[]> Hostile()
    {
        yield return [0xff, 0xff, 0xff, 0xff];
        yield return [0, 0, 0, 0];
        yield return Frame("{}");
        yield return Frame("null");
        yield return Frame("[1,2");
        yield return Frame("{\"type\":\"nothing\"}");
        yield return Frame("{\"type\":\"ready\",\"listening\":null}");
        yield return Frame("{\"type\":\"tunnels\",\"tunnels\":null}");
        yield return Frame("{\"type\":\"flows\",\"flows\":[{}]}");
        yield return Frame("{\"type\":\"drops\",\"drops\":null}");
        yield return Frame("{\"type\":\"welcome\",\"softwareVersion\":\"1\",\"protocolVersion\":1}");
        yield return Frame("{\"type\":\"certificateRequest\",\"request\":\"AAAA\"}");
        yield return Frame(new string('[', 5_000));
        yield return NodeFrames.Write(new Hello("gw-1", "0.1.0", 1, 1, 0));
        yield return NodeFrames.Write(new Acknowledge(0, -1, 0, 0, 0));
        yield return NodeFrames.Write(new Acknowledge(0, 1, 0, -1, 0));
    }

    private static byte[] Frame(string json)
    {
        var body = Encoding.UTF8.GetBytes(json);
        var frame = new byte[4 + body.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, body.Length);
        body.CopyTo(frame, 4);
        return frame;
    }

    private static async Task Until(Func<Task<bool>> holds)
    {
        for (var i = 0; i < 400; i++)
        {
            if (await holds())
            {
                return;
            }

            await Task.Delay(25);
        }

        throw new ShouldAssertException("it did not come to hold");
    }
}
