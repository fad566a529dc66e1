namespace Sallyport.Core.Crypto;

/// <summary>
/// Reads elements of DER (X.690) one after the other, from bytes that may be hostile: every read says whether the element was there, none throws.
/// Tags of one byte, which is all that certificates have, and lengths as short as they can be.
/// </summary>
internal ref struct DerReader(ReadOnlySpan<byte> source)
{
    public const byte Boolean = 0x01;
    public const byte Integer = 0x02;
    public const byte BitString = 0x03;
    public const byte OctetString = 0x04;
    public const byte ObjectIdentifier = 0x06;
    public const byte Utf8String = 0x0c;
    public const byte PrintableString = 0x13;
    public const byte TeletexString = 0x14;
    public const byte Ia5String = 0x16;
    public const byte UtcTime = 0x17;
    public const byte GeneralizedTime = 0x18;
    public const byte BmpString = 0x1e;
    public const byte Sequence = 0x30;
    public const byte Set = 0x31;

    private const int LongTag = 0x1f;

    private ReadOnlySpan<byte> _rest = source;

    public readonly bool IsEmpty => _rest.IsEmpty;

    /// <summary>Whether an element of this tag is next.</summary>
    public readonly bool IsNext(byte tag) => !_rest.IsEmpty && _rest[0] == tag;

    public bool TryRead(byte tag, out ReadOnlySpan<byte> content) => TryRead(tag, out content, out _);

    /// <param name="whole">The content with what is in front of it.</param>
    public bool TryRead(byte tag, out ReadOnlySpan<byte> content, out ReadOnlySpan<byte> whole)
    {
        content = whole = default;
        return IsNext(tag) && TryReadAny(out _, out content, out whole);
    }

    public bool TryReadAny(out byte tag, out ReadOnlySpan<byte> content, out ReadOnlySpan<byte> whole)
    {
        tag = 0;
        content = whole = default;
        if (_rest.Length < 2 || (_rest[0] & LongTag) == LongTag || !TryReadLength(_rest[1..], out var length, out var used)
            || length > _rest.Length - 1 - used)
        {
            return false;
        }

        tag = _rest[0];
        whole = _rest[..(1 + used + length)];
        content = whole[(1 + used)..];
        _rest = _rest[whole.Length..];
        return true;
    }

    private static bool TryReadLength(ReadOnlySpan<byte> bytes, out int length, out int used)
    {
        length = bytes[0];
        used = 1;
        if (length < 0x80)
        {
            return true;
        }

        // Three bytes are 16 MB: nothing here is as long.
        var count = length & 0x7f;
        used += count;
        if (count is 0 or > 3 || bytes.Length < used)
        {
            return false;
        }

        length = 0;
        foreach (var one in bytes[1..used])
        {
            length = (length << 8) | one;
        }

        return length >= (count == 1 ? 0x80 : 1 << (8 * (count - 1)));
    }
}
