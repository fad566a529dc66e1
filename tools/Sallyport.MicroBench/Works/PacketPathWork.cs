using Sallyport.Core.Crypto;
using Sallyport.Core.Flows;
using Sallyport.Core.Gateway;
using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.Primitives;

namespace Sallyport.MicroBench.Works;

/// <summary>
/// What a gateway does with a packet between two system calls: opens it, finds its flow, seals it for the other tunnel. The sender's
/// sealing is in the figure, too: a packet can be opened once only.
/// </summary>
internal sealed class PacketPathWork : IWork
{
    private readonly byte[] inner;
    private readonly byte[] buffer = new byte[2048];
    private readonly byte[] refusal = new byte[1500];
    private readonly Forwarder forwarder;
    private readonly Instant now = Instant.FromUnixSeconds(1_800_000_000);
    private DataKey device;
    private DataKey gatewayToDevice;
    private DataKey gatewayToSite;

    public PacketPathWork(int length)
    {
        inner = UdpBytes.Make(FleetOfWorks.AddressOf(0), 40_000, FleetOfWorks.Target, FleetOfWorks.Port, length);
        forwarder = new Forwarder(new FlowLimits { Capacity = 1024 }, new CountingEntropy(), now);
        forwarder.Adopt(FleetOfWorks.Make(devices: 10, rules: 1), now);
        device = Key(isServer: false, 1);
        gatewayToDevice = Key(isServer: true, 1);
        gatewayToSite = Key(isServer: true, 2);
    }

    public bool Run()
    {
        for (var i = 0; i < IWork.Repeats; i++)
        {
            inner.CopyTo(buffer.AsSpan(device.Headroom));
            if (!device.Seal(buffer, device.Headroom, inner.Length, out var start, out var length)
                || gatewayToDevice.Open(buffer.AsSpan(start, length), out var innerStart, out var innerLength) != DropReason.None
                || forwarder.Handle(FleetOfWorks.FirstDeviceId, buffer.AsSpan(start + innerStart, innerLength), now, refusal).Kind != ForwardKind.Forward
                || !gatewayToSite.Seal(buffer, start + innerStart, innerLength, out _, out _))
            {
                return false;
            }
        }

        return true;
    }

    private static DataKey Key(bool isServer, byte seed)
    {
        var bytes = new byte[KeyMaterial.Length];
        Array.Fill(bytes, seed);
        using var material = new KeyMaterial(bytes);
        return DataKey.Create(material, new DataFormat(DataCipher.Aes256Gcm, HashKind.Sha256, UsePeerId: true, CompressionFraming.None), isServer, 0, seed);
    }
}
