using System.Runtime.InteropServices;

namespace Sallyport.Core.Crypto;

/// <summary>What a pair of keys is, and what it signs.</summary>
internal static unsafe class NativeKey
{
    /// <summary>Bits of an RSA modulus: as security level 2 of <see cref="TlsContext"/>.</summary>
    public const int MinRsaBits = 2048;

    /// <summary>A verification costs the square of it, and whoever shows a key chooses it.</summary>
    public const int MaxRsaBits = 8192;

    private const int LongestGroupName = 32;

    /// <summary>False for an RSA key that is too short or too long.</summary>
    public static bool TryJudge(nint key, out KeyKind kind, out int bits)
    {
        bits = OpenSsl.EVP_PKEY_get_bits(key);
        kind = OpenSsl.EVP_PKEY_is_a(key, OpenSsl.Literal("RSA"u8)) == 1 ? KeyKind.Rsa
            : OpenSsl.EVP_PKEY_is_a(key, OpenSsl.Literal("ED25519"u8)) == 1 ? KeyKind.Ed25519
            : OpenSsl.EVP_PKEY_is_a(key, OpenSsl.Literal("EC"u8)) == 1 ? Curve(key)
            : KeyKind.Other;
        OpenSsl.ERR_clear_error();
        return kind != KeyKind.Rsa || bits is >= MinRsaBits and <= MaxRsaBits;
    }

    /// <summary>Null where OpenSSL refuses.</summary>
    public static byte[]? TrySign(nint key, SignatureScheme scheme, ReadOnlySpan<byte> data)
    {
        var context = OpenSsl.EVP_MD_CTX_new();
        var parameters = stackalloc OsslParam[3];
        var salt = Describe(scheme, parameters);
        nuint length = 0;
        byte[]? signature = null;
        fixed (byte* d = data)
        {
            if (context != 0
                && OpenSsl.EVP_DigestSignInit_ex(context, null, DigestName(scheme), 0, null, key, WithSalt(parameters, &salt)) == 1
                && OpenSsl.EVP_DigestSign(context, null, &length, d, (nuint)data.Length) == 1)
            {
                signature = new byte[(int)length];
                fixed (byte* s = signature)
                {
                    signature = OpenSsl.EVP_DigestSign(context, s, &length, d, (nuint)data.Length) == 1 ? signature[..(int)length] : null;
                }
            }
        }

        OpenSsl.EVP_MD_CTX_free(context);
        return signature;
    }

    public static bool Verify(nint key, SignatureScheme scheme, ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature)
    {
        var context = OpenSsl.EVP_MD_CTX_new();
        var parameters = stackalloc OsslParam[3];
        var salt = Describe(scheme, parameters);
        bool valid;
        fixed (byte* d = data, s = signature)
        {
            valid = context != 0
                && OpenSsl.EVP_DigestVerifyInit_ex(context, null, DigestName(scheme), 0, null, key, WithSalt(parameters, &salt)) == 1
                && OpenSsl.EVP_DigestVerify(context, s, (nuint)signature.Length, d, (nuint)data.Length) == 1;
        }

        OpenSsl.EVP_MD_CTX_free(context);
        OpenSsl.ERR_clear_error();
        return valid;
    }

    private static KeyKind Curve(nint key)
    {
        var name = stackalloc byte[LongestGroupName];
        nuint length;
        if (OpenSsl.EVP_PKEY_get_group_name(key, name, LongestGroupName, &length) != 1)
        {
            // Explicit parameters, or a name that none of ours has.
            return KeyKind.Other;
        }

        var curve = MemoryMarshal.CreateReadOnlySpanFromNullTerminated(name);
        return curve.SequenceEqual("prime256v1"u8) ? KeyKind.EcP256
            : curve.SequenceEqual("secp384r1"u8) ? KeyKind.EcP384
            : curve.SequenceEqual("secp521r1"u8) ? KeyKind.EcP521
            : KeyKind.Other;
    }

    /// <summary>Writes what PSS needs beside its salt, and says how long that is. OpenSSL takes MGF1 of the same hash without being told.</summary>
    private static int Describe(SignatureScheme scheme, OsslParam* parameters)
    {
        parameters[0] = scheme.IsPss() ? OsslParam.Text("pad-mode"u8, "pss"u8) : OsslParam.End;
        parameters[1] = parameters[2] = OsslParam.End;
        return scheme.Hash()?.Length() ?? 0;
    }

    private static OsslParam* WithSalt(OsslParam* parameters, int* salt)
    {
        if (parameters[0].Key != null)
        {
            parameters[1] = OsslParam.Integer("saltlen"u8, salt);
        }

        return parameters;
    }

    private static byte* DigestName(SignatureScheme scheme) => scheme.Hash() switch
    {
        HashKind.Sha1 => OpenSsl.Literal("SHA1"u8),
        HashKind.Sha256 => OpenSsl.Literal("SHA256"u8),
        HashKind.Sha384 => OpenSsl.Literal("SHA384"u8),
        HashKind.Sha512 => OpenSsl.Literal("SHA512"u8),
        _ => null,
    };
}
