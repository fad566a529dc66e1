using System.Globalization;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Dns;

/// <summary>
/// Names as text: lower case, without the last dot, the root empty. What is no printable character, a dot inside a label and a backslash
/// are written as in a zone file, by their number ("\046"), so that dots are always borders between labels.
/// </summary>
public static class DnsName
{
    private const byte PointerBits = 0xc0;

    /// <summary>
    /// Reads the name at an offset of a message. Pointers lead only back, so that every name ends; none leads into the header.
    /// </summary>
    /// <param name="next">Where the message goes on behind the name.</param>
    public static bool TryRead(ReadOnlySpan<byte> message, int offset, out string name, out int next)
    {
        Span<char> text = stackalloc char[DnsLimits.NameTextMax];
        var read = TryRead(message, offset, text, out var length, out next);
        name = read ? new string(text[..length]) : "";
        return read;
    }

    /// <summary>The same without making the text.</summary>
    public static bool TrySkip(ReadOnlySpan<byte> message, int offset, out int next)
    {
        Span<char> text = stackalloc char[DnsLimits.NameTextMax];
        return TryRead(message, offset, text, out _, out next);
    }

    /// <summary>Whether <paramref name="name"/> is the domain or lies in it. Every name lies in the root, "".</summary>
    public static bool IsWithin(ReadOnlySpan<char> name, ReadOnlySpan<char> domain) =>
        domain.IsEmpty || (name.EndsWith(domain, StringComparison.Ordinal) && (name.Length == domain.Length || name[^(domain.Length + 1)] == '.'));

    /// <summary>Labels of letters, digits, hyphens and underscores, with dots between; what we write ourselves has no other characters.</summary>
    public static bool IsPlain(ReadOnlySpan<char> name)
    {
        if (name.IsEmpty || name.Length > DnsLimits.NameMax - 2)
        {
            return false;
        }

        foreach (var range in name.Split('.'))
        {
            var label = name[range];
            if (label.IsEmpty || label.Length > DnsLimits.LabelMax || label.ContainsAnyExcept(PlainCharacters))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Writes a plain name (<see cref="IsPlain"/>), which takes two bytes more than it has characters.</summary>
    internal static void Write(ReadOnlySpan<char> name, ref ByteWriter writer)
    {
        WriteLabels(name, ref writer);
        writer.U8(0);
    }

    internal static void WriteLabels(ReadOnlySpan<char> name, ref ByteWriter writer)
    {
        foreach (var range in name.Split('.'))
        {
            var label = name[range];
            writer.U8((byte)label.Length);
            foreach (var c in label)
            {
                writer.U8((byte)c);
            }
        }
    }

    private static readonly System.Buffers.SearchValues<char> PlainCharacters =
        System.Buffers.SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-_");

    private static bool TryRead(ReadOnlySpan<byte> message, int offset, Span<char> text, out int length, out int next)
    {
        (length, next) = (0, 0);
        var (at, lowest, wireLength, jumps) = (offset, offset, 1, 0);
        while ((uint)at < (uint)message.Length)
        {
            var head = message[at];
            if ((head & PointerBits) == PointerBits)
            {
                if (at + 1 >= message.Length)
                {
                    return false;
                }

                var target = ((head & ~PointerBits) << 8) | message[at + 1];
                next = jumps == 0 ? at + 2 : next;
                if (target >= lowest || target < DnsLimits.HeaderLength || ++jumps > DnsLimits.JumpsMax)
                {
                    return false;
                }

                at = lowest = target;
                continue;
            }

            if (head == 0)
            {
                next = jumps == 0 ? at + 1 : next;
                return true;
            }

            wireLength += head + 1;
            if (head > DnsLimits.LabelMax || wireLength > DnsLimits.NameMax || at + head >= message.Length)
            {
                return false;
            }

            if (length > 0)
            {
                text[length++] = '.';
            }

            length += WriteText(message.Slice(at + 1, head), text[length..]);
            at += head + 1;
        }

        return false;
    }

    private static int WriteText(ReadOnlySpan<byte> label, Span<char> text)
    {
        var length = 0;
        foreach (var b in label)
        {
            if (b is > (byte)' ' and < 0x7f and not (byte)'.' and not (byte)'\\')
            {
                text[length++] = (char)(b is >= (byte)'A' and <= (byte)'Z' ? b | 0x20 : b);
                continue;
            }

            text[length++] = '\\';
            b.TryFormat(text[length..], out var digits, "000", CultureInfo.InvariantCulture);
            length += digits;
        }

        return length;
    }
}
