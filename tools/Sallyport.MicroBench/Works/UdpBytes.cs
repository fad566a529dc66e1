using System.Buffers.Binary;
using Sallyport.Core.Packets;
using Sallyport.Core.Primitives;

namespace Sallyport.MicroBench.Works;

/// <summary>An inner IPv4 packet with UDP.</summary>
internal static class UdpBytes
{
    private const byte Udp = 17;

    public static byte[] Make(IpAddress from, ushort fromPort, IpAddress to, ushort toPort, int length)
    {
        var packet = new byte[length];
        packet[0] = 0x45;
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), (ushort)length);
        packet[8] = 64;
        packet[9] = Udp;
        from.Write(packet.AsSpan(12));
        to.Write(packet.AsSpan(16));
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(10), InternetChecksum.Compute(packet.AsSpan(0, 20)));
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(20), fromPort);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(22), toPort);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(24), (ushort)(length - 20));
        return packet;
    }
}
