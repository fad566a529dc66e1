using Sallyport.Core.Flows;
using Sallyport.Core.Gateway;
using Sallyport.Core.Primitives;

namespace Sallyport.MicroBench.Works;

/// <summary>The forwarding decision for packets of flows that are known, of 3,000 devices with ten each.</summary>
internal sealed class FlowWork : IWork
{
    private const int Devices = 3_000;
    private const int FlowsEach = 10;

    /// <summary>Coprime to the number of flows: all come in turn, and no two neighbours share a cache line.</summary>
    private const int Stride = 7_919;

    private readonly byte[][] packets = new byte[Devices * FlowsEach][];
    private readonly byte[] refusal = new byte[1500];
    private readonly Instant now = Instant.FromUnixSeconds(1_800_000_000);
    private readonly Forwarder forwarder;
    private int at;

    public FlowWork()
    {
        forwarder = new Forwarder(new FlowLimits(), new CountingEntropy(), now);
        forwarder.Adopt(FleetOfWorks.Make(Devices, rules: 1), now);
        for (var i = 0; i < packets.Length; i++)
        {
            packets[i] = UdpBytes.Make(
                FleetOfWorks.AddressOf(i / FlowsEach), (ushort)(40_000 + (i % FlowsEach)), FleetOfWorks.Target, FleetOfWorks.Port, 200);
            Handle(i);
        }
    }

    public bool Run()
    {
        for (var i = 0; i < IWork.Repeats; i++)
        {
            at = (at + Stride) % packets.Length;
            if (!Handle(at))
            {
                return false;
            }
        }

        return forwarder.AllowedFlows == packets.Length;
    }

    private bool Handle(int index) =>
        forwarder.Handle(FleetOfWorks.FirstDeviceId + (index / FlowsEach), packets[index], now, refusal).Kind == ForwardKind.Forward;
}
