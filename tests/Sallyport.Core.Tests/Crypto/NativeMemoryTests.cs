using Sallyport.Core.Crypto;

namespace Sallyport.Core.Tests.Crypto;

/// <summary>What OpenSSL holds is in no heap that the runtime counts: the C library's allocator is the witness.</summary>
[Collection(nameof(AloneInTheProcess))]
public sealed class NativeMemoryTests : IDisposable
{
    private readonly TestPki _pki = new();

    public void Dispose() => _pki.Dispose();

    [Fact]
    public void Twenty_thousand_connections_made_and_disposed_leave_nothing_behind()
    {
        var device = _pki.Issue("device", TestPki.ClientAuth);
        using var context = TlsContext.CreateClient(
            new() { ChainDer = device.ChainDer, PrivateKeyPkcs8 = device.Pkcs8, AnchorsDer = [_pki.RootDer] });
        Growth(2_000, 20_000, () => new TlsPump(context, TestPki.Now).Dispose()).ShouldBeLessThan(4);
    }

    [Fact]
    public void Contexts_of_keys_made_and_freed_leave_nothing_behind()
    {
        var key = new byte[32];
        Growth(5_000, 50_000, () =>
        {
            var aead = AeadContext.ForSealing(AeadAlgorithm.Aes256Gcm, key);
            var hmac = HmacContext.Create(HashKind.Sha256, key);
            var ctr = CtrContext.Create(key);
            aead.Free();
            hmac.Free();
            ctr.Free();
        }).ShouldBeLessThan(4);
    }

    [Fact]
    public void Exchanges_signatures_and_chains_good_and_bad_leave_nothing_behind()
    {
        var device = _pki.Issue("device", TestPki.ClientAuth);
        using var anchors = new CertificateAnchors([_pki.RootDer]);
        using var foreign = new CertificateAnchors([]);
        SigningKey.TryReadPkcs8(device.Pkcs8, out var signer).ShouldBeTrue();
        using var own = signer;
        byte[] data = [1, 2, 3];
        Growth(300, 3_000, () =>
        {
            foreach (var method in (KeyExchangeMethod[])[KeyExchangeMethod.X25519, KeyExchangeMethod.Ecp256, KeyExchangeMethod.Ecp384])
            {
                using var exchange = KeyExchange.Start(method);
                KeyExchange.TryRespond(method, exchange.Public, out _, out var secret).ShouldBeTrue();
                secret.Dispose();
                KeyExchange.TryRespond(method, new byte[exchange.Public.Length], out _, out _).ShouldBeFalse();
            }

            KeyExchange.TryRespond(KeyExchangeMethod.Modp2048, new byte[256], out _, out _).ShouldBeFalse();
            anchors.Verify(device.ChainDer[0], [device.ChainDer[0], data], ChainPurpose.Client, TestPki.Now, out _).ShouldBe(ChainVerdict.Good);
            foreign.Verify(device.ChainDer[0], [], ChainPurpose.Client, TestPki.Now, out _).ShouldBe(ChainVerdict.UnknownIssuer);
            VerificationKey.TryReadCertificate(device.ChainDer[0], out var key).ShouldBeTrue();
            key.Verify(SignatureScheme.EcdsaSha256, data, own.Sign(SignatureScheme.EcdsaSha256, data)).ShouldBeTrue();
            key.Verify(SignatureScheme.EcdsaSha256, data, data).ShouldBeFalse();
            key.Dispose();
            Prf.Plus(HashKind.Sha256, data, data, new byte[100]);
            Digests.Compute(HashKind.Sha1, data, new byte[20]);
        }).ShouldBeLessThan(4);
    }

    [Fact]
    public void Connections_that_somebody_forgot_to_dispose_are_freed_too()
    {
        using var context = TlsContext.CreateClient(new() { AnchorsDer = [_pki.RootDer] });
        Forget(context, 2_000);
        var before = NativeHeap.Megabytes();
        for (var round = 0; round < 5; round++)
        {
            Forget(context, 2_000);
        }

        // 10,000 kept connections would be more than 100 MB.
        (NativeHeap.Megabytes() - before).ShouldBeLessThan(50);
    }

    /// <summary>Large certificates: one that is kept of each handshake would be more than 30 MB here, and as much again for what is parsed of it.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Cve_2017_7521_certificates_of_thousands_of_handshakes_leave_memory_flat(bool isTrusted)
    {
        using var foreign = new TestPki("Another root");
        var server = _pki.Issue("gateway", TestPki.ServerAuth);
        var device = (isTrusted ? _pki : foreign).IssueLarge("device", 15_000, TestPki.ClientAuth);
        using var serverContext = TlsContext.CreateServer(
            new() { ChainDer = server.ChainDer, PrivateKeyPkcs8 = server.Pkcs8, AnchorsDer = [_pki.RootDer] });
        using var clientContext = TlsContext.CreateClient(
            new() { ChainDer = device.ChainDer, PrivateKeyPkcs8 = device.Pkcs8, AnchorsDer = [_pki.RootDer] });
        Growth(300, 2_500, () =>
        {
            using var pair = new TlsPair(serverContext, clientContext, TestPki.Now);
            pair.Handshake().Server.ShouldBe(isTrusted ? TlsStatus.Done : TlsStatus.Failed);
            if (isTrusted)
            {
                pair.Server.PeerCertificateDer().ShouldBe(device.ChainDer[0]);
            }
        }).ShouldBeLessThan(4);
    }

    private static void Forget(TlsContext context, int count)
    {
        for (var i = 0; i < count; i++)
        {
            new TlsPump(context, TestPki.Now).Handshake();
        }

#pragma warning disable RS0030 // The finalizer is what is tested, and it runs after a collection.
        GC.Collect();
#pragma warning restore RS0030
        GC.WaitForPendingFinalizers();
    }

    /// <summary>Megabytes which the work left behind in the allocator, after a while of getting used to it.</summary>
    private static double Growth(int warmUp, int count, Action work)
    {
        for (var i = 0; i < warmUp; i++)
        {
            work();
        }

        var before = NativeHeap.Megabytes();
        for (var i = 0; i < count; i++)
        {
            work();
        }

        return NativeHeap.Megabytes() - before;
    }
}
