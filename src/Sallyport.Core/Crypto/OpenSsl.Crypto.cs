using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Sallyport.Core.Primitives;

// Every P/Invoke of this assembly is blittable: nothing is copied, pinned or freed by a generated stub.
[assembly: DisableRuntimeMarshalling]

namespace Sallyport.Core.Crypto;

/// <summary>
/// The calls into OpenSSL 3: libcrypto here, libssl in OpenSsl.Ssl.cs. Names and arguments are OpenSSL's own.
/// Nothing reads errno (SetLastError costs 50 ns a call), and the thread's error queue is cleared wherever a call failed.
/// </summary>
internal static unsafe partial class OpenSsl
{
    private const string Crypto = "libcrypto.so.3";

    // evp.h
    internal const int EvpCtrlAeadGetTag = 0x10;
    internal const int EvpCtrlAeadSetTag = 0x11;

    // crypto.h: without it OpenSSL frees its globals at exit(3), under the feet of threads that still use them.
    internal const ulong InitNoAtExit = 0x0008_0000;

    [LibraryImport(Crypto)]
    internal static partial int OPENSSL_init_crypto(ulong options, void* settings);

    [LibraryImport(Crypto)]
    internal static partial nuint ERR_get_error();

    [LibraryImport(Crypto)]
    internal static partial nuint ERR_peek_error();

    [LibraryImport(Crypto)]
    internal static partial void ERR_clear_error();

    /// <summary>A static text, or null.</summary>
    [LibraryImport(Crypto)]
    internal static partial byte* ERR_reason_error_string(nuint error);

    [LibraryImport(Crypto)]
    internal static partial nint EVP_CIPHER_fetch(nint library, byte* name, byte* properties);

    [LibraryImport(Crypto)]
    internal static partial nint EVP_CIPHER_get0_provider(nint cipher);

    [LibraryImport(Crypto)]
    internal static partial nint OSSL_PROVIDER_get0_provider_ctx(nint provider);

    /// <summary>All algorithms of one operation; the last has no name. Null where there are none.</summary>
    [LibraryImport(Crypto)]
    internal static partial OsslAlgorithm* OSSL_PROVIDER_query_operation(nint provider, int operation, int* mayNotKeep);

    [LibraryImport(Crypto)]
    internal static partial nint EVP_CIPHER_CTX_new();

    /// <summary>Also cleanses the key schedule.</summary>
    [LibraryImport(Crypto)]
    internal static partial void EVP_CIPHER_CTX_free(nint context);

    [LibraryImport(Crypto)]
    internal static partial int EVP_CIPHER_CTX_set_padding(nint context, int padding);

    [LibraryImport(Crypto)]
    internal static partial int EVP_CIPHER_CTX_ctrl(nint context, int type, int argument, void* pointer);

    [LibraryImport(Crypto)]
    internal static partial int EVP_EncryptInit_ex(nint context, nint cipher, nint engine, byte* key, byte* iv);

    [LibraryImport(Crypto)]
    internal static partial int EVP_EncryptUpdate(nint context, byte* output, int* written, byte* input, int length);

    [LibraryImport(Crypto)]
    internal static partial int EVP_EncryptFinal_ex(nint context, byte* output, int* written);

    [LibraryImport(Crypto)]
    internal static partial int EVP_DecryptInit_ex(nint context, nint cipher, nint engine, byte* key, byte* iv);

    [LibraryImport(Crypto)]
    internal static partial int EVP_DecryptUpdate(nint context, byte* output, int* written, byte* input, int length);

    [LibraryImport(Crypto)]
    internal static partial int EVP_DecryptFinal_ex(nint context, byte* output, int* written);

    /// <summary>For contexts whose direction was set with their key.</summary>
    [LibraryImport(Crypto)]
    internal static partial int EVP_CipherInit_ex(nint context, nint cipher, nint engine, byte* key, byte* iv, int encrypt);

    [LibraryImport(Crypto)]
    internal static partial int EVP_CipherUpdate(nint context, byte* output, int* written, byte* input, int length);

    [LibraryImport(Crypto)]
    internal static partial nint EVP_MAC_fetch(nint library, byte* name, byte* properties);

    [LibraryImport(Crypto)]
    internal static partial nint EVP_MAC_CTX_new(nint mac);

    [LibraryImport(Crypto)]
    internal static partial void EVP_MAC_CTX_free(nint context);

    [LibraryImport(Crypto)]
    internal static partial int EVP_MAC_init(nint context, byte* key, nuint keyLength, OsslParam* parameters);

    [LibraryImport(Crypto)]
    internal static partial int EVP_MAC_update(nint context, byte* data, nuint length);

    [LibraryImport(Crypto)]
    internal static partial int EVP_MAC_final(nint context, byte* output, nuint* written, nuint size);

    [LibraryImport(Crypto)]
    internal static partial nint EVP_KDF_fetch(nint library, byte* name, byte* properties);

    [LibraryImport(Crypto)]
    internal static partial nint EVP_KDF_CTX_new(nint kdf);

    [LibraryImport(Crypto)]
    internal static partial void EVP_KDF_CTX_free(nint context);

    [LibraryImport(Crypto)]
    internal static partial int EVP_KDF_derive(nint context, byte* output, nuint length, OsslParam* parameters);

    /// <summary>The first reason in this thread's error queue, which is then emptied: OpenSSL's static text, no data of ours.</summary>
    internal static string TakeError()
    {
        var text = ERR_reason_error_string(ERR_peek_error());
        ERR_clear_error();
        return text is null ? "no reason given" : Printable(text);
    }

    /// <summary>A call failed that cannot fail with the arguments given: a bug or no memory.</summary>
    [DoesNotReturn]
    internal static void ThrowBroken(string call)
    {
        var reason = TakeError();
        throw new InvariantException($"OpenSSL refused to {call}: {reason}");
    }

    /// <summary>Something of the machine or of a configured key is wrong.</summary>
    [DoesNotReturn]
    internal static void ThrowRefused(string what)
    {
        var reason = TakeError();
        throw new CryptographicException($"{what} (OpenSSL: {reason}).");
    }

    internal static string Printable(byte* text)
    {
        // Longest text that is worth a log field; OpenSSL's own reasons are below 60 characters.
        const int maxLength = 160;
        var bytes = MemoryMarshal.CreateReadOnlySpanFromNullTerminated(text);
        return string.Create(Math.Min(bytes.Length, maxLength), (nint)text, static (destination, source) =>
        {
            for (var i = 0; i < destination.Length; i++)
            {
                var c = (char)((byte*)source)[i];
                destination[i] = c is >= ' ' and <= '~' ? c : '?';
            }
        });
    }

    /// <summary>The address of a u8 literal: part of the program's image, so it never moves and ends with a NUL.</summary>
    internal static byte* Literal(ReadOnlySpan<byte> literal) =>
        (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(literal));
}

/// <summary>OSSL_PARAM of OpenSSL's core.h.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct OsslParam
{
    private const uint TypeInteger = 1;
    private const uint TypeUtf8String = 4;
    private const uint TypeOctetString = 5;

    public byte* Key;
    public uint DataType;
    public void* Data;
    public nuint DataSize;
    public nuint ReturnSize;

    /// <summary>Ends a list of parameters.</summary>
    public static OsslParam End => default;

    public static OsslParam Text(ReadOnlySpan<byte> key, ReadOnlySpan<byte> literal) =>
        Of(key, TypeUtf8String, OpenSsl.Literal(literal), literal.Length);

    public static OsslParam Octets(ReadOnlySpan<byte> key, byte* data, int length) => Of(key, TypeOctetString, data, length);

    public static OsslParam Integer(ReadOnlySpan<byte> key, int* value) => Of(key, TypeInteger, value, sizeof(int));

    /// <summary>Makes this a parameter of octets.</summary>
    public void Set(ReadOnlySpan<byte> key, byte* data, nuint length)
    {
        Key = OpenSsl.Literal(key);
        DataType = TypeOctetString;
        Data = data;
        DataSize = length;
        ReturnSize = nuint.MaxValue;
    }

    private static OsslParam Of(ReadOnlySpan<byte> key, uint type, void* data, int length) =>
        new() { Key = OpenSsl.Literal(key), DataType = type, Data = data, DataSize = (nuint)length, ReturnSize = nuint.MaxValue };
}

/// <summary>OSSL_ALGORITHM of OpenSSL's core.h.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct OsslAlgorithm
{
    public byte* Names;
    public byte* Properties;
    public OsslDispatch* Implementation;
    public byte* Description;
}

/// <summary>OSSL_DISPATCH of OpenSSL's core.h.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct OsslDispatch
{
    public int Id;
    public void* Function;
}
