using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Crypto;

/// <summary>
/// The initiator's side of one exchange of keys, in the formats of IKEv2: of a MODP group a number of fixed length (RFC 7296 section 3.4), of
/// an ECP group X and Y without a byte before them, and as secret X alone (RFC 5903 section 7), X25519 as it is (RFC 8031), and of ML-KEM the
/// encapsulation key on the way there, the ciphertext on the way back. Its key is made for it and used for nothing else. Not for two threads at a time.
/// </summary>
/// <remarks>
/// RFC 6989 asks for little more than ranges here: MODP groups have safe primes, ECP groups a cofactor of 1, and a point is on its curve or not read.
/// The costly proofs of membership that OpenSSL would add are left out.
/// </remarks>
public sealed class KeyExchange : IDisposable
{
    /// <summary>RFC 5480 section 2.2: a point that is not compressed. IKE leaves the byte out.</summary>
    private const byte Uncompressed = 4;

    private static readonly Lazy<bool> HasMlKem = new(FindMlKem);
    private static readonly Lazy<nint> Modp2048 = new(static () => Group("modp_2048"u8));
    private static readonly Lazy<nint> Modp3072 = new(static () => Group("modp_3072"u8));
    private static readonly Lazy<nint> Modp4096 = new(static () => Group("modp_4096"u8));

    private nint _key;

    /// <param name="key">A pair of keys, which is taken over.</param>
    internal KeyExchange(KeyExchangeMethod method, nint key)
    {
        Method = method;
        _key = key;
        Public = Encode(method, key);
    }

    ~KeyExchange() => Free();

    public KeyExchangeMethod Method { get; }

    /// <summary>What goes into the KE payload.</summary>
    public byte[] Public { get; }

    /// <summary>Whether this machine's OpenSSL has the method. False for every number that is not named here.</summary>
    public static bool IsAvailable(KeyExchangeMethod method) => method == KeyExchangeMethod.MlKem768 ? HasMlKem.Value : InitiatorLength(method) > 0;

    /// <summary>Bytes that the initiator sends; 0 for what is no method.</summary>
    public static int InitiatorLength(KeyExchangeMethod method) => method switch
    {
        KeyExchangeMethod.Modp2048 => 256,
        KeyExchangeMethod.Modp3072 => 384,
        KeyExchangeMethod.Modp4096 => 512,
        KeyExchangeMethod.Ecp256 => 64,
        KeyExchangeMethod.Ecp384 => 96,
        KeyExchangeMethod.Ecp521 => 132,
        KeyExchangeMethod.X25519 => 32,
        KeyExchangeMethod.MlKem768 => 1184,
        _ => 0,
    };

    /// <summary>Bytes that the responder sends; 0 for what is no method.</summary>
    public static int ResponderLength(KeyExchangeMethod method) => method == KeyExchangeMethod.MlKem768 ? 1088 : InitiatorLength(method);

    /// <param name="method">One that is available.</param>
    public static KeyExchange Start(KeyExchangeMethod method)
    {
        Invariant.Check(IsAvailable(method), "a key exchange is started by a method that there is");
        return new KeyExchange(method, Generate(method));
    }

    /// <summary>False where the responder's bytes are not what the method allows; nothing is then known and nothing lost.</summary>
    public bool TryFinish(ReadOnlySpan<byte> peer, [NotNullWhen(true)] out SecretBytes? secret)
    {
        ObjectDisposedException.ThrowIf(_key == 0, this);
        secret = null;
        if (peer.Length != ResponderLength(Method))
        {
            return false;
        }

        var found = Method == KeyExchangeMethod.MlKem768 ? TryDecapsulate(_key, peer, out secret) : TryAgree(Method, _key, ReadPublic(Method, peer), out secret);
        GC.KeepAlive(this);
        return found;
    }

    /// <summary>The responder's side, in one step. False where the initiator's bytes are not what the method allows, or there is no such method.</summary>
    /// <param name="own">What goes into the KE payload of the answer.</param>
    public static bool TryRespond(
        KeyExchangeMethod method, ReadOnlySpan<byte> peer, [NotNullWhen(true)] out byte[]? own, [NotNullWhen(true)] out SecretBytes? secret)
    {
        own = null;
        secret = null;
        if (!IsAvailable(method) || peer.Length != InitiatorLength(method))
        {
            return false;
        }

        if (method == KeyExchangeMethod.MlKem768)
        {
            return TryEncapsulate(peer, out own, out secret);
        }

        // Before a key is made: whoever sends what is no key shall not have us make one.
        var other = ReadPublic(method, peer);
        if (other == 0)
        {
            OpenSsl.ERR_clear_error();
            return false;
        }

        using var exchange = Start(method);
        own = TryAgree(method, exchange._key, other, out secret) ? exchange.Public : null;
        return own is not null && secret is not null;
    }

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        OpenSsl.EVP_PKEY_free(_key);
        _key = 0;
    }

    private static unsafe nint Generate(KeyExchangeMethod method)
    {
        Algorithms.Initialize();
        var context = OpenSsl.EVP_PKEY_CTX_new_from_name(0, OpenSsl.Literal(KeyType(method)), null);
        nint key = 0;
        var done = context != 0 && OpenSsl.EVP_PKEY_keygen_init(context) == 1;
        if (done && GroupName(method) is { IsEmpty: false } group)
        {
            var parameters = stackalloc[] { OsslParam.Text("group"u8, group), OsslParam.End };
            done = OpenSsl.EVP_PKEY_CTX_set_params(context, parameters) == 1;
        }

        done = done && OpenSsl.EVP_PKEY_generate(context, &key) == 1;
        OpenSsl.EVP_PKEY_CTX_free(context);
        if (!done)
        {
            OpenSsl.ThrowBroken("make a key for an exchange");
        }

        return key;
    }

    private static unsafe byte[] Encode(KeyExchangeMethod method, nint key)
    {
        // X25519 and the rest have no byte before what counts.
        var before = IsEcp(method) ? 1 : 0;
        var encoded = new byte[before + InitiatorLength(method)];
        nuint written;
        fixed (byte* buffer = encoded)
        {
            if (OpenSsl.EVP_PKEY_get_octet_string_param(key, OpenSsl.Literal("encoded-pub-key"u8), buffer, (nuint)encoded.Length, &written) != 1)
            {
                OpenSsl.ThrowBroken("encode a key");
            }
        }

        Invariant.Check((int)written == encoded.Length && (before == 0 || encoded[0] == Uncompressed), "a public key has the length of its method");
        return encoded[before..];
    }

    /// <param name="other">The other's key, which is freed; 0 for none.</param>
    private static unsafe bool TryAgree(KeyExchangeMethod method, nint own, nint other, [NotNullWhen(true)] out SecretBytes? secret)
    {
        secret = null;
        var context = other == 0 ? 0 : OpenSsl.EVP_PKEY_CTX_new_from_pkey(0, own, null);
        var made = new SecretBytes(SecretLength(method));
        var length = (nuint)made.Length;

        // The secret of a MODP group is as long as its prime, zeros in front included (RFC 7296 section 2.14).
        var pad = 1;
        var parameters = stackalloc[] { OsslParam.Integer("pad"u8, &pad), OsslParam.End };
        bool done;
        fixed (byte* room = made.Span)
        {
            done = context != 0
                && OpenSsl.EVP_PKEY_derive_init(context) == 1
                && OpenSsl.EVP_PKEY_derive_set_peer_ex(context, other, validate: 0) == 1
                && (!IsModp(method) || OpenSsl.EVP_PKEY_CTX_set_params(context, parameters) == 1)
                && OpenSsl.EVP_PKEY_derive(context, room, &length) == 1
                && (int)length == made.Length;
        }

        OpenSsl.EVP_PKEY_CTX_free(context);
        OpenSsl.EVP_PKEY_free(other);

        // RFC 7748 section 6.1: all zero where the other's point has a small order. OpenSSL refuses it as well.
        Span<byte> nothing = stackalloc byte[32];
        nothing.Clear();
        if (done && !(method == KeyExchangeMethod.X25519 && CryptographicOperations.FixedTimeEquals(made.Bytes, nothing)))
        {
            secret = made;
            return true;
        }

        OpenSsl.ERR_clear_error();
        made.Dispose();
        return false;
    }

    private static unsafe bool TryEncapsulate(
        ReadOnlySpan<byte> peer, [NotNullWhen(true)] out byte[]? wrapped, [NotNullWhen(true)] out SecretBytes? secret)
    {
        wrapped = new byte[ResponderLength(KeyExchangeMethod.MlKem768)];
        secret = new SecretBytes(SecretLength(KeyExchangeMethod.MlKem768));
        var (wrappedLength, secretLength) = ((nuint)wrapped.Length, (nuint)secret.Length);
        var other = ReadPublic(KeyExchangeMethod.MlKem768, peer);
        var context = other == 0 ? 0 : OpenSsl.EVP_PKEY_CTX_new_from_pkey(0, other, null);
        bool done;
        fixed (byte* w = wrapped, s = secret.Span)
        {
            done = context != 0
                && OpenSsl.EVP_PKEY_encapsulate_init(context, null) == 1
                && OpenSsl.EVP_PKEY_encapsulate(context, w, &wrappedLength, s, &secretLength) == 1
                && (int)wrappedLength == wrapped.Length && (int)secretLength == secret.Length;
        }

        OpenSsl.EVP_PKEY_CTX_free(context);
        OpenSsl.EVP_PKEY_free(other);
        if (done)
        {
            return true;
        }

        OpenSsl.ERR_clear_error();
        secret.Dispose();
        (wrapped, secret) = (null, null);
        return false;
    }

    /// <summary>A ciphertext that was changed gives another secret and no error (FIPS 203 section 6.3): the messages that follow do not open.</summary>
    private static unsafe bool TryDecapsulate(nint own, ReadOnlySpan<byte> wrapped, [NotNullWhen(true)] out SecretBytes? secret)
    {
        secret = new SecretBytes(SecretLength(KeyExchangeMethod.MlKem768));
        var length = (nuint)secret.Length;
        var context = OpenSsl.EVP_PKEY_CTX_new_from_pkey(0, own, null);
        bool done;
        fixed (byte* w = wrapped, s = secret.Span)
        {
            done = context != 0
                && OpenSsl.EVP_PKEY_decapsulate_init(context, null) == 1
                && OpenSsl.EVP_PKEY_decapsulate(context, s, &length, w, (nuint)wrapped.Length) == 1
                && (int)length == secret.Length;
        }

        OpenSsl.EVP_PKEY_CTX_free(context);
        if (done)
        {
            return true;
        }

        OpenSsl.ERR_clear_error();
        secret.Dispose();
        secret = null;
        return false;
    }

    /// <summary>0 where the bytes are no key of the method.</summary>
    private static unsafe nint ReadPublic(KeyExchangeMethod method, ReadOnlySpan<byte> bytes)
    {
        if (IsModp(method))
        {
            return ReadNumber(method, bytes);
        }

        Span<byte> room = stackalloc byte[1 + InitiatorLength(method)];
        room[0] = Uncompressed;
        bytes.CopyTo(room[1..]);
        var encoded = IsEcp(method) ? room : room[1..];
        var context = OpenSsl.EVP_PKEY_CTX_new_from_name(0, OpenSsl.Literal(KeyType(method)), null);
        nint key = 0;
        fixed (byte* point = encoded)
        {
            var parameters = stackalloc OsslParam[3];
            var count = 0;
            parameters[count++] = OsslParam.Octets("pub"u8, point, encoded.Length);
            if (GroupName(method) is { IsEmpty: false } group)
            {
                parameters[count++] = OsslParam.Text("group"u8, group);
            }

            parameters[count] = OsslParam.End;
            if (context == 0
                || OpenSsl.EVP_PKEY_fromdata_init(context) != 1
                || OpenSsl.EVP_PKEY_fromdata(context, &key, OpenSsl.KeyPublic, parameters) != 1)
            {
                key = 0;
            }
        }

        OpenSsl.EVP_PKEY_CTX_free(context);
        return key;
    }

    private static unsafe nint ReadNumber(KeyExchangeMethod method, ReadOnlySpan<byte> bytes)
    {
        var key = OpenSsl.EVP_PKEY_new();
        fixed (byte* number = bytes)
        {
            if (key != 0
                && OpenSsl.EVP_PKEY_copy_parameters(key, GroupOf(method)) == 1
                && OpenSsl.EVP_PKEY_set1_encoded_public_key(key, number, (nuint)bytes.Length) == 1)
            {
                return key;
            }
        }

        OpenSsl.EVP_PKEY_free(key);
        return 0;
    }

    private static bool IsModp(KeyExchangeMethod method) =>
        method is KeyExchangeMethod.Modp2048 or KeyExchangeMethod.Modp3072 or KeyExchangeMethod.Modp4096;

    private static bool IsEcp(KeyExchangeMethod method) =>
        method is KeyExchangeMethod.Ecp256 or KeyExchangeMethod.Ecp384 or KeyExchangeMethod.Ecp521;

    private static int SecretLength(KeyExchangeMethod method) =>
        method == KeyExchangeMethod.MlKem768 ? 32 : IsEcp(method) ? InitiatorLength(method) / 2 : InitiatorLength(method);

    private static ReadOnlySpan<byte> KeyType(KeyExchangeMethod method) =>
        IsModp(method) ? "DH"u8 : IsEcp(method) ? "EC"u8 : method == KeyExchangeMethod.X25519 ? "X25519"u8 : "ML-KEM-768"u8;

    /// <summary>Nothing where the type of the key says it all.</summary>
    private static ReadOnlySpan<byte> GroupName(KeyExchangeMethod method) => method switch
    {
        KeyExchangeMethod.Modp2048 => "modp_2048"u8,
        KeyExchangeMethod.Modp3072 => "modp_3072"u8,
        KeyExchangeMethod.Modp4096 => "modp_4096"u8,
        KeyExchangeMethod.Ecp256 => "P-256"u8,
        KeyExchangeMethod.Ecp384 => "P-384"u8,
        KeyExchangeMethod.Ecp521 => "P-521"u8,
        _ => default,
    };

    private static nint GroupOf(KeyExchangeMethod method) => method switch
    {
        KeyExchangeMethod.Modp2048 => Modp2048.Value,
        KeyExchangeMethod.Modp3072 => Modp3072.Value,
        _ => Modp4096.Value,
    };

    /// <summary>A MODP group without a key, made once per process and never freed.</summary>
    private static unsafe nint Group(ReadOnlySpan<byte> literal)
    {
        Algorithms.Initialize();
        var context = OpenSsl.EVP_PKEY_CTX_new_from_name(0, OpenSsl.Literal("DH"u8), null);
        var parameters = stackalloc[] { OsslParam.Text("group"u8, literal), OsslParam.End };
        nint group = 0;
        var done = context != 0
            && OpenSsl.EVP_PKEY_fromdata_init(context) == 1
            && OpenSsl.EVP_PKEY_fromdata(context, &group, OpenSsl.KeyParameters, parameters) == 1;
        OpenSsl.EVP_PKEY_CTX_free(context);
        if (!done)
        {
            OpenSsl.ThrowRefused("This machine's OpenSSL does not offer a MODP group");
        }

        return group;
    }

    /// <summary>OpenSSL has it from 3.5 on.</summary>
    private static unsafe bool FindMlKem()
    {
        Algorithms.Initialize();
        var context = OpenSsl.EVP_PKEY_CTX_new_from_name(0, OpenSsl.Literal("ML-KEM-768"u8), null);
        var found = context != 0 && OpenSsl.EVP_PKEY_keygen_init(context) == 1;
        OpenSsl.EVP_PKEY_CTX_free(context);
        OpenSsl.ERR_clear_error();
        return found;
    }
}
