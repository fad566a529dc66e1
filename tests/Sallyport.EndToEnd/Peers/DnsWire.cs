using System.Buffers.Binary;
using System.Net;
using System.Text;

namespace Sallyport.EndToEnd.Peers;

/// <summary>As much of DNS as a test needs, written apart from the product's.</summary>
internal static class DnsWire
{
    private static readonly string[] Codes = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"];

    public static byte[] Question(string name, ushort type, ushort id)
    {
        byte[] message =
        [
            0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0,
            .. name.Split('.').SelectMany(label => (byte[])[(byte)label.Length, .. Encoding.ASCII.GetBytes(label)]), 0, (byte)(type >> 8), (byte)type, 0, 1,
        ];
        BinaryPrimitives.WriteUInt16BigEndian(message, id);
        return message;
    }

    /// <summary>The code, or the addresses where there are some.</summary>
    public static string Read(ReadOnlySpan<byte> message)
    {
        var code = Codes[message[3] & 15];
        var records = BinaryPrimitives.ReadUInt16BigEndian(message[6..]);
        var at = QuestionEnd(message);
        var addresses = new List<string>();
        for (var i = 0; i < records; i++)
        {
            // Servers of tests and the gateway point to the question's name.
            at += (message[at] & 0xc0) == 0xc0 ? 2 : throw new FormatException("a record's name is no pointer");
            var type = BinaryPrimitives.ReadUInt16BigEndian(message[at..]);
            var length = BinaryPrimitives.ReadUInt16BigEndian(message[(at + 8)..]);
            if (type is 1 or 28)
            {
                addresses.Add(new IPAddress(message.Slice(at + 10, length)).ToString());
            }

            at += 10 + length;
        }

        return addresses.Count > 0 ? string.Join(' ', addresses) : code;
    }

    public static string NameOf(ReadOnlySpan<byte> message)
    {
        var labels = new List<string>();
        for (var at = 12; message[at] != 0; at += message[at] + 1)
        {
            labels.Add(Encoding.ASCII.GetString(message.Slice(at + 1, message[at])));
        }

        return string.Join('.', labels).ToLowerInvariant();
    }

    /// <summary>An answer with one address, or a code without any.</summary>
    public static byte[] Answer(ReadOnlySpan<byte> query, IPAddress? address, byte code)
    {
        byte[] record = address is null ? [] : [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, .. address.GetAddressBytes()];
        byte[] message = [.. query[..QuestionEnd(query)], .. record];
        message[2] = 0x81;
        message[3] = (byte)(0x80 | code);
        message.AsSpan(6, 6).Clear();
        message[7] = (byte)(address is null ? 0 : 1);
        return message;
    }

    private static int QuestionEnd(ReadOnlySpan<byte> message)
    {
        var at = 12;
        while (message[at] != 0)
        {
            at += message[at] + 1;
        }

        return at + 5;
    }
}
