using Sallyport.Api.Locks;
using Sallyport.Api.Networks;
using Sallyport.Api.Rules;
using Sallyport.EndToEnd.Fleet;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Peers;
using Sallyport.Harness.Ipsec;

namespace Sallyport.EndToEnd.Ipsec;

/// <summary>One network; nothing is set otherwise.</summary>
public sealed class ReleaseFixture : FleetFixture
{
    public const string Network = "plant";

    protected override async Task Prepare() => await AddNetworkWithSite(new NetworkCreate { Name = Network, Prefixes = ["10.20.0.0/16"] });
}

/// <summary>
/// Who is shut out for a while is not answered, so that it asks again: stock strongSwan gives up for good when it is told that it failed. Released, it comes back
/// though nobody touches it.
/// </summary>
public sealed class ReleaseTests(ReleaseFixture fleet) : IClassFixture<ReleaseFixture>
{
    private const string Network = ReleaseFixture.Network;

    /// <summary>Its own would take nearly three minutes for each try.</summary>
    private static readonly CharonOptions Quick = new() { RetransmitSeconds = 0.5, RetransmitTries = 2 };

    [IpsecTheory]
    [InlineData("psk")]
    [InlineData("certificate")]
    [InlineData("eap-tls")]
    public async Task A_quarantined_device_comes_back_by_itself_when_it_is_released(string auth)
    {
        var name = $"sick-{auth}";
        using var device = await fleet.ComeUp(name, Network, auth, options: Quick);
        await ShutOutAndBack(
            device,
            async () => (await fleet.Client.QuarantineDeviceToAsync(name, new() { Reason = "talks to strangers", Degree = "dark" })).TunnelsCut.ShouldBe(1),
            () => fleet.Client.ReleaseDeviceAsync(name, "looked at"));
    }

    [IpsecFact]
    public async Task A_locked_device_comes_back_by_itself_when_the_lock_is_taken_away()
    {
        using var device = await fleet.ComeUp("locked", Network, options: Quick);
        var id = 0;
        await ShutOutAndBack(
            device,
            async () =>
            {
                var made = await fleet.Client.AddLockAsync(new LockCreate { Subject = "device:locked", Reason = "stolen, perhaps" });
                made.Cut!.TunnelsCut.ShouldBe(1);
                id = made.Id;
            },
            () => fleet.Client.DeleteLockAsync(id));
    }

    private async Task ShutOutAndBack(IpsecDevice device, Func<Task> shutOut, Func<Task> letIn)
    {
        (await Dial.Tcp(device.Where, Topology.Application, TestApplication.Port)).Outcome.ShouldBe(DialOutcome.Connected);
        var tries = device.Charon.Count("initiating IKE_SA");
        await shutOut();
        await fleet.UntilTunnel(device.Name, Network, found => found is null);

        // It tries, and tries again; it learns nothing, and gets nowhere.
        await device.Charon.WaitForLine("initiating IKE_SA", 60, tries + 3);
        device.Charon.Count("AUTHENTICATION_FAILED|AUTH_FAILED").ShouldBe(0, device.Charon.Log);
        (await fleet.Tunnels(device.Name, Network)).ShouldBeEmpty();
        (await Dial.Tcp(device.Where, Topology.Application, TestApplication.Port, limitSeconds: 1)).Outcome.ShouldNotBe(DialOutcome.Connected);
        (await fleet.UntilDetail("handshake.failed", $"device '{device.Name}' is ")).Detail.ShouldNotContain("\n");

        await letIn();
        await device.UntilUp();
        (await Dial.Tcp(device.Where, Topology.Application, TestApplication.Port)).Outcome.ShouldBe(DialOutcome.Connected);
        await fleet.UntilTunnel(device.Name, Network, found => found is not null);
    }
}
