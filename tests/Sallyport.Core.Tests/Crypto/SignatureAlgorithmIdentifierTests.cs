using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Sallyport.Core.Crypto;

namespace Sallyport.Core.Tests.Crypto;

public sealed class SignatureAlgorithmIdentifierTests
{
    private static readonly SignatureScheme[] Schemes = Enum.GetValues<SignatureScheme>();

    [Fact]
    public void Every_scheme_is_read_back()
    {
        foreach (var scheme in Schemes)
        {
            SignatureAlgorithmIdentifiers.TryRead(SignatureAlgorithmIdentifiers.Of(scheme), out var read).ShouldBeTrue();
            read.ShouldBe(scheme);
        }
    }

    [Theory]
    [InlineData(SignatureScheme.RsaSha256)]
    [InlineData(SignatureScheme.RsaSha384)]
    [InlineData(SignatureScheme.RsaSha512)]
    [InlineData(SignatureScheme.EcdsaSha256)]
    [InlineData(SignatureScheme.EcdsaSha384)]
    [InlineData(SignatureScheme.EcdsaSha512)]
    public void Dotnet_writes_the_same_into_its_certificates(SignatureScheme scheme)
    {
        var hash = new HashAlgorithmName(scheme.Hash().ToString()!.ToUpperInvariant());
        using var rsa = RSA.Create(2048);
        using var ecdsa = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var generator = scheme.Fits(KeyKind.Rsa)
            ? X509SignatureGenerator.CreateForRSA(rsa, RSASignaturePadding.Pkcs1) : X509SignatureGenerator.CreateForECDsa(ecdsa);
        SignatureAlgorithmIdentifiers.Of(scheme).ToArray().ShouldBe(generator.GetSignatureAlgorithmIdentifier(hash));
    }

    // openssl req -x509 -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32, and so on.
    [Theory]
    [InlineData(
        "304106092a864886f70d01010a3034a00f300d06096086480165030402010500a11c301a06092a864886f70d010108300d06096086480165030402010500a203020120",
        SignatureScheme.RsaPssSha256)]
    [InlineData(
        "304106092a864886f70d01010a3034a00f300d06096086480165030402020500a11c301a06092a864886f70d010108300d06096086480165030402020500a203020130",
        SignatureScheme.RsaPssSha384)]
    [InlineData(
        "304106092a864886f70d01010a3034a00f300d06096086480165030402030500a11c301a06092a864886f70d010108300d06096086480165030402030500a203020140",
        SignatureScheme.RsaPssSha512)]
    public void Openssl_writes_the_same_of_pss_into_its_certificates(string der, SignatureScheme scheme) =>
        Convert.ToHexStringLower(SignatureAlgorithmIdentifiers.Of(scheme)).ShouldBe(der);

    [Theory]
    [InlineData("300b06092a864886f70d01010b", SignatureScheme.RsaSha256)]
    [InlineData("300b06092a864886f70d01010c", SignatureScheme.RsaSha384)]
    [InlineData(
        "304606092a864886f70d01010a3039a00f300d06096086480165030402010500a11c301a06092a864886f70d010108300d06096086480165030402010500a203020120a303020101",
        SignatureScheme.RsaPssSha256)]
    [InlineData(
        "304606092a864886f70d01010a3039a00f300d06096086480165030402030500a11c301a06092a864886f70d010108300d06096086480165030402030500a203020140a303020101",
        SignatureScheme.RsaPssSha512)]
    public void What_means_the_same_is_read(string der, SignatureScheme scheme)
    {
        SignatureAlgorithmIdentifiers.TryRead(Convert.FromHexString(der), out var read).ShouldBeTrue();
        read.ShouldBe(scheme);
    }

    [Theory]
    [InlineData("")]
    [InlineData("30")]
    [InlineData("3000")]
    [InlineData("300d06092a864886f70d01010a3000")] // PSS with its defaults, which are SHA-1
    [InlineData("300b06092a864886f70d01010a")]
    [InlineData("300d06092a864886f70d0101040500")] // MD5
    [InlineData("300d06092a864886f70d0101010500")] // rsaEncryption
    [InlineData("300d06092a864886f70d01010b0400")] // something else in the place of NULL
    [InlineData("300f06092a864886f70d01010b05000500")]
    [InlineData("300d06092a864886f70d01010b050000")] // a byte behind it
    [InlineData("30810d06092a864886f70d01010b0500")] // a length that is not as short as it can be
    [InlineData("300c06082a8648ce3d0403020500")] // RFC 5758 section 3.2: no parameters
    [InlineData("300906072a8648ce3d0401")] // ECDSA with SHA-1
    [InlineData("300706032b65700500")]
    [InlineData("300506032b6571")] // Ed448
    [InlineData("304106092a864886f70d01010a3034a00f300d06096086480165030402010500a11c301a06092a864886f70d010108300d06096086480165030402010500a203020114")] // 20 bytes of salt
    [InlineData("304106092a864886f70d01010a3034a00f300d06096086480165030402010500a11c301a06092a864886f70d010108300d06096086480165030402010500a203020100")]
    [InlineData("304206092a864886f70d01010a3035a00f300d06096086480165030402010500a11c301a06092a864886f70d010108300d06096086480165030402010500a20402020020")]
    [InlineData("304106092a864886f70d01010a3034a00f300d06096086480165030402010500a11c301a06092a864886f70d010108300d06096086480165030402020500a203020120")] // MGF1 of another hash
    [InlineData("304606092a864886f70d01010a3039a00f300d06096086480165030402010500a11c301a06092a864886f70d010108300d06096086480165030402010500a203020120a303020102")] // another trailer
    public void Anything_else_is_nothing(string der) =>
        SignatureAlgorithmIdentifiers.TryRead(Convert.FromHexString(der), out _).ShouldBeFalse();

    [Fact]
    public void No_change_of_a_byte_is_the_same_scheme_and_no_cut_is_any()
    {
        foreach (var scheme in Schemes)
        {
            var good = SignatureAlgorithmIdentifiers.Of(scheme).ToArray();
            for (var at = 0; at < good.Length; at++)
            {
                for (var value = 0; value < 256; value++)
                {
                    byte[] changed = [.. good];
                    changed[at] = (byte)value;
                    var isRead = SignatureAlgorithmIdentifiers.TryRead(changed, out var read);
                    (isRead && read == scheme).ShouldBe(value == good[at]);

                    // The last byte of an identifier names the hash.
                    (isRead && read != scheme && !SignatureAlgorithmIdentifiers.Of(read).SequenceEqual(changed)).ShouldBeFalse();
                }

                SignatureAlgorithmIdentifiers.TryRead(good.AsSpan(0, at), out _).ShouldBeFalse();
            }

            SignatureAlgorithmIdentifiers.TryRead((byte[])[.. good, 0], out _).ShouldBeFalse();
        }
    }
}
