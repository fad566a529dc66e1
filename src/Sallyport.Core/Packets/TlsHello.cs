using System.Buffers.Binary;
using System.Text;
using Sallyport.Core.Dns;

namespace Sallyport.Core.Packets;

/// <summary>What the first bytes of a client are.</summary>
public enum HelloReading : byte
{
    /// <summary>No TLS, or a hello without a name.</summary>
    Nothing,

    /// <summary>A hello whose end, and perhaps whose name, is still to come.</summary>
    Cut,

    Name,
}

/// <summary>
/// The server name in the first bytes that a TLS client sends (RFC 8446 section 4.1.2, RFC 6066 section 3). It is read for the record
/// and proves nothing: a client says what it likes. What lies behind the first record is not looked at: no client splits its hello.
/// </summary>
public static class TlsHello
{
    private const byte Handshake = 22;
    private const byte MajorVersion = 3;
    private const byte ClientHello = 1;
    private const byte HostName = 0;
    private const ushort ServerName = 0;
    private const int RecordHead = 5;
    private const int MessageHead = 4;
    private const int VersionAndRandom = 34;

    /// <summary>Whether there is a name, or may be one in the bytes that follow.</summary>
    /// <param name="bytes">From the first that the client sent.</param>
    /// <param name="pool">Where the name is taken from if it was there before.</param>
    public static HelloReading Read(ReadOnlySpan<byte> bytes, NamePool pool, out string name)
    {
        Span<char> text = stackalloc char[DnsLimits.NameMax];
        var isThere = TryReadServerName(bytes, text, out var length);
        name = isThere ? pool.Share(text[..length]) : "";
        return isThere ? HelloReading.Name : IsCut(bytes) ? HelloReading.Cut : HelloReading.Nothing;
    }

    /// <summary>Whether these are the first bytes of a hello, as far as there are any, and its record goes on.</summary>
    private static bool IsCut(ReadOnlySpan<byte> bytes) =>
        !bytes.IsEmpty && bytes[0] == Handshake
        && (bytes.Length < 2 || bytes[1] == MajorVersion)
        && (bytes.Length <= RecordHead || bytes[RecordHead] == ClientHello)
        && (bytes.Length < RecordHead || bytes.Length < RecordHead + BinaryPrimitives.ReadUInt16BigEndian(bytes[3..]));

    private static bool TryReadServerName(ReadOnlySpan<byte> bytes, Span<char> name, out int length)
    {
        length = 0;
        if (bytes.Length < RecordHead + MessageHead || bytes[0] != Handshake || bytes[1] != MajorVersion || bytes[RecordHead] != ClientHello)
        {
            return false;
        }

        int record = BinaryPrimitives.ReadUInt16BigEndian(bytes[3..]);
        var rest = bytes[RecordHead..];
        rest = rest[..Math.Min(rest.Length, record)];
        return rest.Length >= MessageHead + VersionAndRandom
            && Skip(ref rest, MessageHead + VersionAndRandom)
            && SkipVector(ref rest, 1)
            && SkipVector(ref rest, 2)
            && SkipVector(ref rest, 1)
            && Skip(ref rest, 2)
            && TryFind(rest, name, out length);
    }

    private static bool TryFind(ReadOnlySpan<byte> extensions, Span<char> name, out int length)
    {
        length = 0;
        while (extensions.Length >= 4)
        {
            var type = BinaryPrimitives.ReadUInt16BigEndian(extensions);
            int size = BinaryPrimitives.ReadUInt16BigEndian(extensions[2..]);
            extensions = extensions[4..];
            if (size > extensions.Length)
            {
                return false;
            }

            if (type == ServerName)
            {
                return TryReadList(extensions[..size], name, out length);
            }

            extensions = extensions[size..];
        }

        return false;
    }

    /// <summary>One name of one kind is all that was ever defined.</summary>
    private static bool TryReadList(ReadOnlySpan<byte> list, Span<char> name, out int length)
    {
        length = 0;
        if (list.Length < 5 || BinaryPrimitives.ReadUInt16BigEndian(list) != list.Length - 2 || list[2] != HostName)
        {
            return false;
        }

        int size = BinaryPrimitives.ReadUInt16BigEndian(list[3..]);
        if (size > list.Length - 5 || size > DnsLimits.NameMax)
        {
            return false;
        }

        name = name[..Encoding.Latin1.GetChars(list.Slice(5, size), name)];
        for (var i = 0; i < name.Length; i++)
        {
            name[i] = char.ToLowerInvariant(name[i]);
        }

        length = name.Length;
        return DnsName.IsPlain(name);
    }

    private static bool SkipVector(ref ReadOnlySpan<byte> bytes, int lengthBytes)
    {
        if (bytes.Length < lengthBytes)
        {
            return false;
        }

        var length = lengthBytes == 1 ? bytes[0] : BinaryPrimitives.ReadUInt16BigEndian(bytes);
        return Skip(ref bytes, lengthBytes + length);
    }

    private static bool Skip(ref ReadOnlySpan<byte> bytes, int count)
    {
        if (bytes.Length < count)
        {
            return false;
        }

        bytes = bytes[count..];
        return true;
    }
}
