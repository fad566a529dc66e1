using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Sallyport.Core.Crypto;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Tests.Crypto;

public sealed class SignatureTests
{
    private static readonly byte[] Data = [.. "what both sides have said so far"u8];
    private static readonly RawRsa Rsa = new(2048);

    private static readonly Dictionary<KeyKind, (byte[] Pkcs8, byte[] CertificateDer)> Keys = new()
    {
        [KeyKind.Rsa] = (Rsa.Pkcs8, Rsa.CertificateDer),
        [KeyKind.EcP256] = OfCurve(ECCurve.NamedCurves.nistP256),
        [KeyKind.EcP384] = OfCurve(ECCurve.NamedCurves.nistP384),
        [KeyKind.EcP521] = OfCurve(ECCurve.NamedCurves.nistP521),
        [KeyKind.Ed25519] = (Convert.FromHexString(Ed25519Pkcs8), Convert.FromHexString(Ed25519Certificate)),
    };

    // openssl genpkey -algorithm ed25519; openssl req -x509 -new -subj /CN=ed25519 -days 36500
    private const string Ed25519Pkcs8 = "302e020100300506032b657004220420723d6dd8c5e5a91f81a14823715f8251c7935cde8d13448dea051594e14b4b75";

    private const string Ed25519Certificate =
        "3082013a3081eda003020102021456d3bc8cc0535d415adbb179f9634e30af084908300506032b657030123110300e06035504030c07656432353531393020170d3236313132"
        + "363131353333355a180f32313236313130323131353333355a30123110300e06035504030c0765643235353139302a300506032b65700321003553937677891b353ceaf3bae1"
        + "3e14282a3552cbc1297b62c664c08d9f7e8ce1a3533051301d0603551d0e041604148b8c18aa232cd6bf5c109a8722a32a83281337ed301f0603551d230418301680148b8c18"
        + "aa232cd6bf5c109a8722a32a83281337ed300f0603551d130101ff040530030101ff300506032b6570034100c80b131e28ef4a9b7d7998200a872912dd96f2ca44ac75c2f0ed"
        + "7d6fe8d3c61082b6fbed6a210556359a68534a6b42a2d9e0125396fb129a35cff1103baad50e";

    public static TheoryData<KeyKind, SignatureScheme> Fitting
    {
        get
        {
            var data = new TheoryData<KeyKind, SignatureScheme>();
            foreach (var kind in Keys.Keys)
            {
                foreach (var scheme in Enum.GetValues<SignatureScheme>().Where(scheme => scheme.Fits(kind)))
                {
                    data.Add(kind, scheme);
                }
            }

            return data;
        }
    }

    public static TheoryData<KeyKind> Curves => [KeyKind.EcP256, KeyKind.EcP384, KeyKind.EcP521];

    [Theory]
    [MemberData(nameof(Fitting))]
    public void What_a_key_signs_verifies_and_nothing_that_differs_by_a_bit(KeyKind kind, SignatureScheme scheme)
    {
        using var verifier = Verifier(kind);
        var signature = scheme == SignatureScheme.RsaSha1 ? Sha1Signature() : Sign(kind, scheme);
        verifier.Verify(scheme, Data, signature).ShouldBeTrue();
        for (var at = 0; at < signature.Length; at++)
        {
            byte[] changed = [.. signature];
            changed[at] ^= (byte)(1 << (at % 8));
            verifier.Verify(scheme, Data, changed).ShouldBeFalse($"byte {at} of the signature");
        }

        for (var at = 0; at < Data.Length; at++)
        {
            byte[] changed = [.. Data];
            changed[at] ^= (byte)(1 << (at % 8));
            verifier.Verify(scheme, changed, signature).ShouldBeFalse($"byte {at} of the data");
        }

        foreach (var wrong in (byte[][])[[], signature[..^1], signature[1..], [.. signature, 0], [0, .. signature]])
        {
            verifier.Verify(scheme, Data, wrong).ShouldBeFalse();
        }

        verifier.Verify(scheme, [], signature).ShouldBeFalse();
        OpenSsl.ERR_peek_error().ShouldBe((nuint)0);
    }

    [Theory]
    [MemberData(nameof(Fitting))]
    public void A_signature_is_good_for_its_own_scheme_and_key_alone(KeyKind kind, SignatureScheme scheme)
    {
        var signature = scheme == SignatureScheme.RsaSha1 ? Sha1Signature() : Sign(kind, scheme);
        foreach (var other in Keys.Keys)
        {
            using var verifier = Verifier(other);
            foreach (var way in Enum.GetValues<SignatureScheme>().Append((SignatureScheme)200))
            {
                verifier.Verify(way, Data, signature).ShouldBe(other == kind && way == scheme, $"{other} {way}");
            }
        }
    }

    [Theory]
    [InlineData(SignatureScheme.RsaSha256)]
    [InlineData(SignatureScheme.RsaPssSha384)]
    public void Dotnet_reads_our_signatures_and_we_read_its(SignatureScheme scheme)
    {
        using var key = RSA.Create();
        key.ImportPkcs8PrivateKey(Rsa.Pkcs8, out _);
        var padding = scheme == SignatureScheme.RsaSha256 ? RSASignaturePadding.Pkcs1 : RSASignaturePadding.Pss;
        var hash = scheme == SignatureScheme.RsaSha256 ? HashAlgorithmName.SHA256 : HashAlgorithmName.SHA384;
        key.VerifyData(Data, Sign(KeyKind.Rsa, scheme), hash, padding).ShouldBeTrue();
        using var verifier = Verifier(KeyKind.Rsa);
        verifier.Verify(scheme, Data, key.SignData(Data, hash, padding)).ShouldBeTrue();
    }

    [Theory]
    [MemberData(nameof(Curves))]
    public void Signatures_of_fixed_length_are_those_of_rfc_4754(KeyKind kind)
    {
        var scheme = SignatureSchemes.OfCurve(kind).ShouldNotBeNull();
        var hash = new HashAlgorithmName(scheme.Hash().ToString()!.ToUpperInvariant());
        using var key = ECDsa.Create();
        key.ImportPkcs8PrivateKey(Keys[kind].Pkcs8, out _);
        using var signer = Signer(kind);
        using var verifier = Verifier(kind);
        for (var i = 0; i < 300; i++)
        {
            // Among so many there are some whose r or s begins with a zero, and of P-521 with two.
            byte[] data = [.. Data, (byte)i, (byte)(i >> 8)];
            var ours = signer.SignRaw(scheme, data);
            ours.Length.ShouldBe(2 * ((key.KeySize + 7) / 8));
            key.VerifyData(data, ours, hash, DSASignatureFormat.IeeeP1363FixedFieldConcatenation).ShouldBeTrue();
            verifier.VerifyRaw(scheme, data, key.SignData(data, hash, DSASignatureFormat.IeeeP1363FixedFieldConcatenation)).ShouldBeTrue();
        }
    }

    [Theory]
    [MemberData(nameof(Curves))]
    public void Signatures_of_fixed_length_have_one_hash_and_one_length(KeyKind kind)
    {
        var scheme = SignatureSchemes.OfCurve(kind).ShouldNotBeNull();
        using var signer = Signer(kind);
        using var verifier = Verifier(kind);
        var signature = signer.SignRaw(scheme, Data);
        for (var at = 0; at < signature.Length; at++)
        {
            byte[] changed = [.. signature];
            changed[at] ^= (byte)(1 << (at % 8));
            verifier.VerifyRaw(scheme, Data, changed).ShouldBeFalse($"byte {at}");
        }

        foreach (var wrong in (byte[][])[[], new byte[signature.Length], signature[..^1], [.. signature, 0], signer.Sign(scheme, Data)])
        {
            verifier.VerifyRaw(scheme, Data, wrong).ShouldBeFalse();
        }

        // r is good and s is 0, and the other way round.
        var half = signature.Length / 2;
        verifier.VerifyRaw(scheme, Data, [.. signature[..half], .. new byte[half]]).ShouldBeFalse();
        verifier.VerifyRaw(scheme, Data, [.. new byte[half], .. signature[half..]]).ShouldBeFalse();
        foreach (var other in Enum.GetValues<SignatureScheme>().Where(other => other != scheme))
        {
            verifier.VerifyRaw(other, Data, signature).ShouldBeFalse();
            Should.Throw<InvariantException>(() => signer.SignRaw(other, Data));
        }

        OpenSsl.ERR_peek_error().ShouldBe((nuint)0);
    }

    /// <summary>CVE-2018-16151, CVE-2018-16152, CVE-2026-50722 and Bleichenbacher's of 2006: blocks in which a lenient reader finds the right hash.</summary>
    [Fact]
    public void Forged_pkcs1_blocks_are_refused()
    {
        var hash = SHA256.HashData(Data);
        byte[] Info(params ReadOnlySpan<byte> algorithm) => [0x30, (byte)(algorithm.Length + 2 + 2 + hash.Length), 0x30, (byte)algorithm.Length, .. algorithm, 4, 32, .. hash];
        byte[] oid = [0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
        var good = Info([.. oid, 5, 0]);
        using var verifier = Verifier(KeyKind.Rsa);
        verifier.Verify(SignatureScheme.RsaSha256, Data, Rsa.Pkcs1(good)).ShouldBeTrue();

        var garbage = new SeededBytes(1).Take(100);
        foreach (var forged in (byte[][])
        [
            Rsa.Pkcs1(good, padding: 8, behind: garbage), // garbage behind the hash
            Rsa.Pkcs1(good, padding: 8), // zeros behind it
            Rsa.Pkcs1(good, behind: [0]),
            Rsa.Pkcs1(Info([.. oid, 4, 16, .. garbage[..16]])), // garbage as parameters
            Rsa.Pkcs1(Info([.. oid, 5, 0, 5, 0])),
            Rsa.Pkcs1(Info([.. oid[..^1], 2, 5, 0])), // another hash's name
            Rsa.Pkcs1([.. good[..^32], .. hash[..31], (byte)(hash[31] ^ 1)]),
            Rsa.Pkcs1(good.AsSpan(..^1)), // a hash that is cut off
            Rsa.Pkcs1(good.AsSpan(..^32)),
            Rsa.Pkcs1(hash), // no DigestInfo
            Rsa.Pkcs1([0x30, 0x81, .. good[1..]]), // a length that is not as short as it can be
            Rsa.Raise([0, 2, .. Enumerable.Repeat((byte)0xff, Rsa.Length - 3 - good.Length), 0, .. good]), // the type of encryption
            Rsa.Raise([0, 1, .. Enumerable.Repeat((byte)0xfe, Rsa.Length - 3 - good.Length), 0, .. good]),
            Rsa.Raise([0, 1, .. Enumerable.Repeat((byte)0xff, Rsa.Length - 2 - good.Length), .. good]), // no zero in front of it
            Rsa.Raise([0, 0, .. Enumerable.Repeat((byte)0xff, Rsa.Length - 3 - good.Length), 0, .. good]),
        ])
        {
            verifier.Verify(SignatureScheme.RsaSha256, Data, forged).ShouldBeFalse();
        }

        OpenSsl.ERR_peek_error().ShouldBe((nuint)0);
    }

    /// <summary>CVE-2021-41990: the salt is as long as the hash, and nothing else.</summary>
    [Fact]
    public void Pss_with_another_salt_or_mask_is_refused()
    {
        var (sha1, sha256, sha384) = (HashAlgorithmName.SHA1, HashAlgorithmName.SHA256, HashAlgorithmName.SHA384);
        using var verifier = Verifier(KeyKind.Rsa);
        verifier.Verify(SignatureScheme.RsaPssSha256, Data, Rsa.Pss(Data, sha256, sha256, 32)).ShouldBeTrue();
        foreach (var length in (int[])[0, 1, 20, 31, 33, 48, 64, Rsa.Length - 34])
        {
            verifier.Verify(SignatureScheme.RsaPssSha256, Data, Rsa.Pss(Data, sha256, sha256, length)).ShouldBeFalse($"{length} bytes of salt");
        }

        verifier.Verify(SignatureScheme.RsaPssSha256, Data, Rsa.Pss(Data, sha256, sha1, 32)).ShouldBeFalse();
        verifier.Verify(SignatureScheme.RsaPssSha256, Data, Rsa.Pss(Data, sha256, sha384, 32)).ShouldBeFalse();
        verifier.Verify(SignatureScheme.RsaPssSha256, Data, Rsa.Pss(Data, sha384, sha384, 32)).ShouldBeFalse();
        verifier.Verify(SignatureScheme.RsaPssSha256, Data, Rsa.Pss(Data, sha256, sha256, 32, trailer: 0xcc)).ShouldBeFalse();
    }

    [Fact]
    public void Weak_and_unknown_keys_sign_and_verify_nothing()
    {
        var weak = new RawRsa(1024);
        VerificationKey.TryReadCertificate(weak.CertificateDer, out var key).ShouldBeFalse();
        key.ShouldBeNull();
        SigningKey.TryReadPkcs8(weak.Pkcs8, out _).ShouldBeFalse();

        var (pkcs8, certificate) = OfCurve(ECCurve.NamedCurves.brainpoolP256r1);
        SigningKey.TryReadPkcs8(pkcs8, out _).ShouldBeFalse();
        VerificationKey.TryReadCertificate(certificate, out key).ShouldBeTrue();
        using var foreign = key;
        foreign.Kind.ShouldBe(KeyKind.Other);
        using var dotnet = ECDsa.Create();
        dotnet.ImportPkcs8PrivateKey(pkcs8, out _);
        var signature = dotnet.SignData(Data, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
        Enum.GetValues<SignatureScheme>().ShouldAllBe(scheme => !foreign.Verify(scheme, Data, signature) && !foreign.VerifyRaw(scheme, Data, signature));
        OpenSsl.ERR_peek_error().ShouldBe((nuint)0);
    }

    [Fact]
    public void What_is_no_key_is_refused()
    {
        var good = Keys[KeyKind.EcP256];
        foreach (var wrong in (byte[][])[[], [0x30], [1, 2, 3], good.Pkcs8[..^1], [.. good.Pkcs8, 0], good.CertificateDer])
        {
            SigningKey.TryReadPkcs8(wrong, out var key).ShouldBeFalse();
            key.ShouldBeNull();
        }

        foreach (var wrong in (byte[][])[[], [0x30], [1, 2, 3], good.CertificateDer[..^1], [.. good.CertificateDer, 0], good.Pkcs8, new byte[100_000]])
        {
            VerificationKey.TryReadCertificate(wrong, out var key).ShouldBeFalse();
            key.ShouldBeNull();
        }

        OpenSsl.ERR_peek_error().ShouldBe((nuint)0);
    }

    [Fact]
    public void Nothing_of_ours_is_signed_with_sha_1_or_by_a_scheme_of_another_key()
    {
        using var rsa = Signer(KeyKind.Rsa);
        Should.Throw<InvariantException>(() => rsa.Sign(SignatureScheme.RsaSha1, Data));
        Should.Throw<InvariantException>(() => rsa.Sign(SignatureScheme.EcdsaSha256, Data));
        Should.Throw<InvariantException>(() => rsa.SignRaw(SignatureScheme.RsaSha256, Data));
        rsa.Dispose();
        Should.Throw<ObjectDisposedException>(() => rsa.Sign(SignatureScheme.RsaSha256, Data));
    }

    [Fact]
    public void Sizes_and_kinds_are_told()
    {
        var told = Keys.Keys.Select(kind =>
        {
            using var signer = Signer(kind);
            using var verifier = Verifier(kind);
            (verifier.Kind, verifier.Bits).ShouldBe((signer.Kind, signer.Bits));
            signer.Kind.ShouldBe(kind);
            return signer.Bits;
        });
        told.ShouldBe([2048, 256, 384, 521, 256], ignoreOrder: true);
    }

    private static byte[] Sign(KeyKind kind, SignatureScheme scheme)
    {
        using var signer = Signer(kind);
        return signer.Sign(scheme, Data);
    }

    private static byte[] Sha1Signature()
    {
        using var key = RSA.Create();
        key.ImportPkcs8PrivateKey(Rsa.Pkcs8, out _);
        return key.SignData(Data, HashAlgorithmName.SHA1, RSASignaturePadding.Pkcs1);
    }

    private static SigningKey Signer(KeyKind kind)
    {
        SigningKey.TryReadPkcs8(Keys[kind].Pkcs8, out var key).ShouldBeTrue();
        return key;
    }

    private static VerificationKey Verifier(KeyKind kind)
    {
        VerificationKey.TryReadCertificate(Keys[kind].CertificateDer, out var key).ShouldBeTrue();
        return key;
    }

    private static (byte[] Pkcs8, byte[] CertificateDer) OfCurve(ECCurve curve)
    {
        using var key = ECDsa.Create(curve);
        var request = new CertificateRequest("CN=curve", key, HashAlgorithmName.SHA256);
        using var certificate = request.CreateSelfSigned(TestPki.NotBefore, TestPki.NotAfter);
        return (key.ExportPkcs8PrivateKey(), certificate.RawData);
    }
}
