using Sallyport.Api.Networks;
using Sallyport.EndToEnd.Fleet;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Peers;
using Sallyport.Harness.Ipsec;

namespace Sallyport.EndToEnd.Ipsec;

/// <summary>A network that takes all that we can, one that takes a single suite, and one for routers of old.</summary>
public sealed class ProposalFixture : FleetFixture
{
    public const string Zoo = "zoo";
    public const string Strict = "strict";

    protected override async Task Prepare()
    {
        await AddNetworkWithSite(new NetworkCreate
        {
            Name = Zoo,
            Prefixes = ["10.20.0.0/16"],
            Ipsec = new NetworkIpsecInput
            {
                Ike =
                [
                    "aes256gcm16-aes128gcm16-chacha20poly1305-prfsha256-prfsha384-prfsha512-x25519-ecp256-ecp384-ecp521-modp2048-modp3072-modp4096",
                    "aes256-aes128-sha256-sha384-sha512-x25519-ecp256-ecp384-ecp521-modp2048-modp3072-modp4096",
                    "aes128-sha1-modp2048",
                ],
                Esp =
                [
                    "aes256gcm16-aes128gcm16-chacha20poly1305-x25519-ecp256-ecp384-ecp521-modp2048-modp3072-modp4096-none-noesn",
                    "aes256-aes128-sha256-sha384-sha512-x25519-ecp256-ecp384-ecp521-modp2048-modp3072-modp4096-none-noesn",
                    "aes128-sha1-modp2048-none-noesn",
                ],
            },
        });
        await Client.AddNetworkAsync(new NetworkCreate
        {
            Name = Strict,
            Prefixes = ["10.30.0.0/16"],
            Ipsec = new NetworkIpsecInput { Ike = ["aes256gcm16-prfsha384-ecp384"], Esp = ["aes256gcm16-ecp384-noesn"] },
        });
    }
}

/// <summary>What strongSwan can propose, and what comes of it where the two have nothing in common.</summary>
public sealed class ProposalTests(ProposalFixture fleet) : IClassFixture<ProposalFixture>
{
    [IpsecTheory]
    [InlineData("aes128gcm16-prfsha256-x25519", "AES_GCM_16-128/PRF_HMAC_SHA2_256/CURVE_25519", "aes128gcm16-x25519", "AES_GCM_16-128/CURVE_25519")]
    [InlineData("aes256gcm16-prfsha512-ecp521", "AES_GCM_16-256/PRF_HMAC_SHA2_512/ECP_521", "aes256gcm16-ecp521", "AES_GCM_16-256/ECP_521")]
    [InlineData("chacha20poly1305-prfsha384-ecp384", "CHACHA20_POLY1305/PRF_HMAC_SHA2_384/ECP_384", "chacha20poly1305-ecp384", "CHACHA20_POLY1305/ECP_384")]
    [InlineData("aes128-sha256-modp2048", "AES_CBC-128/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/MODP_2048", "aes128-sha256-modp2048", "AES_CBC-128/HMAC_SHA2_256_128/MODP_2048")]
    [InlineData("aes256-sha384-modp3072", "AES_CBC-256/HMAC_SHA2_384_192/PRF_HMAC_SHA2_384/MODP_3072", "aes256-sha384-modp3072", "AES_CBC-256/HMAC_SHA2_384_192/MODP_3072")]
    [InlineData("aes256-sha512-modp4096", "AES_CBC-256/HMAC_SHA2_512_256/PRF_HMAC_SHA2_512/MODP_4096", "aes256-sha512-modp4096", "AES_CBC-256/HMAC_SHA2_512_256/MODP_4096")]
    [InlineData("aes256gcm16-prfsha256-ecp256", "AES_GCM_16-256/PRF_HMAC_SHA2_256/ECP_256", "aes256gcm16-ecp256", "AES_GCM_16-256/ECP_256")]
    [InlineData("aes128-sha1-modp2048", "AES_CBC-128/HMAC_SHA1_96/PRF_HMAC_SHA1/MODP_2048", "aes128-sha1", "AES_CBC-128/HMAC_SHA1_96")]
    public async Task A_suite_carries_before_and_after_new_keys_of_either_kind(string ike, string ikeIs, string esp, string espIs)
    {
        var name = $"on-{ike}".Replace("poly1305", "", StringComparison.Ordinal);
        using var device = await fleet.ComeUp(name, ProposalFixture.Zoo, shape: profile => profile.With("proposals", ike).With("esp_proposals", esp).WithLine("childless = allow"));
        var first = await device.Charon.Sa();
        first.Suite.ShouldBe(ikeIs);
        await Carries(device);

        await device.Charon.RekeyChild(name);
        var second = await device.UntilUp(child => child.SpiIn != first.Children[0].SpiIn);
        second.Suite.ShouldBe(espIs, "the group of later keys shows only now");
        await Carries(device);

        await device.Charon.RekeyIke(name);
        var third = await device.Charon.UntilIke(sa => sa.IsEstablished && sa.InitiatorSpi != first.InitiatorSpi, "a new IKE SA", IpsecDevice.Patience);
        third.Suite.ShouldBe(ikeIs);
        await Carries(device);
    }

    [IpsecFact]
    public async Task A_peer_whose_first_group_is_not_taken_is_told_which_is()
    {
        using var device = await fleet.ComeUp("optimist", ProposalFixture.Zoo, shape: profile => profile.With("proposals", "aes256gcm16-prfsha384-ecp256bp-ecp384"));
        (await device.Charon.Sa()).Suite.ShouldBe("AES_GCM_16-256/PRF_HMAC_SHA2_384/ECP_384");
        device.Charon.Count("peer didn't accept DH group ECP_256_BP").ShouldBe(1, device.Charon.Log);
    }

    [IpsecFact]
    public async Task Where_nothing_matches_one_line_says_what_was_offered_and_what_would_have_been_taken()
    {
        using var weak = await fleet.StartDevice("weak", ProposalFixture.Zoo, shape: profile => profile.With("proposals", "3des-md5-modp1024"));
        using var other = await fleet.StartDevice("other", ProposalFixture.Strict, shape: profile => profile.With("proposals", "aes128-sha256-modp2048"));
        using var bare = await fleet.StartDevice("bare", ProposalFixture.Strict, shape: profile => profile.With("esp_proposals", "aes128-sha1"));
        await weak.Charon.WaitForLine("NO_PROPOSAL_CHOSEN", IpsecDevice.Patience);
        await other.Charon.WaitForLine("AUTHENTICATION_FAILED", IpsecDevice.Patience);
        await bare.Charon.WaitForLine("received NO_PROPOSAL_CHOSEN notify, no CHILD_SA built", IpsecDevice.Patience);

        var refused = await fleet.UntilDetail("handshake.failed", "no IKE proposal matches");
        refused.Detail.ShouldContain("peer offered [3des-md5-prfmd5-modp1024]");
        refused.Detail.ShouldContain("accepted here [");
        refused.Detail.ShouldContain("what differs: ");
        var kept = await fleet.UntilDetail("handshake.failed", "other.strict.sallyport: its network");
        kept.Detail.ShouldContain("its network does not accept aes128-prfsha256-sha256-modp2048");
        kept.Detail.ShouldContain("but [aes256gcm16-prfsha384-ecp384]");
        var noChild = await fleet.UntilDetail("negotiation.failed", "peer offered [aes128-sha1");
        noChild.Detail.ShouldContain("accepted here [aes256gcm16-noesn]");
        noChild.Subject.ShouldBe("device:bare");
        foreach (var one in new[] { refused, kept, noChild })
        {
            one.Detail.ShouldNotContain("\n");
        }
    }

    private static async Task Carries(IpsecDevice device)
    {
        (await Dial.Tcp(device.Where, Topology.Application, TestApplication.Port)).Outcome.ShouldBe(DialOutcome.Connected);
        (await Dial.Udp(device.Where, Topology.Application, TestApplication.Port)).Outcome.ShouldBe(DialOutcome.Connected);
    }
}
