using Sallyport.Core.Crypto;
using Sallyport.Core.Primitives;
using Sallyport.Fuzz.Engine;

namespace Sallyport.Fuzz.Targets;

/// <summary>
/// Certificates of IKE, in front of and behind their proof. Input: <c>count 1 | DER</c>; the bytes are a peer's certificate, and for odd counts cut in two,
/// of which the second is what it sent beside it.
/// </summary>
internal sealed class CertificateTarget : FuzzTarget
{
    private static readonly CertificateAnchors Anchors = new([CertificateSeed.Root]);

    /// <summary>All that the anchor vouches for: itself, and what it signed.</summary>
    private static readonly byte[][] Vouched = [CertificateSeed.Root, CertificateSeed.Named];

    public override string Name => "certificate";

    public override IReadOnlyList<byte[]> Words =>
    [
        [0x06, 0x03, 0x55, 0x1d, 0x11], [0x06, 0x03, 0x55, 0x1d, 0x25], [0x06, 0x03, 0x55, 0x04, 0x03], [0x82, 0x01, 0x00], [0x81, 0x01, 0x00],
        [0x87, 0x04, 10, 0, 0, 1], [0x87, 0x05], [0x30, 0x80], [0x00, 0x00], [0x30, 0x84, 0x7f, 0xff, 0xff, 0xff], [0x1e, 0x02, 0xd8, 0x00],
        [0x0c, 0x02, 0xc0, 0x80], [0x17, 0x0d], [0x18, 0x0f], [0x1f, 0x81, 0x01], [0x2b, 6, 1, 5, 5, 7, 3, 17],
    ];

    public override IEnumerable<(string Name, byte[] Input)> MakeSeeds()
    {
        yield return ("root", [0, .. CertificateSeed.Root]);
        yield return ("named", [0, .. CertificateSeed.Named]);
        yield return ("chain", [1, .. CertificateSeed.Named, .. CertificateSeed.Root]);
    }

    public override void Run(ReadOnlySpan<byte> input, Probe probe)
    {
        if (input.IsEmpty)
        {
            return;
        }

        var bytes = input[1..];
        var cut = (input[0] & 1) == 0 ? bytes.Length : Cut(bytes);
        var leaf = bytes[..cut];
        var meter = Probe.StartMeter();
        var isNamed = CertificateNames.TryRead(leaf, out var names);

        // Each byte becomes at most six of a string in hexadecimal, and is put together twice.
        probe.AllocatedAtMost(meter, 8192 + (64L * leaf.Length), "reading the names of a certificate");
        probe.Reach(isNamed ? 1 : 0);
        if (names is not null)
        {
            Check(names, probe);
        }

        Verify(leaf, bytes[cut..], probe);
        if (VerificationKey.TryReadCertificate(leaf, out var key))
        {
            probe.Reach((long)key.Kind);
            probe.That(key.Kind != KeyKind.Rsa || key.Bits is >= 2048 and <= 8192, "no RSA key is weak, and none a burden");
            foreach (var scheme in Enum.GetValues<SignatureScheme>())
            {
                probe.That(!key.Verify(scheme, "data"u8, leaf[..Math.Min(leaf.Length, 64)]), "a certificate is no signature");
            }

            key.Dispose();
        }
    }

    private static void Check(CertificateNames names, Probe probe)
    {
        probe.Reach((names.DnsNames.Count << 8) + (names.Emails.Count << 4) + names.Addresses.Count);
        probe.That(names.DnsNames.Concat(names.Emails).All(name => name.Length > 0 && name.All(c => c is > ' ' and <= '~')), "names are visible ASCII");
        probe.That(!PlainText.HasUnsafe(names.Subject), "a subject commands no terminal");
        probe.That(names.Fingerprint.Length == 32 && names.PublicKeySha1.Length == 20, "digests have their lengths");
    }

    private static void Verify(ReadOnlySpan<byte> leaf, ReadOnlySpan<byte> beside, Probe probe)
    {
        foreach (var purpose in Enum.GetValues<ChainPurpose>())
        {
            var verdict = Anchors.Verify(leaf, beside.IsEmpty ? [] : [beside.ToArray()], purpose, Keys.Start, out var detail);
            probe.Reach(((long)verdict << 2) + (long)purpose);
            probe.That(verdict == ChainVerdict.Good == (detail.Length == 0), "what is not good has a reason");
            probe.That(verdict != ChainVerdict.Good || IsVouched(leaf), "nobody makes a certificate of ours");
        }
    }

    private static bool IsVouched(ReadOnlySpan<byte> leaf)
    {
        foreach (var one in Vouched)
        {
            // The signature is outside of what is signed, and OpenSSL reads its DER as BER: other bytes may mean the same one.
            if (CertificateView.TryRead(one, out var ours) && CertificateView.TryRead(leaf, out var theirs) && theirs.Body.SequenceEqual(ours.Body))
            {
                return true;
            }
        }

        return false;
    }

    private static int Cut(ReadOnlySpan<byte> bytes)
    {
        var reader = new DerReader(bytes);
        return reader.TryReadAny(out _, out _, out var whole) ? whole.Length : bytes.Length;
    }
}
