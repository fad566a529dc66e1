using System.Net;
using Sallyport.Api.Credentials;
using Sallyport.Api.Networks;
using Sallyport.EndToEnd.Fleet;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Peers;
using Sallyport.EndToEnd.Stock;
using Sallyport.Harness.Ipsec;

namespace Sallyport.EndToEnd.Ipsec;

/// <summary>Who is not let in, what he learns, and what an operator is told.</summary>
public sealed class RefusalTests(IpsecFixture fleet) : IClassFixture<IpsecFixture>
{
    private const string Network = IpsecFixture.Network;
    private static readonly IPAddress Gateway = IPAddress.Parse(Topology.GatewayV4);

    [IpsecFact]
    public async Task Each_wrong_proof_is_refused_with_its_one_line_and_nothing_else()
    {
        using var pki = new StockPki();
        var stranger = pki.Issue("stranger", "1.3.6.1.5.5.7.3.2", DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1), "foreign-cert.plant-a.sallyport");
        var cases = new (string Name, string Auth, Func<CharonProfile, CharonProfile> Shape, string Told)[]
        {
            ("wrong-key", "psk", profile => profile.With("secret", "\"another key altogether\""), "wrong-key.plant-a.sallyport"),
            ("wrong-id", "psk", profile => profile with { Text = profile.Text.Replace("wrong-id.plant-a", "nobody.plant-a", StringComparison.Ordinal) }, "nobody.plant-a.sallyport"),
            ("revoked-cert", "certificate", profile => profile, "not a live one"),
            ("foreign-cert", "certificate", profile => profile with
            {
                Files = profile.Files.ToDictionary(file => file.Key, file => file.Key switch
                {
                    "x509/foreign-cert.plant-a.pem" => stranger.CertificatePem,
                    "private/foreign-cert.plant-a.pem" => stranger.KeyPem,
                    _ => file.Value,
                }),
            }, "foreign-cert.plant-a.sallyport"),
            ("wrong-password", "eap-mschapv2", profile => profile.With("secret", "\"guessed\""), "password"),
            ("unknown-user", "eap-mschapv2", profile => profile with { Text = System.Text.RegularExpressions.Regex.Replace(profile.Text, @"(?m)^(\s*(?:eap_)?id) = (?!\d).*unknown-user.*$", "$1 = nobody-at-all") }, "nobody-at-all"),
        };
        var tries = await Task.WhenAll(cases.Select(async one =>
        {
            var created = await fleet.AddDevice(one.Name, Network, new ProfileRequest { Protocol = "ipsec", Auth = one.Auth });
            if (one.Name == "revoked-cert")
            {
                await fleet.Client.RevokeCredentialAsync(created.Profile!.CredentialIds[0], "lost");
            }

            return await fleet.StartDevice(created.Device, created.Profile!, profile => one.Shape(profile).With("keyingtries", "1"));
        }));
        try
        {
            foreach (var (one, device) in cases.Zip(tries))
            {
                await device.Charon.WaitForLine("AUTH_FAILED", IpsecDevice.Patience);
                var told = await fleet.UntilDetail("handshake.failed", one.Told);
                told.Detail.ShouldNotContain("\n");
                told.Subject.ShouldBeNull($"{one.Name}: nobody is proven to be who it says");
                var mine = (await fleet.Client.ListEventsAsync(limit: 200)).Items.Where(found => found.OuterAddress == told.OuterAddress && found.Source != "control").ToList();
                mine.ShouldHaveSingleItem($"{one.Name}: {string.Join('\n', mine)}");
                (await fleet.Tunnels(one.Name, Network)).ShouldBeEmpty();
            }
        }
        finally
        {
            Array.ForEach(tries, device => device.Dispose());
        }
    }

    [IpsecFact]
    public async Task Who_has_proven_who_it_is_and_may_not_come_in_is_named_with_why()
    {
        var created = await fleet.AddDevice("shut-out", Network, new ProfileRequest { Protocol = "ipsec", Auth = "psk" });
        await fleet.Client.QuarantineDeviceAsync("shut-out", "looks odd");
        using var device = await fleet.StartDevice(created.Device, created.Profile!);
        var told = await fleet.UntilDetail("handshake.failed", "device 'shut-out' is quarantined");
        (told.Subject, told.Network).ShouldBe(("device:shut-out", Network));
        (await fleet.Tunnels("shut-out", Network)).ShouldBeEmpty();
    }

    [IpsecFact]
    public async Task A_device_believes_the_authority_of_its_profile_and_none_that_lies_beside_it()
    {
        using var pki = new StockPki();
        var created = await fleet.AddDevice("pinned", Network, new ProfileRequest { Protocol = "ipsec", Auth = "certificate" });
        CharonProfile WithForeign(CharonProfile profile) => profile.WithFile("x509ca/foreign.pem", pki.AuthorityPem).With("keyingtries", "1");
        using (var misled = await fleet.StartDevice(created.Device, created.Profile!, profile => WithForeign(profile).With("cacerts", "foreign.pem")))
        {
            await misled.Charon.WaitForLine("constraint check failed", IpsecDevice.Patience);
            (await misled.Charon.Sas()).ShouldAllBe(sa => sa.Children.Count == 0);
        }

        using var device = await fleet.StartDevice(created.Device, created.Profile!, WithForeign);
        await device.UntilUp();
    }

    [ProbeFact]
    public async Task A_prober_sees_that_IKE_is_spoken_and_nothing_else()
    {
        var prober = fleet.NewHost("prober");
        var weak = IkeScan.Ikev2(prober, Gateway);
        weak.Handshake.ShouldBeFalse(weak.Text);
        weak.Notify.ShouldBe(14, weak.Text);
        weak.Text.ShouldNotContain("Sallyport", Case.Insensitive);
        IkeScan.MainMode(prober, Gateway).Silent.ShouldBeTrue("IKEv1 is not spoken");
        IkeScan.AggressiveMode(prober, Gateway).Silent.ShouldBeTrue();
        await fleet.UntilDetail("handshake.failed", "the peer speaks IKEv1");
    }

    [IpsecFact]
    public async Task A_device_comes_in_while_somebody_begins_again_and_again()
    {
        var attacker = fleet.NewHost("attacker");
        using var flood = new HalfOpenFlood(attacker, Gateway);
        await flood.UntilCookie(IpsecDevice.Patience);
        using var device = await fleet.ComeUp("patient", Network);
        (await Dial.Tcp(device.Where, Topology.Application, TestApplication.Port)).Outcome.ShouldBe(DialOutcome.Connected);
        flood.Answers.ShouldBeGreaterThan(0);

        // From the flooded address itself as well: it shows that it receives, and is in.
        using var neighbour = await fleet.ComeUp("neighbour", Network, where: attacker);
        neighbour.Charon.Count("N\\(COOKIE\\)").ShouldBeGreaterThan(0, neighbour.Charon.Log);
    }

    [LibreswanFact]
    public async Task Stock_libreswan_proves_itself_by_key_and_by_certificate_and_is_asked_renewed_and_let_go()
    {
        var (first, host) = (fleet.NewHost("libre-psk"), fleet.LastHost);
        var other = fleet.NewHost("libre-certificate");
        await Task.WhenAll(Libreswan("psk", first, host), Libreswan("certificate", other, fleet.LastHost));
    }

    private async Task Libreswan(string auth, Namespace where, int host)
    {
        var name = $"libre-{auth}";
        var created = await fleet.AddDevice(name, Network, new ProfileRequest { Protocol = "ipsec", Auth = auth });
        var profile = created.Profile!;
        string File(string part) => profile.Files.Single(file => file.Name == part).Text;
        var own = $"10.99.0.{host}";
        var identity = $"{name}.plant-a.sallyport";

        // A CHILD_SA of nothing that it may: the IKE SA stays, where it would drop one whose ESP the kernel has not.
        string[] options = ["rightsubnet=172.31.0.0/24", "ikelifetime=1h", "dpddelay=2"];
        var settings = auth == "psk"
            ? LibreswanConf.Psk(own, identity, Topology.GatewayV4, Topology.GatewayV4, profile.Keys[0].Secret, options)
            : LibreswanConf.Certificate(
                own,
                new Sallyport.Harness.Stock.StockCredential(File($"swanctl/x509/{name}.plant-a.pem"), File($"swanctl/private/{name}.plant-a.pem"), [], []),
                profile.Files.Single(file => file.Name.StartsWith("swanctl/x509ca/sallyport-root-", StringComparison.Ordinal)).Text, Topology.GatewayV4, Topology.GatewayV4, options);

        // The gateway is known by its address, and its certificate comes from another authority than the root.
        string Fit(string text) => text.Replace($"@{Topology.GatewayV4}", Topology.GatewayV4, StringComparison.Ordinal).Replace("rightca=%same", "rightca=%any", StringComparison.Ordinal);
        using var pluto = await LibreswanProcess.Start(where, settings with { Connections = Fit(settings.Connections), Secrets = Fit(settings.Secrets) });
        await pluto.Initiate(seconds: IpsecDevice.Patience);
        var tunnel = await fleet.UntilTunnel(name, Network, found => found is not null, IpsecDevice.Patience);
        tunnel!.Wrapping.ShouldBe(auth);

        pluto.RekeyIke();
        await Eventually.True(
            () => fleet.Tunnels(name, Network).GetAwaiter().GetResult() is [{ Renegotiations: > 0 } one] && one.TunnelId == tunnel.TunnelId, "new keys of the IKE SA", IpsecDevice.Patience);
        await Eventually.True(() => pluto.States() is ["STATE_V2_ESTABLISHED_IKE_SA"], "libreswan deletes the old one", IpsecDevice.Patience);
        pluto.Terminate();
        await fleet.UntilTunnel(name, Network, found => found is null, IpsecDevice.Patience);
    }
}
