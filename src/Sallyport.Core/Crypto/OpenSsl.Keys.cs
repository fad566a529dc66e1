using System.Runtime.InteropServices;

namespace Sallyport.Core.Crypto;

/// <summary>Keys that come in pairs, what is signed with them, and digests.</summary>
internal static unsafe partial class OpenSsl
{
    // evp.h: what a key is made of, for EVP_PKEY_fromdata (OSSL_KEYMGMT_SELECT_* of core_dispatch.h)
    internal const int KeyParameters = 0x84;
    internal const int KeyPublic = 0x86;
    internal const int KeyPair = 0x87;

    [LibraryImport(Crypto)]
    internal static partial nint EVP_PKEY_new();

    [LibraryImport(Crypto)]
    internal static partial nint EVP_PKEY_CTX_new_from_name(nint library, byte* name, byte* properties);

    [LibraryImport(Crypto)]
    internal static partial nint EVP_PKEY_CTX_new_from_pkey(nint library, nint key, byte* properties);

    [LibraryImport(Crypto)]
    internal static partial void EVP_PKEY_CTX_free(nint context);

    [LibraryImport(Crypto)]
    internal static partial int EVP_PKEY_CTX_set_params(nint context, OsslParam* parameters);

    [LibraryImport(Crypto)]
    internal static partial int EVP_PKEY_keygen_init(nint context);

    [LibraryImport(Crypto)]
    internal static partial int EVP_PKEY_generate(nint context, nint* key);

    [LibraryImport(Crypto)]
    internal static partial int EVP_PKEY_fromdata_init(nint context);

    [LibraryImport(Crypto)]
    internal static partial int EVP_PKEY_fromdata(nint context, nint* key, int selection, OsslParam* parameters);

    [LibraryImport(Crypto)]
    internal static partial int EVP_PKEY_copy_parameters(nint to, nint from);

    /// <summary>Of a MODP group it also refuses 0, 1 and whatever is not below p - 1.</summary>
    [LibraryImport(Crypto)]
    internal static partial int EVP_PKEY_set1_encoded_public_key(nint key, byte* encoded, nuint length);

    [LibraryImport(Crypto)]
    internal static partial int EVP_PKEY_get_octet_string_param(nint key, byte* name, byte* buffer, nuint size, nuint* written);

    [LibraryImport(Crypto)]
    internal static partial int EVP_PKEY_derive_init(nint context);

    [LibraryImport(Crypto)]
    internal static partial int EVP_PKEY_derive_set_peer_ex(nint context, nint peer, int validate);

    [LibraryImport(Crypto)]
    internal static partial int EVP_PKEY_derive(nint context, byte* secret, nuint* length);

    [LibraryImport(Crypto)]
    internal static partial int EVP_PKEY_encapsulate_init(nint context, OsslParam* parameters);

    [LibraryImport(Crypto)]
    internal static partial int EVP_PKEY_encapsulate(nint context, byte* wrapped, nuint* wrappedLength, byte* secret, nuint* secretLength);

    [LibraryImport(Crypto)]
    internal static partial int EVP_PKEY_decapsulate_init(nint context, OsslParam* parameters);

    [LibraryImport(Crypto)]
    internal static partial int EVP_PKEY_decapsulate(nint context, byte* secret, nuint* secretLength, byte* wrapped, nuint wrappedLength);

    [LibraryImport(Crypto)]
    internal static partial int EVP_PKEY_is_a(nint key, byte* name);

    [LibraryImport(Crypto)]
    internal static partial int EVP_PKEY_get_bits(nint key);

    [LibraryImport(Crypto)]
    internal static partial int EVP_PKEY_get_group_name(nint key, byte* name, nuint size, nuint* written);

    [LibraryImport(Crypto)]
    internal static partial nint EVP_MD_fetch(nint library, byte* name, byte* properties);

    [LibraryImport(Crypto)]
    internal static partial nint EVP_MD_CTX_new();

    /// <summary>Also cleanses what was hashed.</summary>
    [LibraryImport(Crypto)]
    internal static partial void EVP_MD_CTX_free(nint context);

    [LibraryImport(Crypto)]
    internal static partial int EVP_DigestInit_ex2(nint context, nint digest, OsslParam* parameters);

    [LibraryImport(Crypto)]
    internal static partial int EVP_DigestUpdate(nint context, byte* data, nuint length);

    [LibraryImport(Crypto)]
    internal static partial int EVP_DigestFinal_ex(nint context, byte* output, uint* written);

    [LibraryImport(Crypto)]
    internal static partial int EVP_DigestSignInit_ex(
        nint context, nint* keyContext, byte* digest, nint library, byte* properties, nint key, OsslParam* parameters);

    /// <summary>Without room it only says how much it needs.</summary>
    [LibraryImport(Crypto)]
    internal static partial int EVP_DigestSign(nint context, byte* signature, nuint* length, byte* data, nuint dataLength);

    [LibraryImport(Crypto)]
    internal static partial int EVP_DigestVerifyInit_ex(
        nint context, nint* keyContext, byte* digest, nint library, byte* properties, nint key, OsslParam* parameters);

    [LibraryImport(Crypto)]
    internal static partial int EVP_DigestVerify(nint context, byte* signature, nuint length, byte* data, nuint dataLength);
}
