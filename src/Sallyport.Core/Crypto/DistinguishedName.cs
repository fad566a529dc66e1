using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using System.Text.Unicode;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Crypto;

/// <summary>A Name of X.501 for people, as RFC 4514 writes it.</summary>
internal static class DistinguishedName
{
    /// <summary>Attributes of all parts together; names of certificates have four to eight.</summary>
    private const int MaxAttributes = 32;

    private static readonly UnicodeEncoding BigEndian = new(bigEndian: true, byteOrderMark: false, throwOnInvalidBytes: false);

    /// <summary>False where it is no Name, too long, or has a character that a reader in C would take for its end.</summary>
    /// <param name="der">The SEQUENCE with its head.</param>
    public static bool TryFormat(ReadOnlySpan<byte> der, [NotNullWhen(true)] out string? text)
    {
        text = null;
        var outer = new DerReader(der);
        if (!outer.TryRead(DerReader.Sequence, out var content) || !outer.IsEmpty)
        {
            return false;
        }

        var parts = new List<string>();
        var sets = new DerReader(content);
        while (!sets.IsEmpty)
        {
            var part = new StringBuilder();
            if (!sets.TryRead(DerReader.Set, out var set) || set.IsEmpty || parts.Count == MaxAttributes || !TryAppend(set, part))
            {
                return false;
            }

            parts.Add(part.ToString());
        }

        parts.Reverse();
        text = PlainText.Clean(string.Join(',', parts));
        return true;
    }

    private static bool TryAppend(ReadOnlySpan<byte> set, StringBuilder part)
    {
        var attributes = new DerReader(set);
        for (var count = 0; !attributes.IsEmpty; count++)
        {
            if (count == MaxAttributes || !attributes.TryRead(DerReader.Sequence, out var attribute))
            {
                return false;
            }

            var fields = new DerReader(attribute);
            if (!fields.TryRead(DerReader.ObjectIdentifier, out var type) || !TryTypeName(type, out var name, out var isKnown)
                || !fields.TryReadAny(out var tag, out var value, out var whole) || !fields.IsEmpty)
            {
                return false;
            }

            part.Append(count == 0 ? "" : "+").Append(name).Append('=');
            if (!isKnown)
            {
                part.Append('#').Append(Convert.ToHexStringLower(whole));
            }
            else if (TryDecode(tag, value, out var text) && !text.Contains('\0', StringComparison.Ordinal))
            {
                AppendEscaped(text, part);
            }
            else
            {
                return false;
            }
        }

        return true;
    }

    private static bool TryDecode(byte tag, ReadOnlySpan<byte> value, out string text)
    {
        var isText = tag switch
        {
            DerReader.Utf8String => Utf8.IsValid(value),
            DerReader.PrintableString or DerReader.Ia5String => Ascii.IsValid(value),
            DerReader.TeletexString => true,
            DerReader.BmpString => value.Length % 2 == 0,
            _ => false,
        };
        text = !isText ? "" : tag switch
        {
            DerReader.Utf8String => Encoding.UTF8.GetString(value),
            DerReader.BmpString => BigEndian.GetString(value),
            _ => Encoding.Latin1.GetString(value),
        };
        return isText;
    }

    /// <summary>RFC 4514 section 2.4.</summary>
    private static void AppendEscaped(string text, StringBuilder part)
    {
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            var isFirst = i == 0;
            var isLast = i == text.Length - 1;
            if ((isFirst && c is '#' or ' ') || (isLast && c == ' ') || c is '"' or '+' or ',' or ';' or '<' or '>' or '\\')
            {
                part.Append('\\');
            }

            part.Append(c);
        }
    }

    /// <summary>RFC 4514 section 3, and the three that certificates have besides; others by their numbers.</summary>
    private static bool TryTypeName(ReadOnlySpan<byte> oid, out string name, out bool isKnown)
    {
        name = oid switch
        {
            [0x55, 0x04, 3] => "CN",
            [0x55, 0x04, 5] => "serialNumber",
            [0x55, 0x04, 6] => "C",
            [0x55, 0x04, 7] => "L",
            [0x55, 0x04, 8] => "ST",
            [0x55, 0x04, 9] => "STREET",
            [0x55, 0x04, 10] => "O",
            [0x55, 0x04, 11] => "OU",
            [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x01] => "UID",
            [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x19] => "DC",
            [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01] => "E",
            _ => "",
        };
        isKnown = name.Length > 0;
        return isKnown || TryDotted(oid, out name);
    }

    private static bool TryDotted(ReadOnlySpan<byte> oid, out string name)
    {
        // As long as any that is in use, doubled.
        const int maxLength = 32;
        name = "";
        if (oid.IsEmpty || oid.Length > maxLength || (oid[^1] & 0x80) != 0)
        {
            return false;
        }

        var dotted = new StringBuilder();
        ulong arc = 0;
        foreach (var one in oid)
        {
            if (arc > uint.MaxValue)
            {
                return false;
            }

            arc = (arc << 7) | (one & 0x7fu);
            if ((one & 0x80) == 0)
            {
                var first = dotted.Length > 0 ? "" : arc < 40 ? "0." : arc < 80 ? "1." : "2.";
                var rest = dotted.Length > 0 ? arc : arc < 40 ? arc : arc < 80 ? arc - 40 : arc - 80;
                dotted.Append(CultureInfo.InvariantCulture, $"{(dotted.Length > 0 ? "." : first)}{rest}");
                arc = 0;
            }
        }

        name = dotted.ToString();
        return true;
    }
}
