using System.Buffers.Binary;
using System.Text;
using Sallyport.Core.Dns;

namespace Sallyport.Core.Tests.Dns;

/// <summary>Messages put together byte by byte, without the code under test.</summary>
internal static class Ask
{
    public static byte[] For(string name, DnsType type, ushort id = 0x1234, int? ednsSize = null, ushort flags = 0x0100, ushort @class = 1) =>
        Message(id, flags, [.. Question(name, type, @class)], [], [], ednsSize is { } size ? [Opt(size)] : []);

    public static byte[] Answer(string name, DnsType type, ushort id, IEnumerable<byte[]> answers, IEnumerable<byte[]>? authorities = null, IEnumerable<byte[]>? additionals = null, ushort flags = 0x8180) =>
        Message(id, flags, [.. Question(name, type, 1)], [.. answers], [.. authorities ?? []], [.. additionals ?? []]);

    public static byte[] Message(ushort id, ushort flags, byte[] question, byte[][] answers, byte[][] authorities, byte[][] additionals)
    {
        var header = new byte[12];
        BinaryPrimitives.WriteUInt16BigEndian(header, id);
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(2), flags);
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(4), (ushort)(question.Length > 0 ? 1 : 0));
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(6), (ushort)answers.Length);
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(8), (ushort)authorities.Length);
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(10), (ushort)additionals.Length);
        return [.. header, .. question, .. answers.SelectMany(x => x), .. authorities.SelectMany(x => x), .. additionals.SelectMany(x => x)];
    }

    public static byte[] Question(string name, DnsType type, ushort @class) => [.. Name(name), .. U16((ushort)type), .. U16(@class)];

    /// <summary>A record of the name that was asked for.</summary>
    public static byte[] Record(DnsType type, uint ttl, byte[] data) => Record([0xc0, 12], type, ttl, data);

    public static byte[] Record(byte[] name, DnsType type, uint ttl, byte[] data, ushort @class = 1) =>
        [.. name, .. U16((ushort)type), .. U16(@class), .. U32(ttl), .. U16((ushort)data.Length), .. data];

    public static byte[] A(string address, uint ttl = 60) => Record(DnsType.A, ttl, [.. address.Split('.').Select(byte.Parse)]);

    public static byte[] Opt(int size, uint ttl = 0) => Record([0], DnsType.Opt, ttl, [], (ushort)size);

    public static byte[] Name(string name) =>
        [.. name.Split('.', StringSplitOptions.RemoveEmptyEntries).SelectMany(label => (byte[])[(byte)label.Length, .. Encoding.Latin1.GetBytes(label)]), 0];

    public static byte[] U16(ushort value) => [(byte)(value >> 8), (byte)value];

    public static byte[] U32(uint value) => [.. U16((ushort)(value >> 16)), .. U16((ushort)value)];
}
