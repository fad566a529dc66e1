using System.Globalization;
using System.Text;

namespace Sallyport.Core.OpenVpn.Negotiation;

/// <summary>
/// What a peer wrote is shown in logs and consoles: control characters, invisible formatting (which turns text around) and broken
/// UTF-8 never get that far (CVE-2024-5594).
/// </summary>
public static class PrintableText
{
    public static bool IsPrintable(ReadOnlySpan<char> text)
    {
        for (var i = 0; i < text.Length;)
        {
            if (Rune.DecodeFromUtf16(text[i..], out var rune, out var used) != System.Buffers.OperationStatus.Done || !IsPrintable(rune))
            {
                return false;
            }

            i += used;
        }

        return true;
    }

    /// <summary>False where a byte is not printable UTF-8.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> utf8, out string text)
    {
        text = "";
        for (var i = 0; i < utf8.Length;)
        {
            if (Rune.DecodeFromUtf8(utf8[i..], out var rune, out var used) != System.Buffers.OperationStatus.Done || !IsPrintable(rune))
            {
                return false;
            }

            i += used;
        }

        text = Encoding.UTF8.GetString(utf8);
        return true;
    }

    /// <summary>At most <paramref name="charactersMax"/> characters, with a question mark for each that is not printable.</summary>
    public static string Clean(ReadOnlySpan<char> text, int charactersMax)
    {
        var clean = new StringBuilder(Math.Min(text.Length, charactersMax));
        for (var i = 0; i < text.Length && clean.Length < charactersMax;)
        {
            var decoded = Rune.DecodeFromUtf16(text[i..], out var rune, out var used) == System.Buffers.OperationStatus.Done;
            i += used;
            if (!decoded || !IsPrintable(rune))
            {
                clean.Append('?');
            }
            else if (clean.Length + rune.Utf16SequenceLength <= charactersMax)
            {
                clean.Append(rune.ToString());
            }
            else
            {
                break;
            }
        }

        return clean.ToString();
    }

    private static bool IsPrintable(Rune rune) => rune.IsAscii
        ? rune.Value is >= 0x20 and < 0x7f
        : Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator
            or UnicodeCategory.ParagraphSeparator or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned);
}
