using Sallyport.Api.Credentials;
using Sallyport.Api.Networks;
using Sallyport.EndToEnd.Fleet;
using Sallyport.EndToEnd.Harness;
using Sallyport.EndToEnd.Peers;
using Sallyport.EndToEnd.Stock;
using Sallyport.Harness.Ipsec;

namespace Sallyport.EndToEnd.Ipsec;

public sealed class IpsecFixture : FleetFixture
{
    public const string Network = "plant-a";

    public TestSite Site { get; private set; } = null!;

    protected override async Task Prepare() => Site = await AddNetworkWithSite(new NetworkCreate { Name = Network, Prefixes = ["10.20.0.0/16"] });
}

/// <summary>Devices with the distribution's strongSwan and the profiles that we write for it.</summary>
public sealed class DeviceTests(IpsecFixture fleet) : IClassFixture<IpsecFixture>
{
    [IpsecTheory]
    [InlineData("psk")]
    [InlineData("certificate")]
    [InlineData("eap-tls")]
    public async Task A_device_comes_up_and_reaches_what_it_may(string auth)
    {
        var name = $"pump-{auth}";
        var created = await fleet.AddDevice(name, IpsecFixture.Network, new ProfileRequest { Protocol = "ipsec", Auth = auth });
        await fleet.Allow(name, IpsecFixture.Network);
        var where = fleet.NewHost(name);
        using var charon = await CharonProcess.Start(where, created.Profile!.ForCharon());
        try
        {
            await charon.UntilChild(child => true, "a CHILD_SA", 10);
            await where.UntilAddressesWork("ipsec0");
            (await Pinger.Once(where, Topology.Application)).ShouldBeTrue();
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"{created.Profile!.Text}\n{charon.Log}\n{await fleet.Diagnosis()}", e);
        }
    }
}
