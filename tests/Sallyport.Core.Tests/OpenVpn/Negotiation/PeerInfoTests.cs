using System.Text;
using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.OpenVpn.Negotiation;

namespace Sallyport.Core.Tests.OpenVpn.Negotiation;

public sealed class PeerInfoTests
{
    [Fact]
    public void What_a_2_6_client_says_is_understood()
    {
        var info = Parse(
            "IV_VER=2.6.14\nIV_PLAT=linux\nIV_TCPNL=1\nIV_MTU=1600\nIV_NCP=2\nIV_CIPHERS=AES-256-GCM:AES-128-GCM:CHACHA20-POLY1305\n"
            + "IV_PROTO=990\nIV_LZO_STUB=1\nIV_COMP_STUB=1\nIV_COMP_STUBv2=1\nUV_SITE=north\n");
        info.Version.ShouldBe("2.6.14");
        info.Platform.ShouldBe("linux");
        info.MaxTunMtu.ShouldBe(1600);
        info.Ncp.ShouldBe(2);
        info.SupportsNcp.ShouldBeTrue();
        info.Ciphers.ShouldBe([DataCipher.Aes256Gcm, DataCipher.Aes128Gcm, DataCipher.ChaCha20Poly1305]);
        info.Proto.ShouldBe(
            IvProto.DataV2 | IvProto.RequestPush | IvProto.TlsKeyExport | IvProto.AuthPendingKw | IvProto.DnsOption
            | IvProto.CcExitNotify | IvProto.AuthFailTemp | IvProto.DynTlsCrypt);
        info.SupportsStubV2.ShouldBeTrue();
        info.SupportsLzoFraming.ShouldBeTrue();
        info.TcpNonLinear.ShouldBeTrue();
        info.Find("UV_SITE").ShouldBe("north");
        info.RefusedLines.ShouldBe(0);
    }

    [Theory]
    [InlineData(2u, IvProto.DataV2)]
    [InlineData(6u, IvProto.DataV2 | IvProto.RequestPush)]
    [InlineData(8094u, IvProto.DataV2 | IvProto.RequestPush | IvProto.TlsKeyExport | IvProto.AuthPendingKw | IvProto.CcExitNotify
        | IvProto.AuthFailTemp | IvProto.DynTlsCrypt | IvProto.DataEpoch | IvProto.DnsOptionV2 | IvProto.PushUpdate)]
    public void Proto_bits_of_known_versions_have_their_names(uint sent, IvProto expected) =>
        Parse($"IV_PROTO={sent}\n").Proto.ShouldBe(expected);

    [Fact]
    public void Nothing_said_means_nothing_known()
    {
        var info = Parse("");
        info.Proto.ShouldBe(IvProto.None);
        info.Ciphers.ShouldBeNull();
        info.MaxTunMtu.ShouldBeNull();
        info.SupportsNcp.ShouldBeFalse();
    }

    [Theory]
    [InlineData("IV_PROTO=-1\n")]
    [InlineData("IV_PROTO=99999999999999\n")]
    [InlineData("IV_PROTO= 2\n")]
    [InlineData("IV_PROTO=\n")]
    public void Numbers_that_are_none_count_as_not_sent(string text) => Parse(text).Proto.ShouldBe(IvProto.None);

    [Fact]
    public void Hostile_lines_are_left_out_and_the_rest_counts()
    {
        var info = Parse("IV_VER=2.6\u001b[31m\nnot a line\n=x\nIV PLAT=linux\nIV_PLAT=lin\u202eux\nIV_NCP=2\r\n\n");
        info.Lines.ShouldBe([new PeerInfoLine("IV_NCP", "2")]);
        info.RefusedLines.ShouldBe(5);
    }

    [Fact]
    public void Lines_and_length_are_bounded()
    {
        var many = Parse(string.Concat(Enumerable.Range(0, 100).Select(i => $"UV_{i}=x\n")));
        many.Lines.Count.ShouldBe(NegotiationLimits.PeerInfoLinesMax);
        many.RefusedLines.ShouldBe(36);

        var longText = Parse("IV_NCP=2\nUV_A=" + new string('a', 3000) + "\n");
        longText.Lines.ShouldBe([new PeerInfoLine("IV_NCP", "2")]);

        Parse("IV_CIPHERS=" + string.Join(':', Enumerable.Repeat("AES-256-GCM", 60)) + "\n").Ciphers!.Count
            .ShouldBe(NegotiationLimits.CiphersMax);
    }

    [Fact]
    public void The_first_of_several_counts() => Parse("IV_NCP=2\nIV_NCP=0\n").Ncp.ShouldBe(2);

    [Fact]
    public void Our_client_writes_what_a_server_reads()
    {
        var info = PeerInfo.Of(new PeerInfoLine("IV_VER", "2.6.14"), new PeerInfoLine("IV_CIPHERS", "AES-256-GCM:BF-CBC"));
        info.Write().ShouldBe("IV_VER=2.6.14\nIV_CIPHERS=AES-256-GCM:BF-CBC\n");
        Parse(info.Write()).Ciphers.ShouldBe([DataCipher.Aes256Gcm]);
    }

    private static PeerInfo Parse(string text) => PeerInfo.Parse(Encoding.UTF8.GetBytes(text));
}
