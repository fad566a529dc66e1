using Sallyport.Core.Crypto;
using Sallyport.Fuzz.Targets;

namespace Sallyport.Core.Tests.Crypto;

/// <summary>Detached signatures that the openssl command made; what its attributes and types are is its own.</summary>
public class CmsSignatureTests
{
    private static readonly byte[] Content = [.. "{\"ietf-mud:mud\":{}}\n"u8];

    private static readonly Dictionary<string, byte[]> Seeds = AllTargets.List.Single(target => target.Name == "cms").MakeSeeds().ToDictionary(seed => seed.Name, seed => seed.Input);

    [Theory]
    [InlineData("signed")]
    [InlineData("signed-as-mud")]
    public void What_openssl_signed_is_valid_for_those_bytes_alone(string name)
    {
        var read = CmsSignature.Verify(Content, Seeds[name]);
        (read.Verdict, read.Signers.Count, read.Certificates.Count).ShouldBe((CmsVerdict.Valid, 1, 1));
        read.Signers[0].ShouldBe(read.Certificates[0]);
        CmsSignature.Verify([.. Content, (byte)'\n'], Seeds[name]).Verdict.ShouldBe(CmsVerdict.DoesNotMatch);
        CmsSignature.Verify([], Seeds[name]).Verdict.ShouldBe(CmsVerdict.DoesNotMatch);
        CmsSignature.Verify(Content, [.. Seeds[name], 0]).Verdict.ShouldBe(CmsVerdict.NotCms);
        CmsSignature.Verify(Content, Seeds[name].AsSpan(..^1)).Verdict.ShouldBe(CmsVerdict.NotCms);
    }

    [Fact]
    public void What_is_no_signature_is_told_from_one_that_is_wrong()
    {
        CmsSignature.Verify(Content, []).Verdict.ShouldBe(CmsVerdict.NotCms);
        CmsSignature.Verify(Content, Content).Verdict.ShouldBe(CmsVerdict.NotCms);
        CmsSignature.Verify(Content, Seeds["data"]).Verdict.ShouldNotBe(CmsVerdict.Valid);
    }
}
