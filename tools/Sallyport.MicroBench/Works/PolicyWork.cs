using Sallyport.Core.Policy;

namespace Sallyport.MicroBench.Works;

/// <summary>What the first packet of a flow asks.</summary>
internal sealed class PolicyWork : IWork
{
    private const int Devices = 10_000;
    private const int Stride = 7_919;
    private readonly FleetModel model = FleetOfWorks.Make(Devices, rules: 1_000);
    private readonly Identity site;
    private readonly Identity[] devices;
    private int at;

    public PolicyWork()
    {
        site = model.Identity(FleetOfWorks.SiteId)!;
        devices = [.. Enumerable.Range(0, Devices).Select(index => model.Identity(FleetOfWorks.FirstDeviceId + index)!)];
    }

    public bool Run()
    {
        for (var i = 0; i < IWork.Repeats; i++)
        {
            at = (at + Stride) % Devices;
            if (!model.Decide(devices[at], site, FleetOfWorks.Target, IpProtocol.Udp, FleetOfWorks.Port, default).Allowed)
            {
                return false;
            }
        }

        return true;
    }
}
