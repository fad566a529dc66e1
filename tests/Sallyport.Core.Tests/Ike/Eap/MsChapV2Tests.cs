using System.Text;
using Sallyport.Core.Crypto;
using Sallyport.Core.Ike.Eap;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Tests.Ike.Eap;

public sealed class MsChapV2Tests
{
    // RFC 2759 section 9.2.
    private static readonly byte[] AuthenticatorChallenge = Convert.FromHexString("5B5D7C7D7B3F2F3E3C2C602132262628");
    private static readonly byte[] PeerChallenge = Convert.FromHexString("21402324255E262A28295F2B3A337C7E");
    private static readonly byte[] Hash = Convert.FromHexString("44EBBA8D5312B8D611474411F56989AE");
    private static readonly byte[] Response = Convert.FromHexString("82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF");

    [Fact]
    public void Md4_is_that_of_rfc_1320()
    {
        MsChapV2.IsAvailable.ShouldBeTrue("the tests run where OpenSSL has its legacy provider");
        foreach (var (text, digest) in (ReadOnlySpan<(string, string)>)
        [
            ("", "31d6cfe0d16ae931b73c59d7e0c089c0"), ("abc", "a448017aaf21d8525fc10ae87aa6729d"), ("message digest", "d9130a8164549fe818874806e1c7014b"),
        ])
        {
            var output = new byte[16];
            LegacyAlgorithms.Md4(Encoding.ASCII.GetBytes(text), output);
            Convert.ToHexStringLower(output).ShouldBe(digest);
        }
    }

    /// <summary>FIPS 81's "Now is the time for all ", with the key 0123456789abcdef, of which 7 bits in 8 count.</summary>
    [Fact]
    public void Des_is_that_of_fips_81()
    {
        var output = new byte[8];
        ulong key = 0;
        foreach (var one in Convert.FromHexString("0123456789abcdef"))
        {
            key = (key << 7) | (uint)(one >> 1);
        }

        LegacyAlgorithms.DesEncrypt(Convert.FromHexString(key.ToString("x14", null)), "Now is t"u8, output);
        Convert.ToHexStringLower(output).ShouldBe("3fa40e8a984d4815");
    }

    [Fact]
    public unsafe void Nothing_else_of_the_process_finds_md4()
    {
        MsChapV2.IsAvailable.ShouldBeTrue();
        OpenSsl.EVP_MD_fetch(0, OpenSsl.Literal("MD4"u8), null).ShouldBe(0);
        OpenSsl.EVP_CIPHER_fetch(0, OpenSsl.Literal("DES-ECB"u8), null).ShouldBe(0);
        OpenSsl.ERR_clear_error();
    }

    [Fact]
    public void Published_vectors_hold()
    {
        var hash = new byte[16];
        MsChapV2.Hash("clientPass", hash);
        hash.ShouldBe(Hash);

        var response = new byte[24];
        MsChapV2.NtResponse(AuthenticatorChallenge, PeerChallenge, "User"u8, hash, response);
        response.ShouldBe(Response);

        var proof = new byte[42];
        MsChapV2.AuthenticatorResponse(AuthenticatorChallenge, PeerChallenge, "User"u8, hash, response, proof);
        Encoding.ASCII.GetString(proof).ShouldBe("S=407A5589115FD0D6209F510FE9C04566932CDA56");

        // RFC 3079 section 3.5.3: the key that the server sends with.
        using var msk = MsChapV2.Msk(hash, response);
        Convert.ToHexString(msk.Bytes[16..32]).ShouldBe("8B7CDC149B993A1BA118CB153F56DCCB");
        msk.Length.ShouldBe(64);
        msk.Bytes[..16].IndexOfAnyExcept((byte)0).ShouldBeGreaterThanOrEqualTo(0);
        msk.Bytes[..16].SequenceEqual(msk.Bytes[16..32]).ShouldBeFalse();
        msk.Bytes[32..].ToArray().ShouldBe(new byte[32]);
    }

    [Fact]
    public void Passwords_of_all_lengths_and_letters_have_a_hash()
    {
        var (empty, umlaut, longest) = (new byte[16], new byte[16], new byte[16]);
        MsChapV2.Hash("", empty);
        Convert.ToHexStringLower(empty).ShouldBe("31d6cfe0d16ae931b73c59d7e0c089c0");
        MsChapV2.Hash("pässwörd", umlaut);
        umlaut.ShouldNotBe(empty);
        MsChapV2.Hash(new string('x', MsChapV2.MaxPassword), longest);
        longest.ShouldNotBe(empty);
        Should.Throw<InvariantException>(() => MsChapV2.Hash(new string('x', MsChapV2.MaxPassword + 1), longest));
    }

    [Theory]
    [InlineData("user", "user")]
    [InlineData(@"PLANT\user", "user")]
    [InlineData(@"A\B\user", "user")]
    [InlineData(@"PLANT\", "")]
    public void Domains_are_no_part_of_what_is_hashed(string name, string expected) =>
        Encoding.ASCII.GetString(MsChapV2.WithoutDomain(Encoding.ASCII.GetBytes(name))).ShouldBe(expected);
}
