using Sallyport.Core.Crypto;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.OpenVpn.Data;

/// <summary>How large an inner packet may be for its outer packet to fit a path, as `mssfix N mtu` of 2.6 reckons.</summary>
public static class InnerMtu
{
    /// <summary>The outer packet that stock 2.6 aims at: it passes PPPoE. Bytes with IP and transport headers.</summary>
    public const int DefaultTarget = 1492;

    private const int UdpHeader = 8;
    private const int TcpHeader = 20;
    private const int StreamLengthPrefix = 2;

    /// <summary>Bytes of the largest inner packet whose outer packet has at most <paramref name="target"/>; 0 where none has.</summary>
    /// <param name="target">The outer packet with its IP header, e.g. <see cref="DefaultTarget"/> or a path's MTU.</param>
    public static int MaxPacket(DataFormat format, bool outerIsV6, bool isTcp, int target)
    {
        Invariant.Check(target is >= 0 and <= ushort.MaxValue + 40, "an outer packet has at most 65535 bytes of payload");
        var room = target - (outerIsV6 ? 40 : 20) - (isTcp ? TcpHeader + StreamLengthPrefix : UdpHeader) - format.OpcodeLength;
        // An inner IP packet never begins with 0x50, so that StubV2 costs nothing.
        var framing = format.Compression is CompressionFraming.Lzo or CompressionFraming.StubSwap ? 1 : 0;
        if (format.Cipher.IsAead())
        {
            room -= DataFormat.PidLength + DataFormat.TagLength + framing;
        }
        else
        {
            // Padding takes at least one byte of the last block.
            room -= format.Auth.Length() + DataFormat.IvLength;
            room = room < DataFormat.BlockLength ? 0 : room - (room % DataFormat.BlockLength) - 1 - DataFormat.PidLength - framing;
        }

        return Math.Max(room, 0);
    }

    /// <summary>The value for the MSS option of a SYN inside: without IP and TCP headers, neither with options.</summary>
    /// <param name="maxPacket">What <see cref="MaxPacket"/> gave.</param>
    public static int MaxSegment(int maxPacket, bool innerIsV6) => Math.Max(maxPacket - (innerIsV6 ? 60 : 40), 0);
}
