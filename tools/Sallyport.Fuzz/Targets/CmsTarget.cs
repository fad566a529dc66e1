using Sallyport.Core.Crypto;
using Sallyport.Fuzz.Engine;

namespace Sallyport.Fuzz.Targets;

/// <summary>Signatures of files. Input: DER. OpenSSL reads it; what matters is that nothing but the one that was made says "valid".</summary>
internal sealed class CmsTarget : FuzzTarget
{
    private static readonly byte[] Content = [.. "{\"ietf-mud:mud\":{}}\n"u8];

    public override string Name => "cms";

    public override IReadOnlyList<byte[]> Words =>
    [
        [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01], [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02], [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x03],
        [0x30, 0x80], [0x00, 0x00], [0xa0, 0x82], [0x31, 0x00], [0x04, 0x00], [0x30, 0x84, 0x7f, 0xff, 0xff, 0xff],
    ];

    public override IEnumerable<(string Name, byte[] Input)> MakeSeeds()
    {
        yield return ("signed", CmsSeed.Signed);
        yield return ("signed-as-mud", CmsSeed.SignedAsMud);
        yield return ("data", [0x30, 0x0b, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01]);
    }

    public override void Run(ReadOnlySpan<byte> input, Probe probe)
    {
        var read = CmsSignature.Verify(Content, input);
        probe.Reach((int)read.Verdict);
        probe.That(read.Verdict == CmsVerdict.Valid == read.Signers.Count > 0, "who signed is known where it is valid, and nobody else");
        probe.That(CmsSignature.Verify([.. Content, 0], input).Verdict != CmsVerdict.Valid, "nothing says that another file was signed");
    }
}
