using System.Text;

namespace Sallyport.Core.OpenVpn.Wrapping;

/// <summary>The armour around OpenVPN's own key files, which is PEM (RFC 7468) with names of its own.</summary>
internal static class PemText
{
    private const int CharsPerLine = 64;

    /// <summary>A key file is a few hundred bytes; a whole client profile with embedded certificates is some ten thousand.</summary>
    private const int MaxText = 256 * 1024;

    public static bool TryFindBody(string? text, string begin, string end, out ReadOnlySpan<char> body)
    {
        body = default;
        if (text is null || text.Length > MaxText)
        {
            return false;
        }

        var from = text.IndexOf(begin, StringComparison.Ordinal);
        if (from < 0)
        {
            return false;
        }

        from += begin.Length;
        var to = text.IndexOf(end, from, StringComparison.Ordinal);
        if (to < 0)
        {
            return false;
        }

        body = text.AsSpan(from, to - from);
        return true;
    }

    /// <summary>Reads at most <paramref name="bytes"/>.Length bytes; false for more, or for what is not Base64.</summary>
    public static bool TryReadBase64(string? text, string label, Span<byte> bytes, out int length)
    {
        length = 0;
        return TryFindBody(text, $"-----BEGIN {label}-----", $"-----END {label}-----", out var body)
            && Convert.TryFromBase64Chars(body, bytes, out length);
    }

    public static string WriteBase64(string label, ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder($"-----BEGIN {label}-----\n");
        var base64 = Convert.ToBase64String(bytes);
        for (var at = 0; at < base64.Length; at += CharsPerLine)
        {
            text.Append(base64, at, Math.Min(CharsPerLine, base64.Length - at)).Append('\n');
        }

        return text.Append($"-----END {label}-----\n").ToString();
    }
}
