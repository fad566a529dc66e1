using System.Numerics;
using Sallyport.Core.Crypto;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Tests.Crypto;

public sealed class KeyExchangeTests
{
    private static readonly KeyExchangeMethod[] Named =
    [
        KeyExchangeMethod.Modp2048, KeyExchangeMethod.Modp3072, KeyExchangeMethod.Modp4096, KeyExchangeMethod.Ecp256, KeyExchangeMethod.Ecp384,
        KeyExchangeMethod.Ecp521, KeyExchangeMethod.X25519, KeyExchangeMethod.MlKem768,
    ];

    public static TheoryData<KeyExchangeMethod> Methods => [.. Named.Where(KeyExchange.IsAvailable)];

    [Theory]
    [MemberData(nameof(Methods))]
    public void Both_sides_come_to_the_same_secret_and_never_to_the_same_twice(KeyExchangeMethod method)
    {
        var secrets = new HashSet<string>();
        for (var i = 0; i < 8; i++)
        {
            using var ours = KeyExchange.Start(method);
            ours.Public.Length.ShouldBe(KeyExchange.InitiatorLength(method));
            KeyExchange.TryRespond(method, ours.Public, out var theirs, out var there).ShouldBeTrue();
            theirs.Length.ShouldBe(KeyExchange.ResponderLength(method));
            ours.TryFinish(theirs, out var here).ShouldBeTrue();
            here.Bytes.SequenceEqual(there.Bytes).ShouldBeTrue();
            secrets.Add(Convert.ToHexStringLower(here.Bytes)).ShouldBeTrue();
            here.Dispose();
            there.Dispose();
        }
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void Cve_2015_3240_keys_of_every_other_length_are_refused_and_the_exchange_can_still_be_finished(KeyExchangeMethod method)
    {
        using var ours = KeyExchange.Start(method);
        KeyExchange.TryRespond(method, ours.Public, out var theirs, out var there).ShouldBeTrue();
        foreach (var length in (int[])[0, 1, theirs.Length - 1, theirs.Length + 1, 2 * theirs.Length, 4096])
        {
            var wrong = new byte[length];
            theirs.AsSpan(0, Math.Min(length, theirs.Length)).CopyTo(wrong);
            ours.TryFinish(wrong, out var none).ShouldBeFalse();
            none.ShouldBeNull();
        }

        foreach (var length in (int[])[0, 1, ours.Public.Length - 1, ours.Public.Length + 1, 4096])
        {
            KeyExchange.TryRespond(method, new byte[length], out var nothing, out var none).ShouldBeFalse();
            (nothing, none).ShouldBe((null, null));
        }

        ours.TryFinish(theirs, out var here).ShouldBeTrue();
        here.Bytes.SequenceEqual(there.Bytes).ShouldBeTrue();
        OpenSsl.ERR_peek_error().ShouldBe((nuint)0);
    }

    [Fact]
    public void Numbers_of_others_are_no_methods()
    {
        // 1025 is a number of strongSwan's own that came in from the wire (CVE-2014-9221); 2 is a group of 1024 bits.
        foreach (var number in (ushort[])[0, 1, 2, 5, 17, 18, 22, 23, 24, 30, 32, 35, 37, 256, 1024, 1025, 65535])
        {
            var method = (KeyExchangeMethod)number;
            KeyExchange.IsAvailable(method).ShouldBeFalse();
            (KeyExchange.InitiatorLength(method), KeyExchange.ResponderLength(method)).ShouldBe((0, 0));
            KeyExchange.TryRespond(method, [], out _, out _).ShouldBeFalse();
            KeyExchange.TryRespond(method, new byte[256], out _, out _).ShouldBeFalse();
            Should.Throw<InvariantException>(() => KeyExchange.Start(method));
        }
    }

    // RFC 5903 section 8.
    [Theory]
    [InlineData(
        KeyExchangeMethod.Ecp256,
        "C88F01F510D9AC3F70A292DAA2316DE544E9AAB8AFE84049C62A9C57862D1433",
        "DAD0B65394221CF9B051E1FECA5787D098DFE637FC90B9EF945D0C37725811805271A0461CDB8252D61F1C456FA3E59AB1F45B33ACCF5F58389E0577B8990BB3",
        "D12DFB5289C8D4F81208B70270398C342296970A0BCCB74C736FC7554494BF6356FBF3CA366CC23E8157854C13C58D6AAC23F046ADA30F8353E74F33039872AB",
        "D6840F6B42F6EDAFD13116E0E12565202FEF8E9ECE7DCE03812464D04B9442DE")]
    [InlineData(
        KeyExchangeMethod.Ecp384,
        "099F3C7034D4A2C699884D73A375A67F7624EF7C6B3C0F160647B67414DCE655E35B538041E649EE3FAEF896783AB194",
        "667842D7D180AC2CDE6F74F37551F55755C7645C20EF73E31634FE72B4C55EE6DE3AC808ACB4BDB4C88732AEE95F41AA"
            + "9482ED1FC0EEB9CAFC4984625CCFC23F65032149E0E144ADA024181535A0F38EEB9FCFF3C2C947DAE69B4C634573A81C",
        "E558DBEF53EECDE3D3FCCFC1AEA08A89A987475D12FD950D83CFA41732BC509D0D1AC43A0336DEF96FDA41D0774A3571"
            + "DCFBEC7AACF3196472169E838430367F66EEBE3C6E70C416DD5F0C68759DD1FFF83FA40142209DFF5EAAD96DB9E6386C",
        "11187331C279962D93D604243FD592CB9D0A926F422E47187521287E7156C5C4D603135569B9E9D09CF5D4A270F59746")]
    [InlineData(
        KeyExchangeMethod.Ecp521,
        "0037ADE9319A89F4DABDB3EF411AACCCA5123C61ACAB57B5393DCE47608172A095AA85A30FE1C2952C6771D937BA9777F5957B2639BAB072462F68C27A57382D4A52",
        "0015417E84DBF28C0AD3C278713349DC7DF153C897A1891BD98BAB4357C9ECBEE1E3BF42E00B8E380AEAE57C2D107564941885942AF5A7F4601723C4195D176CED3E"
            + "017CAE20B6641D2EEB695786D8C946146239D099E18E1D5A514C739D7CB4A10AD8A788015AC405D7799DC75E7B7D5B6CF2261A6A7F1507438BF01BEB6CA3926F9582",
        "00D0B3975AC4B799F5BEA16D5E13E9AF971D5E9B984C9F39728B5E5739735A219B97C356436ADC6E95BB0352F6BE64A6C2912D4EF2D0433CED2B6171640012D9460F"
            + "015C68226383956E3BD066E797B623C27CE0EAC2F551A10C2C724D9852077B87220B6536C5C408A1D2AEBB8E86D678AE49CB57091F4732296579AB44FCD17F0FC56A",
        "01144C7D79AE6956BC8EDB8E7C787C4521CB086FA64407F97894E5E6B2D79B04D1427E73CA4BAA240A34786859810C06B3C715A3A8CC3151F2BEE417996D19F3DDEA")]
    public void Published_ecp_vectors_hold(KeyExchangeMethod method, string ownPrivate, string ownPublic, string peer, string expected)
    {
        using var exchange = OfCurve(method, Convert.FromHexString(ownPrivate), Convert.FromHexString(ownPublic));
        Convert.ToHexString(exchange.Public).ShouldBe(ownPublic);
        exchange.TryFinish(Convert.FromHexString(peer), out var secret).ShouldBeTrue();
        Convert.ToHexString(secret.Bytes).ShouldBe(expected);
    }

    // RFC 7748 section 6.1.
    [Theory]
    [InlineData(
        "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a", "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
        "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f")]
    [InlineData(
        "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb", "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
        "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a")]
    public void Published_x25519_vectors_hold(string ownPrivate, string ownPublic, string peer)
    {
        using var exchange = OfX25519(Convert.FromHexString(ownPrivate), Convert.FromHexString(ownPublic));
        Convert.ToHexStringLower(exchange.Public).ShouldBe(ownPublic);
        exchange.TryFinish(Convert.FromHexString(peer), out var secret).ShouldBeTrue();
        Convert.ToHexStringLower(secret.Bytes).ShouldBe("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
    }

    /// <summary>RFC 7748 section 6.1: points whose order is at most 8 give a secret of zeros, whatever the key.</summary>
    [Theory]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("0100000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800")]
    [InlineData("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157")]
    [InlineData("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")]
    [InlineData("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")]
    [InlineData("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")]
    [InlineData("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff")]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000080")]
    public void Points_of_small_order_are_refused(string point)
    {
        using var exchange = KeyExchange.Start(KeyExchangeMethod.X25519);
        exchange.TryFinish(Convert.FromHexString(point), out _).ShouldBeFalse();
        KeyExchange.TryRespond(KeyExchangeMethod.X25519, Convert.FromHexString(point), out var own, out var secret).ShouldBeFalse();
        (own, secret).ShouldBe((null, null));
        OpenSsl.ERR_peek_error().ShouldBe((nuint)0);
    }

    /// <summary>
    /// The primes are computed here from the digits of pi, as RFC 3526 defines them: what lies next to them tells whether OpenSSL's are the same.
    /// CVE-2026-35332 and CVE-2015-3240: 0, 1, p - 1, p and what is above.
    /// </summary>
    [Theory]
    [InlineData(KeyExchangeMethod.Modp2048, 2048, 124476)]
    [InlineData(KeyExchangeMethod.Modp3072, 3072, 1690314)]
    [InlineData(KeyExchangeMethod.Modp4096, 4096, 240904)]
    public void Numbers_that_are_no_keys_of_a_modp_group_are_refused(KeyExchangeMethod method, int bits, int offset)
    {
        var p = Rfc3526Prime(bits, offset);
        using var exchange = KeyExchange.Start(method);
        foreach (var wrong in (BigInteger[])[0, 1, p - 1, p, p + 1, (BigInteger.One << bits) - 1])
        {
            exchange.TryFinish(Bytes(wrong, bits / 8), out _).ShouldBeFalse();
            KeyExchange.TryRespond(method, Bytes(wrong, bits / 8), out var own, out var none).ShouldBeFalse();
            (own, none).ShouldBe((null, null));
        }

        exchange.TryFinish(Bytes(p - 2, bits / 8), out var last).ShouldBeTrue();
        last.Length.ShouldBe(bits / 8);

        // The generator is 2: its power is our own key, and (p - 2) is minus 2.
        exchange.TryFinish(Bytes(2, bits / 8), out var secret).ShouldBeTrue();
        secret.Bytes.ToArray().ShouldBe(exchange.Public);
        var expected = new BigInteger(exchange.Public, isUnsigned: true, isBigEndian: true);
        new BigInteger(last.Bytes, isUnsigned: true, isBigEndian: true).ShouldBeOneOf(expected, p - expected);
        OpenSsl.ERR_peek_error().ShouldBe((nuint)0);
    }

    [Fact]
    public void Numbers_that_begin_with_zeros_keep_their_length()
    {
        for (var i = 0; i < 20_000; i++)
        {
            using var exchange = KeyExchange.Start(KeyExchangeMethod.Modp2048);
            if (exchange.Public[0] == 0)
            {
                exchange.TryFinish(Bytes(2, 256), out var secret).ShouldBeTrue();
                secret.Bytes.ToArray().ShouldBe(exchange.Public);
                return;
            }
        }

        Assert.Fail("one key in 256 begins with a zero");
    }

    [Theory]
    [InlineData(KeyExchangeMethod.Ecp256)]
    [InlineData(KeyExchangeMethod.Ecp384)]
    [InlineData(KeyExchangeMethod.Ecp521)]
    public void Points_off_the_curve_are_refused(KeyExchangeMethod method)
    {
        using var ours = KeyExchange.Start(method);
        using var theirs = KeyExchange.Start(method);
        var good = theirs.Public;
        foreach (var at in (int[])[0, 1, (good.Length / 2) - 1, good.Length / 2, good.Length - 1])
        {
            byte[] wrong = [.. good];
            wrong[at] ^= 1;
            ours.TryFinish(wrong, out _).ShouldBeFalse();
            KeyExchange.TryRespond(method, wrong, out _, out _).ShouldBeFalse();
        }

        // The point at infinity, as some would write it, and coordinates beyond the prime.
        ours.TryFinish(new byte[good.Length], out _).ShouldBeFalse();
        ours.TryFinish([.. Enumerable.Repeat((byte)0xff, good.Length)], out _).ShouldBeFalse();
        ours.TryFinish(good, out _).ShouldBeTrue();
        OpenSsl.ERR_peek_error().ShouldBe((nuint)0);
    }

    [Fact]
    public void A_point_of_another_curve_is_refused()
    {
        // On brainpoolP256r1, as its generator is (RFC 5639 section 3.4).
        var foreign = Convert.FromHexString(
            "8BD2AEB9CB7E57CB2C4B482FFC81B7AFB9DE27E1E3BD23C23A4453BD9ACE3262547EF835C3DAC4FD97F8461A14611DC9C27745132DED8E545C1D54C72F046997");
        KeyExchange.TryRespond(KeyExchangeMethod.Ecp256, foreign, out _, out _).ShouldBeFalse();
    }

    [Fact]
    public void Ml_kem_is_there_exactly_where_openssl_has_it_and_a_changed_ciphertext_gives_another_secret()
    {
        if (!KeyExchange.IsAvailable(KeyExchangeMethod.MlKem768))
        {
            KeyExchange.TryRespond(KeyExchangeMethod.MlKem768, new byte[1184], out _, out _).ShouldBeFalse();
            Should.Throw<InvariantException>(() => KeyExchange.Start(KeyExchangeMethod.MlKem768));
            OpenSsl.ERR_peek_error().ShouldBe((nuint)0);
            return;
        }

        using var ours = KeyExchange.Start(KeyExchangeMethod.MlKem768);
        KeyExchange.TryRespond(KeyExchangeMethod.MlKem768, ours.Public, out var wrapped, out var there).ShouldBeTrue();
        there.Length.ShouldBe(32);
        wrapped[17] ^= 1;
        ours.TryFinish(wrapped, out var here).ShouldBeTrue();
        here.Bytes.SequenceEqual(there.Bytes).ShouldBeFalse();

        // FIPS 203 section 7.2: coefficients beyond the modulus.
        KeyExchange.TryRespond(KeyExchangeMethod.MlKem768, [.. Enumerable.Repeat((byte)0xff, 1184)], out _, out _).ShouldBeFalse();
    }

    [Fact]
    public void Secrets_are_zeroed_and_not_to_be_read_when_disposed()
    {
        var secret = new SecretBytes([1, 2, 3]);
        var bytes = secret.Span;
        secret.Dispose();
        bytes.ToArray().ShouldBe(new byte[3]);
        Should.Throw<ObjectDisposedException>(() => secret.Bytes.Length);
        var exchange = KeyExchange.Start(KeyExchangeMethod.X25519);
        exchange.Dispose();
        exchange.Dispose();
        Should.Throw<ObjectDisposedException>(() => exchange.TryFinish(new byte[32], out _));
    }

    private static unsafe KeyExchange OfCurve(KeyExchangeMethod method, byte[] ownPrivate, byte[] ownPublic)
    {
        // An unsigned integer of OSSL_PARAM is in the machine's own order.
        byte[] number = [.. ownPrivate.Reverse()];
        byte[] point = [4, .. ownPublic];
        fixed (byte* n = number, p = point)
        {
            var secret = OsslParam.Octets("priv"u8, n, number.Length);
            secret.DataType = 2;
            var group = method == KeyExchangeMethod.Ecp256 ? OsslParam.Text("group"u8, "P-256"u8)
                : method == KeyExchangeMethod.Ecp384 ? OsslParam.Text("group"u8, "P-384"u8) : OsslParam.Text("group"u8, "P-521"u8);
            var parameters = stackalloc[] { group, secret, OsslParam.Octets("pub"u8, p, point.Length), OsslParam.End };
            return new KeyExchange(method, FromData("EC"u8, parameters));
        }
    }

    private static unsafe KeyExchange OfX25519(byte[] ownPrivate, byte[] ownPublic)
    {
        fixed (byte* n = ownPrivate, p = ownPublic)
        {
            var parameters = stackalloc[] { OsslParam.Octets("priv"u8, n, 32), OsslParam.Octets("pub"u8, p, 32), OsslParam.End };
            return new KeyExchange(KeyExchangeMethod.X25519, FromData("X25519"u8, parameters));
        }
    }

    private static unsafe nint FromData(ReadOnlySpan<byte> type, OsslParam* parameters)
    {
        Algorithms.Initialize();
        var context = OpenSsl.EVP_PKEY_CTX_new_from_name(0, OpenSsl.Literal(type), null);
        nint key;
        OpenSsl.EVP_PKEY_fromdata_init(context).ShouldBe(1);
        OpenSsl.EVP_PKEY_fromdata(context, &key, OpenSsl.KeyPair, parameters).ShouldBe(1);
        OpenSsl.EVP_PKEY_CTX_free(context);
        return key;
    }

    private static byte[] Bytes(BigInteger number, int length)
    {
        var bytes = number.ToByteArray(isUnsigned: true, isBigEndian: true);
        return [.. new byte[length - bytes.Length], .. bytes];
    }

    /// <summary>2^n - 2^(n-64) - 1 + 2^64 * ([2^(n-130) pi] + offset).</summary>
    private static BigInteger Rfc3526Prime(int bits, int offset) =>
        (BigInteger.One << bits) - (BigInteger.One << (bits - 64)) - 1 + ((Pi(bits - 130) + offset) << 64);

    /// <summary>[2^bits pi], by Machin's formula.</summary>
    private static BigInteger Pi(int bits)
    {
        const int guard = 64;
        BigInteger ArcCot(int x)
        {
            var term = (BigInteger.One << (bits + guard)) / x;
            var sum = term;
            for (var n = 3; !term.IsZero; n += 2)
            {
                term /= -x * x;
                sum += term / n;
            }

            return sum;
        }

        return ((16 * ArcCot(5)) - (4 * ArcCot(239))) >> guard;
    }
}
