using Sallyport.Core.Crypto;
using Sallyport.Core.Packets;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Esp;

/// <summary>How large an inner packet may be for its outer packet to fit a path.</summary>
public static class EspOverhead
{
    private const int UdpHeader = 8;
    private const int SpiAndSequence = 8;
    private const int AeadIv = 8;
    private const int PadLengthAndNextHeader = 2;

    /// <summary>Bytes of the largest inner packet whose outer packet has at most <paramref name="outerMtu"/>; 0 where none has.</summary>
    /// <param name="outerMtu">With the outer IP header.</param>
    public static int MaxPacket(EspSuite suite, EspMode mode, bool outerIsV6, bool isUdp, int outerMtu)
    {
        Invariant.Check(outerMtu is >= 0 and <= ushort.MaxValue + Ipv6View.HeaderLength, "an outer packet has at most 65535 bytes of payload");
        var ipHeader = outerIsV6 ? Ipv6View.HeaderLength : Ipv4View.MinimumHeaderLength;
        var room = outerMtu - ipHeader - (isUdp ? UdpHeader : 0) - SpiAndSequence
            - (suite.IsCbc ? CbcContext.BlockLength : AeadIv) - suite.TagLength;
        room -= Math.Max(room, 0) % suite.Alignment;
        room -= PadLengthAndNextHeader;
        if (room <= 0)
        {
            return 0;
        }

        // In transport mode the one header there is stays outside: inside it counts as it does for who made the packet.
        return mode == EspMode.Tunnel ? room : room + ipHeader;
    }
}
