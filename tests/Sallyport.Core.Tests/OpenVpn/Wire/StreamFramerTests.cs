using Sallyport.Core.OpenVpn.Wire;

namespace Sallyport.Core.Tests.OpenVpn.Wire;

public class StreamFramerTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(100)]
    [InlineData(5000)]
    public void Packets_come_out_whole_however_the_stream_is_cut(int chunk)
    {
        var entropy = new SeededEntropy((ulong)chunk);
        byte[][] packets = [.. Enumerable.Range(0, 20).Select(i => entropy.Bytes(i == 3 ? OpenVpnLimits.MaxStreamPacket : 1 + entropy.Below(300)))];
        byte[] stream = [.. packets.SelectMany(Framed)];
        var framer = StreamFramer.Create(entropy);
        var got = new List<byte[]>();
        foreach (var piece in stream.Chunk(chunk))
        {
            var input = piece.AsSpan();
            while (framer.TryRead(ref input, out var packet) == FrameResult.Packet)
            {
                got.Add(packet.ToArray());
            }

            input.IsEmpty.ShouldBeTrue();
        }

        got.Count.ShouldBe(packets.Length);
        for (var i = 0; i < got.Count; i++)
        {
            got[i].ShouldBe(packets[i]);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(OpenVpnLimits.MaxStreamPacket + 1)]
    [InlineData(65535)]
    public void Illegal_length_poisons_the_stream_which_is_swallowed_before_it_is_closed(int length)
    {
        foreach (var chunk in (int[])[1, 64])
        {
            var framer = new StreamFramer(OpenVpnLimits.MaxStreamPacket, 1000);
            byte[] stream = [.. Framed([1, 2, 3]), (byte)(length >> 8), (byte)length, .. new byte[997]];
            var results = new List<FrameResult>();
            foreach (var piece in stream.Chunk(chunk))
            {
                var input = piece.AsSpan();
                do
                {
                    results.Add(framer.TryRead(ref input, out _));
                }
                while (!input.IsEmpty);
            }

            framer.IsPoisoned.ShouldBeTrue();
            results.Count(r => r == FrameResult.Packet).ShouldBe(1);
            results[^1].ShouldBe(FrameResult.Poisoned);
            var last = new byte[3].AsSpan();
            framer.TryRead(ref last, out _).ShouldBe(FrameResult.Close);
            last.IsEmpty.ShouldBeTrue();
        }
    }

    [Fact]
    public void Stream_whose_packet_did_not_verify_is_swallowed_too()
    {
        var framer = new StreamFramer(OpenVpnLimits.MaxStreamPacket, 100);
        var input = Framed([1, 2, 3]).Concat(Framed([4, 5])).ToArray().AsSpan();
        framer.TryRead(ref input, out _).ShouldBe(FrameResult.Packet);
        framer.Poison();
        framer.TryRead(ref input, out var packet).ShouldBe(FrameResult.Poisoned);
        packet.IsEmpty.ShouldBeTrue();
        input.IsEmpty.ShouldBeTrue();
    }

    [Fact]
    public void Bytes_swallowed_differ_from_stream_to_stream_within_bounds()
    {
        var entropy = new SeededEntropy(5);
        var swallowed = Enumerable.Range(0, 50).Select(_ => Swallow(StreamFramer.Create(entropy))).ToList();
        swallowed.Distinct().Count().ShouldBeGreaterThan(40);
        swallowed.ShouldAllBe(n => n >= OpenVpnLimits.MinPoisonedBytes && n < 2 * OpenVpnLimits.MinPoisonedBytes);

        static int Swallow(StreamFramer framer)
        {
            framer.Poison();
            for (var count = 1; ; count++)
            {
                var one = new byte[1].AsSpan();
                if (framer.TryRead(ref one, out _) == FrameResult.Close)
                {
                    return count;
                }
            }
        }
    }

    [Fact]
    public void Hostile_streams_never_give_a_packet_outside_the_bounds()
    {
        var entropy = new SeededEntropy(77);
        for (var i = 0; i < 3000; i++)
        {
            var framer = StreamFramer.Create(entropy);
            for (var pieces = 0; pieces < 10; pieces++)
            {
                var input = entropy.Bytes(entropy.Below(50)).AsSpan();
                for (var b = 0; b < input.Length; b += 2)
                {
                    input[b] &= 0x0f;
                }

                while (framer.TryRead(ref input, out var packet) == FrameResult.Packet)
                {
                    packet.Length.ShouldBeInRange(1, OpenVpnLimits.MaxStreamPacket);
                }
            }

            framer.Release();
        }
    }

    private static byte[] Framed(byte[] packet)
    {
        var framed = new byte[StreamFramer.LengthField + packet.Length];
        StreamFramer.WriteLength(framed, packet.Length);
        packet.CopyTo(framed, StreamFramer.LengthField);
        return framed;
    }
}
