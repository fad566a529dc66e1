using Sallyport.Api.Credentials;
using Sallyport.Api.Networks;
using Sallyport.EndToEnd.Fleet;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Peers;
using Sallyport.Harness.Ipsec;

namespace Sallyport.EndToEnd.Ipsec;

/// <summary>A network in which post-quantum pre-shared keys are as one likes, and one that lets nobody in without.</summary>
public sealed class PostQuantumKeyFixture : FleetFixture
{
    public const string Free = "free";
    public const string Strict = "strict";

    protected override async Task Prepare()
    {
        await AddNetworkWithSite(new NetworkCreate { Name = Free, Prefixes = ["10.20.0.0/16"] });
        await AddNetworkWithSite(new NetworkCreate { Name = Strict, Prefixes = ["10.30.0.0/16"], Ipsec = new NetworkIpsecInput { PpkRequired = true } });
    }
}

/// <summary>Keys beside the key exchange (RFC 8784), with stock strongSwan and the files that our commands write for it.</summary>
public sealed class PostQuantumKeyTests(PostQuantumKeyFixture fleet) : IClassFixture<PostQuantumKeyFixture>
{
    private const string Free = PostQuantumKeyFixture.Free;
    private const string Strict = PostQuantumKeyFixture.Strict;

    [IpsecTheory]
    [InlineData("psk")]
    [InlineData("certificate")]
    [InlineData("eap-tls")]
    public async Task A_device_with_such_a_key_comes_in_where_it_is_required_and_gets_new_keys(string auth)
    {
        var name = $"safe-{auth}";
        using var device = await fleet.ComeUp(name, Strict, auth);
        device.Charon.Count("using PPK for PPK_ID").ShouldBeGreaterThan(0, device.Charon.Log);
        await Reaches(device);

        var before = await device.Charon.Sa();
        await device.Charon.RekeyChild(name);
        await device.UntilUp(child => child.SpiIn != before.Children[0].SpiIn);
        await Reaches(device);
        await device.Charon.RekeyIke(name);
        await device.Charon.UntilIke(sa => sa.IsEstablished && sa.InitiatorSpi != before.InitiatorSpi, "a new IKE SA", IpsecDevice.Patience);
        await Reaches(device);
    }

    [IpsecFact]
    public async Task Another_key_than_ours_is_refused_though_the_certificate_is_right()
    {
        using var device = await fleet.StartDevice("wrong-ppk", Strict, "certificate", profile => profile.With("secret", "\"not the key that both have\"").With("keyingtries", "1"));
        await device.Charon.WaitForLine("AUTH_FAILED", IpsecDevice.Patience);
        (await fleet.UntilDetail("handshake.failed", "wrong-ppk.strict.sallyport")).Detail.ShouldNotContain("\n");
        (await fleet.Tunnels("wrong-ppk", Strict)).ShouldBeEmpty();
    }

    [IpsecFact]
    public async Task Who_leaves_its_key_at_home_is_refused_where_it_is_required()
    {
        using var device = await fleet.StartDevice("without", Strict, "certificate", profile => WithoutPpk(profile).With("keyingtries", "1"));
        await device.Charon.WaitForLine("AUTH_FAILED", IpsecDevice.Patience);
        var told = await fleet.UntilDetail("handshake.failed", "device 'without'");
        told.Detail.ShouldContain("its network needs a post-quantum pre-shared key (RFC 8784), and it has none");
        (await fleet.Tunnels("without", Strict)).ShouldBeEmpty();
    }

    [IpsecFact]
    public async Task A_key_that_we_do_not_know_is_done_without_where_both_ends_allow_that()
    {
        Func<CharonProfile, CharonProfile> unknown = profile => profile.With("ppk_id", "somebody.else").With("ppk_required", "no") with
        {
            Text = profile.With("ppk_id", "somebody.else").With("ppk_required", "no").Text.Replace("secrets {", "secrets {\n    ppk-other {\n        id = somebody.else\n        secret = \"of somebody else\"\n    }", StringComparison.Ordinal),
        };
        var created = await fleet.AddDevice("tolerant", Free, new ProfileRequest { Protocol = "ipsec", Auth = "psk", Ppk = true });
        await fleet.Allow("tolerant", Free);
        using var device = await fleet.StartDevice(created.Device, created.Profile!, unknown);
        await device.UntilUp();
        device.Charon.Count("using PPK for PPK_ID").ShouldBe(0, device.Charon.Log);
        await Reaches(device, Free);

        using var refused = await fleet.StartDevice("stubborn", Strict, "psk", profile => unknown(profile).With("keyingtries", "1"));
        await refused.Charon.WaitForLine("AUTH_FAILED", IpsecDevice.Patience);
        (await fleet.UntilDetail("handshake.failed", "device 'stubborn'")).Detail.ShouldContain("needs a post-quantum pre-shared key");
    }

    [IpsecFact]
    public async Task Who_is_in_without_is_put_out_when_its_network_begins_to_ask_for_it()
    {
        await fleet.Client.AddNetworkAsync(new NetworkCreate { Name = "later", Prefixes = ["10.40.0.0/16"] });
        using var device = await fleet.StartDevice("early", "later");
        await device.UntilUp();
        await fleet.Client.UpdateNetworkAsync("later", new NetworkUpdate { Ipsec = new NetworkIpsecInput { PpkRequired = true } });
        await fleet.UntilTunnel("early", "later", found => found is null, IpsecDevice.Patience);
        await device.Charon.WaitForLine("AUTH_FAILED", IpsecDevice.Patience);
    }

    private static CharonProfile WithoutPpk(CharonProfile profile) => profile with
    {
        Text = string.Join('\n', profile.Text.Split('\n').Where(line => !line.TrimStart().StartsWith("ppk_", StringComparison.Ordinal))),
    };

    private static async Task Reaches(IpsecDevice device, string network = Strict)
    {
        (await Dial.Tcp(device.Where, Topology.Application, TestApplication.Port)).Outcome.ShouldBe(DialOutcome.Connected, network);
        (await Dial.Udp(device.Where, Topology.Application, TestApplication.Port)).Outcome.ShouldBe(DialOutcome.Connected, network);
    }
}
