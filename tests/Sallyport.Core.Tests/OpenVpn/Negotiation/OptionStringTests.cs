using System.Text;
using Sallyport.Core.Crypto;
using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.OpenVpn.Negotiation;

namespace Sallyport.Core.Tests.OpenVpn.Negotiation;

/// <summary>Strings of stock 2.6.14 are those that it prints at verb 7: its own, and the one that it expects to hear.</summary>
public sealed class OptionStringTests
{
    public static TheoryData<string, string, DataCipher> StockPairs => new()
    {
        {
            "V4,dev-type tun,link-mtu 1541,tun-mtu 1500,proto UDPv4,auth SHA1,keysize 128,key-method 2,tls-client",
            "V4,dev-type tun,link-mtu 1541,tun-mtu 1500,proto UDPv4,auth SHA1,keysize 128,key-method 2,tls-server",
            DataCipher.Aes256Gcm
        },
        {
            "V4,dev-type tun,link-mtu 1551,tun-mtu 1500,proto TCPv4_CLIENT,cipher AES-256-GCM,auth [null-digest],keysize 256,key-method 2,tls-client",
            "V4,dev-type tun,link-mtu 1551,tun-mtu 1500,proto TCPv4_SERVER,cipher AES-256-GCM,auth [null-digest],keysize 256,key-method 2,tls-server",
            DataCipher.Aes256Gcm
        },
        {
            "V4,dev-type tun,link-mtu 1558,tun-mtu 1500,proto UDPv4,comp-lzo,keydir 1,auth SHA1,keysize 256,tls-auth,key-method 2,tls-client",
            "V4,dev-type tun,link-mtu 1558,tun-mtu 1500,proto UDPv4,comp-lzo,keydir 0,auth SHA1,keysize 256,tls-auth,key-method 2,tls-server",
            DataCipher.Aes256Cbc
        },
        {
            "V4,dev-type tun,link-mtu 1601,tun-mtu 1500,proto UDPv4,comp-lzo,auth SHA512,keysize 256,tls-auth,key-method 2,tls-client",
            "V4,dev-type tun,link-mtu 1601,tun-mtu 1500,proto UDPv4,comp-lzo,auth SHA512,keysize 256,tls-auth,key-method 2,tls-server",
            DataCipher.Aes128Gcm
        },
        {
            // 2.4 before its cipher is negotiated: a warning if it heard anything else.
            "V4,dev-type tun,link-mtu 1541,tun-mtu 1500,proto UDPv4,cipher BF-CBC,auth SHA1,keysize 128,key-method 2,tls-client",
            "V4,dev-type tun,link-mtu 1541,tun-mtu 1500,proto UDPv4,cipher BF-CBC,auth SHA1,keysize 128,key-method 2,tls-server",
            DataCipher.Aes256Gcm
        },
    };

    [Theory]
    [MemberData(nameof(StockPairs))]
    public void A_stock_client_hears_exactly_what_it_expects(string sent, string expected, DataCipher negotiated)
    {
        var client = Parse(sent);
        client.Answer(Settings(negotiated) with { Auth = client.Auth }, pushesTunMtu: false).Text.ShouldBe(expected);
    }

    [Fact]
    public void What_would_not_work_is_not_echoed()
    {
        var client = Parse(
            "V4,dev-type tap,link-mtu 1545,tun-mtu 1400,proto UDPv4,mtu-dynamic,cipher AES-256-CBC,auth SHA1,keysize 256,key-method 2,tls-client");
        client.Answer(Settings(DataCipher.Aes256Cbc) with { Auth = HashKind.Sha256 }, pushesTunMtu: false).Text.ShouldBe(
            "V4,dev-type tun,link-mtu 1545,tun-mtu 1500,proto UDPv4,cipher AES-256-CBC,auth SHA256,keysize 256,key-method 2,tls-server");
        client.Answer(Settings(DataCipher.Aes256Cbc), pushesTunMtu: true).TunMtu.ShouldBe(1400);
    }

    public static TheoryData<DataCipher, HashKind, bool, string> Own => new()
    {
        {
            DataCipher.Aes256Gcm, HashKind.Sha256, false,
            "V4,dev-type tun,link-mtu 1549,tun-mtu 1500,proto UDPv4,cipher AES-256-GCM,auth [null-digest],keysize 256,key-method 2,tls-client"
        },
        {
            DataCipher.ChaCha20Poly1305, HashKind.Sha256, true,
            "V4,dev-type tun,link-mtu 1536,tun-mtu 1500,proto TCPv4_CLIENT,cipher CHACHA20-POLY1305,auth [null-digest],keysize 256,key-method 2,tls-client"
        },
    };

    [Theory]
    [MemberData(nameof(Own))]
    public void Our_own_string_is_that_of_a_stock_client(DataCipher cipher, HashKind auth, bool isTcp, string expected) =>
        OptionString.Create(Settings(cipher) with { Auth = auth, IsTcp = isTcp }, isServer: false).Text.ShouldBe(expected);

    [Theory]
    [InlineData(DataCipher.Aes128Cbc, HashKind.Sha256, false, false, 1569)]
    [InlineData(DataCipher.Aes128Cbc, HashKind.Sha256, false, true, 1571)]
    [InlineData(DataCipher.Aes256Cbc, HashKind.Sha1, true, false, 1558)]
    [InlineData(DataCipher.Aes256Cbc, HashKind.Sha512, true, false, 1602)]
    public void Link_mtu_is_reckoned_as_stock_clients_do(DataCipher cipher, HashKind auth, bool compression, bool isTcp, int expected) =>
        OptionString.Create(Settings(cipher) with { Auth = auth, HasCompression = compression, IsTcp = isTcp }, isServer: true)
            .Text.ShouldContain($",link-mtu {expected},");

    [Fact]
    public void A_client_that_says_nothing_hears_our_settings()
    {
        foreach (var sent in new[] { "", "V0 UNDEF" })
        {
            var client = Parse(sent);
            client.IsV4.ShouldBeFalse();
            client.Answer(Settings(DataCipher.Aes256Gcm), pushesTunMtu: false).Text.ShouldBe(
                "V4,dev-type tun,link-mtu 1549,tun-mtu 1500,proto UDPv4,cipher AES-256-GCM,auth [null-digest],keysize 256,key-method 2,tls-server");
        }
    }

    [Fact]
    public void What_decides_about_an_old_client_is_read()
    {
        var client = Parse("V4,dev-type tun,tun-mtu 1500,comp-lzo,mtu-dynamic,keydir 1,cipher AES-128-CBC,auth sha512,tls-auth,tls-client");
        client.DevType.ShouldBe("tun");
        client.TunMtu.ShouldBe(1500);
        client.HasCompression.ShouldBeTrue();
        client.HasFragment.ShouldBeTrue();
        client.HasTlsAuth.ShouldBeTrue();
        client.KeyDirection.ShouldBe(1);
        client.CipherName.ShouldBe("AES-128-CBC");
        client.Auth.ShouldBe(HashKind.Sha512);
        Parse("V4,auth [null-digest]").Auth.ShouldBeNull();
    }

    [Fact]
    public void Items_that_are_no_text_are_left_out() =>
        OptionString.Parse([.. "V4,"u8, 0x1b, .. "x,cipher AES-128-CBC,"u8, 0xff]).Text.ShouldBe("V4,cipher AES-128-CBC");

    private static OptionString Parse(string text) => OptionString.Parse(Encoding.ASCII.GetBytes(text));

    private static OptionSettings Settings(DataCipher cipher) =>
        new(cipher, HashKind.Sha1, HasCompression: false, IsTcp: false, TunMtu: 1500, TlsAuth: false, KeyDirection: null);
}
