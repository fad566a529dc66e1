using System.Buffers.Binary;
using System.Security.Cryptography;
using Sallyport.Core.Crypto;
using Sallyport.Core.Ike.Proposals;
using Sallyport.Core.Ike.Wire;

namespace Sallyport.Core.Ike.Keys;

/// <summary>The seven keys of an IKE SA (RFC 7296 section 2.14). Erased when disposed.</summary>
public sealed class IkeKeys : IDisposable
{
    private readonly SecretBytes _bytes;
    private readonly int _prf;
    private readonly int _integrity;
    private readonly int _encryption;

    private IkeKeys(IkeSuite suite, SecretBytes bytes)
    {
        Suite = suite;
        _bytes = bytes;
        _prf = suite.Prf.Length();
        _integrity = suite.IntegrityKeyLength;
        _encryption = suite.EncryptionKeyLength;
    }

    public IkeSuite Suite { get; }

    /// <summary>SK_d, from which keys of CHILD_SAs and of the next IKE SA come.</summary>
    public ReadOnlySpan<byte> Derivation => _bytes.Bytes[.._prf];

    /// <summary>SK_ai or SK_ar; empty with an AEAD cipher.</summary>
    public ReadOnlySpan<byte> Integrity(bool ofInitiator) => _bytes.Bytes.Slice(_prf + (ofInitiator ? 0 : _integrity), _integrity);

    /// <summary>SK_ei or SK_er, with the salt of an AEAD cipher at its end.</summary>
    public ReadOnlySpan<byte> Encryption(bool ofInitiator) => _bytes.Bytes.Slice(_prf + (2 * _integrity) + (ofInitiator ? 0 : _encryption), _encryption);

    /// <summary>SK_pi or SK_pr, which AUTH is made with.</summary>
    public ReadOnlySpan<byte> Proof(bool ofInitiator) => _bytes.Bytes.Slice(_prf + (2 * (_integrity + _encryption)) + (ofInitiator ? 0 : _prf), _prf);

    /// <summary>Of the first exchange: SKEYSEED = prf(Ni | Nr, g^ir).</summary>
    public static IkeKeys First(IkeSuite suite, in IkeNonces nonces, ReadOnlySpan<byte> secret)
    {
        Span<byte> seed = stackalloc byte[HashKinds.MaxLength];
        seed = seed[..suite.Prf.Length()];
        Span<byte> key = stackalloc byte[2 * IkeLimits.NonceMax];
        Prf.Compute(suite.Prf, key[..nonces.Write(key)], secret, seed);
        return Expand(suite, nonces, seed);
    }

    /// <summary>Of a rekeyed IKE SA (RFC 7296 section 2.18, RFC 9370 section 2.2.4): SKEYSEED = prf(SK_d of the old one, g^ir | Ni | Nr | more), with the old one's PRF.</summary>
    /// <param name="more">Secrets of additional key exchanges behind each other; empty without.</param>
    public IkeKeys Next(IkeSuite suite, in IkeNonces nonces, ReadOnlySpan<byte> secret, ReadOnlySpan<byte> more) => Continue(suite, Suite.Prf, nonces, secret, more);

    /// <summary>After an additional key exchange (RFC 9370 section 2.2.2): SKEYSEED = prf(SK_d so far, secret | Ni | Nr).</summary>
    public IkeKeys Strengthen(in IkeNonces nonces, ReadOnlySpan<byte> secret) => Continue(Suite, Suite.Prf, nonces, secret, default);

    /// <summary>Of a resumed IKE SA (RFC 5723 section 5.1): SKEYSEED = prf(SK_d of the old one, "Resumption" | Ni | Nr).</summary>
    public static IkeKeys Resume(IkeSuite suite, ReadOnlySpan<byte> oldDerivation, in IkeNonces nonces)
    {
        Span<byte> both = stackalloc byte[2 * IkeLimits.NonceMax];
        Span<byte> seed = stackalloc byte[HashKinds.MaxLength];
        seed = seed[..suite.Prf.Length()];
        Prf.Compute(suite.Prf, oldDerivation, "Resumption"u8, both[..nonces.Write(both)], seed);
        return Expand(suite, nonces, seed);
    }

    /// <summary>A copy with a post-quantum pre-shared key in it (RFC 8784 section 3): SK_d, SK_pi and SK_pr are others, what messages are sealed with is the same.</summary>
    public IkeKeys WithPpk(ReadOnlySpan<byte> ppk)
    {
        var mixed = new IkeKeys(Suite, new SecretBytes(_bytes.Bytes));
        var proofs = _prf + (2 * (_integrity + _encryption));
        mixed.Mix(ppk, 0);
        mixed.Mix(ppk, proofs);
        mixed.Mix(ppk, proofs + _prf);
        return mixed;
    }

    /// <summary>
    /// Keys of a CHILD_SA (RFC 7296 section 2.17, RFC 9370 section 2.2.4), prf+(SK_d, g^ir | Ni | Nr | more): the initiator's first, of each direction cipher and then
    /// integrity.
    /// </summary>
    /// <param name="secret">g^ir of an exchange of its own; empty without.</param>
    /// <param name="more">Secrets of additional key exchanges behind each other; empty without.</param>
    public SecretBytes ForChild(in IkeNonces nonces, ReadOnlySpan<byte> secret, ReadOnlySpan<byte> more, int length)
    {
        var seed = new byte[secret.Length + (2 * IkeLimits.NonceMax) + more.Length];
        secret.CopyTo(seed);
        var seedLength = secret.Length + nonces.Write(seed.AsSpan(secret.Length));
        more.CopyTo(seed.AsSpan(seedLength));
        seedLength += more.Length;
        var keys = new SecretBytes(length);
        Prf.Plus(Suite.Prf, Derivation, seed.AsSpan(0, seedLength), keys.Span);
        CryptographicOperations.ZeroMemory(seed);
        return keys;
    }

    public void Dispose() => _bytes.Dispose();

    private IkeKeys Continue(IkeSuite suite, HashKind prf, in IkeNonces nonces, ReadOnlySpan<byte> secret, ReadOnlySpan<byte> more)
    {
        Span<byte> both = stackalloc byte[2 * IkeLimits.NonceMax];
        Span<byte> seed = stackalloc byte[HashKinds.MaxLength];
        seed = seed[..prf.Length()];
        Prf.Compute(prf, Derivation, secret, both[..nonces.Write(both)], more, seed);
        return Expand(suite, nonces, seed);
    }

    /// <summary>prf+(SKEYSEED, Ni | Nr | SPIi | SPIr); SKEYSEED is erased.</summary>
    private static IkeKeys Expand(IkeSuite suite, in IkeNonces nonces, Span<byte> skeyseed)
    {
        Span<byte> seed = stackalloc byte[(2 * IkeLimits.NonceMax) + 16];
        var length = nonces.Write(seed);
        BinaryPrimitives.WriteUInt64BigEndian(seed[length..], nonces.InitiatorSpi);
        BinaryPrimitives.WriteUInt64BigEndian(seed[(length + 8)..], nonces.ResponderSpi);
        var bytes = new SecretBytes((3 * suite.Prf.Length()) + (2 * (suite.IntegrityKeyLength + suite.EncryptionKeyLength)));
        Prf.Plus(suite.Prf, skeyseed, seed[..(length + 16)], bytes.Span);
        CryptographicOperations.ZeroMemory(skeyseed);
        return new IkeKeys(suite, bytes);
    }

    private void Mix(ReadOnlySpan<byte> ppk, int at)
    {
        Span<byte> mixed = stackalloc byte[HashKinds.MaxLength];
        mixed = mixed[.._prf];
        var key = _bytes.Span.Slice(at, _prf);
        Prf.Plus(Suite.Prf, ppk, key, mixed);
        mixed.CopyTo(key);
        CryptographicOperations.ZeroMemory(mixed);
    }
}

/// <summary>What keys are mixed with: both nonces of an exchange, and the SPIs of the IKE SA that it makes.</summary>
public readonly ref struct IkeNonces(ReadOnlySpan<byte> initiator, ReadOnlySpan<byte> responder, ulong initiatorSpi = 0, ulong responderSpi = 0)
{
    private readonly ReadOnlySpan<byte> _initiator = initiator;
    private readonly ReadOnlySpan<byte> _responder = responder;

    public ulong InitiatorSpi { get; } = initiatorSpi;

    public ulong ResponderSpi { get; } = responderSpi;

    /// <summary>Ni | Nr; answers how many bytes.</summary>
    public int Write(Span<byte> destination)
    {
        _initiator.CopyTo(destination);
        _responder.CopyTo(destination[_initiator.Length..]);
        return _initiator.Length + _responder.Length;
    }
}
