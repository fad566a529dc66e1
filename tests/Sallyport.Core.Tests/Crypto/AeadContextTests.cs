using System.Security.Cryptography;
using System.Text;
using Sallyport.Core.Crypto;
using Sallyport.Core.Primitives;
using Sallyport.Core.Tests.OpenVpn;

namespace Sallyport.Core.Tests.Crypto;

public sealed class AeadContextTests
{
    // AES-GCM: test cases 1 to 4 and 13 to 16 of the GCM specification (McGrew and Viega) that SP 800-38D refers to.
    private const string GcmText =
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";

    private const string GcmAad = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
    private const string GcmNonce = "cafebabefacedbaddecaf888";

    // RFC 8439 section 2.8.2.
    private const string ChaChaText =
        "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.";

    public static TheoryData<AeadAlgorithm, string, string, string, string, string, string> Vectors => new()
    {
        { AeadAlgorithm.Aes128Gcm, new string('0', 32), new string('0', 24), "", "", "", "58e2fccefa7e3061367f1d57a4e7455a" },
        {
            AeadAlgorithm.Aes128Gcm, new string('0', 32), new string('0', 24), "", new string('0', 32),
            "0388dace60b6a392f328c2b971b2fe78", "ab6e47d42cec13bdf53a67b21257bddf"
        },
        {
            AeadAlgorithm.Aes128Gcm, "feffe9928665731c6d6a8f9467308308", GcmNonce, GcmAad, GcmText,
            "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091",
            "5bc94fbc3221a5db94fae95ae7121a47"
        },
        { AeadAlgorithm.Aes256Gcm, new string('0', 64), new string('0', 24), "", "", "", "530f8afbc74536b9a963b4f1c4cb738b" },
        {
            AeadAlgorithm.Aes256Gcm, new string('0', 64), new string('0', 24), "", new string('0', 32),
            "cea7403d4d606b6e074ec5d3baf39d18", "d0d1c8a799996bf0265b98b5d48ab919"
        },
        {
            AeadAlgorithm.Aes256Gcm, "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", GcmNonce, GcmAad, GcmText,
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
            "76fc6ece0f4e1768cddf8853bb2d551b"
        },
        {
            AeadAlgorithm.ChaCha20Poly1305, "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f", "070000004041424344454647",
            "50515253c0c1c2c3c4c5c6c7", Convert.ToHexStringLower(Encoding.ASCII.GetBytes(ChaChaText)),
            "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36"
            + "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b6116",
            "1ae10b594f09e26a7e902ecbd0600691"
        },
    };

    [Theory]
    [InlineData(AeadAlgorithm.Aes128Gcm)]
    [InlineData(AeadAlgorithm.Aes256Gcm)]
    [InlineData(AeadAlgorithm.ChaCha20Poly1305)]
    public unsafe void The_providers_functions_seal_and_open_as_evp_does_also_after_forgeries(AeadAlgorithm algorithm)
    {
        var functions = AeadCalls.Of(algorithm);
        (functions != null).ShouldBeTrue("the OpenSSL of this distribution has them");
        var entropy = new SeededEntropy(7);
        var key = Draw(algorithm.KeyLength());
        var (shortly, plainly) = (AeadContext.ForSealing(algorithm, key, functions), AeadContext.ForSealing(algorithm, key, null));
        var (openShortly, openPlainly) = (AeadContext.ForOpening(algorithm, key, functions), AeadContext.ForOpening(algorithm, key, null));
        for (var round = 0; round < 500; round++)
        {
            var (nonce, aad, text) = (Draw(AeadContext.NonceLength), Draw(round % 20), Draw(round * 7 % 1600));
            var (one, two) = (text.ToArray(), text.ToArray());
            var (tagOne, tagTwo) = (new byte[AeadContext.TagLength], new byte[AeadContext.TagLength]);
            shortly.Seal(nonce, aad, one, tagOne);
            plainly.Seal(nonce, aad, two, tagTwo);
            one.ShouldBe(two);
            tagOne.ShouldBe(tagTwo);

            var isForged = round % 3 == 0;
            tagOne[round % 16] ^= (byte)(isForged ? 1 : 0);
            openShortly.Open(nonce, aad, one, tagOne).ShouldBe(!isForged);
            openPlainly.Open(nonce, aad, two, tagOne).ShouldBe(!isForged);
            one.ShouldBe(isForged ? new byte[text.Length] : text);
            two.ShouldBe(one);
        }

        shortly.Free();
        plainly.Free();
        openShortly.Free();
        openPlainly.Free();

        byte[] Draw(int length)
        {
            var bytes = new byte[length];
            entropy.Fill(bytes);
            return bytes;
        }
    }

    [Fact]
    public unsafe void Functions_that_do_not_do_what_evp_does_fail_their_trial()
    {
        // AES-128's, said to be ChaCha20's, take no key of that length; AES-256's do, but make other packets.
        AeadTrial.Passes(AeadAlgorithm.ChaCha20Poly1305, AeadCalls.Of(AeadAlgorithm.Aes128Gcm)).ShouldBeFalse();
        AeadTrial.Passes(AeadAlgorithm.ChaCha20Poly1305, AeadCalls.Of(AeadAlgorithm.Aes256Gcm)).ShouldBeFalse();
        AeadTrial.Passes(AeadAlgorithm.ChaCha20Poly1305, AeadCalls.Of(AeadAlgorithm.ChaCha20Poly1305)).ShouldBeTrue();
    }

    [Theory]
    [MemberData(nameof(Vectors))]
    public void Published_vectors_seal_and_open(
        AeadAlgorithm algorithm, string key, string nonce, string aad, string text, string cipherText, string tag)
    {
        var sealing = AeadContext.ForSealing(algorithm, Convert.FromHexString(key));
        var opening = AeadContext.ForOpening(algorithm, Convert.FromHexString(key));
        var buffer = Convert.FromHexString(text);
        var made = new byte[AeadContext.TagLength];

        sealing.Seal(Convert.FromHexString(nonce), Convert.FromHexString(aad), buffer, made);

        Convert.ToHexStringLower(buffer).ShouldBe(cipherText);
        Convert.ToHexStringLower(made).ShouldBe(tag);
        opening.Open(Convert.FromHexString(nonce), Convert.FromHexString(aad), buffer, made).ShouldBeTrue();
        Convert.ToHexStringLower(buffer).ShouldBe(text);
        sealing.Free();
        opening.Free();
    }

    [Theory]
    [InlineData(AeadAlgorithm.Aes128Gcm)]
    [InlineData(AeadAlgorithm.Aes256Gcm)]
    [InlineData(AeadAlgorithm.ChaCha20Poly1305)]
    public void One_context_agrees_with_dotnet_over_many_packets_of_random_sizes(AeadAlgorithm algorithm)
    {
        var random = new SeededBytes(8439);
        var key = random.Take(algorithm.KeyLength());
        var sealing = AeadContext.ForSealing(algorithm, key);
        var opening = AeadContext.ForOpening(algorithm, key);
        using var gcm = algorithm == AeadAlgorithm.ChaCha20Poly1305 ? null : new AesGcm(key, AeadContext.TagLength);
        using var chaCha = algorithm == AeadAlgorithm.ChaCha20Poly1305 ? new ChaCha20Poly1305(key) : null;

        for (var packet = 0; packet < 500; packet++)
        {
            var nonce = random.Take(AeadContext.NonceLength);
            var aad = random.Take(random.Below(40));
            var text = random.Take(packet % 10 == 0 ? packet / 10 : random.Below(2000));
            var expected = new byte[text.Length];
            var expectedTag = new byte[AeadContext.TagLength];
            gcm?.Encrypt(nonce, text, expected, expectedTag, aad);
            chaCha?.Encrypt(nonce, text, expected, expectedTag, aad);

            var buffer = text.ToArray();
            var tag = new byte[AeadContext.TagLength];
            sealing.Seal(nonce, aad, buffer, tag);

            buffer.ShouldBe(expected);
            tag.ShouldBe(expectedTag);
            opening.Open(nonce, aad, buffer, tag).ShouldBeTrue();
            buffer.ShouldBe(text);
        }

        sealing.Free();
        opening.Free();
    }

    [Theory]
    [InlineData(AeadAlgorithm.Aes128Gcm)]
    [InlineData(AeadAlgorithm.Aes256Gcm)]
    [InlineData(AeadAlgorithm.ChaCha20Poly1305)]
    public void Every_flipped_bit_is_refused_leaves_zeros_and_a_clean_error_queue(AeadAlgorithm algorithm)
    {
        var random = new SeededBytes(38);
        var key = random.Take(algorithm.KeyLength());
        var nonce = random.Take(AeadContext.NonceLength);
        var aad = random.Take(8);
        var text = random.Take(40);
        var tag = new byte[AeadContext.TagLength];
        var sealing = AeadContext.ForSealing(algorithm, key);
        var opening = AeadContext.ForOpening(algorithm, key);
        var cipherText = text.ToArray();
        sealing.Seal(nonce, aad, cipherText, tag);

        byte[][] parts = [nonce, aad, cipherText, tag];
        foreach (var part in parts)
        {
            for (var bit = 0; bit < part.Length * 8; bit++)
            {
                part[bit / 8] ^= (byte)(1 << (bit % 8));
                var buffer = cipherText.ToArray();
                opening.Open(nonce, aad, buffer, tag).ShouldBeFalse();
                buffer.ShouldAllBe(b => b == 0);
                OpenSsl.ERR_peek_error().ShouldBe((nuint)0);
                part[bit / 8] ^= (byte)(1 << (bit % 8));
            }
        }

        // The context is as good as before.
        opening.Open(nonce, aad, cipherText, tag).ShouldBeTrue();
        cipherText.ShouldBe(text);
        sealing.Free();
        opening.Free();
    }

    [Fact]
    public void Sealing_opening_and_refusing_allocate_nothing()
    {
        var key = new byte[32];
        var nonce = new byte[12];
        var aad = new byte[8];
        var tag = new byte[16];
        var buffer = new byte[1400];
        var sealing = AeadContext.ForSealing(AeadAlgorithm.Aes256Gcm, key);
        var opening = AeadContext.ForOpening(AeadAlgorithm.Aes256Gcm, key);

        Allocations.Of(() =>
        {
            sealing.Seal(nonce, aad, buffer, tag);
            var good = opening.Open(nonce, aad, buffer, tag);
            var bad = opening.Open(nonce, aad, buffer, tag);
            return good && !bad;
        }).ShouldBe(0);
        sealing.Free();
        opening.Free();
    }

    [Fact]
    public void Freeing_twice_or_freeing_nothing_does_no_harm()
    {
        var context = AeadContext.ForSealing(AeadAlgorithm.Aes128Gcm, new byte[16]);
        context.Exists.ShouldBeTrue();
        context.Free();
        context.Free();
        context.Exists.ShouldBeFalse();

        var none = default(AeadContext);
        none.Exists.ShouldBeFalse();
        none.Free();
    }

    [Fact]
    public void A_key_of_the_wrong_length_and_a_context_that_does_not_exist_are_bugs()
    {
        Should.Throw<InvariantException>(() => AeadContext.ForSealing(AeadAlgorithm.Aes256Gcm, new byte[16]));
        Should.Throw<InvariantException>(() => AeadContext.ForOpening(AeadAlgorithm.Aes128Gcm, new byte[32]));
        Should.Throw<InvariantException>(() => default(AeadContext).Seal(new byte[12], default, default, new byte[16]));
        Should.Throw<InvariantException>(() => default(AeadContext).Open(new byte[12], default, default, new byte[16]));
    }
}
