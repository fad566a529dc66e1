using System.Security.Cryptography.X509Certificates;
using Sallyport.Control.Http;
using Sallyport.Control.Policies.Mud;
using Sallyport.Control.Tests.Worlds;

namespace Sallyport.Control.Tests.Policies.Mud;

/// <summary>A signature that holds is told; one that does not refuses the file; that there is none is said.</summary>
public sealed class MudSignatureTests
{
    private static readonly byte[] File = MudText.Of(["a \"ipv4\":{\"dst-dnsname\":\"a.example\"},\"tcp\":{\"destination-port\":{\"port\":443}}"], container: "\"mud-signature\":\"https://a.example/b.p7s\",");

    [Fact]
    public async Task Who_signed_stands_in_the_plan()
    {
        await using var world = await MudText.WorldAsync();
        using var maker = new SignedFile();
        var request = MudText.For("device:cam-1", File);
        var plan = await world.Client.PlanMudAsync(request with { Signature = maker.Sign(File), SignerCa = maker.Ca });
        plan.SignedBy.ShouldBe("CN=Doors Example MUD");
        plan.FleetFile.ShouldContain("# signed by CN=Doors Example MUD\n");
        plan.Findings.ShouldNotContain(finding => finding.Why.Contains("signature", StringComparison.Ordinal));

        plan = await world.Client.PlanMudAsync(request);
        plan.SignedBy.ShouldBeNull();
        plan.FleetFile.ShouldContain("# nobody checked a signature of it\n");
        plan.Findings.ShouldContain(finding => finding.Why == "nobody checked a signature; the manufacturer keeps one at https://a.example/b.p7s");

        byte[] altered = [.. File[..^1], (byte)' '];
        var problem = await ControlWorld.ProblemOf(() => world.Client.PlanMudAsync(request with { File = altered, Signature = maker.Sign(File), SignerCa = maker.Ca }));
        problem.Errors.ShouldHaveSingleItem().Message.ShouldBe("the signature is not one of this file");
        problem = await ControlWorld.ProblemOf(() => world.Client.PlanMudAsync(request with { SignerCa = maker.Ca }));
        problem.Errors.ShouldHaveSingleItem().Field.ShouldBe("signerCa");
        problem = await ControlWorld.ProblemOf(() => world.Client.PlanMudAsync(request with { Signature = maker.Sign(File) }));
        problem.Errors.ShouldHaveSingleItem().Message.ShouldBe("nobody says whose signature counts");
    }

    [Fact]
    public void A_signature_that_proves_nothing_is_refused_with_the_reason()
    {
        using var maker = new SignedFile();
        using var other = new SignedFile();
        using var old = new SignedFile(TimeSpan.FromDays(-1));
        using var encrypter = new SignedFile(usage: X509KeyUsageFlags.KeyEncipherment);
        var good = maker.Sign(File);
        Verify(good, maker.Ca).ShouldBe("CN=Doors Example MUD");
        Verify(good, other.Ca + "\n" + maker.Ca).ShouldBe("CN=Doors Example MUD");
        Why(good, other.Ca).ShouldContain("does not hold: ");
        Why(old.Sign(File), old.Ca).ShouldContain("NotTimeValid");
        Why(encrypter.Sign(File), encrypter.Ca).ShouldContain("is not for signatures");
        Why(maker.Sign(File, isDetached: false), maker.Ca).ShouldContain("a content of its own");
        Why(maker.Sign(File, withCertificate: false), maker.Ca).ShouldBe("the signature is not one of this file");
        Why(maker.Sign(File, signs: false), maker.Ca).ShouldBe("the signature is not one of this file");
        Why(maker.Sign([.. File, 0]), maker.Ca).ShouldBe("the signature is not one of this file");
        Why([.. good, 0], maker.Ca).ShouldBe("this is no CMS signature");
        Why(good[..^1], maker.Ca).ShouldBe("this is no CMS signature");
        Why([], maker.Ca).ShouldBe("this is no CMS signature");
        Why(new byte[MudLimits.SignatureMax + 1], maker.Ca).ShouldContain("bytes");
        Why(good, "no certificate").ShouldBe("there is no certificate in it");
    }

    /// <summary>Every bit of it counts, or says nothing.</summary>
    [Fact]
    public void No_altered_byte_makes_another_file_signed()
    {
        using var maker = new SignedFile();
        var good = maker.Sign(File);
        byte[] other = [.. File, (byte)' '];
        for (var i = 0; i < good.Length; i++)
        {
            var bad = good.ToArray();
            bad[i] ^= 0x01;
            MudSignature.Verify(other, bad, maker.Ca, SignedFile.Now, new ProblemList()).ShouldBeNull($"byte {i}");
        }
    }

    private static string? Verify(byte[] signature, string ca) => MudSignature.Verify(File, signature, ca, SignedFile.Now, new ProblemList());

    private static string Why(byte[] signature, string ca)
    {
        var problems = new ProblemList();
        MudSignature.Verify(File, signature, ca, SignedFile.Now, problems).ShouldBeNull();
        return problems.Problems.ShouldHaveSingleItem().Message;
    }
}
