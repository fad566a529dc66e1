using System.Buffers.Binary;
using System.Security.Cryptography;
using Sallyport.Core.Crypto;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Tests.Crypto;

public sealed class BlockModeTests
{
    // NIST SP 800-38A, the first two blocks of F.2.1, F.2.5 and F.5.5.
    private const string Text = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51";
    private const string Key256 = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4";

    [Theory]
    [InlineData("2b7e151628aed2a6abf7158809cf4f3c", "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2")]
    [InlineData(Key256, "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d")]
    public void Published_cbc_vectors_hold(string key, string cipherText)
    {
        var iv = Convert.FromHexString("000102030405060708090a0b0c0d0e0f");
        var encrypting = CbcContext.ForEncrypting(Convert.FromHexString(key));
        var decrypting = CbcContext.ForDecrypting(Convert.FromHexString(key));
        var buffer = Convert.FromHexString(Text);

        encrypting.Transform(iv, buffer);
        Convert.ToHexStringLower(buffer).ShouldBe(cipherText);
        decrypting.Transform(iv, buffer);
        Convert.ToHexStringLower(buffer).ShouldBe(Text);
        encrypting.Free();
        decrypting.Free();
    }

    [Theory]
    [InlineData(16)]
    [InlineData(32)]
    public void One_cbc_context_agrees_with_dotnet_over_many_packets(int keyLength)
    {
        var random = new SeededBytes(38);
        var key = random.Take(keyLength);
        using var aes = Aes.Create();
        aes.Key = key;
        var encrypting = CbcContext.ForEncrypting(key);
        var decrypting = CbcContext.ForDecrypting(key);
        for (var blocks = 0; blocks < 100; blocks++)
        {
            var iv = random.Take(16);
            var text = random.Take(blocks * 16);
            var buffer = text.ToArray();
            encrypting.Transform(iv, buffer);
            buffer.ShouldBe(aes.EncryptCbc(text, iv, PaddingMode.None));
            decrypting.Transform(iv, buffer);
            buffer.ShouldBe(text);
        }

        encrypting.Free();
        decrypting.Free();
    }

    [Fact]
    public void The_published_ctr_vector_holds()
    {
        var iv = Convert.FromHexString("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
        var context = CtrContext.Create(Convert.FromHexString(Key256));
        var buffer = Convert.FromHexString(Text);
        context.Transform(iv, buffer);
        Convert.ToHexStringLower(buffer).ShouldBe("601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5");
        context.Transform(iv, buffer);
        Convert.ToHexStringLower(buffer).ShouldBe(Text);
        context.Free();
    }

    [Fact]
    public void The_ctr_counter_wraps_over_all_of_its_bits_and_a_packet_may_end_anywhere()
    {
        var random = new SeededBytes(5);
        var key = random.Take(32);
        using var aes = Aes.Create();
        aes.Key = key;
        var context = CtrContext.Create(key);
        for (var length = 0; length < 100; length++)
        {
            var iv = length % 2 == 0 ? Enumerable.Repeat((byte)0xff, 16).ToArray() : random.Take(16);
            var text = random.Take(length);
            var expected = text.ToArray();
            var counter = new UInt128(
                BinaryPrimitives.ReadUInt64BigEndian(iv),
                BinaryPrimitives.ReadUInt64BigEndian(iv.AsSpan(8)));
            var block = new byte[16];
            for (var at = 0; at < length; at++)
            {
                BinaryPrimitives.WriteUInt128BigEndian(block, unchecked(counter + (UInt128)(at / 16)));
                expected[at] ^= aes.EncryptEcb(block, PaddingMode.None)[at % 16];
            }

            context.Transform(iv, text);
            text.ShouldBe(expected);
        }

        context.Free();
    }

    [Fact]
    public void Transforming_allocates_nothing()
    {
        var cbc = CbcContext.ForEncrypting(new byte[32]);
        var ctr = CtrContext.Create(new byte[32]);
        var iv = new byte[16];
        var buffer = new byte[1408];
        Allocations.Of(() =>
        {
            cbc.Transform(iv, buffer);
            ctr.Transform(iv, buffer);
            return true;
        }).ShouldBe(0);
        cbc.Free();
        ctr.Free();
    }

    [Fact]
    public void Freeing_twice_does_no_harm_and_half_a_block_is_a_bug()
    {
        var cbc = CbcContext.ForDecrypting(new byte[16]);
        Should.Throw<InvariantException>(() => cbc.Transform(new byte[16], new byte[15]));
        cbc.Free();
        cbc.Free();
        cbc.Exists.ShouldBeFalse();

        var ctr = CtrContext.Create(new byte[32]);
        ctr.Free();
        ctr.Free();
        ctr.Exists.ShouldBeFalse();
        Should.Throw<InvariantException>(() => CbcContext.ForEncrypting(new byte[24]));
        Should.Throw<InvariantException>(() => CtrContext.Create(new byte[16]));
    }
}
