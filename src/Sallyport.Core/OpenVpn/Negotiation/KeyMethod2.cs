using System.Text;
using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.OpenVpn.Negotiation;

public enum KeyMethod2Status : byte
{
    Complete,

    /// <summary>Not a key method 2 message: the connection cannot go on.</summary>
    Malformed,

    /// <summary>
    /// Readable, but user name or password is longer than we accept. Both are left empty; the negotiation goes on to AUTH_FAILED.
    /// </summary>
    CredentialTooLong,

    /// <summary>Readable, but the user name is no printable UTF-8. As with <see cref="CredentialTooLong"/>.</summary>
    CredentialNotText,
}

/// <summary>
/// The layout that both messages share: u32 0, u8 2, randomness, then strings of u16 length (NUL included) and bytes.
/// The client's message has 48 bytes of pre-master secret more.
/// </summary>
internal static class KeyMethod2
{
    public const int RandomLength = KeyDerivation.RandomLength;
    public const int PreMasterLength = KeyDerivation.PreMasterLength;

    private const byte Method = 2;

    public static void WriteHead(ref ByteWriter writer)
    {
        writer.U32(0);
        writer.U8(Method);
    }

    /// <summary>Stock peers ignore the leading word and the upper half of the method byte.</summary>
    public static bool TryReadHead(ref ByteReader reader) =>
        reader.TryU32(out _) && reader.TryU8(out var method) && (method & 0x0f) == Method;

    /// <summary>An empty string is length 0: stock peers expect no NUL there.</summary>
    public static void WriteString(ref ByteWriter writer, ReadOnlySpan<byte> text)
    {
        if (text.IsEmpty)
        {
            writer.U16(0);
            return;
        }

        writer.U16((ushort)(text.Length + 1));
        writer.Bytes(text);
        writer.U8(0);
    }

    public static void WriteString(ref ByteWriter writer, string text) => WriteString(ref writer, Encoding.UTF8.GetBytes(text));

    /// <summary>The bytes before the first NUL. The last byte is the NUL's place whatever it holds, as stock peers have it.</summary>
    public static bool TryReadString(ref ByteReader reader, out ReadOnlySpan<byte> text)
    {
        text = default;
        if (!reader.TryU16(out var length) || !reader.TryBytes(length, out var bytes))
        {
            return false;
        }

        text = bytes.IsEmpty ? bytes : bytes[..^1];
        var nul = text.IndexOf((byte)0);
        text = nul < 0 ? text : text[..nul];
        return true;
    }

    /// <summary>As <see cref="TryReadString"/>; a message that ends here (2.3, MikroTik) has an empty string.</summary>
    public static bool TryReadOptionalString(ref ByteReader reader, out ReadOnlySpan<byte> text)
    {
        text = default;
        return reader.Remaining == 0 || TryReadString(ref reader, out text);
    }

    public static bool TryReadOptions(ref ByteReader reader, out OptionString options)
    {
        options = OptionString.Empty;
        if (!TryReadString(ref reader, out var text) || text.Length >= NegotiationLimits.OptionStringMax)
        {
            return false;
        }

        options = OptionString.Parse(text);
        return true;
    }
}
