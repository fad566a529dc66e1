using Sallyport.Api.Networks;
using Sallyport.EndToEnd.Fleet;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Peers;
using Sallyport.Harness.Ipsec;

namespace Sallyport.EndToEnd.Ipsec;

/// <summary>A network whose keys last for seconds only, and one whose keys last; two packet threads and two of IKE.</summary>
public sealed class RekeyFixture : FleetFixture
{
    public const string Hasty = "hasty";
    public const string Calm = "calm";

    protected override IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string>
    {
        ["SALLYPORT_GATEWAY_PACKET_THREADS"] = "2",
        ["SALLYPORT_IPSEC_THREADS"] = "2",
    };

    protected override async Task Prepare()
    {
        await AddNetworkWithSite(new NetworkCreate { Name = Hasty, Prefixes = ["10.20.0.0/16"], Ipsec = new NetworkIpsecInput { IkeLifetime = "8s", ChildLifetime = "5s" } });
        await AddNetworkWithSite(new NetworkCreate { Name = Calm, Prefixes = ["10.30.0.0/16"], Ipsec = new NetworkIpsecInput { IkeLifetime = "none", ChildLifetime = "none" } });
    }
}

/// <summary>New keys, by whoever wants them, cost no packet.</summary>
public sealed class RekeyTests(RekeyFixture fleet) : IClassFixture<RekeyFixture>
{
    /// <summary>Of each kind, in a run.</summary>
    private const int Rekeys = 3;

    [IpsecFact]
    public async Task New_keys_of_the_gateway_of_the_device_and_of_both_at_once_lose_no_packet()
    {
        await Task.WhenAll(
            Rekey("gateway-rekeys", RekeyFixture.Hasty, profile => profile.With("rekey_time", "0s")),
            Rekey("device-rekeys", RekeyFixture.Calm, profile => Roomy(profile with { Text = HastyOf(profile.Text) })),
            Rekey("both-rekey", RekeyFixture.Hasty, Roomy));
    }

    [IpsecFact]
    public async Task Authentication_anew_keeps_the_address_and_the_connection()
    {
        await Task.WhenAll(Reauthenticate("make-before-break", "make_before_break = yes"), Reauthenticate("break-before-make", "make_before_break = no"));
    }

    private async Task Rekey(string name, string network, Func<CharonProfile, CharonProfile> shape)
    {
        using var device = await fleet.ComeUp(name, network, shape: shape);
        var first = await device.Charon.Sa();
        await using var load = await Load.Start(device.Where);
        var (ike, child) = (first.ResponderSpi + first.InitiatorSpi, first.Children[0].SpiIn);
        for (var i = 0; i < Rekeys; i++)
        {
            child = (await device.UntilUp(one => one.SpiIn != child)).SpiIn;
            await load.Stream.Progress(5_000);
        }

        var last = await device.Charon.UntilIke(sa => sa.IsEstablished && sa.ResponderSpi + sa.InitiatorSpi != ike, "a new IKE SA", IpsecDevice.Patience);
        last.Local.VirtualAddresses.ShouldBe(first.Local.VirtualAddresses);
        await load.NothingWasLost($"{name}\n{device.Charon.Log}\n{await fleet.Diagnosis()}");
        var tunnel = (await fleet.UntilTunnel(name, network, found => found?.Renegotiations >= Rekeys, seconds: 20))!;
        tunnel.Sas.Count(sa => sa.Sends).ShouldBe(1);
        (await fleet.Events("handshake.failed", name)).ShouldBeEmpty();
        (await fleet.Events("negotiation.failed", name)).ShouldBeEmpty();
        (await device.Charon.CountSas()).All.ShouldBeInRange(1, 3);
    }

    private async Task Reauthenticate(string name, string setting)
    {
        using var device = await fleet.ComeUp(name, RekeyFixture.Calm, options: new CharonOptions { Settings = [setting] });
        await using var stream = await TcpStream.Open(device.Where, Topology.Application, TestApplication.Port);
        var first = await device.Charon.Sa();
        for (var i = 0; i < 2; i++)
        {
            await stream.Progress(10_000);
            var before = (await device.Charon.Sas()).Single(sa => sa.IsEstablished);
            await device.Charon.Reauthenticate(name);
            var after = await device.Charon.UntilIke(sa => sa.IsEstablished && sa.InitiatorSpi != before.InitiatorSpi && sa.Children.Any(child => child.IsInstalled), $"{name}: authenticated anew", IpsecDevice.Patience);
            after.Local.VirtualAddresses.ShouldBe(first.Local.VirtualAddresses);
            await stream.Progress(20_000, seconds: IpsecDevice.Patience);
            await Eventually.True(() => device.Charon.Sas().GetAwaiter().GetResult().Count == 1, $"{name}: the old one is gone", IpsecDevice.Patience);
        }

        (await fleet.UntilTunnel(name, RekeyFixture.Calm, found => found is not null)).ShouldNotBeNull();
    }

    /// <summary>It counts in seconds: with its own tenth between soft and hard end, both would come at once.</summary>
    private static CharonProfile Roomy(CharonProfile profile) => profile.WithLine("over_time = 20s\nrand_time = 1s").With("start_action", "start\nlife_time = 25s\nrand_time = 1s");

    private static string HastyOf(string text) => text
        .Replace("        rekey_time = 0s\n", "", StringComparison.Ordinal)
        .Replace("dpd_delay", "rekey_time = 8s\ndpd_delay", StringComparison.Ordinal)
        .Replace("start_action", "rekey_time = 5s\nstart_action", StringComparison.Ordinal);
}
