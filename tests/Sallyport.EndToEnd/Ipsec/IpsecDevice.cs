using System.Net;
using Sallyport.Api.Credentials;
using Sallyport.Api.Devices;
using Sallyport.EndToEnd.Fleet;
using Sallyport.EndToEnd.Harness;
using Sallyport.Harness.Ipsec;

namespace Sallyport.EndToEnd.Ipsec;

/// <summary>A device of ours with the distribution's strongSwan.</summary>
internal sealed class IpsecDevice(FleetFixture fleet, DeviceInfo device, Namespace where, CharonProcess charon) : IDisposable
{
    /// <summary>Peers on a busy machine need longer than they would.</summary>
    public const int Patience = 30;

    public string Name => device.Name;

    public Namespace Where => where;

    public CharonProcess Charon => charon;

    public IPAddress Address { get; } = IPAddress.Parse(device.Addresses[0]);

    /// <summary>Waits until it is up, from both ends.</summary>
    public async Task<CharonChildSa> UntilUp(Func<CharonChildSa, bool>? condition = null)
    {
        try
        {
            var child = await charon.UntilChild(one => one.IsInstalled && condition?.Invoke(one) is not false, $"{Name} is up", Patience);
            await where.UntilAddressesWork("ipsec0");
            return child;
        }
        catch (Exception e) when (e is TimeoutException or InvalidOperationException)
        {
            throw new TimeoutException($"{e.Message}\n{await fleet.Diagnosis()}");
        }
    }

    public void Dispose() => charon.Dispose();
}

internal static class IpsecDevices
{
    /// <summary>Made, and started; not up yet.</summary>
    /// <param name="shape">What its engineer changes in its file.</param>
    public static async Task<IpsecDevice> StartDevice(
        this FleetFixture fleet, string name, string network, string auth = "psk", Func<CharonProfile, CharonProfile>? shape = null, Namespace? where = null, CharonOptions? options = null)
    {
        var created = await fleet.AddDevice(name, network, new ProfileRequest { Protocol = "ipsec", Auth = auth });
        return await fleet.StartDevice(created.Device, created.Profile!, shape, where, options);
    }

    /// <summary>With a profile that is there.</summary>
    public static async Task<IpsecDevice> StartDevice(
        this FleetFixture fleet, DeviceInfo device, ProfileIssued profile, Func<CharonProfile, CharonProfile>? shape = null, Namespace? where = null, CharonOptions? options = null)
    {
        var host = where ?? fleet.NewHost(device.Name);
        var text = profile.ForCharon();
        return new IpsecDevice(fleet, device, host, await CharonProcess.Start(host, shape?.Invoke(text) ?? text, options));
    }

    /// <summary>Up, and allowed to reach the application of its network.</summary>
    public static async Task<IpsecDevice> ComeUp(
        this FleetFixture fleet, string name, string network, string auth = "psk", Func<CharonProfile, CharonProfile>? shape = null, Namespace? where = null, CharonOptions? options = null)
    {
        var made = await fleet.StartDevice(name, network, auth, shape, where, options);
        try
        {
            await fleet.Allow(name, network);
            await made.UntilUp();
            return made;
        }
        catch
        {
            made.Dispose();
            throw;
        }
    }
}
