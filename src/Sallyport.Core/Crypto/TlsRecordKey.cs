using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Crypto;

/// <summary>
/// One direction of TLS 1.3's record protection (RFC 8446 section 5.2): <c>23 | 0x0303 | length 2 | AEAD(content | type 1 | zeros)</c>, where the
/// nonce is the IV xor the record's number and the header is authenticated. Native contexts exist only within a call: records are rare and
/// sleeping connections many.
/// </summary>
internal struct TlsRecordKey
{
    public const int HeaderLength = 5;

    /// <summary>Content type and tag.</summary>
    public const int Expansion = 1 + AeadContext.TagLength;

    public const byte OuterType = 23;

    // RFC 8446 section 5.1: TLS 1.2, for ever.
    public const ushort OuterVersion = 0x0303;

    private const int KeyLengthMax = 32;

    private AeadAlgorithm _aead;
    private byte _keyLength;
    private Key _key;
    private Iv _iv;

    /// <summary>Number of the next record; at <see cref="TlsLimits.MaxRecords"/> the key is worn out.</summary>
    public ulong Next { get; private set; }

    public readonly bool IsWornOut => Next >= TlsLimits.MaxRecords;

    /// <param name="secret">client_ or server_application_traffic_secret_0.</param>
    public static TlsRecordKey Create(TlsSuite suite, ReadOnlySpan<byte> secret)
    {
        Invariant.Check(secret.Length == suite.Hash().Length(), "a traffic secret has the length of the suite's hash");
        var made = new TlsRecordKey { _aead = suite.Aead(), _keyLength = (byte)suite.Aead().KeyLength() };
        Span<byte> key = made._key;
        Span<byte> iv = made._iv;
        ExpandLabel(suite.Hash(), secret, "tls13 key"u8, key[..made._keyLength]);
        ExpandLabel(suite.Hash(), secret, "tls13 iv"u8, iv);
        return made;
    }

    /// <summary>Makes the record of <paramref name="content"/>. Only while the key is not worn out.</summary>
    /// <param name="record">Exactly header, content and <see cref="Expansion"/>.</param>
    public void Seal(byte type, ReadOnlySpan<byte> content, Span<byte> record)
    {
        Invariant.Check(!IsWornOut, "a worn-out TLS key seals nothing");
        Invariant.Check(record.Length == HeaderLength + content.Length + Expansion, "there is exactly room for a TLS record");
        var header = record[..HeaderLength];
        header[0] = OuterType;
        BinaryPrimitives.WriteUInt16BigEndian(header[1..], OuterVersion);
        BinaryPrimitives.WriteUInt16BigEndian(header[3..], (ushort)(record.Length - HeaderLength));
        var inner = record[HeaderLength..^AeadContext.TagLength];
        content.CopyTo(inner);
        inner[^1] = type;

        Span<byte> nonce = stackalloc byte[AeadContext.NonceLength];
        WriteNonce(nonce);
        Span<byte> key = _key;
        var context = AeadContext.ForSealing(_aead, key[.._keyLength]);
        context.Seal(nonce, header, inner, record[^AeadContext.TagLength..]);
        context.Free();
        Next++;
    }

    /// <summary>
    /// Opens a whole record in place; <paramref name="inner"/> is content, type and zeros. Only a genuine record counts. Only while the key is not worn out.
    /// </summary>
    /// <param name="record">Header and at least <see cref="Expansion"/> bytes.</param>
    public bool TryOpen(Span<byte> record, out Span<byte> inner)
    {
        Invariant.Check(!IsWornOut, "a worn-out TLS key opens nothing");
        inner = record[HeaderLength..^AeadContext.TagLength];
        Span<byte> nonce = stackalloc byte[AeadContext.NonceLength];
        WriteNonce(nonce);
        Span<byte> key = _key;
        var context = AeadContext.ForOpening(_aead, key[.._keyLength]);
        var isGenuine = context.Open(nonce, record[..HeaderLength], inner, record[^AeadContext.TagLength..]);
        context.Free();
        Next += isGenuine ? 1UL : 0;
        return isGenuine;
    }

    public void Erase()
    {
        CryptographicOperations.ZeroMemory(_key);
        CryptographicOperations.ZeroMemory(_iv);
    }

    /// <summary>For tests of a limit that no test could reach record by record.</summary>
    internal void Wear(ulong next) => Next = next;

    /// <summary>HKDF-Expand-Label of RFC 8446 section 7.1 without a context.</summary>
    private static void ExpandLabel(HashKind hash, ReadOnlySpan<byte> secret, ReadOnlySpan<byte> label, Span<byte> output)
    {
        Span<byte> info = stackalloc byte[2 + 1 + label.Length + 1];
        BinaryPrimitives.WriteUInt16BigEndian(info, (ushort)output.Length);
        info[2] = (byte)label.Length;
        label.CopyTo(info[3..]);
        info[^1] = 0;
        HkdfExpand.Derive(hash, secret, info, output);
    }

    private readonly void WriteNonce(Span<byte> nonce)
    {
        ReadOnlySpan<byte> iv = _iv;
        iv.CopyTo(nonce);
        var low = nonce[^sizeof(ulong)..];
        BinaryPrimitives.WriteUInt64BigEndian(low, BinaryPrimitives.ReadUInt64BigEndian(low) ^ Next);
    }

    [InlineArray(KeyLengthMax)]
    private struct Key
    {
        private byte _first;
    }

    [InlineArray(AeadContext.NonceLength)]
    private struct Iv
    {
        private byte _first;
    }
}
