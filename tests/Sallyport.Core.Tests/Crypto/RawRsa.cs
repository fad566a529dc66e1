using System.Numerics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Sallyport.Core.Tests.Crypto;

/// <summary>An RSA key that "signs" whatever block it is given, as a forger with a weak verifier in mind would.</summary>
internal sealed class RawRsa
{
    private readonly BigInteger _modulus;
    private readonly BigInteger _exponent;

    public RawRsa(int bits)
    {
        using var key = RSA.Create(bits);
        var parameters = key.ExportParameters(includePrivateParameters: true);
        _modulus = new BigInteger(parameters.Modulus, isUnsigned: true, isBigEndian: true);
        _exponent = new BigInteger(parameters.D, isUnsigned: true, isBigEndian: true);
        Length = bits / 8;
        Pkcs8 = key.ExportPkcs8PrivateKey();
        var request = new CertificateRequest("CN=raw", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        using var certificate = request.CreateSelfSigned(TestPki.NotBefore, TestPki.NotAfter);
        CertificateDer = certificate.RawData;
    }

    public int Length { get; }

    public byte[] Pkcs8 { get; }

    public byte[] CertificateDer { get; }

    public byte[] Raise(ReadOnlySpan<byte> block)
    {
        var signature = BigInteger.ModPow(new BigInteger(block, isUnsigned: true, isBigEndian: true), _exponent, _modulus)
            .ToByteArray(isUnsigned: true, isBigEndian: true);
        return [.. new byte[Length - signature.Length], .. signature];
    }

    /// <summary>0, 1, as many 0xff as fit or as given, 0, and the rest.</summary>
    public byte[] Pkcs1(ReadOnlySpan<byte> digestInfo, int? padding = null, byte[]? behind = null)
    {
        behind ??= [];
        var count = padding ?? Length - 3 - digestInfo.Length - behind.Length;
        byte[] block = [0, 1, .. Enumerable.Repeat((byte)0xff, count), 0, .. digestInfo, .. behind];
        return Raise([.. block, .. new byte[Length - block.Length]]);
    }

    /// <summary>EMSA-PSS of RFC 8017 section 9.1.1, for any salt and any hash of MGF1.</summary>
    public byte[] Pss(ReadOnlySpan<byte> data, HashAlgorithmName hash, HashAlgorithmName maskHash, int saltLength, byte trailer = 0xbc)
    {
        var digest = CryptographicOperations.HashData(hash, data);
        var salt = new SeededBytes(42).Take(saltLength);
        var h = CryptographicOperations.HashData(hash, (byte[])[.. new byte[8], .. digest, .. salt]);
        byte[] db = [.. new byte[Length - saltLength - h.Length - 2], 1, .. salt];
        var mask = Enumerable.Range(0, 64).SelectMany(i => CryptographicOperations.HashData(maskHash, (byte[])[.. h, 0, 0, 0, (byte)i])).ToArray();
        for (var i = 0; i < db.Length; i++)
        {
            db[i] ^= mask[i];
        }

        db[0] &= 0x7f;
        return Raise([.. db, .. h, trailer]);
    }
}
