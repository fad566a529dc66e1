using System.Buffers;
using System.Text;
using System.Text.Unicode;

namespace Sallyport.Control.FleetFiles;

/// <summary>From bytes to text that may be YAML. What is no text at all is told from what is text and wrong.</summary>
internal static class FileBytes
{
    private static readonly SearchValues<byte> Controls =
        SearchValues.Create([.. Enumerable.Range(0, 32).Where(b => b is not ('\t' or '\n' or '\r')).Append(0x7f).Select(b => (byte)b)]);

    /// <summary>Null after adding the problem.</summary>
    public static string? ToText(ReadOnlySpan<byte> bytes, FileProblems problems)
    {
        if (bytes.Length > FleetFileLimits.BytesMax)
        {
            problems.Add(
                "file", MarkOf(bytes[..FleetFileLimits.BytesMax]), $"the file is larger than {FleetFileLimits.BytesMax >> 20} MiB",
                "split it: what is not in a file stays as it is, so that each network can have its own");
            return null;
        }

        if (bytes.StartsWith((ReadOnlySpan<byte>)[0xff, 0xfe]) || bytes.StartsWith((ReadOnlySpan<byte>)[0xfe, 0xff]))
        {
            problems.Add("file", FileMark.Start, "the file is UTF-16", "save it as UTF-8");
            return null;
        }

        var text = bytes.StartsWith(Encoding.UTF8.Preamble) ? bytes[Encoding.UTF8.Preamble.Length..] : bytes;
        if (!Utf8.IsValid(text))
        {
            problems.Add("file", MarkOf(text[..FirstInvalid(text)]), "here are bytes that are no UTF-8", "save it as UTF-8; is it a fleet file at all?");
            return null;
        }

        if (text.IndexOfAny(Controls) is >= 0 and var control)
        {
            problems.Add(
                "file", MarkOf(text[..control]), $"here is a control character (0x{text[control]:x2})", "a fleet file is text; is it the right file?");
            return null;
        }

        return Encoding.UTF8.GetString(text);
    }

    /// <summary>Where the text goes on after these bytes.</summary>
    private static FileMark MarkOf(ReadOnlySpan<byte> before)
    {
        var line = before[(before.LastIndexOf((byte)'\n') + 1)..];
        var characters = 0;
        foreach (var b in line)
        {
            characters += (b & 0xc0) == 0x80 ? 0 : 1; // a character begins with any other byte
        }

        return new FileMark(before.Count((byte)'\n') + 1, characters + 1);
    }

    private static int FirstInvalid(ReadOnlySpan<byte> text)
    {
        var at = 0;
        while (Rune.DecodeFromUtf8(text[at..], out _, out var length) == OperationStatus.Done)
        {
            at += length;
        }

        return at;
    }
}
