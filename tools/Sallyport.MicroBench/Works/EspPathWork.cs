using Sallyport.Core.Esp;
using Sallyport.Core.Flows;
using Sallyport.Core.Gateway;
using Sallyport.Core.Primitives;

namespace Sallyport.MicroBench.Works;

/// <summary>As <see cref="PacketPathWork"/>, with ESP on both sides: its selectors and marks are in the figure.</summary>
internal sealed class EspPathWork : IWork
{
    private readonly byte[] inner;
    private readonly byte[] buffer = new byte[2048];
    private readonly byte[] refusal = new byte[1500];
    private readonly Forwarder forwarder;
    private readonly Instant now = Instant.FromUnixSeconds(1_800_000_000);
    private readonly EspSelectors selectors = new([Everything], [Everything]);
    private EspSa device;
    private EspSa gatewayToDevice;
    private EspSa gatewayToSite;

    public EspPathWork(int length)
    {
        inner = UdpBytes.Make(FleetOfWorks.AddressOf(0), 40_000, FleetOfWorks.Target, FleetOfWorks.Port, length);
        forwarder = new Forwarder(new FlowLimits { Capacity = 1024 }, new CountingEntropy(), now);
        forwarder.Adopt(FleetOfWorks.Make(devices: 10, rules: 1), now);
        device = Make(2001, 1001);
        gatewayToDevice = Make(1001, 2001);
        gatewayToSite = Make(1002, 2002);
    }

    private static TrafficSelector Everything => new(0, 0, ushort.MaxValue, IpAddress.FromV4(0), IpAddress.FromV4(uint.MaxValue));

    public bool Run()
    {
        for (var i = 0; i < IWork.Repeats; i++)
        {
            inner.CopyTo(buffer.AsSpan(EspLimits.HeadroomMax));
            if (!device.Seal(buffer, EspLimits.HeadroomMax, inner.Length, out var start, out var length)
                || gatewayToDevice.Open(buffer, start, length, out var innerStart, out var innerLength) != DropReason.None)
            {
                return false;
            }

            var opened = buffer.AsSpan(innerStart, innerLength);
            if (EspTos.Combine(opened, 0) != DropReason.None
                || !selectors.Holds(opened, isOutbound: false)
                || forwarder.Handle(FleetOfWorks.FirstDeviceId, opened, now, refusal).Kind != ForwardKind.Forward
                || !selectors.Holds(opened, isOutbound: true)
                || !gatewayToSite.Seal(buffer, innerStart, innerLength, out _, out _))
            {
                return false;
            }
        }

        return true;
    }

    private static EspSa Make(uint inbound, uint outbound)
    {
        var suite = new EspSuite(EspCipher.Aes256Gcm, default, ExtendedSequence: true);
        return EspSa.Create(suite, EspMode.Tunnel, inbound, outbound, new byte[suite.KeyLength], new byte[suite.KeyLength]);
    }
}
