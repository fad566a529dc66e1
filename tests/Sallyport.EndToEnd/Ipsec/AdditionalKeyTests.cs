using Sallyport.Api.Networks;
using Sallyport.EndToEnd.Fleet;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Peers;
using Sallyport.Harness.Ipsec;

namespace Sallyport.EndToEnd.Ipsec;

/// <summary>Networks that ask for more than one key exchange, one of which has keys that last for seconds only.</summary>
public sealed class AdditionalKeyFixture : FleetFixture
{
    public const string Calm = "calm";
    public const string Hasty = "hasty";

    private static readonly NetworkIpsecInput Asked = new()
    {
        Ike = ["aes256gcm16-prfsha384-x25519-ke1_ecp384-ke2_modp2048", "aes256gcm16-prfsha384-x25519-ke1_mlkem768"],
        Esp = ["aes256gcm16-x25519-ke1_ecp384-ke2_modp2048-noesn", "aes256gcm16-x25519-ke1_mlkem768-noesn"],
    };

    protected override async Task Prepare()
    {
        await AddNetworkWithSite(new NetworkCreate { Name = Calm, Prefixes = ["10.20.0.0/16"], Ipsec = Asked with { IkeLifetime = "none", ChildLifetime = "none" } });
        await AddNetworkWithSite(new NetworkCreate { Name = Hasty, Prefixes = ["10.30.0.0/16"], Ipsec = Asked with { IkeLifetime = "8s", ChildLifetime = "5s" } });
    }
}

/// <summary>Additional key exchanges (RFC 9370), ML-KEM-768 among them, with a strongSwan that has them.</summary>
public sealed class AdditionalKeyTests(AdditionalKeyFixture fleet) : IClassFixture<AdditionalKeyFixture>
{
    private const string First = "6.0.0";
    private const string FirstWithMlKem = "6.0.2";
    private const string Classic = "x25519-ke1_ecp384-ke2_modp2048";
    private const string PostQuantum = "x25519-ke1_mlkem768";
    private const string ClassicIs = "CURVE_25519/ECP_384/MODP_2048";
    private const string PostQuantumIs = "CURVE_25519/ML_KEM_768";

    [LaterStrongswanFact(First)]
    public Task Keys_come_of_all_exchanges_and_so_do_new_ones() => Rekey("classic", Classic, ClassicIs, First);

    [PostQuantumFact]
    public Task With_ML_KEM_keys_come_of_both_exchanges_and_so_do_new_ones() => Rekey("quantum", PostQuantum, PostQuantumIs, FirstWithMlKem);

    [LaterStrongswanFact(First)]
    public Task New_keys_of_the_gateway_lose_no_packet() => BeRekeyed("hasty-classic", Classic, First);

    [PostQuantumFact]
    public Task New_keys_of_the_gateway_with_ML_KEM_lose_no_packet() => BeRekeyed("hasty-quantum", PostQuantum, FirstWithMlKem);

    private async Task Rekey(string name, string methods, string methodsAre, string since)
    {
        using var device = await ComeUp(name, AdditionalKeyFixture.Calm, methods, since);
        var before = await device.Charon.Sa();
        before.Suite.ShouldBe($"AES_GCM_16-256/PRF_HMAC_SHA2_384/{methodsAre}");
        await Carries(device);

        await device.Charon.RekeyChild(name);
        var second = await device.UntilUp(child => child.SpiIn != before.Children[0].SpiIn);
        second.Suite.ShouldBe($"AES_GCM_16-256/{methodsAre}", "the methods of later keys show only now");
        await Carries(device);

        await device.Charon.RekeyIke(name);
        var third = await device.Charon.UntilIke(sa => sa.IsEstablished && sa.InitiatorSpi != before.InitiatorSpi, "a new IKE SA", IpsecDevice.Patience);
        third.Suite.ShouldBe(before.Suite);
        await Carries(device);
    }

    private async Task BeRekeyed(string name, string methods, string since)
    {
        using var device = await ComeUp(name, AdditionalKeyFixture.Hasty, methods, since);
        var before = await device.Charon.Sa();
        await using var load = await Load.Start(device.Where);
        var child = before.Children[0].SpiIn;
        for (var i = 0; i < 3; i++)
        {
            child = (await device.UntilUp(one => one.SpiIn != child)).SpiIn;
            await load.Stream.Progress(5_000);
        }

        await device.Charon.UntilIke(sa => sa.IsEstablished && sa.InitiatorSpi != before.InitiatorSpi, "a new IKE SA", IpsecDevice.Patience);
        await load.NothingWasLost($"{device.Charon.Log}\n{await fleet.Diagnosis()}");
        (await fleet.Events("negotiation.failed", name)).ShouldBeEmpty();
    }

    /// <param name="since">The first strongSwan that has them.</param>
    private Task<IpsecDevice> ComeUp(string name, string network, string methods, string since) => fleet.ComeUp(
        name, network, options: new CharonOptions { Installation = CharonInstallation.Since(since)! },
        shape: profile => profile.With("proposals", $"aes256gcm16-prfsha384-{methods}").With("esp_proposals", $"aes256gcm16-{methods}-noesn").With("rekey_time", "0s"));

    private static async Task Carries(IpsecDevice device) =>
        (await Dial.Tcp(device.Where, Topology.Application, TestApplication.Port)).Outcome.ShouldBe(DialOutcome.Connected);
}
