using Sallyport.Api.Credentials;
using Sallyport.Api.Tunnels;
using Sallyport.EndToEnd.Fleet;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Peers;

namespace Sallyport.EndToEnd.Matrix;

/// <summary>What the distribution's client can be told to do, against our gateway. Every case reaches its application, and nothing else.</summary>
public sealed class ClientMatrixTests(MatrixFixture fleet) : IClassFixture<MatrixFixture>
{
    private static int made;

    [NetworkTheory]
    [InlineData("udp4", "openvpn/udp")]
    [InlineData("tcp4", "openvpn/tcp")]
    public async Task IPv4_outside(string protocol, string reported)
    {
        var tunnel = await Works("sha256", profile => profile.Dialing(Topology.GatewayV4, protocol));
        tunnel.Protocol.ShouldBe(reported);
    }

    [NetworkTheory]
    [InlineData("udp6", "openvpn/udp")]
    [InlineData("tcp6", "openvpn/tcp")]
    public async Task IPv6_outside(string protocol, string reported)
    {
        var tunnel = await Works("sha256", profile => profile.Dialing(Topology.GatewayV6, protocol));
        tunnel.Protocol.ShouldBe(reported);
        tunnel.OuterAddress.ShouldContain("fd99::");
    }

    [NetworkTheory]
    [InlineData("udp4")]
    [InlineData("tcp6")]
    public async Task IPv6_inside(string protocol)
    {
        var name = NewName();
        var text = await fleet.AddAllowedDevice(name, "sha256");
        await fleet.Allow6(name, "sha256");
        var host = fleet.NewHost(name);
        using var client = new OpenVpnProcess(host, text.Dialing(protocol.EndsWith('6') ? Topology.GatewayV6 : Topology.GatewayV4, protocol));
        await fleet.Connected(client);
        await host.UntilAddressesWork("tun0");
        var reached = await Dial.Tcp(host, TestApplication.AddressV6, TestApplication.Port);
        reached.Outcome.ShouldBe(DialOutcome.Connected, $"{client.Log}\n{await fleet.Diagnosis()}");
        (await Dial.Udp(host, TestApplication.AddressV6, TestApplication.Port)).Outcome.ShouldBe(DialOutcome.Connected);
        (await Pinger.Once(host, TestApplication.AddressV6)).ShouldBeTrue();
        var denied = await Dial.Tcp(host, TestApplication.AddressV6, TestApplication.OtherPort);
        denied.DeniedAtOnce.ShouldBeTrue(denied.ToString());
        (await Dial.Tcp(host, Topology.Application, TestApplication.Port)).Outcome.ShouldBe(DialOutcome.Connected);
    }

    [NetworkTheory]
    [InlineData("sha256", "tls-crypt-v2", "udp4")]
    [InlineData("sha256", "tls-crypt-v2", "tcp4")]
    [InlineData("sha256", "tls-crypt", "udp4")]
    [InlineData("sha256", "tls-crypt", "tcp4")]
    [InlineData("sha1", "tls-auth", "udp4")]
    [InlineData("sha256", "tls-auth", "udp4")]
    [InlineData("sha512", "tls-auth", "udp4")]
    [InlineData("sha512", "tls-auth", "tcp4")]
    [InlineData("sha256", "none", "udp4")]
    [InlineData("sha256", "none", "tcp4")]
    public async Task Each_wrapping_of_the_control_channel(string network, string wrapping, string protocol)
    {
        var tunnel = await Works(network, profile => profile.Dialing(Topology.GatewayV4, protocol), new ProfileRequest { Wrapping = wrapping });
        tunnel.Wrapping.ShouldBe(wrapping);
    }

    [NetworkTheory]
    [InlineData("AES-256-GCM")]
    [InlineData("AES-128-GCM")]
    [InlineData("CHACHA20-POLY1305")]
    public async Task Each_authenticated_cipher(string cipher)
    {
        var tunnel = await Works("sha256", profile => profile.With($"data-ciphers {cipher}"));
        tunnel.Cipher.ShouldStartWith(cipher);
    }

    [NetworkTheory]
    [InlineData("sha1", "AES-256-CBC", "udp4")]
    [InlineData("sha1", "AES-128-CBC", "udp4")]
    [InlineData("sha256", "AES-256-CBC", "udp4")]
    [InlineData("sha256", "AES-128-CBC", "tcp4")]
    [InlineData("sha512", "AES-256-CBC", "udp4")]
    [InlineData("sha512", "AES-128-CBC", "udp4")]
    public async Task CBC_with_each_digest_where_the_network_opts_in(string network, string cipher, string protocol)
    {
        var tunnel = await Works(
            network, profile => profile.Dialing(Topology.GatewayV4, protocol).With($"data-ciphers {cipher}", $"auth {network.ToUpperInvariant()}"));
        tunnel.Cipher.ShouldStartWith(cipher);
    }

    [NetworkFact]
    public Task A_client_in_compat_mode_2_4_0() => Works("sha256", profile => profile.With("compat-mode 2.4.0"));

    [NetworkFact]
    public async Task A_client_in_compat_mode_2_3_0_with_one_cipher_and_TLS_1_2()
    {
        var tunnel = await Works(
            "sha1",
            profile => profile.With("compat-mode 2.3.0", "cipher AES-256-CBC", "data-ciphers AES-256-CBC", "auth SHA1", "tls-version-max 1.2"),
            new ProfileRequest { Wrapping = "tls-auth" });
        tunnel.Cipher.ShouldStartWith("AES-256-CBC");
    }

    [NetworkFact]
    public async Task TLS_1_2_only()
    {
        var tunnel = await Works("sha256", profile => profile.With("tls-version-max 1.2"));
        tunnel.Tls.ShouldStartWith("TLSv1.2");
    }

    [NetworkFact]
    public async Task A_network_with_TLS_1_3_alone_takes_a_client_that_has_it_and_no_other()
    {
        var name = NewName();
        var text = (await fleet.AddDevice(name, "modern")).Profile!.Text;
        using (var older = new OpenVpnProcess(fleet.NewHost($"{name}-older"), text.With("tls-version-min 1.2", "tls-version-max 1.2")))
        {
            await older.WaitForLine("TLS Error|TLS_ERROR", seconds: 30);
            older.Connections.ShouldBe(0, older.Log);
            older.Stop();
        }

        await fleet.UntilEvent("handshake.failed", name);
        using var client = new OpenVpnProcess(fleet.NewHost(name), text);
        await fleet.Connected(client);
        (await fleet.UntilTunnel(name, "modern", found => found is not null))!.Tls.ShouldStartWith("TLSv1.3");
        client.Count("Control Channel: TLSv1.3").ShouldBe(1, client.Log);
    }

    [NetworkTheory]
    [InlineData("password")]
    [InlineData("both")]
    public Task A_user_name_and_password_alone_and_beside_a_certificate(string network) => Works(network, profile => profile);

    [NetworkTheory]
    [InlineData("comp-lzo no")]
    [InlineData("comp-lzo adaptive")]
    [InlineData("compress stub-v2")]
    [InlineData("compress stub")]
    [InlineData("compress lz4-v2")]
    public Task Compression_framing_is_accepted(string option) => Works("sha256", profile => profile.With(option, "allow-compression asym"));

    [NetworkFact]
    public async Task Networks_with_the_same_prefix_do_not_meet()
    {
        var names = new[] { NewName(), NewName() };
        var left = await fleet.AddAllowedDevice(names[0], "sha1");
        var right = await fleet.AddAllowedDevice(names[1], "sha512");
        var leftHost = fleet.NewHost(names[0]);
        var rightHost = fleet.NewHost(names[1]);
        using var leftClient = new OpenVpnProcess(leftHost, left);
        using var rightClient = new OpenVpnProcess(rightHost, right);
        await fleet.Connected(leftClient);
        await fleet.Connected(rightClient);

        var atLeft = fleet.Sites["sha1"].Application.Tcp.Accepted;
        var atRight = fleet.Sites["sha512"].Application.Tcp.Accepted;
        (await Dial.Tcp(leftHost, Topology.Application, TestApplication.Port)).Outcome.ShouldBe(DialOutcome.Connected);
        fleet.Sites["sha1"].Application.Tcp.Accepted.ShouldBe(atLeft + 1);
        fleet.Sites["sha512"].Application.Tcp.Accepted.ShouldBe(atRight);
        (await Dial.Tcp(rightHost, Topology.Application, TestApplication.Port)).Outcome.ShouldBe(DialOutcome.Connected);
        fleet.Sites["sha1"].Application.Tcp.Accepted.ShouldBe(atLeft + 1);
        fleet.Sites["sha512"].Application.Tcp.Accepted.ShouldBe(atRight + 1);
    }

    [NetworkFact]
    public async Task Large_packets_pass_in_every_direction_and_transport()
    {
        var name = NewName();
        var text = await fleet.AddAllowedDevice(name, "sha256");
        var host = fleet.NewHost(name);
        foreach (var protocol in new[] { "udp4", "tcp4" })
        {
            using var client = new OpenVpnProcess(host, text.Dialing(Topology.GatewayV4, protocol));
            await fleet.Connected(client);
            await using var bulk = await TcpStream.Open(host, Topology.Application, TestApplication.Port, chunkBytes: 200_000, paceMs: 1);
            await bulk.Progress(4_000_000);
            await using var datagrams = new UdpStream(host, Topology.Application, TestApplication.Port, size: 1400, paceMs: 20);
            await Eventually.True(() => datagrams.Received > 5, "datagrams of 1400 bytes");
            client.Stop();
        }
    }

    private static string NewName() => $"device-{Interlocked.Increment(ref made)}";

    private async Task<TunnelInfo> Works(string network, Func<string, string> edit, ProfileRequest? request = null)
    {
        var name = NewName();
        var text = edit(await fleet.AddAllowedDevice(name, network, request));
        var host = fleet.NewHost(name);
        using var client = new OpenVpnProcess(host, text);
        await fleet.Connected(client);

        (await Dial.Tcp(host, Topology.Application, TestApplication.Port)).Outcome.ShouldBe(DialOutcome.Connected, client.Log);
        (await Dial.Udp(host, Topology.Application, TestApplication.Port)).Outcome.ShouldBe(DialOutcome.Connected, client.Log);
        (await Pinger.Once(host, Topology.Application)).ShouldBeTrue(client.Log);
        var denied = await Dial.Tcp(host, Topology.Application, TestApplication.OtherPort);
        denied.DeniedAtOnce.ShouldBeTrue($"{denied}\n{client.Log}");

        var tunnel = await fleet.UntilTunnel(name, network, found => found is not null);
        client.Connections.ShouldBe(1, client.Log);
        client.Stop();
        return tunnel!;
    }
}
