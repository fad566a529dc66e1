using Sallyport.Core.Flows;
using Sallyport.Core.Gateway;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using Sallyport.Simulator.Traffic;

namespace Sallyport.Bench.Policy;

/// <summary>A forwarder with conversations of many devices, all allowed.</summary>
internal sealed class LiveFlows
{
    private const int PacketBytes = 100;
    private const int RefusalBytes = 1_500;

    private LiveFlows(Forwarder forwarder)
    {
        Forwarder = forwarder;
    }

    public Forwarder Forwarder { get; }

    public static Forwarder NewForwarder(FleetModel model)
    {
        var made = new Forwarder(new FlowLimits(), new CountingEntropy(), PolicyFleet.Now);
        made.Adopt(model, PolicyFleet.Now);
        return made;
    }

    /// <summary>Tries device after device until so many conversations are allowed.</summary>
    /// <param name="isAbroad">To applications of another network.</param>
    public static LiveFlows Begin(FleetModel model, int count, bool isAbroad)
    {
        var made = new LiveFlows(NewForwarder(model));
        for (var device = 0; made.Forwarder.AllowedFlows < count; device++)
        {
            if (model.Identity(PolicyFleet.DeviceId(device)) is null)
            {
                throw new InvalidOperationException($"of all devices only {made.Forwarder.AllowedFlows} flows of {count} are allowed");
            }

            made.BeginOf(model, device, count, isAbroad);
        }

        return made;
    }

    private void BeginOf(FleetModel model, int device, int count, bool isAbroad)
    {
        var from = model.Identity(PolicyFleet.DeviceId(device))!;
        Span<byte> packet = stackalloc byte[PacketBytes];
        Span<byte> refusal = stackalloc byte[RefusalBytes];
        for (var application = 0; application < PolicyFleet.Applications && Forwarder.AllowedFlows < count; application++)
        {
            var target = isAbroad ? PolicyFleet.TargetElsewhere(application) : PolicyFleet.Target(application);
            var (to, inside) = model.Resolve(from.NetworkId, target);
            if (!model.Decide(from, to, inside, IpProtocol.Udp, PolicyFleet.Port(application), default).Allowed)
            {
                continue;
            }

            packet.Clear();
            var end = new InnerEnd(target, PolicyFleet.Port(application));
            var length = UdpPacket.Complete(packet, new InnerEnd(from.AddressV4!.Value, 40_000), end, PacketBytes - UdpPacket.HeaderLength(target));
            if (Forwarder.Handle(from.Id, packet[..length], PolicyFleet.Now, refusal).Kind != ForwardKind.Forward)
            {
                throw new InvalidOperationException($"the flow of device {device} to {target} is not forwarded");
            }
        }
    }

    /// <summary>The same bytes at every run.</summary>
    private sealed class CountingEntropy : IEntropy
    {
        private byte next;

        public void Fill(Span<byte> bytes)
        {
            foreach (ref var one in bytes)
            {
                one = ++next;
            }
        }
    }
}
