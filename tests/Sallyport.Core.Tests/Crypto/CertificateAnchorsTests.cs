using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Sallyport.Core.Crypto;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Tests.Crypto;

public sealed class CertificateAnchorsTests : IDisposable
{
    private const string Ike = "1.3.6.1.5.5.7.3.17";
    private const string IkeIntermediate = "1.3.6.1.5.5.8.2.2";
    private const string CodeSigning = "1.3.6.1.5.5.7.3.3";

    private static readonly Instant Now = TestPki.Now;

    private readonly TestCertificate _root = TestCertificate.Root();
    private readonly CertificateAnchors _anchors;

    public CertificateAnchorsTests() => _anchors = new CertificateAnchors([_root.Der]);

    public void Dispose()
    {
        _anchors.Dispose();
        _root.Dispose();
        OpenSsl.ERR_peek_error().ShouldBe((nuint)0);
    }

    [Fact]
    public void Chains_that_end_in_an_anchor_are_good()
    {
        using var issuing = _root.Authority("CN=Issuing");
        using var direct = _root.Issue("CN=device", TestPki.ClientAuth);
        using var through = issuing.Issue("CN=device");
        Verify(direct, [], ChainPurpose.Client).ShouldBe(ChainVerdict.Good);
        Verify(through, [issuing.Der], ChainPurpose.Client).ShouldBe(ChainVerdict.Good);
        Verify(through, [], ChainPurpose.Client).ShouldBe(ChainVerdict.UnknownIssuer);

        // An issuing CA without its root is an anchor, too.
        using var partial = new CertificateAnchors([issuing.Der]);
        partial.Verify(through.Der, [], ChainPurpose.Client, Now, out var detail).ShouldBe(ChainVerdict.Good);
        detail.ShouldBe("");
    }

    [Fact]
    public void What_else_was_sent_may_come_in_any_order_and_with_rubbish_between()
    {
        using var issuing = _root.Authority("CN=Issuing");
        using var lower = issuing.Authority("CN=Lower");
        using var foreign = TestCertificate.Root("CN=Foreign");
        using var leaf = lower.Issue("CN=device");
        Verify(leaf, [foreign.Der, lower.Der, [1, 2, 3], [], _root.Der, issuing.Der, leaf.Der], ChainPurpose.Client).ShouldBe(ChainVerdict.Good);
    }

    [Fact]
    public void Time_is_the_argument_and_nothing_else()
    {
        using var leaf = _root.Issue("CN=device");
        _anchors.Verify(leaf.Der, [], ChainPurpose.Client, TestPki.At(TestPki.NotAfter.AddSeconds(-1)), out _).ShouldBe(ChainVerdict.Good);
        _anchors.Verify(leaf.Der, [], ChainPurpose.Client, TestPki.At(TestPki.NotAfter.AddSeconds(1)), out var detail).ShouldBe(ChainVerdict.Expired);
        detail.ShouldBe("certificate has expired (certificate 1 of its chain)");
        _anchors.Verify(leaf.Der, [], ChainPurpose.Client, TestPki.At(TestPki.NotBefore.AddSeconds(-1)), out _).ShouldBe(ChainVerdict.NotYetValid);
    }

    [Fact]
    public void Expiry_of_what_is_between_counts_as_well()
    {
        using var issuing = _root.Authority("CN=Issuing");
        using var leaf = issuing.Issue("CN=device", TestPki.NotBefore, TestPki.NotAfter.AddYears(5));
        _anchors.Verify(leaf.Der, [issuing.Der], ChainPurpose.Client, TestPki.At(TestPki.NotAfter.AddDays(1)), out var detail).ShouldBe(ChainVerdict.Expired);
        detail.ShouldContain("certificate 2");
    }

    [Fact]
    public void Nobody_else_vouches()
    {
        using var foreign = TestCertificate.Root("CN=Foreign");
        using var namesake = TestCertificate.Root();
        using var byForeign = foreign.Issue("CN=device");
        using var byNamesake = namesake.Issue("CN=device");
        Verify(byForeign, [], ChainPurpose.Client).ShouldBe(ChainVerdict.UnknownIssuer);
        Verify(byForeign, [foreign.Der], ChainPurpose.Client).ShouldBe(ChainVerdict.UnknownIssuer);
        Verify(foreign, [], ChainPurpose.Any).ShouldBe(ChainVerdict.UnknownIssuer);

        // The name of our root is anybody's to take; its key is not.
        Verify(byNamesake, [], ChainPurpose.Client).ShouldBe(ChainVerdict.BadSignature);
        Verify(byNamesake, [namesake.Der], ChainPurpose.Client).ShouldNotBe(ChainVerdict.Good);
        using var none = new CertificateAnchors([]);
        using var leaf = _root.Issue("CN=device");
        none.Verify(leaf.Der, [_root.Der], ChainPurpose.Client, Now, out _).ShouldBe(ChainVerdict.UnknownIssuer);
    }

    [Fact]
    public void A_changed_certificate_is_nobodys()
    {
        using var leaf = _root.Issue("CN=device");
        for (var at = 0; at < leaf.Der.Length; at += 7)
        {
            byte[] changed = [.. leaf.Der];
            changed[at] ^= 1;
            _anchors.Verify(changed, [], ChainPurpose.Client, Now, out var detail).ShouldNotBe(ChainVerdict.Good, $"byte {at}");
            detail.ShouldNotBe("");
        }
    }

    [Fact]
    public void Purposes_are_held_against_the_certificate()
    {
        using var client = _root.Issue("CN=c", TestPki.ClientAuth);
        using var server = _root.Issue("CN=s", TestPki.ServerAuth);
        using var both = _root.Issue("CN=b", TestPki.ServerAuth, TestPki.ClientAuth);
        using var ike = _root.Issue("CN=i", Ike);
        using var older = _root.Issue("CN=o", IkeIntermediate);
        using var ikeServer = _root.Issue("CN=g", TestPki.ServerAuth, IkeIntermediate);
        using var open = _root.Issue("CN=n");
        using var other = _root.Issue("CN=x", CodeSigning);
        var table = new[] { client, server, both, ike, older, ikeServer, open, other }.Select(certificate => (
            Verify(certificate, [], ChainPurpose.Client) == ChainVerdict.Good,
            Verify(certificate, [], ChainPurpose.Server) == ChainVerdict.Good,
            Verify(certificate, [], ChainPurpose.Any) == ChainVerdict.Good));
        table.ShouldBe(
        [
            (true, false, true), (false, true, true), (true, true, true), (true, false, true), (true, false, true), (true, true, true),
            (true, false, true), (false, false, true),
        ]);
        Verify(server, [], ChainPurpose.Client).ShouldBe(ChainVerdict.WrongPurpose);
        Verify(client, [], ChainPurpose.Server).ShouldBe(ChainVerdict.WrongPurpose);
        Verify(open, [], ChainPurpose.Server).ShouldBe(ChainVerdict.WrongPurpose);
    }

    [Fact]
    public void An_issuer_with_a_purpose_of_its_own_issues_for_no_other()
    {
        using var issuing = _root.Authority("CN=Servers only", null, TestPki.ServerAuth);
        using var leaf = issuing.Issue("CN=device", TestPki.ClientAuth);
        Verify(leaf, [issuing.Der], ChainPurpose.Client).ShouldBe(ChainVerdict.WrongPurpose);
    }

    [Fact]
    public void A_device_is_no_authority()
    {
        using var device = _root.Issue("CN=device");
        using var below = device.Issue("CN=another");
        Verify(below, [device.Der], ChainPurpose.Client).ShouldBe(ChainVerdict.WrongPurpose);
        Verify(below, [device.Der], ChainPurpose.Any).ShouldBe(ChainVerdict.WrongPurpose);

        using var signs = _root.Issue("CN=signs", TestPki.NotBefore, TestPki.NotAfter, X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.DigitalSignature);
        using var belowIt = signs.Issue("CN=another");
        Verify(belowIt, [signs.Der], ChainPurpose.Any).ShouldNotBe(ChainVerdict.Good);
    }

    [Fact]
    public void Lengths_of_paths_are_kept()
    {
        using var last = _root.Authority("CN=Last", pathLength: 0);
        using var beyond = last.Authority("CN=Beyond");
        using var allowed = last.Issue("CN=device");
        using var leaf = beyond.Issue("CN=device");
        Verify(allowed, [last.Der], ChainPurpose.Client).ShouldBe(ChainVerdict.Good);
        Verify(leaf, [last.Der, beyond.Der], ChainPurpose.Client).ShouldBe(ChainVerdict.TooLong);
    }

    [Fact]
    public void A_chain_is_as_long_as_we_follow_and_no_longer()
    {
        var chain = new List<TestCertificate> { _root };
        for (var i = 0; i <= TlsLimits.MaxIntermediates; i++)
        {
            chain.Add(chain[^1].Authority($"CN=Level {i}"));
        }

        using var deepest = chain[^1].Issue("CN=device");
        using var allowed = chain[^2].Issue("CN=device");
        var sent = chain.Skip(1).Select(one => one.Der).ToList();
        Verify(allowed, sent, ChainPurpose.Client).ShouldBe(ChainVerdict.Good);
        Verify(deepest, sent, ChainPurpose.Client).ShouldNotBe(ChainVerdict.Good);
        chain.Skip(1).ToList().ForEach(one => one.Dispose());
    }

    [Fact]
    public void A_bag_of_a_thousand_certificates_is_not_searched()
    {
        using var leaf = _root.Issue("CN=device");
        var bag = Enumerable.Repeat(_root.Der, 1_000).ToList();
        Verify(leaf, bag, ChainPurpose.Client).ShouldBe(ChainVerdict.TooLong);
        Verify(leaf, bag[..CertificateAnchors.MaxSent], ChainPurpose.Client).ShouldBe(ChainVerdict.Good);
        Verify(leaf, bag[..(CertificateAnchors.MaxSent + 1)], ChainPurpose.Client).ShouldBe(ChainVerdict.TooLong);
        Verify(leaf, [new byte[TlsLimits.MaxPeerChain]], ChainPurpose.Client).ShouldBe(ChainVerdict.TooLong);
        _anchors.Verify(new byte[TlsLimits.MaxPeerChain + 1], [], ChainPurpose.Client, Now, out _).ShouldBe(ChainVerdict.TooLong);
    }

    [Fact]
    public void Weak_keys_and_hashes_are_named()
    {
        var weak = new RawRsa(1024);
        using var trusting = new CertificateAnchors([weak.CertificateDer, _root.Der]);
        trusting.Verify(weak.CertificateDer, [], ChainPurpose.Any, Now, out var detail).ShouldBe(ChainVerdict.Weak);
        detail.ShouldContain("too weak");

        using var signer = RSA.Create(2048);
        var request = new CertificateRequest("CN=sha1", signer, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var root = request.CreateSelfSigned(TestPki.NotBefore, TestPki.NotAfter);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var leafRequest = new CertificateRequest("CN=device", key, HashAlgorithmName.SHA256);
        using var leaf = leafRequest.Create(root.SubjectName, new Sha1Generator(signer), TestPki.NotBefore, TestPki.NotAfter, [7]);
        using var anchors = new CertificateAnchors([root.RawData]);
        anchors.Verify(leaf.RawData, [], ChainPurpose.Client, Now, out detail).ShouldBe(ChainVerdict.Weak);
    }

    [Fact]
    public void Constraints_of_names_are_kept()
    {
        // permittedSubtrees: dNSName plant-a.example
        byte[] value = [0x30, 0x15, 0xa0, 0x13, 0x30, 0x11, 0x82, 0x0f, .. "plant-a.example"u8];
        using var issuing = _root.Issue(
            "CN=Plant A", TestPki.NotBefore, TestPki.NotAfter, X509KeyUsageFlags.KeyCertSign, new X509Extension("2.5.29.30", value, critical: true));
        using var leaf = issuing.Issue("CN=x", TestPki.NotBefore, TestPki.NotAfter, X509KeyUsageFlags.DigitalSignature, Names("gw.plant-b.example"));
        Verify(leaf, [issuing.Der], ChainPurpose.Any).ShouldNotBe(ChainVerdict.Good);
    }

    [Fact]
    public void A_critical_extension_that_nobody_knows_is_refused()
    {
        using var leaf = _root.Issue(
            "CN=x", TestPki.NotBefore, TestPki.NotAfter, X509KeyUsageFlags.DigitalSignature, new X509Extension("1.3.6.1.4.1.99999.7", [5, 0], critical: true));
        Verify(leaf, [], ChainPurpose.Client).ShouldBe(ChainVerdict.Refused);
    }

    [Fact]
    public void What_is_no_certificate_is_malformed()
    {
        using var leaf = _root.Issue("CN=device");
        foreach (var wrong in (byte[][])[[], [0x30], [0x30, 0x00], leaf.Der[..^1], [.. leaf.Der, 0], new byte[500], leaf.Pkcs8])
        {
            foreach (var purpose in Enum.GetValues<ChainPurpose>())
            {
                _anchors.Verify(wrong, [], purpose, Now, out var detail).ShouldBe(ChainVerdict.Malformed);
                detail.ShouldNotBe("");
            }
        }
    }

    [Fact]
    public void An_anchor_that_is_unusable_is_named()
    {
        Should.Throw<CryptographicException>(() => new CertificateAnchors([_root.Der, [1, 2, 3]])).Message.ShouldContain("Anchor, number 2");
        Should.Throw<CryptographicException>(() => new CertificateAnchors([[.. _root.Der, 0]])).Message.ShouldContain("bytes after its end");
    }

    [Fact]
    public void Many_judge_at_once()
    {
        using var good = _root.Issue("CN=device");
        using var foreign = TestCertificate.Root("CN=Foreign");
        Parallel.For(0, 400, i => _anchors.Verify(i % 2 == 0 ? good.Der : foreign.Der, [], ChainPurpose.Client, Now, out _)
            .ShouldBe(i % 2 == 0 ? ChainVerdict.Good : ChainVerdict.UnknownIssuer));
    }

    private ChainVerdict Verify(TestCertificate leaf, IReadOnlyList<byte[]> sent, ChainPurpose purpose) =>
        _anchors.Verify(leaf.Der, sent, purpose, Now, out _);

    private static X509Extension Names(string dns)
    {
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(dns);
        return names.Build();
    }

    private sealed class Sha1Generator(RSA key) : X509SignatureGenerator
    {
        public override byte[] GetSignatureAlgorithmIdentifier(HashAlgorithmName hashAlgorithm) =>
            Convert.FromHexString("300d06092a864886f70d0101050500");

        public override byte[] SignData(byte[] data, HashAlgorithmName hashAlgorithm) => key.SignData(data, HashAlgorithmName.SHA1, RSASignaturePadding.Pkcs1);

        protected override PublicKey BuildPublicKey() => new(key);
    }
}
