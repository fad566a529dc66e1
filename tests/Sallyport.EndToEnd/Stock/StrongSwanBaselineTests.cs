using System.Net;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Peers;
using Sallyport.Harness.Ipsec;

namespace Sallyport.EndToEnd.Stock;

/// <summary>The distribution's strongSwan at both ends, ESP in user space: what fails here is no fault of ours.</summary>
public sealed class StrongSwanBaselineTests : IDisposable
{
    private const string GatewayName = "gate.example";
    private const string Device = "pump-17.plant-a.example";
    private const string Key = "a key that only these two have, 32";
    private const string User = "anna";
    private const string Password = "a long password";
    private const int Port = 7000;
    private static readonly IPAddress Inner = Topology.Application;
    private static readonly IPAddress InnerV6 = IPAddress.Parse("fd50::10");
    private static readonly CharonPool Pool = new("v4", "10.98.0.0/24", "dns = 10.98.0.53");
    private static readonly CharonPool PoolV6 = new("v6", "fd98::/112");

    /// <summary>strongSwan's default proposals of ESP have no group: a peer that wants perfect forward secrecy is refused at its first rekey.</summary>
    private static readonly CharonChild Offered = new()
    {
        LocalSelectors = [Topology.SiteSubnet, "fd50::/64"],
        Proposals = "aes128gcm16-ecp256, default",
    };

    private readonly Topology topology = new();
    private readonly StockPki pki = new();

    public StrongSwanBaselineTests()
    {
        if (Requirements.Missing is null)
        {
            topology.Gateway.AddAddress("lo", $"{Inner}/32");
            topology.Gateway.AddAddress("lo", $"{InnerV6}/128");
        }
    }

    [IpsecFact]
    public async Task A_pre_shared_key_gives_virtual_addresses_of_both_kinds_and_a_tunnel()
    {
        var a = topology.Attach("device-a", 11);
        using var server = await StartPskGateway();
        using var client = await CharonProcess.Start(a, Psk(one => one with
        {
            VirtualAddresses = ["0.0.0.0", "::"],
            Proposals = "aes256gcm16-prfsha384-ecp384",
            Children = [one.Children[0] with { Proposals = "aes256gcm16" }],
        }));
        await client.Initiate();

        var sa = await client.Sa();
        sa.IsEstablished.ShouldBeTrue();
        sa.Suite.ShouldBe("AES_GCM_16-256/PRF_HMAC_SHA2_384/ECP_384");
        (sa.Local.Identity, sa.Remote.Identity).ShouldBe((Device, GatewayName));
        sa.Local.VirtualAddresses.ShouldBe(["10.98.0.1", "fd98::1"]);
        var child = sa.Children.ShouldHaveSingleItem();
        child.Suite.ShouldBe("AES_GCM_16-256");
        child.InUdp.ShouldBeTrue("kernel-libipsec has no ESP without UDP");
        child.LocalSelectors.ShouldBe(["10.98.0.1/32", "fd98::1/128"]);
        child.RemoteSelectors.ShouldBe([Topology.SiteSubnet, "fd50::/64"]);
        var other = (await server.Sa()).Children.ShouldHaveSingleItem();
        (other.SpiIn, other.SpiOut).ShouldBe((child.SpiOut, child.SpiIn));
        File.ReadAllText(client.ResolverFile).ShouldContain("nameserver 10.98.0.53");

        await AssertCarries(a);
        await a.UntilAddressesWork("ipsec0");
        (await Pinger.Once(a, InnerV6)).ShouldBeTrue();
        var counted = (await client.Sa()).Children[0];
        counted.PacketsIn.ShouldBeGreaterThan(5);
        counted.BytesOut.ShouldBeGreaterThan(1000);

        await client.Terminate();
        await server.UntilNone();
        (await Dial.Tcp(a, Inner, Port, limitSeconds: 1)).Outcome.ShouldNotBe(DialOutcome.Connected);
    }

    [IpsecFact]
    public async Task A_wrong_key_is_refused()
    {
        var a = topology.Attach("device-a", 11);
        using var server = await StartPskGateway();
        using var client = await CharonProcess.Start(a, CharonConf.Psk(Topology.GatewayV4, Device, GatewayName, "another key altogether, of 32 b"));
        (await client.TryInitiate()).ShouldNotBeNull();
        client.Log.ShouldContain("AUTHENTICATION_FAILED");
        await server.UntilNone();
    }

    [IpsecTheory]
    [InlineData("pubkey", Topology.GatewayV4)]
    [InlineData("pubkey", Topology.GatewayV6)]
    [InlineData("eap-mschapv2", Topology.GatewayV4)]
    [InlineData("eap-tls", Topology.GatewayV4)]
    [InlineData("eap-tls", Topology.GatewayV4, "1.3")]
    public async Task Certificates_and_EAP_give_a_tunnel(string method, string remote, string tls = "1.2")
    {
        var a = topology.Attach("device-a", 11);
        var options = new CharonOptions { Settings = [$"tls {{ version_max = {tls} }}"] };
        using var server = await StartCertifiedGateway(pki.Gateway(GatewayName), method, options);
        var own = pki.Client("pump-17");
        var profile = method switch
        {
            "pubkey" => CharonConf.Certificate(remote, own, pki.AuthorityPem, GatewayName),
            "eap-tls" => CharonConf.EapTls(remote, own, pki.AuthorityPem, GatewayName),
            _ => CharonConf.EapMschapv2(remote, User, Password, pki.AuthorityPem, GatewayName),
        };
        using var client = await CharonProcess.Start(a, profile, options);
        await client.Initiate();

        (await server.Sa()).Remote.Identity.ShouldBe(method == "eap-mschapv2" ? User : "CN=pump-17");
        client.Count($"negotiated TLS {tls}").ShouldBe(method == "eap-tls" ? 1 : 0);
        await AssertCarries(a);
    }

    [IpsecFact]
    public async Task Certificates_of_RSA_come_in_fragments()
    {
        var a = topology.Attach("device-a", 11);
        using var server = await StartCertifiedGateway(pki.GatewayRsa(GatewayName), "pubkey");
        using var client = await CharonProcess.Start(a, CharonConf.Certificate(Topology.GatewayV4, pki.ClientRsa("pump-17"), pki.AuthorityPem, GatewayName));
        await client.Initiate();
        client.Log.ShouldContain("EF(1/2)");
        client.Log.ShouldContain("with RSA_EMSA_PKCS1_SHA2_256 successful");
        (await Pinger.Once(a, Inner)).ShouldBeTrue();
    }

    [IpsecFact]
    public async Task An_IKE_SA_may_have_no_child_or_several()
    {
        var a = topology.Attach("device-a", 11);
        using var server = await StartPskGateway();
        using var client = await CharonProcess.Start(a, Psk(one => one with
        {
            Options = ["childless = force"],
            Children = [one.Children[0], new CharonChild("second") { RemoteSelectors = [$"{Inner}/32[tcp/{Port}]"] }],
        }));
        (await client.TryInitiateIke()).ShouldBeNull();
        (await client.Sa()).Children.ShouldBeEmpty();
        await client.Initiate();
        await client.Initiate("second");
        var sa = await client.Sa();
        sa.Children.Count(child => child.IsInstalled).ShouldBe(2);
        await client.TerminateChild();

        // It calls ports by the names of /etc/services where they have one.
        (await client.Sa()).Children.ShouldHaveSingleItem().RemoteSelectors.ShouldHaveSingleItem().ShouldStartWith($"{Inner}/32[tcp/");
    }

    [NatFact]
    public async Task Two_behind_one_NAT_keep_their_tunnels_when_it_moves()
    {
        var nat = topology.AttachNat(30);
        var (a, b) = (topology.AttachBehind(nat, "device-a", 1), topology.AttachBehind(nat, "device-b", 2));
        using var server = await StartPskGateway();
        using var first = await CharonProcess.Start(a, Psk(one => one with { Options = ["dpd_delay = 1s"] }));
        using var second = await CharonProcess.Start(b, Psk(identity: "pump-18.plant-a.example"));
        await first.Initiate();
        await second.Initiate();
        var sas = await server.Sas();
        sas.Select(sa => sa.Remote.Host).ShouldBe([nat.OutsideAddress, nat.OutsideAddress]);
        sas.Select(sa => sa.Remote.Port).ShouldAllBe(port => port >= 20000);
        await AssertCarries(a);
        await AssertCarries(b, Port + 1);

        // strongSwan compares what a check of liveness says of its path with what the one before said: there must have been one.
        await first.WaitForLine("parsed INFORMATIONAL response", times: 2);
        nat.MoveTo(31);

        // The next check of liveness tells both that the path is another one (MOBIKE, RFC 4555 section 3.8).
        await server.UntilIke(sa => sa.IsEstablished && sa.Remote.Host == "10.99.0.31", "the gateway follows", seconds: 30);
        (await Pinger.Once(a, Inner)).ShouldBeTrue();
    }

    [IpsecFact]
    public async Task A_change_of_address_leaves_the_stream_alive()
    {
        var a = topology.Attach("device-a", 11);
        using var server = await StartPskGateway();
        using var client = await CharonProcess.Start(a, Psk());
        await client.Initiate();
        var before = await server.Sa();
        using var echo = new TcpEcho(topology.Gateway, Inner, Port);
        await using var stream = await TcpStream.Open(a, Inner, Port);
        await stream.Progress(50_000);

        a.AddAddress(Topology.Outer, "10.99.0.111/24");
        a.RemoveAddress(Topology.Outer, "10.99.0.11/24");

        // It may take the path by IPv6 as well.
        await stream.Progress(50_000);
        var after = await server.UntilIke(sa => sa.Remote.Host is "10.99.0.111" or "fd99::11", "the gateway follows (MOBIKE)");
        after.ResponderSpi.ShouldBe(before.ResponderSpi);
    }

    [IpsecFact]
    public async Task Rekeys_of_both_kinds_and_ends_lose_nothing()
    {
        var a = topology.Attach("device-a", 11);
        using var server = await StartPskGateway();
        using var client = await CharonProcess.Start(a, Psk(one => one with { Children = [one.Children[0] with { Proposals = "aes128gcm16-ecp256" }] }));
        await client.Initiate();
        var first = await client.Sa();
        using var echo = new TcpEcho(topology.Gateway, Inner, Port);
        using var datagrams = new UdpEcho(topology.Gateway, Inner, Port);
        await using var stream = await TcpStream.Open(a, Inner, Port);
        await using var numbers = new UdpStream(a, Inner, Port);

        await client.RekeyChild();
        var second = await client.UntilChild(child => child.IsInstalled && child.SpiIn != first.Children[0].SpiIn, "a new CHILD SA");
        second.Suite.ShouldBe("AES_GCM_16-128/ECP_256", "perfect forward secrecy shows only now");
        await stream.Progress(50_000);
        await server.RekeyChild();
        await client.UntilChild(child => child.IsInstalled && child.SpiIn != second.SpiIn, "a CHILD SA of the other end");
        await stream.Progress(50_000);
        await client.RekeyIke();
        var third = await client.UntilIke(sa => sa.IsEstablished && sa.InitiatorSpi != first.InitiatorSpi, "a new IKE SA");
        await stream.Progress(50_000);

        third.Local.VirtualAddresses.ShouldBe(first.Local.VirtualAddresses);
        var tally = await numbers.Finish();
        tally.Lost.ShouldBe(0, tally.ToString());
        tally.Sent.ShouldBeGreaterThan(5);
    }

    [IpsecFact]
    public async Task Other_ports_than_the_usual_work()
    {
        var a = topology.Attach("device-a", 11);
        using var server = await StartPskGateway(new CharonOptions { Port = 5500, NatPort = 5501 });

        // From 500 it would go on to 4500, whatever it called first: it has to speak as behind NAT from the start.
        using var client = await CharonProcess.Start(a, Psk(one => one with { Options = ["local_port = 4500", "remote_port = 5501"] }));
        await client.Initiate();
        (await client.Sa()).Remote.Port.ShouldBe(5501);
        (await Pinger.Once(a, Inner)).ShouldBeTrue();
    }

    [ProbeFact]
    public async Task A_prober_without_a_credential_gets_an_answer_of_a_stock_gateway()
    {
        var a = topology.Attach("device-a", 11);
        var to = IPAddress.Parse(Topology.GatewayV4);
        IkeScan.Ikev2(a, to).Silent.ShouldBeTrue("nobody is there yet");
        using var server = await StartPskGateway();

        // strongSwan's usual proposals have no MODP 1024, but SHA-1 and MODP 2048.
        IkeScan.Ikev2(a, to).Notify.ShouldBe(17);
        var taken = IkeScan.Ikev2(a, to, group: 14);
        taken.Handshake.ShouldBeTrue(taken.Text);
        IkeScan.MainMode(a, to).Notify.ShouldBe(14);
        IkeScan.AggressiveMode(a, to).Notify.ShouldBe(14);
    }

    public void Dispose()
    {
        pki.Dispose();
        topology.Dispose();
    }

    private static CharonProfile Psk(Func<CharonConnection, CharonConnection>? shape = null, string identity = Device) =>
        CharonConf.Psk(Topology.GatewayV4, identity, GatewayName, Key, shape);

    private Task<CharonProcess> StartPskGateway(CharonOptions? options = null) => CharonProcess.Start(
        topology.Gateway,
        CharonConf.Write(
            [CharonConf.Gateway(new CharonAuth("psk", GatewayName), new CharonAuth("psk"), [Topology.SiteSubnet, "fd50::/64"], Pool, PoolV6) with { Children = [Offered] }],
            [new CharonSecret("ike", Key)],
            Pool,
            PoolV6),
        options);

    private Task<CharonProcess> StartCertifiedGateway(StockCredential own, string method, CharonOptions? options = null) => CharonProcess.Start(
        topology.Gateway,
        CharonConf.Write(
            [CharonConf.Gateway(CharonConf.OwnCertificateAs(GatewayName), new CharonAuth(method) { EapIdentity = method == "pubkey" ? null : "%any" }, [Topology.SiteSubnet], Pool)],
            [new CharonSecret("eap", Password, User)],
            Pool).WithCredential(own, pki.AuthorityPem),
        options);

    private async Task AssertCarries(Namespace from, int port = Port)
    {
        using var tcp = new TcpEcho(topology.Gateway, Inner, port);
        using var udp = new UdpEcho(topology.Gateway, Inner, port);
        (await Dial.Tcp(from, Inner, port)).Outcome.ShouldBe(DialOutcome.Connected);
        (await Dial.Udp(from, Inner, port)).Outcome.ShouldBe(DialOutcome.Connected);
        (await Pinger.Once(from, Inner)).ShouldBeTrue();
        await using var stream = await TcpStream.Open(from, Inner, port);
        await stream.Progress(40_000);
    }
}
