using System.Text;
using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.OpenVpn.Negotiation;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Tests.OpenVpn.Negotiation;

public sealed class PushReplyTests
{
    private static readonly PushOptions Full = new()
    {
        TopologySubnet = true,
        RouteGateway = IpAddress.Parse("10.20.0.1"),
        Ifconfig = Ifconfig.Subnet(IpAddress.Parse("10.20.3.7"), 16),
        Ifconfig6 = new Ifconfig6(IpAddress.Parse("fd00:20::307"), 64, IpAddress.Parse("fd00:20::1")),
        TunMtu = 1420,
        Routes = [IpPrefix.Parse("192.168.8.0/22"), IpPrefix.Parse("0.0.0.0/0"), IpPrefix.Parse("fd00:8::/48")],
        DnsServers = [IpAddress.Parse("10.20.0.2"), IpAddress.Parse("fd00:20::2")],
        PingSeconds = 25,
        PingRestartSeconds = 120,
        PeerId = 70_001,
        Cipher = DataCipher.Aes256Gcm,
        ProtocolFlags = ProtocolFlags.CcExit | ProtocolFlags.TlsEkm | ProtocolFlags.DynTlsCrypt,
        KeyDerivationTlsEkm = true,
        Compression = CompressionFraming.StubV2,
        ExplicitExitNotify = 1,
        AuthToken = "SESS_ID_AT_abc+/",
    };

    [Fact]
    public void Options_are_spelled_as_clients_know_them() => PushReply.Write(Full).ShouldHaveSingleItem().ShouldBe(
        "PUSH_REPLY,topology subnet,route-gateway 10.20.0.1,ifconfig 10.20.3.7 255.255.0.0,ifconfig-ipv6 fd00:20::307/64 fd00:20::1,"
        + "tun-mtu 1420,route 192.168.8.0 255.255.252.0,route 0.0.0.0 0.0.0.0,route-ipv6 fd00:8::/48,"
        + "dhcp-option DNS 10.20.0.2,dhcp-option DNS6 fd00:20::2,ping 25,ping-restart 120,peer-id 70001,cipher AES-256-GCM,"
        + "protocol-flags cc-exit tls-ekm dyn-tls-crypt,key-derivation tls-ekm,compress stub-v2,explicit-exit-notify 1,"
        + "auth-token SESS_ID_AT_abc+/");

    [Theory]
    [InlineData(CompressionFraming.Lzo, "PUSH_REPLY,comp-lzo no")]
    [InlineData(CompressionFraming.StubSwap, "PUSH_REPLY,compress")]
    [InlineData(CompressionFraming.StubV2, "PUSH_REPLY,compress stub-v2")]
    [InlineData(CompressionFraming.None, "PUSH_REPLY")]
    public void Framing_is_pushed_by_its_option(CompressionFraming framing, string expected) =>
        PushReply.Write(new PushOptions { Compression = framing }).ShouldHaveSingleItem().ShouldBe(expected);

    [Fact]
    public void A_renewed_token_travels_alone() =>
        PushReply.Write(new PushOptions { AuthToken = "T" }).ShouldHaveSingleItem().ShouldBe("PUSH_REPLY,auth-token T");

    [Fact]
    public void A_client_reads_what_a_server_writes()
    {
        var reader = new PushReplyReader();
        Read(reader, PushReply.Write(Full)[0]).ShouldBe(PushReadStatus.Complete);
        reader.Options.Unknown.ShouldBeEmpty();
        PushReply.Write(reader.Options).ShouldBe(PushReply.Write(Full));
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(14, 1)]
    [InlineData(27, 2)]
    [InlineData(300, 11)]
    public void Long_replies_are_split_below_1024_bytes_and_joined_again(int routes, int parts)
    {
        var options = Full with { Routes = [.. Enumerable.Range(0, routes).Select(i => IpPrefix.Host(IpAddress.FromV4(0xac1f_0000 + (uint)i)))] };
        var written = PushReply.Write(options);
        written.Count.ShouldBe(parts);
        var reader = new PushReplyReader();
        for (var i = 0; i < written.Count; i++)
        {
            (Encoding.UTF8.GetByteCount(written[i]) + 1).ShouldBeLessThanOrEqualTo(NegotiationLimits.PushPartMax);
            var last = i == written.Count - 1;
            written[i].EndsWith(",push-continuation 2", StringComparison.Ordinal).ShouldBe(!last);
            written[i].EndsWith(",push-continuation 1", StringComparison.Ordinal).ShouldBe(last && parts > 1);
            Read(reader, written[i]).ShouldBe(last ? PushReadStatus.Complete : PushReadStatus.More);
        }

        reader.Options.Routes.ShouldBe(options.Routes);
        reader.Options.Unknown.ShouldBeEmpty();
    }

    [Fact]
    public void A_part_is_filled_to_its_last_byte_and_not_beyond()
    {
        for (var length = 900; length <= 981; length++)
        {
            var parts = PushReply.Write(new PushOptions { AuthToken = new string('t', length), PingSeconds = 10 });
            parts.ShouldAllBe(part => part.Length < NegotiationLimits.PushPartMax);
        }
    }

    [Theory]
    [InlineData("a,route 0.0.0.0 0.0.0.0")]
    [InlineData("a\nb")]
    [InlineData("a b")]
    [InlineData("\u00e4")]
    [InlineData("a\0")]
    public void Nothing_smuggles_an_option_in(string token) =>
        Should.Throw<InvariantException>(() => PushReply.Write(new PushOptions { AuthToken = token }));

    [Fact]
    public void Numbers_beyond_their_range_are_refused()
    {
        Should.Throw<InvariantException>(() => PushReply.Write(new PushOptions { PeerId = 0xff_ffff }));
        Should.Throw<InvariantException>(() => PushReply.Write(new PushOptions { PingRestartSeconds = 43_201 }));
        Should.Throw<InvariantException>(() => PushReply.Write(new PushOptions { TunMtu = 67 }));
        Should.Throw<InvariantException>(() => PushReply.Write(new PushOptions { RouteGateway = IpAddress.Parse("::1") }));
    }

    [Fact]
    public void What_a_client_does_not_understand_it_keeps_as_text()
    {
        var reader = new PushReplyReader();
        Read(reader, "PUSH_REPLY,route 10.0.0.0 255.0.255.0,route 10.0.0.1 255.255.255.0,route 10.1.0.0,route 10.2.0.0 255.255.0.0 net_gateway,"
            + "ping x,ping 99999999999,peer-id 16777215,cipher BF-CBC,protocol-flags cc-exit warp,ifconfig 1.2.3.4,up /bin/sh,ifconfig-ipv6 ::1 ::2,"
            + "topology subnet").ShouldBe(PushReadStatus.Complete);
        reader.Options.Routes.ShouldBe([IpPrefix.Parse("10.1.0.0/32")]);
        reader.Options.TopologySubnet.ShouldBeTrue();
        reader.Options.Unknown.Count.ShouldBe(11);
        reader.Options.ProtocolFlags.ShouldBe(ProtocolFlags.None);
    }

    [Fact]
    public void Topology_net30_gives_the_other_end()
    {
        var reader = new PushReplyReader();
        Read(reader, "PUSH_REPLY,topology net30,ifconfig 10.8.0.6 10.8.0.5").ShouldBe(PushReadStatus.Complete);
        reader.Options.TopologySubnet.ShouldBeFalse();
        reader.Options.Ifconfig.ShouldBe(new Ifconfig(IpAddress.Parse("10.8.0.6"), IpAddress.Parse("10.8.0.5")));
    }

    [Fact]
    public void Endless_parts_and_options_are_refused()
    {
        var parts = new PushReplyReader();
        for (var i = 0; i < NegotiationLimits.PushPartsMax; i++)
        {
            Read(parts, "PUSH_REPLY,ping 1,push-continuation 2").ShouldBe(PushReadStatus.More);
        }

        Read(parts, "PUSH_REPLY,ping 1,push-continuation 2").ShouldBe(PushReadStatus.TooMuch);

        var options = new PushReplyReader();
        Read(options, "PUSH_REPLY" + string.Concat(Enumerable.Repeat(",x", NegotiationLimits.PushOptionsMax + 1))).ShouldBe(PushReadStatus.TooMuch);
        options.Options.Unknown.Count.ShouldBe(NegotiationLimits.PushOptionsMax);
    }

    [Fact]
    public void Mutated_replies_never_throw()
    {
        var entropy = new SeededEntropy(5);
        var valid = Encoding.ASCII.GetBytes(PushReply.Write(Full)[0]);
        for (var i = 0; i < 20_000; i++)
        {
            ReadOnlySpan<byte> record = Mutations.Mutate(valid, entropy);
            var reader = new PushReplyReader();
            while (ControlMessage.TryTakeNext(ref record, out var message))
            {
                if (message.Kind == ControlMessageKind.PushReply)
                {
                    reader.Add(message);
                }
            }

            // What was understood can be said again.
            PushReply.Write(reader.Options with { AuthToken = null }).ShouldNotBeEmpty();
        }
    }

    [Fact]
    public void Options_do_not_print_their_token() => Full.ToString().ShouldNotContain("SESS");

    private static PushReadStatus Read(PushReplyReader reader, string text)
    {
        ReadOnlySpan<byte> record = Encoding.ASCII.GetBytes(text + "\0");
        ControlMessage.TryTakeNext(ref record, out var message).ShouldBeTrue();
        return reader.Add(message);
    }
}
