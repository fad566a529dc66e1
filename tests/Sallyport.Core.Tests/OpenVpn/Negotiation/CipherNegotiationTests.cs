using System.Text;
using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.OpenVpn.Negotiation;

namespace Sallyport.Core.Tests.OpenVpn.Negotiation;

public sealed class CipherNegotiationTests
{
    private const string Default = "AES-256-GCM:AES-128-GCM:CHACHA20-POLY1305";
    private const string WithCbc = Default + ":AES-256-CBC:AES-128-CBC";
    private const string Stock26 = "IV_NCP=2\nIV_CIPHERS=AES-256-GCM:AES-128-GCM:CHACHA20-POLY1305\nIV_PROTO=990\n";

    [Theory]
    // 2.3 and MikroTik: the option string alone, never pushed.
    [InlineData(WithCbc, "", "AES-256-CBC", null, CipherOrigin.Implied, DataCipher.Aes256Cbc)]
    [InlineData(WithCbc, "", "aes-128-cbc", null, CipherOrigin.Implied, DataCipher.Aes128Cbc)]
    [InlineData(Default, "", "AES-256-GCM", null, CipherOrigin.Implied, DataCipher.Aes256Gcm)]
    [InlineData(Default, "", "AES-256-CBC", null, CipherOrigin.NoSharedCipher, default(DataCipher))]
    [InlineData(WithCbc, "", "BF-CBC", null, CipherOrigin.NoSharedCipher, default(DataCipher))]
    [InlineData(WithCbc, "", "[null-cipher]", "AES-256-CBC", CipherOrigin.NoSharedCipher, default(DataCipher))]
    // Nothing known at all: the fallback, where there is one.
    [InlineData(Default, "", null, "AES-256-CBC", CipherOrigin.Fallback, DataCipher.Aes256Cbc)]
    [InlineData(Default, "", null, null, CipherOrigin.NoSharedCipher, default(DataCipher))]
    [InlineData(Default, "", "AES-256-CBC", "AES-256-CBC", CipherOrigin.Fallback, DataCipher.Aes256Cbc)]
    [InlineData(Default, "", "AES-128-CBC", "AES-256-CBC", CipherOrigin.NoSharedCipher, default(DataCipher))]
    [InlineData(Default, "", "BF-CBC", "AES-256-CBC", CipherOrigin.NoSharedCipher, default(DataCipher))]
    // 2.4.0 to 2.4.9: IV_NCP=2 implies the GCM pair, beside its own cipher.
    [InlineData(Default, "IV_NCP=2\nIV_PROTO=2\n", "BF-CBC", null, CipherOrigin.Pushed, DataCipher.Aes256Gcm)]
    [InlineData("CHACHA20-POLY1305:AES-128-GCM", "IV_NCP=2\n", "BF-CBC", null, CipherOrigin.Pushed, DataCipher.Aes128Gcm)]
    [InlineData("AES-256-CBC:AES-256-GCM", "IV_NCP=2\n", "AES-256-CBC", null, CipherOrigin.Pushed, DataCipher.Aes256Cbc)]
    [InlineData("CHACHA20-POLY1305", "IV_NCP=2\n", "BF-CBC", "AES-256-CBC", CipherOrigin.NoSharedCipher, default(DataCipher))]
    [InlineData(Default, "IV_NCP=1\n", "BF-CBC", null, CipherOrigin.NoSharedCipher, default(DataCipher))]
    // 2.4.10 on: IV_CIPHERS, which makes the option string irrelevant.
    [InlineData(WithCbc, "IV_NCP=2\nIV_CIPHERS=AES-128-GCM:AES-256-CBC\n", "AES-256-CBC", null, CipherOrigin.Pushed, DataCipher.Aes128Gcm)]
    [InlineData("AES-256-CBC:AES-128-GCM", "IV_NCP=2\nIV_CIPHERS=AES-128-GCM:AES-256-CBC\n", null, null, CipherOrigin.Pushed, DataCipher.Aes256Cbc)]
    [InlineData("AES-128-CBC", "IV_NCP=2\nIV_CIPHERS=AES-256-GCM\n", "AES-128-CBC", "AES-128-CBC", CipherOrigin.NoSharedCipher, default(DataCipher))]
    [InlineData("AES-256-GCM", "IV_CIPHERS=\n", "AES-256-GCM", null, CipherOrigin.NoSharedCipher, default(DataCipher))]
    // 2.5, 2.6 and 2.7.
    [InlineData(Default, "IV_CIPHERS=AES-256-GCM:AES-128-GCM\nIV_PROTO=6\nIV_NCP=2\n", null, null, CipherOrigin.Pushed, DataCipher.Aes256Gcm)]
    [InlineData(Default, Stock26, null, null, CipherOrigin.Pushed, DataCipher.Aes256Gcm)]
    [InlineData("CHACHA20-POLY1305:AES-256-GCM", Stock26, null, null, CipherOrigin.Pushed, DataCipher.ChaCha20Poly1305)]
    [InlineData("AES-256-CBC", Stock26, "AES-256-CBC", "AES-256-CBC", CipherOrigin.NoSharedCipher, default(DataCipher))]
    public void The_servers_order_decides_among_what_the_client_takes(
        string offered, string peerInfo, string? configured, string? fallback, CipherOrigin origin, DataCipher cipher)
    {
        var options = configured is null ? "V4,dev-type tun" : "V4,dev-type tun,cipher " + configured;
        DataCipher? last = fallback is null ? null : Cipher(fallback);
        CipherNegotiation.Choose(
            [.. offered.Split(':').Select(Cipher)],
            PeerInfo.Parse(Encoding.ASCII.GetBytes(peerInfo)),
            OptionString.Parse(Encoding.ASCII.GetBytes(options)),
            last).ShouldBe(new CipherDecision(origin, cipher));
    }

    [Theory]
    [InlineData("V4,cipher AES-256-GCM", "IV_COMP_STUBv2=1\n", CompressionFraming.None)]
    [InlineData("V4,comp-lzo", "IV_COMP_STUB=1\nIV_COMP_STUBv2=1\n", CompressionFraming.StubV2)]
    [InlineData("V4,comp-lzo", "IV_LZO=1\n", CompressionFraming.Lzo)]
    [InlineData("V4,comp-lzo", "", CompressionFraming.Lzo)]
    public void Compression_becomes_framing_without_compression(string options, string peerInfo, CompressionFraming expected) =>
        CompressionNegotiation.Choose(
            PeerInfo.Parse(Encoding.ASCII.GetBytes(peerInfo)), OptionString.Parse(Encoding.ASCII.GetBytes(options))).ShouldBe(expected);

    private static DataCipher Cipher(string name) =>
        DataCiphers.TryParse(name, out var cipher) ? cipher : throw new ArgumentException(name);
}
