using System.Net;
using Sallyport.Api.Credentials;
using Sallyport.Api.Networks;
using Sallyport.EndToEnd.Fleet;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Peers;
using Sallyport.EndToEnd.Stock;

namespace Sallyport.EndToEnd.Admission;

/// <summary>One network as it is by default, and one that opted into everything.</summary>
public sealed class AdmissionFixture : FleetFixture
{
    /// <summary>A client that lost its tunnel to a clone notices soon.</summary>
    protected override IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string>
    {
        ["SALLYPORT_OPENVPN_PING"] = "1",
        ["SALLYPORT_OPENVPN_PING_RESTART"] = "4",
    };

    protected override async Task Prepare()
    {
        await AddNetworkWithSite(new NetworkCreate { Name = "plant", Prefixes = ["10.20.0.0/16"] });
        await Client.AddNetworkAsync(new NetworkCreate { Name = "locked", Prefixes = ["10.30.0.0/16"], Authentication = "certificate+password" });
    }
}

/// <summary>Who gets in, and what becomes of those who do not.</summary>
public sealed class AdmissionTests(AdmissionFixture fleet) : IClassFixture<AdmissionFixture>
{
    [NetworkFact]
    public async Task A_client_that_trusts_another_authority_does_not_talk_to_our_gateway()
    {
        using var other = new StockPki();
        var text = await fleet.AddAllowedDevice("suspicious", "plant");
        using var client = Start("suspicious", text.WithBlock("ca", other.AuthorityPem));
        await client.WaitForLine("VERIFY ERROR|certificate verify failed");
        await StaysOut("suspicious", client);
    }

    [NetworkFact]
    public async Task A_certificate_of_another_authority_stays_out_even_with_a_right_wrapping_key()
    {
        using var other = new StockPki();
        var forged = other.Client("forger");
        var text = await fleet.AddAllowedDevice("forger", "plant");
        using var client = Start("forger", text.WithBlock("cert", forged.CertificatePem).WithBlock("key", forged.KeyPem));
        await StaysOut("forger", client, seconds: 4);
        await Told("handshake.failed", "another authority");
    }

    [NetworkFact]
    public async Task The_certificate_of_one_device_does_not_pass_with_the_wrapping_key_of_another()
    {
        var mine = await fleet.AddAllowedDevice("mine", "plant");
        var yours = await fleet.AddAllowedDevice("yours", "plant");
        using var client = Start("mine", mine.WithBlock("tls-crypt-v2", yours.Block("tls-crypt-v2")));
        await StaysOut("mine", client, seconds: 4);
        (await fleet.Tunnels("yours", "plant")).ShouldBeEmpty();
    }

    [NetworkFact]
    public async Task A_wrong_password_is_told_so_and_the_right_one_works()
    {
        var created = await fleet.AddDevice("typist", "locked");
        var text = created.Profile!.Text;
        using (var wrong = Start("typist", text.WithBlock("auth-user-pass", $"{created.Profile.Username}\nwrong")))
        {
            await wrong.WaitForLine("AUTH_FAILED");
            await wrong.WaitForExit();
            wrong.Connections.ShouldBe(0, wrong.Log);
        }

        using var right = Start("typist2", text);
        await fleet.Connected(right);
    }

    [NetworkFact]
    public async Task A_revoked_device_gets_no_answer_at_all()
    {
        var text = await fleet.AddAllowedDevice("stolen", "plant");
        using (var before = Start("stolen", text))
        {
            await fleet.Connected(before);
            before.Stop();
        }

        await fleet.Client.RevokeDeviceAsync("stolen", "stolen");
        using var client = Start("stolen-again", text.Dialing(Topology.GatewayV4, "udp4").With("verb 6"));
        await client.WaitForLine("UDP.* WRITE");
        await StaysOut("stolen", client, seconds: 5);
        client.Count("UDP.* READ").ShouldBe(0, client.Log);
    }

    [NetworkFact]
    public async Task A_revoked_credential_stays_out_while_the_new_one_works()
    {
        var old = await fleet.AddAllowedDevice("renewed", "plant");
        var issued = await fleet.Client.IssueDeviceProfileAsync("renewed", new ProfileRequest());
        using var second = Start("renewed", issued.Text);
        await fleet.Connected(second);
        using var first = Start("renewed-old", old);
        await Task.Delay(TimeSpan.FromSeconds(4));
        first.Connections.ShouldBe(0, first.Log);
        second.Connections.ShouldBe(1, second.Log);
    }

    [NetworkFact]
    public async Task A_profile_in_two_places_raises_an_event_and_only_one_lives()
    {
        var text = await fleet.AddAllowedDevice("twin", "plant");
        using var first = Start("twin-a", text);
        await fleet.Connected(first);
        await fleet.UntilTunnel("twin", "plant", found => found is not null);
        using var second = Start("twin-b", text);
        await fleet.Connected(second);

        // The newest wins. One replacement may be a restart; when the first comes back too, there are two.
        await fleet.Connected(first, times: 2, seconds: 40);
        for (var turn = 0; turn < 10; turn++)
        {
            (await fleet.Tunnels("twin", "plant")).Count.ShouldBeLessThanOrEqualTo(1);
            await Task.Delay(200);
        }

        await Told("credential.cloned", "the clone", "twin");
    }

    [NetworkFact]
    public async Task A_device_that_comes_back_from_the_same_place_is_no_clone()
    {
        var text = await fleet.AddAllowedDevice("rebooted", "plant");
        var host = fleet.NewHost("rebooted");
        using (var first = new OpenVpnProcess(host, text))
        {
            await fleet.Connected(first);
            first.Kill();
        }

        using var second = new OpenVpnProcess(host, text);
        await fleet.Connected(second);
        (await Dial.Tcp(host, Topology.Application, TestApplication.Port)).Outcome.ShouldBe(DialOutcome.Connected);
        (await fleet.Tunnels("rebooted", "plant")).Count.ShouldBeLessThanOrEqualTo(1);
        (await fleet.Events("credential.cloned", "rebooted")).ShouldBeEmpty();
    }

    [NetworkFact]
    public async Task A_device_that_sends_from_the_address_of_another_is_not_heard()
    {
        var text = await fleet.AddAllowedDevice("liar", "plant");
        await fleet.AddAllowedDevice("victim", "plant");
        var victim = (await fleet.Client.GetDeviceAsync("victim")).Addresses[0];
        var host = fleet.NewHost("liar");
        using var client = new OpenVpnProcess(host, text);
        await fleet.Connected(client);
        host.AddAddress("tun0", victim + "/32");
        var before = await Drops("SpoofedSource");
        (await Dial.Tcp(host, Topology.Application, TestApplication.Port, limitSeconds: 1, source: IPAddress.Parse(victim))).Outcome.ShouldBe(DialOutcome.TimedOut);
        (await Dial.Tcp(host, Topology.Application, TestApplication.Port)).Outcome.ShouldBe(DialOutcome.Connected);
        for (var turn = 0; turn < 100 && await Drops("SpoofedSource") == before; turn++)
        {
            await Task.Delay(100);
        }

        (await Drops("SpoofedSource")).ShouldBeGreaterThan(before);
    }

    [ClockTheory]
    [InlineData("-50m")]
    [InlineData("+6h")]
    [InlineData("+30d")]
    public async Task A_client_whose_clock_is_wrong_connects_while_the_certificates_are_valid_for_it(string skew)
    {
        var name = $"skewed{skew.Replace("+", "-plus-", StringComparison.Ordinal).Replace("--", "-", StringComparison.Ordinal)}".TrimEnd('-');
        var text = await fleet.AddAllowedDevice(name, "plant");
        var host = fleet.NewHost(name);
        using var client = new OpenVpnProcess(host, text, clock: skew);
        await fleet.Connected(client);
        (await Dial.Tcp(host, Topology.Application, TestApplication.Port)).Outcome.ShouldBe(DialOutcome.Connected, client.Log);
    }

    [ClockFact]
    public async Task A_client_that_believes_in_another_decade_says_why_it_does_not_connect()
    {
        var text = await fleet.AddAllowedDevice("ancient", "plant");
        using var client = new OpenVpnProcess(fleet.NewHost("ancient"), text, clock: "-20y");
        await client.WaitForLine("certificate is not yet valid");
        await StaysOut("ancient", client);
    }

    private async Task<long> Drops(string reason) =>
        (await fleet.Client.GetStatusAsync()).Gateways.Sum(gateway => gateway.Drops.GetValueOrDefault(reason));

    private OpenVpnProcess Start(string role, string text) => fleet.Own(new OpenVpnProcess(fleet.NewHost(role), text));

    /// <summary>An event of this kind comes, of this device where one is named.</summary>
    private async Task Told(string kind, string what, string? device = null)
    {
        for (var turn = 0; turn < 50; turn++)
        {
            var events = (await fleet.Client.ListEventsAsync(kind, limit: 100)).Items;
            if (events.Any(one => device is null || one.Subject?.StartsWith($"device:{device}", StringComparison.Ordinal) is true))
            {
                return;
            }

            await Task.Delay(200);
        }

        var all = (await fleet.Client.ListEventsAsync(limit: 100)).Items;
        throw new TimeoutException($"no event '{kind}' about {what}; there were:\n{string.Join('\n', all)}");
    }

    private async Task StaysOut(string device, OpenVpnProcess client, int seconds = 2)
    {
        await Task.Delay(TimeSpan.FromSeconds(seconds));
        client.Connections.ShouldBe(0, client.Log);
        (await fleet.Tunnels(device, "plant")).ShouldBeEmpty();
    }
}
