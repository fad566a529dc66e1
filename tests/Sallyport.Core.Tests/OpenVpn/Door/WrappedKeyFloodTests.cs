using Sallyport.Core.OpenVpn.Door;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.Primitives;
using Sallyport.Core.Tests.Crypto;

namespace Sallyport.Core.Tests.OpenVpn.Door;

/// <summary>Looks at the memory of the whole process, and so runs alone in it.</summary>
[Collection(nameof(AloneInTheProcess))]
public class WrappedKeyFloodTests
{
    [Fact]
    public void Cve_2026_12932_and_13698_flood_of_wrapped_keys_leaves_memory_flat()
    {
        var fixture = new DoorFixture();
        var visitor = fixture.Welcomed("v2");
        byte[][] packets = [visitor.Reset(), visitor.Control(cookie: visitor.Local), [.. visitor.Control()[..^1], 0x77]];
        Flood(500);
        var held = NativeHeap.Megabytes();
        Allocations.Least(() => Flood(50_000)).ShouldBe(0);
        Flood(50_000);
        // Native contexts are some kilobytes per packet: a leak of them would be 100 MB and more.
        (NativeHeap.Megabytes() - held).ShouldBeLessThan(4);

        void Flood(int count)
        {
            Span<byte> reply = stackalloc byte[OpenVpnLimits.MaxControlPacket];
            for (var i = 0; i < count; i++)
            {
                var verdict = fixture.Door.Handle(
                    packets[i % packets.Length], DoorFixture.Address, false, fixture, DoorFixture.Start, reply, out _, out _);
                Invariant.Check(verdict.Action != DoorAction.Admit, "nobody comes in");
            }
        }
    }
}
