using System.Security.Cryptography;
using System.Text;
using Sallyport.Core.Crypto;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Tests.Crypto;

public sealed class HmacContextTests
{
    private const string Jefe = "4a656665";
    private const string WhatDoYaWant = "what do ya want for nothing?";

    // RFC 2202 section 3 case 2; RFC 4231 sections 4.2, 4.3, 4.7.
    [Theory]
    [InlineData(HashKind.Sha1, Jefe, WhatDoYaWant, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79")]
    [InlineData(
        HashKind.Sha256, "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "Hi There",
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7")]
    [InlineData(
        HashKind.Sha512, "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "Hi There",
        "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854")]
    [InlineData(HashKind.Sha256, Jefe, WhatDoYaWant, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")]
    [InlineData(
        HashKind.Sha384, Jefe, WhatDoYaWant,
        "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649")]
    public void Published_vectors_hold(HashKind hash, string key, string data, string mac)
    {
        var context = HmacContext.Create(hash, Convert.FromHexString(key));
        var made = new byte[hash.Length()];

        context.Compute(Encoding.ASCII.GetBytes(data), made);

        Convert.ToHexStringLower(made).ShouldBe(mac);
        context.Length.ShouldBe(made.Length);
        context.Free();
    }

    [Fact]
    public void A_key_longer_than_a_block_is_hashed_first()
    {
        var context = HmacContext.Create(HashKind.Sha256, Enumerable.Repeat((byte)0xaa, 131).ToArray());
        var made = new byte[32];
        context.Compute("Test Using Larger Than Block-Size Key - Hash Key First"u8, made);
        Convert.ToHexStringLower(made).ShouldBe("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
        context.Free();
    }

    [Theory]
    [InlineData(HashKind.Sha1)]
    [InlineData(HashKind.Sha256)]
    [InlineData(HashKind.Sha384)]
    [InlineData(HashKind.Sha512)]
    public void One_context_agrees_with_dotnet_over_many_messages_in_one_and_in_two_parts(HashKind hash)
    {
        var random = new SeededBytes(4231);
        var key = random.Take(64);
        var context = HmacContext.Create(hash, key);
        for (var message = 0; message < 200; message++)
        {
            var data = random.Take(random.Below(600));
            var cut = random.Below(data.Length + 1);
            var expected = hash switch
            {
                HashKind.Sha1 => HMACSHA1.HashData(key, data),
                HashKind.Sha256 => HMACSHA256.HashData(key, data),
                HashKind.Sha384 => HMACSHA384.HashData(key, data),
                HashKind.Sha512 => HMACSHA512.HashData(key, data),
            };
            var whole = new byte[hash.Length()];
            var parts = new byte[hash.Length()];
            context.Compute(data, whole);
            context.Compute(data.AsSpan(0, cut), data.AsSpan(cut), parts);

            whole.ShouldBe(expected);
            parts.ShouldBe(expected);
            context.Verify(data, whole).ShouldBeTrue();
            context.Verify(data.AsSpan(0, cut), data.AsSpan(cut), whole).ShouldBeTrue();
        }

        context.Free();
    }

    [Fact]
    public void A_wrong_or_cut_mac_is_refused()
    {
        var context = HmacContext.Create(HashKind.Sha256, [1, 2, 3]);
        var mac = new byte[32];
        context.Compute("data"u8, mac);
        context.Verify("data"u8, mac.AsSpan(0, 31)).ShouldBeFalse();
        context.Verify("data"u8, default).ShouldBeFalse();
        context.Verify("Data"u8, mac).ShouldBeFalse();
        for (var bit = 0; bit < 256; bit++)
        {
            mac[bit / 8] ^= (byte)(1 << (bit % 8));
            context.Verify("data"u8, mac).ShouldBeFalse();
            mac[bit / 8] ^= (byte)(1 << (bit % 8));
        }

        context.Verify("data"u8, mac).ShouldBeTrue();
        context.Free();
    }

    [Fact]
    public void Computing_and_verifying_allocate_nothing()
    {
        var context = HmacContext.Create(HashKind.Sha512, new byte[64]);
        var data = new byte[100];
        var mac = new byte[64];
        Allocations.Of(() =>
        {
            context.Compute(data, data, mac);
            return context.Verify(data, data, mac) && !context.Verify(data, mac);
        }).ShouldBe(0);
        context.Free();
    }

    [Fact]
    public void Freeing_twice_does_no_harm_and_an_empty_key_is_a_bug()
    {
        var context = HmacContext.Create(HashKind.Sha1, [1]);
        context.Free();
        context.Free();
        context.Exists.ShouldBeFalse();
        Should.Throw<InvariantException>(() => HmacContext.Create(HashKind.Sha1, default));
    }
}
