using System.Buffers.Binary;
using Sallyport.Core.Packets;
using Sallyport.Core.Tests.OpenVpn;

namespace Sallyport.Core.Tests.Packets;

public sealed class InternetChecksumTests
{
    [Fact]
    public void Sum_of_the_example_in_RFC_1071_section_3() =>
        InternetChecksum.Compute([0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]).ShouldBe((ushort)0x220d);

    [Fact]
    public void Agrees_with_word_by_word_addition_at_every_length()
    {
        var random = new SeededEntropy(1);
        for (var length = 0; length < 300; length++)
        {
            var bytes = new byte[length];
            random.Fill(bytes);
            uint sum = 0;
            for (var at = 0; at < length; at += 2)
            {
                sum += (uint)(bytes[at] << 8) + (at + 1 < length ? bytes[at + 1] : 0u);
                sum = (sum & 0xffff) + (sum >> 16);
            }

            InternetChecksum.Compute(bytes).ShouldBe((ushort)~sum);
        }
    }

    [Fact]
    public void Updating_one_word_gives_what_summing_anew_gives()
    {
        var random = new SeededEntropy(2);
        for (var round = 0; round < 20_000; round++)
        {
            var bytes = new byte[40];
            random.Fill(bytes);
            if (round % 7 == 0)
            {
                bytes.AsSpan(2).Fill(round % 2 == 0 ? (byte)0 : (byte)0xff);
            }

            bytes[0] = bytes[1] = 0;
            var checksum = InternetChecksum.Compute(bytes);
            var at = 2 + (random.Below(19) * 2);
            var old = BinaryPrimitives.ReadUInt16BigEndian(bytes.AsSpan(at));
            var next = (ushort)random.Below(65536);
            BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(at), next);
            BinaryPrimitives.WriteUInt16BigEndian(bytes, InternetChecksum.Update(checksum, old, next));
            InternetChecksum.IsValid(bytes).ShouldBeTrue();
        }
    }
}
