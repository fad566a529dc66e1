using System.Buffers.Binary;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Fuzz.Engine;

namespace Sallyport.Fuzz.Targets;

/// <summary>A TCP stream that arrives in pieces. Input: <c>piece length 1 | stream</c>. Compared with a framer that has the whole stream at once.</summary>
internal sealed class StreamFramerTarget : FuzzTarget
{
    private const int PoisonedBytes = 64;
    private const int PacketMax = 300;

    public override string Name => "stream-framer";

    public override IEnumerable<(string Name, byte[] Input)> MakeSeeds()
    {
        yield return ("two-packets", [255, 0, 3, 1, 2, 3, 0, 1, 4]);
        yield return ("byte-by-byte", [0, 0, 3, 1, 2, 3, 0, 1, 4]);
        yield return ("longest", [7, 1, 44, .. new byte[PacketMax], 0, 1]);
        yield return ("too-long", [7, 1, 45, .. new byte[PacketMax + 1]]);
        yield return ("empty-packet", [2, 0, 2, 9, 9, 0, 0, 1, 2, 3]);
        yield return ("http", [40, .. "GET / HTTP/1.1\r\nHost: example.test\r\nAccept: */*\r\nUser-Agent: a browser of some kind\r\n\r\n"u8]);
    }

    public override void Run(ReadOnlySpan<byte> input, Probe probe)
    {
        if (input.IsEmpty)
        {
            return;
        }

        var piece = input[0] + 1;
        var stream = input[1..];
        var framer = new StreamFramer(PacketMax, PoisonedBytes);
        Span<byte> received = stackalloc byte[256];
        var expected = 0;
        var swallowed = 0;
        var result = FrameResult.NeedMore;
        for (var at = 0; at < stream.Length && result != FrameResult.Close; at += piece)
        {
            var rest = received[..Math.Min(piece, stream.Length - at)];
            stream.Slice(at, rest.Length).CopyTo(rest);
            do
            {
                var before = rest.Length;
                result = framer.TryRead(ref rest, out var packet);
                probe.Reach((long)result);
                if (result == FrameResult.Packet)
                {
                    probe.Size(packet.Length);
                    probe.That(TryExpect(stream, ref expected, out var same) && packet.SequenceEqual(same), "packets come whole, in order and unchanged");
                    packet.Clear();
                }
                else
                {
                    probe.That(rest.IsEmpty, "whoever is not given a packet has used up what it gave");
                    swallowed += framer.IsPoisoned ? before : 0;
                }

                probe.That(rest.Length < before || before == 0 || result == FrameResult.Packet, "every turn takes something or ends");
            }
            while (result == FrameResult.Packet && !rest.IsEmpty);
        }

        if (result == FrameResult.Close)
        {
            probe.That(swallowed >= PoisonedBytes, "a stream is not closed before enough of it was swallowed");
        }

        probe.That(!framer.IsPoisoned || !TryExpect(stream, ref expected, out _), "only an illegal length poisons");
        framer.Release();
    }

    /// <summary>The reference: false where the stream has no further whole packet at <paramref name="at"/>.</summary>
    private static bool TryExpect(ReadOnlySpan<byte> stream, ref int at, out ReadOnlySpan<byte> packet)
    {
        packet = default;
        if (stream.Length - at < StreamFramer.LengthField)
        {
            return false;
        }

        var length = BinaryPrimitives.ReadUInt16BigEndian(stream[at..]);
        if (length is 0 or > PacketMax || stream.Length - at - StreamFramer.LengthField < length)
        {
            return false;
        }

        packet = stream.Slice(at + StreamFramer.LengthField, length);
        at += StreamFramer.LengthField + length;
        return true;
    }
}
