using System.Buffers.Binary;
using Sallyport.Core.Packets;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Tests.Packets;

/// <summary>Makes packets the way a host would, checksums included.</summary>
internal static class Build
{
    public static byte[] Tcp(
        string source, int sourcePort, string destination, int destinationPort, TcpFlags flags,
        uint sequence = 1000, uint acknowledgement = 0, int payload = 0, byte[]? options = null)
    {
        options ??= [];
        var header = 20 + options.Length;
        var segment = new byte[header + payload];
        BinaryPrimitives.WriteUInt16BigEndian(segment, (ushort)sourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(2), (ushort)destinationPort);
        BinaryPrimitives.WriteUInt32BigEndian(segment.AsSpan(4), sequence);
        BinaryPrimitives.WriteUInt32BigEndian(segment.AsSpan(8), acknowledgement);
        segment[12] = (byte)(header / 4 << 4);
        segment[13] = (byte)flags;
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(14), 64240);
        options.CopyTo(segment, 20);
        for (var at = header; at < segment.Length; at++)
        {
            segment[at] = (byte)at;
        }

        var (from, to) = (IpAddress.Parse(source), IpAddress.Parse(destination));
        var pseudo = InternetChecksum.PseudoHeader(from, to, 6, segment.Length);
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(16), InternetChecksum.Compute(segment, pseudo));
        return Ip(from, to, IpProtocol.Tcp, segment);
    }

    public static byte[] Syn(string source, int sourcePort, string destination, int destinationPort) =>
        Tcp(source, sourcePort, destination, destinationPort, TcpFlags.Syn, options: [2, 4, 0x05, 0xb4]);

    public static byte[] Udp(string source, int sourcePort, string destination, int destinationPort, int payload = 32)
    {
        var datagram = new byte[8 + payload];
        BinaryPrimitives.WriteUInt16BigEndian(datagram, (ushort)sourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(datagram.AsSpan(2), (ushort)destinationPort);
        BinaryPrimitives.WriteUInt16BigEndian(datagram.AsSpan(4), (ushort)datagram.Length);
        var (from, to) = (IpAddress.Parse(source), IpAddress.Parse(destination));
        var pseudo = InternetChecksum.PseudoHeader(from, to, 17, datagram.Length);
        BinaryPrimitives.WriteUInt16BigEndian(datagram.AsSpan(6), InternetChecksum.Compute(datagram, pseudo));
        return Ip(from, to, IpProtocol.Udp, datagram);
    }

    public static byte[] Echo(string source, string destination, int identifier, bool reply = false, int payload = 56)
    {
        var (from, to) = (IpAddress.Parse(source), IpAddress.Parse(destination));
        var type = from.IsV4 ? (reply ? 0 : 8) : (reply ? 129 : 128);
        var message = new byte[8 + payload];
        message[0] = (byte)type;
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(4), (ushort)identifier);
        return Icmp(from, to, message);
    }

    /// <summary>An error about <paramref name="quoted"/>, cut to <paramref name="quotedLength"/> bytes.</summary>
    public static byte[] Error(string source, string destination, int type, int code, byte[] quoted, int quotedLength = 576)
    {
        var (from, to) = (IpAddress.Parse(source), IpAddress.Parse(destination));
        byte[] message = [(byte)type, (byte)code, 0, 0, 0, 0, 0, 0, .. quoted[..Math.Min(quoted.Length, quotedLength)]];
        return Icmp(from, to, message);
    }

    public static byte[] Icmp(IpAddress from, IpAddress to, byte[] message)
    {
        var protocol = from.IsV4 ? IpProtocol.Icmp : IpProtocol.IcmpV6;
        message[2] = message[3] = 0;
        var pseudo = from.IsV4 ? 0 : InternetChecksum.PseudoHeader(from, to, 58, message.Length);
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(2), InternetChecksum.Compute(message, pseudo));
        return Ip(from, to, protocol, message);
    }

    public static byte[] Ip(IpAddress from, IpAddress to, IpProtocol protocol, byte[] payload, byte[]? optionsV4 = null)
    {
        byte[] packet;
        if (!from.IsV4)
        {
            packet = new byte[40 + payload.Length];
            packet[0] = 0x60;
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(4), (ushort)payload.Length);
            packet[6] = (byte)protocol;
            packet[7] = 64;
            from.Write(packet.AsSpan(8));
            to.Write(packet.AsSpan(24));
            payload.CopyTo(packet, 40);
            return packet;
        }

        optionsV4 ??= [];
        var header = 20 + optionsV4.Length;
        packet = new byte[header + payload.Length];
        packet[0] = (byte)(0x40 | (header / 4));
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), (ushort)packet.Length);
        packet[6] = 0x40;
        packet[8] = 64;
        packet[9] = (byte)protocol;
        from.Write(packet.AsSpan(12));
        to.Write(packet.AsSpan(16));
        optionsV4.CopyTo(packet, 20);
        payload.CopyTo(packet, header);
        return ResumHeader(packet);
    }

    /// <summary>Cuts an IPv4 packet without options into fragments of at most <paramref name="payload"/> bytes (a multiple of 8).</summary>
    public static List<byte[]> Fragments(byte[] packet, int payload, ushort id)
    {
        var fragments = new List<byte[]>();
        for (var at = 20; at < packet.Length; at += payload)
        {
            var part = packet[at..Math.Min(at + payload, packet.Length)];
            fragments.Add(Fragment(packet, part, at - 20, at + payload < packet.Length, id));
        }

        return fragments;
    }

    public static byte[] Fragment(byte[] of, byte[] payload, int offset, bool more, ushort id)
    {
        byte[] fragment = [.. of[..20], .. payload];
        BinaryPrimitives.WriteUInt16BigEndian(fragment.AsSpan(2), (ushort)fragment.Length);
        BinaryPrimitives.WriteUInt16BigEndian(fragment.AsSpan(4), id);
        BinaryPrimitives.WriteUInt16BigEndian(fragment.AsSpan(6), (ushort)((offset / 8) | (more ? 0x2000 : 0)));
        return ResumHeader(fragment);
    }

    public static byte[] ResumHeader(byte[] packet)
    {
        packet[10] = packet[11] = 0;
        var header = (packet[0] & 15) * 4;
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(10), InternetChecksum.Compute(packet.AsSpan(0, header)));
        return packet;
    }

    /// <summary>Every checksum in a whole packet is what it must be.</summary>
    public static void ShouldHaveValidChecksums(this byte[] packet)
    {
        InnerPacket.Read(packet, out var read);
        if (read.IsV4)
        {
            InternetChecksum.IsValid(packet.AsSpan(0, read.TransportOffset)).ShouldBeTrue("IPv4 header");
        }

        var transport = packet.AsSpan(read.TransportOffset..read.Length);
        var pseudo = read.Ends.Protocol == IpProtocol.Icmp
            ? 0
            : InternetChecksum.PseudoHeader(read.Ends.Source, read.Ends.Destination, (byte)read.Ends.Protocol, transport.Length);
        InternetChecksum.IsValid(transport, pseudo).ShouldBeTrue("transport");
    }
}
