using System.Security.Cryptography;
using Sallyport.Core.Crypto;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Tests.Crypto;

public sealed class KeyDerivationTests
{
    private static byte[] Counting(int from, int count) => [.. Enumerable.Range(from, count).Select(i => (byte)i)];

    // openssl kdf -keylen 96 -kdfopt digest:MD5-SHA1 -kdfopt hexsecret:000102..2f -kdfopt hexseed:<label><40..7f> TLS1-PRF
    [Fact]
    public void The_tls1_prf_gives_what_the_openssl_tool_gives()
    {
        var output = new byte[96];
        Tls1Prf.Derive(Counting(0, 48), "OpenVPN master secret"u8, Counting(64, 64), output);
        Convert.ToHexStringLower(output).ShouldBe("0520ed5bef47cd2c1a5bc0e84254a42563fd7fd5caf5ccac49be59e7a71461ae9c6876df8467a4fa34cbe95fdc22977f"
            + "12bb2eb615993f5e060b64ba6f0559757f494c050bb98b353e228d656592a3b72bd9dcf2a8f13b7008a62753984cada2");
    }

    // The same tool, secret aabbccddee and the label as the whole seed; an odd secret shares its middle byte between the halves.
    [Fact]
    public void The_tls1_prf_takes_an_odd_secret_and_a_label_without_a_seed()
    {
        var output = new byte[20];
        Tls1Prf.Derive([0xaa, 0xbb, 0xcc, 0xdd, 0xee], "only a label"u8, default, output);
        Convert.ToHexStringLower(output).ShouldBe("49a0abd038751d9687b7047ececc41199dd8d909");
        Tls1Prf.Derive([0xaa, 0xbb, 0xcc, 0xdd, 0xee], default, "only a label"u8, output);
        Convert.ToHexStringLower(output).ShouldBe("49a0abd038751d9687b7047ececc41199dd8d909");
    }

    // RFC 5869 appendix A.1 and A.3.
    [Theory]
    [InlineData(
        "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5", "f0f1f2f3f4f5f6f7f8f9",
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865")]
    [InlineData(
        "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04", "",
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8")]
    public void Published_hkdf_vectors_hold(string prk, string info, string okm)
    {
        var output = new byte[42];
        HkdfExpand.Derive(HashKind.Sha256, Convert.FromHexString(prk), Convert.FromHexString(info), output);
        Convert.ToHexStringLower(output).ShouldBe(okm);
    }

    [Theory]
    [InlineData(HashKind.Sha1)]
    [InlineData(HashKind.Sha256)]
    [InlineData(HashKind.Sha384)]
    [InlineData(HashKind.Sha512)]
    public void Hkdf_agrees_with_dotnet_for_all_lengths(HashKind hash)
    {
        var random = new SeededBytes(5869);
        for (var length = 1; length <= 255 * hash.Length(); length += 331)
        {
            var prk = random.Take(hash.Length());
            var info = random.Take(length % 80);
            var name = new HashAlgorithmName(hash.ToString().ToUpperInvariant());
            var output = new byte[length];
            HkdfExpand.Derive(hash, prk, info, output);
            output.ShouldBe(HKDF.Expand(name, prk, length, info));
        }
    }

    [Fact]
    public void Lengths_beyond_the_specification_are_bugs()
    {
        Should.Throw<InvariantException>(() => HkdfExpand.Derive(HashKind.Sha256, new byte[32], default, new byte[(255 * 32) + 1]));
        Should.Throw<InvariantException>(() => HkdfExpand.Derive(HashKind.Sha256, default, default, new byte[32]));
        Should.Throw<InvariantException>(() => Tls1Prf.Derive(default, "label"u8, default, new byte[32]));
        Should.Throw<InvariantException>(() => Tls1Prf.Derive(new byte[48], "label"u8, new byte[1024], new byte[32]));
        OpenSsl.ERR_peek_error().ShouldBe((nuint)0);
    }

    [Fact]
    public void The_largest_inputs_named_as_allowed_are_allowed()
    {
        Tls1Prf.Derive(new byte[48], default, new byte[Tls1Prf.MaxLabelAndSeed], new byte[256]);
        HkdfExpand.Derive(HashKind.Sha256, new byte[32], new byte[HkdfExpand.MaxInfo], new byte[32]);
        OpenSsl.ERR_peek_error().ShouldBe((nuint)0);
    }
}
