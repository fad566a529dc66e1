using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Sallyport.Core.Crypto;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Tests.Crypto;

public sealed class CertificateNamesTests
{
    [Fact]
    public void Names_of_all_kinds_are_read()
    {
        var builder = new SubjectAlternativeNameBuilder();
        builder.AddDnsName("gw.plant-a.example");
        builder.AddDnsName("*.plant-a.example");
        builder.AddEmailAddress("ops@plant-a.example");
        builder.AddUri(new Uri("https://plant-a.example/"));
        builder.AddUserPrincipalName("gw@plant-a.example");
        builder.AddIpAddress(IPAddress.Parse("192.0.2.7"));
        builder.AddIpAddress(IPAddress.Parse("2001:db8::7"));
        using var certificate = Certificate(new X500DistinguishedName("CN=gw, O=Plant A, C=DE"), TestPki.NotBefore, TestPki.NotAfter, builder.Build());
        CertificateNames.TryRead(certificate.RawData, out var names).ShouldBeTrue();
        names.DnsNames.ShouldBe(["gw.plant-a.example", "*.plant-a.example"]);
        names.Emails.ShouldBe(["ops@plant-a.example"]);
        names.Addresses.ShouldBe([IpAddress.Parse("192.0.2.7"), IpAddress.Parse("2001:db8::7")]);
        names.Subject.ShouldBe("CN=gw,O=Plant A,C=DE");
        names.SubjectDer.ShouldBe(certificate.SubjectName.RawData);
        names.Fingerprint.ShouldBe(SHA256.HashData(certificate.RawData));
        names.PublicKeySha1.ShouldBe(SHA1.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo()));
        names.NotAfter.ShouldBe(TestPki.At(TestPki.NotAfter));
    }

    [Fact]
    public void A_certificate_without_other_names_has_none()
    {
        CertificateNames.TryRead(Make("CN=device"), out var names).ShouldBeTrue();
        (names.DnsNames.Count, names.Emails.Count, names.Addresses.Count).ShouldBe((0, 0, 0));
        CertificateNames.TryRead(Make(""), out names).ShouldBeTrue();
        names.Subject.ShouldBe("");
    }

    /// <summary>CVE-2009-2408: "good.example\0.evil.example" is one name to its CA, and another to whoever stops at the NUL.</summary>
    [Theory]
    [InlineData("0082", "676f6f642e6578616d706c65002e6576696c")]
    [InlineData("0081", "6f707340676f6f642e6578616d706c6500")]
    [InlineData("0082", "676f6f64206e616d65")] // a space
    [InlineData("0082", "c3bc")] // a letter that is none of ASCII
    [InlineData("0082", "0a")]
    [InlineData("0082", "7f")]
    [InlineData("0082", "")]
    [InlineData("0087", "0a0000")]
    [InlineData("0087", "0a00000001")]
    [InlineData("0087", "")]
    [InlineData("0087", "0a000000ff000000")] // address and mask belong into constraints
    [InlineData("0089", "00")] // a kind that does not exist
    [InlineData("0002", "00")]
    public void Names_that_two_could_read_differently_are_refused(string tag, string content)
    {
        var bytes = Convert.FromHexString(content);
        byte[] value = [0x30, (byte)(bytes.Length + 2), Convert.ToByte(tag, 16), (byte)bytes.Length, .. bytes];
        Read(Make("CN=x", new X509Extension("2.5.29.17", value, critical: false))).ShouldBeNull();
    }

    [Theory]
    [InlineData("3000", true)]
    [InlineData("", false)]
    [InlineData("30", false)]
    [InlineData("30030201", false)]
    [InlineData("300000", false)]
    [InlineData("3080820178" + "0000", false)]
    [InlineData("3103820178", false)]
    public void Lists_of_names_are_read_to_their_end(string value, bool isRead) =>
        (Read(Make("CN=x", new X509Extension("2.5.29.17", Convert.FromHexString(value), critical: false))) is not null).ShouldBe(isRead);

    [Fact]
    public void Two_lists_of_names_are_refused()
    {
        X509Extension List(string name)
        {
            var builder = new SubjectAlternativeNameBuilder();
            builder.AddDnsName(name);
            return builder.Build();
        }

        Read(Make("CN=x", List("good.example"))).ShouldNotBeNull();

        // .NET refuses to write the same extension twice: the second is made from another, of which the last byte of its number differs.
        var second = new X509Extension("2.5.29.99", List("evil.example").RawData, critical: false);
        var der = Make("CN=x", List("good.example"), second);
        var at = der.AsSpan().IndexOf((byte[])[0x06, 0x03, 0x55, 0x1d, 99]);
        at.ShouldBeGreaterThan(0);
        Read(der).ShouldNotBeNull();
        der[at + 4] = 17;
        Read(der).ShouldBeNull();
    }

    [Fact]
    public void Names_are_counted()
    {
        X509Extension Of(int count)
        {
            var builder = new SubjectAlternativeNameBuilder();
            for (var i = 0; i < count; i++)
            {
                builder.AddDnsName($"n{i}.example");
            }

            return builder.Build();
        }

        Read(Make("CN=x", Of(CertificateNames.MaxNames)))!.DnsNames.Count.ShouldBe(CertificateNames.MaxNames);
        Read(Make("CN=x", Of(CertificateNames.MaxNames + 1))).ShouldBeNull();
    }

    [Theory]
    [InlineData("0c", "706c616e742c20612b62223c3e3b5c", @"CN=plant\, a\+b\""\<\>\;\\")]
    [InlineData("0c", "2023206120", @"CN=\ # a\ ")]
    [InlineData("0c", "2361", @"CN=\#a")]
    [InlineData("0c", "20", @"CN=\ ")]
    [InlineData("0c", "", "CN=")]
    [InlineData("0c", "c3bc", "CN=ü")]
    [InlineData("0c", "611b5b324a0a62e280ae63", "CN=a?[2J?b?c")] // commands of a terminal, a line, and letters from right to left
    [InlineData("13", "6761746577617920", @"CN=gateway\ ")]
    [InlineData("16", "61406222", @"CN=a@b\""")]
    [InlineData("14", "fc", "CN=ü")]
    [InlineData("1e", "00fc0061", "CN=üa")]
    [InlineData("1e", "d800", "CN=\ufffd")]
    public void Subjects_are_written_so_that_nothing_in_them_acts(string tag, string content, string expected) =>
        Read(WithCommonName(tag, content))!.Subject.ShouldBe(expected);

    [Theory]
    [InlineData("0c", "676f6f640065")] // NUL
    [InlineData("1e", "00670000")]
    [InlineData("13", "6700")]
    [InlineData("0c", "ff")] // no UTF-8
    [InlineData("0c", "c080")] // NUL in two bytes
    [InlineData("13", "fc")]
    [InlineData("1e", "00")] // half a character
    [InlineData("1c", "00000067")] // UniversalString: nobody writes it
    [InlineData("04", "67")]
    public void Subjects_that_two_could_read_differently_are_refused(string tag, string content) =>
        Read(WithCommonName(tag, content)).ShouldBeNull();

    [Fact]
    public void Unknown_parts_of_a_subject_are_shown_by_number()
    {
        var builder = new X500DistinguishedNameBuilder();
        builder.Add("1.3.6.1.4.1.99999.1", "pump", System.Formats.Asn1.UniversalTagNumber.UTF8String);
        builder.AddDomainComponent("example");
        builder.Add("0.9.2342.19200300.100.1.1", "17", System.Formats.Asn1.UniversalTagNumber.UTF8String);
        builder.AddEmailAddress("a@b");
        Read(Make(builder.Build()))!.Subject.ShouldBe("1.3.6.1.4.1.99999.1=#0c0470756d70,DC=example,UID=17,E=a@b");
    }

    /// <summary>RFC 5280 section 4.1.2.5: "no end" is beyond what an instant can say, and 2050 has another format than 2049.</summary>
    [Fact]
    public void Ends_of_all_kinds_are_read()
    {
        foreach (var end in (DateTimeOffset[])
        [
            new(2049, 12, 31, 23, 59, 59, TimeSpan.Zero), new(2050, 1, 1, 0, 0, 0, TimeSpan.Zero), new(2040, 2, 29, 1, 2, 3, TimeSpan.Zero),
            new(2262, 4, 11, 23, 47, 15, TimeSpan.Zero), TestPki.NotBefore,
        ])
        {
            Read(Make("CN=x", TestPki.NotBefore, end))!.NotAfter.ShouldBe(TestPki.At(end));
        }

        Read(Make("CN=x", TestPki.NotBefore, new DateTimeOffset(9999, 12, 31, 23, 59, 59, TimeSpan.Zero)))!.NotAfter.ShouldBe(Instant.Never);
        var old = new DateTimeOffset(1951, 1, 1, 0, 0, 0, TimeSpan.Zero);
        Read(Make("CN=x", old, old.AddYears(1)))!.NotAfter.ShouldBe(TestPki.At(old.AddYears(1)));
    }

    [Theory]
    [InlineData("311301000000Z")]
    [InlineData("310230000000Z")]
    [InlineData("310101240000Z")]
    [InlineData("310101000060Z")]
    [InlineData("31010100000 Z")]
    [InlineData("3101010000000")]
    [InlineData("-10101000000Z")]
    public void Times_that_are_none_are_refused(string time)
    {
        var der = Make("CN=x");
        var at = der.AsSpan().IndexOf("310101000000Z"u8);
        Encoding.ASCII.GetBytes(time).CopyTo(der, at);
        Read(der).ShouldBeNull();
    }

    [Fact]
    public void Every_cut_is_refused_and_no_change_throws()
    {
        var der = Make("CN=gw, O=Plant A, C=DE");
        for (var at = 0; at < der.Length; at++)
        {
            Read(der[..at]).ShouldBeNull();
            for (var bit = 0; bit < 8; bit++)
            {
                byte[] changed = [.. der];
                changed[at] ^= (byte)(1 << bit);
                Read(changed)?.Fingerprint.ShouldBe(SHA256.HashData(changed));
            }
        }

        Read([.. der, 0]).ShouldBeNull();
        Read(new byte[TlsLimits.MaxPeerChain + 1]).ShouldBeNull();
    }

    private static CertificateNames? Read(byte[] der) => CertificateNames.TryRead(der, out var names) ? names : null;

    private static byte[] Make(string name, params X509Extension[] extensions) => Make(new X500DistinguishedName(name), extensions);

    private static byte[] Make(string name, DateTimeOffset from, DateTimeOffset to)
    {
        using var certificate = Certificate(new X500DistinguishedName(name), from, to);
        return certificate.RawData;
    }

    private static byte[] Make(X500DistinguishedName name, params X509Extension[] extensions)
    {
        using var certificate = Certificate(name, TestPki.NotBefore, TestPki.NotAfter, extensions);
        return certificate.RawData;
    }

    private static X509Certificate2 Certificate(X500DistinguishedName name, DateTimeOffset from, DateTimeOffset to, params X509Extension[] extensions)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256);
        foreach (var extension in extensions)
        {
            request.CertificateExtensions.Add(extension);
        }

        return request.CreateSelfSigned(from, to);
    }

    /// <summary>OpenSSL reads no certificate with some of these, so that they come into one that it has read.</summary>
    private static byte[] WithCommonName(string tag, string content)
    {
        var bytes = Convert.FromHexString(content);
        byte[] Attribute(byte kind, byte[] value) => [0x06, 0x03, 0x55, 0x04, 0x03, kind, (byte)value.Length, .. value];
        var placeholder = Attribute(0x0c, [.. Enumerable.Repeat((byte)'p', bytes.Length)]);
        var der = Make(new X500DistinguishedName(
            [0x30, (byte)(placeholder.Length + 4), 0x31, (byte)(placeholder.Length + 2), 0x30, (byte)placeholder.Length, .. placeholder]));
        var at = der.AsSpan().LastIndexOf(placeholder);
        Attribute(Convert.ToByte(tag, 16), bytes).CopyTo(der, at);
        return der;
    }
}
