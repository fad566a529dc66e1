using System.Buffers.Binary;
using Sallyport.Core.Packets;
using Sallyport.Core.Primitives;

namespace Sallyport.Fuzz.Targets;

/// <summary>Inner packets as hosts make them, checksums included.</summary>
internal static class PacketSeeds
{
    public static readonly IpAddress Device4 = IpAddress.Parse("10.20.0.7");
    public static readonly IpAddress Target4 = IpAddress.Parse("192.168.50.10");
    public static readonly IpAddress Device6 = IpAddress.Parse("fd00:20::7");
    public static readonly IpAddress Target6 = IpAddress.Parse("fd00:50::10");

    public static IEnumerable<(string Name, byte[] Packet)> All()
    {
        var packets = new List<(string, byte[])>();
        foreach (var (family, from, to) in (ReadOnlySpan<(string, IpAddress, IpAddress)>)[("v4", Device4, Target4), ("v6", Device6, Target6)])
        {
            var syn = Ip(from, to, 6, Tcp(0x02, [2, 4, 0x05, 0xb4, 1, 3, 3, 7]));
            packets.Add(($"{family}-syn", syn));
            packets.Add(($"{family}-syn-odd-options", Ip(from, to, 6, Tcp(0x02, [1, 2, 4, 0x05, 0xb4, 0, 0, 0]))));
            packets.Add(($"{family}-syn-ack-back", Ip(to, from, 6, Tcp(0x12, [2, 4, 0x23, 0x28], fromTarget: true))));
            packets.Add(($"{family}-ack", Ip(from, to, 6, Tcp(0x10, []))));
            packets.Add(($"{family}-data", Ip(from, to, 6, [.. Tcp(0x18, [1, 1, 1, 0]), .. new byte[40]])));
            packets.Add(($"{family}-fin", Ip(from, to, 6, Tcp(0x11, []))));
            packets.Add(($"{family}-rst", Ip(from, to, 6, Tcp(0x04, []))));
            packets.Add(($"{family}-udp", Ip(from, to, 17, [0x9c, 0x40, 0, 53, 0, 20, 0, 0, .. new byte[12]])));
            packets.Add(($"{family}-echo", Ip(from, to, Icmp(from), [(byte)(from.IsV4 ? 8 : 128), 0, 0, 0, 0, 7, 0, 1, .. new byte[8]])));
            packets.Add(($"{family}-echo-reply", Ip(to, from, Icmp(from), [(byte)(from.IsV4 ? 0 : 129), 0, 0, 0, 0, 7, 0, 1, .. new byte[8]])));
            packets.Add(($"{family}-unreachable", Ip(to, from, Icmp(from), [(byte)(from.IsV4 ? 3 : 1), 4, 0, 0, 0, 0, 5, 0, .. syn])));
        }

        return
        [
            .. packets,
            ("v4-options", [0x46, 0, 0, 32, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 20, 0, 7, 192, 168, 50, 10, 7, 4, 4, 0, 0x9c, 0x40, 0, 53, 0, 8, 0, 0]),
            ("v4-source-route", [0x46, 0, 0, 32, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 20, 0, 7, 192, 168, 50, 10, 131, 3, 4, 0, 0x9c, 0x40, 0, 53, 0, 8, 0, 0]),
            ("v4-first-fragment", Fragment(0, more: true)),
            ("v4-later-fragment", Fragment(64, more: false)),
            ("v4-fragment-at-the-end", Fragment(65_512, more: false)),
            ("v6-extension", Ip(Device6, Target6, 0, [17, 0, 1, 4, 0, 0, 0, 0, 0x9c, 0x40, 0, 53, 0, 8, 0, 0])),
            ("v6-fragment", Ip(Device6, Target6, 44, [17, 0, 0, 1, 0, 0, 0, 9, 0x9c, 0x40, 0, 53, 0, 8, 0, 0])),
        ];
    }

    private static byte Icmp(IpAddress address) => (byte)(address.IsV4 ? 1 : 58);

    private static byte[] Tcp(byte flags, byte[] options, bool fromTarget = false)
    {
        byte[] ports = fromTarget ? [0x22, 0xb3, 0x9c, 0x40] : [0x9c, 0x40, 0x22, 0xb3];
        return [.. ports, 0, 0, 3, 0xe8, 0, 0, 7, 0xd0, (byte)((20 + options.Length) / 4 << 4), flags, 0xfa, 0xf0, 0, 0, 0, 0, .. options];
    }

    private static byte[] Fragment(int offset, bool more)
    {
        var packet = Ip(Device4, Target4, 17, [0x9c, 0x40, 0, 53, 0, 200, 0, 0, .. new byte[16]]);
        packet[4] = 0x12;
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(6), (ushort)((offset / 8) | (more ? 0x2000 : 0)));
        SumHeader(packet);
        return packet;
    }

    private static byte[] Ip(IpAddress from, IpAddress to, byte protocol, byte[] payload)
    {
        var checksumAt = protocol switch { 6 => 16, 17 => 6, 1 or 58 => 2, _ => -1 };
        if (checksumAt >= 0)
        {
            var seed = protocol == 1 ? 0 : InternetChecksum.PseudoHeader(from, to, protocol, payload.Length);
            BinaryPrimitives.WriteUInt16BigEndian(payload.AsSpan(checksumAt), InternetChecksum.Compute(payload, seed));
        }

        var header = from.IsV4 ? Ipv4View.MinimumHeaderLength : Ipv6View.HeaderLength;
        var packet = new byte[header + payload.Length];
        payload.CopyTo(packet, header);
        if (!from.IsV4)
        {
            packet[0] = 0x60;
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(4), (ushort)payload.Length);
            packet[6] = protocol;
            packet[7] = 64;
            from.Write(packet.AsSpan(8));
            to.Write(packet.AsSpan(24));
            return packet;
        }

        packet[0] = 0x45;
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), (ushort)packet.Length);
        packet[6] = 0x40;
        packet[8] = 64;
        packet[9] = protocol;
        from.Write(packet.AsSpan(12));
        to.Write(packet.AsSpan(16));
        SumHeader(packet);
        return packet;
    }

    private static void SumHeader(byte[] packet)
    {
        packet[10] = packet[11] = 0;
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(10), InternetChecksum.Compute(packet.AsSpan(0, Ipv4View.MinimumHeaderLength)));
    }
}
