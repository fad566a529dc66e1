using System.Buffers.Binary;
using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane.Tests.Fixtures;

/// <summary>Inner IPv4 packets for tests, checksums right.</summary>
internal static class InnerPackets
{
    public static byte[] Udp(IpAddress from, IpAddress to, ushort sourcePort, ushort destinationPort, int payload = 100)
    {
        var packet = Ip(from, to, 17, 8 + payload);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(20), sourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(22), destinationPort);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(24), (ushort)(8 + payload));
        return packet;
    }

    public static byte[] Udp(IpAddress from, IpAddress to, ushort sourcePort, ushort destinationPort, ReadOnlySpan<byte> payload)
    {
        var packet = Udp(from, to, sourcePort, destinationPort, payload.Length);
        payload.CopyTo(packet.AsSpan(28));
        return packet;
    }

    /// <param name="mss">Announced by an option, where not 0.</param>
    public static byte[] Tcp(
        IpAddress from, IpAddress to, ushort sourcePort, ushort destinationPort, byte flags, int mss = 0, uint sequence = 1000, int payload = 0)
    {
        var options = mss == 0 ? 0 : 4;
        var packet = Ip(from, to, 6, 20 + options + payload);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(20), sourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(22), destinationPort);
        BinaryPrimitives.WriteUInt32BigEndian(packet.AsSpan(24), sequence);
        packet[32] = (byte)((20 + options) / 4 << 4);
        packet[33] = flags;
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(34), 64_000);
        if (mss != 0)
        {
            packet[40] = 2;
            packet[41] = 4;
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(42), (ushort)mss);
        }

        for (var i = 0; i < payload; i++)
        {
            packet[40 + options + i] = (byte)(sequence + i);
        }

        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(36), TcpChecksum(packet));
        return packet;
    }

    private static byte[] Ip(IpAddress from, IpAddress to, byte protocol, int payload)
    {
        var packet = new byte[20 + payload];
        packet[0] = 0x45;
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), (ushort)packet.Length);
        packet[8] = 64;
        packet[9] = protocol;
        from.Write(packet.AsSpan(12));
        to.Write(packet.AsSpan(16));
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(10), Fold(Sum(packet.AsSpan(0, 20))));
        return packet;
    }

    private static ushort TcpChecksum(ReadOnlySpan<byte> packet)
    {
        Span<byte> pseudo = stackalloc byte[12];
        packet[12..20].CopyTo(pseudo);
        pseudo[9] = 6;
        BinaryPrimitives.WriteUInt16BigEndian(pseudo[10..], (ushort)(packet.Length - 20));
        return Fold(Sum(pseudo) + Sum(packet[20..]));
    }

    private static uint Sum(ReadOnlySpan<byte> bytes)
    {
        uint sum = 0;
        for (var i = 0; i + 1 < bytes.Length; i += 2)
        {
            sum += BinaryPrimitives.ReadUInt16BigEndian(bytes[i..]);
        }

        return bytes.Length % 2 == 0 ? sum : sum + ((uint)bytes[^1] << 8);
    }

    private static ushort Fold(uint sum)
    {
        while (sum >> 16 != 0)
        {
            sum = (sum & 0xffff) + (sum >> 16);
        }

        return (ushort)~sum;
    }
}
