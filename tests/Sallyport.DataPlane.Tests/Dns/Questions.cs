using System.Buffers.Binary;
using System.Text;
using Sallyport.Core.Dns;
using Sallyport.DataPlane.Dns;

namespace Sallyport.DataPlane.Tests.Dns;

/// <summary>Messages put together byte by byte, without the code under test.</summary>
internal static class Questions
{
    public const ushort A = 1;
    public const ushort Txt = 16;

    public static byte[] For(string name, ushort type = A, ushort id = 0x4711, int edns = 0)
    {
        byte[] opt = edns > 0 ? [0, 0, 41, (byte)(edns >> 8), (byte)edns, 0, 0, 0, 0, 0, 0] : [];
        byte[] message = [0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, (byte)(edns > 0 ? 1 : 0), .. Name(name), (byte)(type >> 8), (byte)type, 0, 1, .. opt];
        BinaryPrimitives.WriteUInt16BigEndian(message, id);
        return message;
    }

    /// <summary>The answer of a server to a question without EDNS or with: addresses of the name.</summary>
    public static byte[] Answer(byte[] query, ushort flags, params IEnumerable<byte[]> records)
    {
        var end = 12;
        while (query[end] != 0)
        {
            end += query[end] + 1;
        }

        var all = records.ToArray();
        byte[] message = [.. query[..(end + 5)], .. all.SelectMany(record => record)];
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(2), flags);
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(6), (ushort)all.Length);
        message.AsSpan(8, 4).Clear();
        return message;
    }

    /// <summary>As the thread that asked has it.</summary>
    public static UpstreamAnswer Upstream(byte[] message)
    {
        DnsAnswer.TryRead(message, out var head).ShouldBeTrue();
        return new UpstreamAnswer(message, head);
    }

    public static byte[] Address(string address, byte ttl = 60) => [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, ttl, 0, 4, .. address.Split('.').Select(byte.Parse)];

    public static string NameOf(byte[] query)
    {
        var labels = new List<string>();
        for (var at = 12; query[at] != 0; at += query[at] + 1)
        {
            labels.Add(Encoding.ASCII.GetString(query, at + 1, query[at]));
        }

        return string.Join('.', labels);
    }

    /// <summary>The code of an answer, and its first address where there is one ("3", "0 10.1.2.3"), the lengths of all headers left out.</summary>
    public static string Read(ReadOnlySpan<byte> message)
    {
        var at = 12;
        while (message[at] != 0)
        {
            at += message[at] + 1;
        }

        at += 5;
        var code = $"{message[3] & 0xf}{((message[2] & 2) != 0 ? " cut" : "")}";
        return message[7] > 0 && message[at + 3] == 1 ? $"{code} {string.Join('.', message.Slice(at + 12, 4).ToArray())}" : code;
    }

    private static byte[] Name(string name) => [.. name.Split('.').SelectMany(label => (byte[])[(byte)label.Length, .. Encoding.ASCII.GetBytes(label)]), 0];
}
