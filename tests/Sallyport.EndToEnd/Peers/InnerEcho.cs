using System.Buffers.Binary;

namespace Sallyport.EndToEnd.Peers;

/// <summary>ICMP echo inside IPv4, by hand (RFC 791 §3.1, RFC 792).</summary>
internal static class InnerEcho
{
    public const int Length = 20 + 8 + 56;
    private const int HeaderLength = 20;
    private const byte Icmp = 1;
    private const byte EchoRequest = 8;

    public static void WriteRequest(Span<byte> packet, ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, ushort sequence)
    {
        packet = packet[..Length];
        packet.Clear();
        packet[0] = 0x45;
        BinaryPrimitives.WriteUInt16BigEndian(packet[2..], Length);
        packet[8] = 64;
        packet[9] = Icmp;
        from.CopyTo(packet[12..]);
        to.CopyTo(packet[16..]);
        BinaryPrimitives.WriteUInt16BigEndian(packet[10..], Checksum(packet[..HeaderLength]));
        var message = packet[HeaderLength..];
        message[0] = EchoRequest;
        BinaryPrimitives.WriteUInt16BigEndian(message[6..], sequence);
        BinaryPrimitives.WriteUInt16BigEndian(message[2..], Checksum(message));
    }

    /// <summary>The sequence of an echo reply; null for anything else.</summary>
    public static ushort? ReplySequence(ReadOnlySpan<byte> packet) =>
        packet.Length >= HeaderLength + 8 && packet[0] == 0x45 && packet[9] == Icmp && packet[HeaderLength] == 0
            ? BinaryPrimitives.ReadUInt16BigEndian(packet[(HeaderLength + 6)..])
            : null;

    /// <summary>Turns an echo request into its reply, in place; false for anything else.</summary>
    public static bool TryTurn(Span<byte> packet)
    {
        if (packet.Length < HeaderLength + 8 || packet[0] != 0x45 || packet[9] != Icmp || packet[HeaderLength] != EchoRequest)
        {
            return false;
        }

        // Swapping the addresses leaves the header's sum as it is.
        Span<byte> from = stackalloc byte[4];
        packet[12..16].CopyTo(from);
        packet[16..20].CopyTo(packet[12..]);
        from.CopyTo(packet[16..]);
        var message = packet[HeaderLength..BinaryPrimitives.ReadUInt16BigEndian(packet[2..])];
        message[0] = 0;
        message[2] = 0;
        message[3] = 0;
        BinaryPrimitives.WriteUInt16BigEndian(message[2..], Checksum(message));
        return true;
    }

    /// <summary>RFC 1071.</summary>
    private static ushort Checksum(ReadOnlySpan<byte> bytes)
    {
        uint sum = 0;
        for (var i = 0; i + 1 < bytes.Length; i += 2)
        {
            sum += BinaryPrimitives.ReadUInt16BigEndian(bytes[i..]);
        }

        if ((bytes.Length & 1) != 0)
        {
            sum += (uint)bytes[^1] << 8;
        }

        while (sum > 0xffff)
        {
            sum = (sum & 0xffff) + (sum >> 16);
        }

        return (ushort)~sum;
    }
}
