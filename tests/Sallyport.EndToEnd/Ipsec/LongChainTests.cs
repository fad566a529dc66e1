using Sallyport.Core.Crypto;
using Sallyport.Core.Esp;
using Sallyport.Core.Ike.Proposals;
using Sallyport.Core.Ike.Session;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;
using Sallyport.EndToEnd.Harness;
using Sallyport.Harness.Ipsec;

namespace Sallyport.EndToEnd.Ipsec;

/// <summary>
/// Our IKE with stock strongSwan where both prove themselves by long chains of large RSA certificates and are known by distinguished names: messages of nine
/// kilobytes, in parts (RFC 7383).
/// </summary>
public sealed class LongChainTests
{
    private const string OurName = "CN=gateway, OU=Plant 7, O=Waterworks, C=DE";
    private const string TheirName = "CN=router-7, OU=Plant 7, O=Waterworks, C=DE";
    private const string Ours = Topology.GatewayV4;
    private const string Theirs = "10.99.0.11";

    [IpsecFact]
    public async Task A_chain_of_large_certificates_comes_through_in_parts_whoever_begins()
    {
        using var topology = new Topology();
        using var pki = new LongChain();
        var (own, other) = (pki.Issue(OurName, 0), pki.Issue(TheirName, 1));
        (own.Chain.Sum(one => one.Length), other.Chain.Sum(one => one.Length)).ShouldSatisfyAllConditions(
            sizes => sizes.Item1.ShouldBeGreaterThan(5_000), sizes => sizes.Item2.ShouldBeGreaterThan(5_000));
        SigningKey.TryReadPkcs8(own.KeyPkcs8, out var key).ShouldBeTrue();
        var name = IkeIdentity.DistinguishedName(own.SubjectDer);
        using var shell = new IkeShell(
            topology.Gateway, Ours, new IkeCertificate { Chain = own.Chain, Key = key! }, pki.Root, new IkeOptions { Identity = name, Proposals = Ike, ForceEncapsulation = true },
            new IkeGrant { Tag = "router", Local = [Selector("10.20.0.0/16")], Remote = [Selector("192.168.75.0/24")], Ike = Ike, Esp = Esp });

        var where = topology.Attach("router", 11);
        where.AddAddress("lo", "192.168.75.10/32");
        using var charon = await CharonProcess.Start(where, Profile(pki, other));

        // They begin.
        (await charon.TryInitiate()).ShouldBeNull($"{charon.Log}\n{shell}");
        await shell.Until("IkeUp");
        shell.Claim!.Peer.ShouldBe(IkeIdentity.DistinguishedName(other.SubjectDer));
        (await charon.Sa()).Remote.Identity.ShouldBe(Dn("gateway"));
        charon.Count(@"splitting IKE message \(\d+ bytes\) into [6-9] fragments").ShouldBeGreaterThan(0, charon.Log);
        charon.Count(@"received fragment #\d+ of [5-9], reassembled fragmented IKE message").ShouldBeGreaterThan(0, charon.Log);
        charon.Count("received issuer cert").ShouldBe(LongChain.Authorities, "ours has them all");
        await charon.Terminate();
        await charon.UntilNone();

        // We begin.
        var fragments = shell.Received;
        shell.Call(
            new IkeTarget
            {
                Tag = "router",
                Local = name,
                Remote = IkeIdentity.DistinguishedName(other.SubjectDer),
                Proof = IkeProof.Certificate,
                RemotePurpose = ChainPurpose.Client,
                Ike = Ike,
                Esp = Esp,
                LocalSelectors = [Selector("10.20.0.0/16")],
                RemoteSelectors = [Selector("192.168.75.0/24")],
            },
            Theirs);
        var sa = await charon.UntilIke(found => found.IsEstablished && found.Children.Any(child => child.IsInstalled), "our call", IpsecDevice.Patience);
        sa.IsInitiator.ShouldBeFalse();
        sa.Remote.Identity.ShouldBe(Dn("gateway"));
        (shell.Received - fragments).ShouldBeGreaterThan(5);
    }

    [IpsecFact]
    public async Task A_chain_below_another_root_is_refused()
    {
        using var topology = new Topology();
        using var pki = new LongChain();
        using var foreign = new LongChain();
        var own = pki.Issue(OurName, 0);
        SigningKey.TryReadPkcs8(own.KeyPkcs8, out var key).ShouldBeTrue();
        using var shell = new IkeShell(
            topology.Gateway, Ours, new IkeCertificate { Chain = own.Chain, Key = key! }, pki.Root,
            new IkeOptions { Identity = IkeIdentity.DistinguishedName(own.SubjectDer), Proposals = Ike, ForceEncapsulation = true },
            new IkeGrant { Tag = "router", Local = [Selector("10.20.0.0/16")], Remote = [Selector("192.168.75.0/24")], Ike = Ike, Esp = Esp });
        var where = topology.Attach("router", 11);
        where.AddAddress("lo", "192.168.75.10/32");

        var stranger = foreign.Issue(TheirName, 1);
        using var charon = await CharonProcess.Start(where, Profile(pki, stranger));
        (await charon.TryInitiate()).ShouldNotBeNull();
        charon.Count("AUTH_FAILED").ShouldBeGreaterThan(0, charon.Log);
        shell.Claim.ShouldBeNull("nobody has got as far as that");
        shell.ToString().ShouldContain("its certificate is not good");
        shell.ToString().ShouldNotContain("IkeUp");
    }

    private static IReadOnlyList<Proposal> Ike { get; } = [ProposalText.TryParseIke("aes256gcm16-prfsha384-ecp384", out var proposal, out _) ? proposal : throw new InvalidOperationException()];

    private static IReadOnlyList<Proposal> Esp { get; } = [ProposalText.TryParseEsp("aes256gcm16-ecp384-none-noesn", out var proposal, out _) ? proposal : throw new InvalidOperationException()];

    private static TrafficSelector Selector(string prefix) => TrafficSelector.Of(IpPrefix.Parse(prefix));

    /// <summary>As strongSwan writes it: in the order of the certificate, which .NET turns round.</summary>
    private static string Dn(string common) => $"C=DE, O=Waterworks, OU=Plant 7, CN={common}";

    private static CharonProfile Profile(LongChain pki, LongCredential own)
    {
        var profile = CharonConf.Write(new CharonConnection
        {
            Remote = Ours,
            Local = CharonConf.OwnCertificateAs(Dn("router-7")),
            Peer = new CharonAuth("pubkey", Dn("gateway")),
            Proposals = "aes256gcm16-prfsha384-ecp384",
            Children = [new CharonChild { LocalSelectors = ["192.168.75.0/24"], RemoteSelectors = ["10.20.0.0/16"], Proposals = "aes256gcm16-ecp384" }],
        });
        profile = profile.WithCredential(new(own.ChainPem[0], own.KeyPem, own.Chain[0], own.KeyPkcs8), pki.RootPem);
        for (var i = 1; i < own.ChainPem.Count; i++)
        {
            profile = profile.WithFile(FormattableString.Invariant($"x509ca/authority-{i}.pem"), own.ChainPem[i]);
        }

        return profile;
    }
}
