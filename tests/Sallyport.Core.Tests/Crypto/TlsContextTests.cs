using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Sallyport.Core.Crypto;

namespace Sallyport.Core.Tests.Crypto;

public sealed class TlsContextTests : IDisposable
{
    private readonly TestPki _pki = new();

    public void Dispose() => _pki.Dispose();

    [Fact]
    public void Every_mistake_of_an_operator_is_named()
    {
        var good = _pki.Issue("gateway", TestPki.ServerAuth);
        var other = _pki.Issue("other", TestPki.ServerAuth);
        using var key = ECDsa.Create();
        key.ImportPkcs8PrivateKey(good.Pkcs8, out _);
        var encrypted = key.ExportEncryptedPkcs8PrivateKey("password", new PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 1000));

        Server(good.ChainDer, good.Pkcs8, [_pki.RootDer]).ShouldBeNull();
        Server([], good.Pkcs8, [_pki.RootDer]).ShouldNotBeNull().ShouldContain("chain is empty");
        Server(good.ChainDer, good.Pkcs8, []).ShouldNotBeNull().ShouldContain("anchor");
        Server([[1, 2, 3]], good.Pkcs8, [_pki.RootDer]).ShouldNotBeNull().ShouldContain("number 1, is not an X.509 certificate");
        Server([good.ChainDer[0], []], good.Pkcs8, [_pki.RootDer]).ShouldNotBeNull().ShouldContain("number 2, is not an X.509 certificate");
        Server([[.. good.ChainDer[0], 0]], good.Pkcs8, [_pki.RootDer]).ShouldNotBeNull().ShouldContain("bytes after its end");
        Server(good.ChainDer, other.Pkcs8, [_pki.RootDer]).ShouldNotBeNull().ShouldContain("does not belong");
        Server(good.ChainDer, [1, 2, 3], [_pki.RootDer]).ShouldNotBeNull().ShouldContain("PKCS #8");
        Server(good.ChainDer, [], [_pki.RootDer]).ShouldNotBeNull().ShouldContain("PKCS #8");
        Server(good.ChainDer, encrypted, [_pki.RootDer]).ShouldNotBeNull().ShouldContain("PKCS #8");
        Server(good.ChainDer, good.Pkcs8, [_pki.RootDer, [9]]).ShouldNotBeNull().ShouldContain("Anchor, number 2");
        OpenSsl.ERR_peek_error().ShouldBe((nuint)0);
    }

    [Fact]
    public void A_weak_key_is_refused_at_start_and_not_at_the_first_handshake()
    {
        using var key = RSA.Create(1024);
        var request = new CertificateRequest("CN=weak", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        using var certificate = request.CreateSelfSigned(TestPki.NotBefore, TestPki.NotAfter);
        Server([certificate.RawData], key.ExportPkcs8PrivateKey(), [_pki.RootDer]).ShouldNotBeNull().ShouldContain("key too small");
    }

    [Fact]
    public void A_client_has_certificate_and_key_or_neither_and_always_an_anchor()
    {
        var device = _pki.Issue("device", TestPki.ClientAuth);
        Should.Throw<CryptographicException>(() => TlsContext.CreateClient(new() { AnchorsDer = [] }));
        Should.Throw<CryptographicException>(() => TlsContext.CreateClient(new() { AnchorsDer = [_pki.RootDer], ChainDer = device.ChainDer }));
        Should.Throw<CryptographicException>(() => TlsContext.CreateClient(new() { AnchorsDer = [_pki.RootDer], PrivateKeyPkcs8 = device.Pkcs8 }));
        Should.Throw<CryptographicException>(() => TlsContext.CreateClient(new() { AnchorsDer = [_pki.RootDer], ExpectedServerName = "bücher" }));
    }

    [Fact]
    public void Options_print_no_key()
    {
        var device = _pki.Issue("device", TestPki.ClientAuth);
        var options = new TlsClientOptions { ChainDer = device.ChainDer, PrivateKeyPkcs8 = device.Pkcs8, AnchorsDer = [_pki.RootDer] };
        options.ToString().ShouldContain("PrivateKeyPkcs8 = System.Byte[]");
    }

    private static string? Server(byte[][] chain, byte[] pkcs8, byte[][] anchors)
    {
        try
        {
            TlsContext.CreateServer(new() { ChainDer = chain, PrivateKeyPkcs8 = pkcs8, AnchorsDer = anchors }).Dispose();
            return null;
        }
        catch (CryptographicException refused)
        {
            return refused.Message;
        }
    }
}
