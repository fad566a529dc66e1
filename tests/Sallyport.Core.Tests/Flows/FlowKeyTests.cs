using Sallyport.Core.Flows;
using Sallyport.Core.Packets;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using Sallyport.Core.Tests.OpenVpn;

namespace Sallyport.Core.Tests.Flows;

public sealed class FlowKeyTests
{
    [Fact]
    public void A_packet_and_its_reply_have_the_same_key_and_opposite_directions()
    {
        var random = new SeededEntropy(1);
        for (var round = 0; round < 20_000; round++)
        {
            var ends = new PacketEnds
            {
                Kind = (PacketKind)random.Below(3),
                Source = IpAddress.FromV4((uint)random.Below(4)),
                Destination = IpAddress.FromV4((uint)random.Below(4)),
                SourcePort = (ushort)random.Below(3),
                DestinationPort = (ushort)random.Below(3),
            };
            ends.Protocol = ends.Kind switch { PacketKind.Tcp => IpProtocol.Tcp, PacketKind.Udp => IpProtocol.Udp, _ => IpProtocol.Icmp };
            if (ends.Kind == PacketKind.EchoRequest)
            {
                ends.DestinationPort = 0;
            }

            if (ends.Source == ends.Destination && ends.SourcePort == ends.DestinationPort)
            {
                continue;
            }

            var key = FlowKey.Of(3, ends, out var low);
            FlowKey.Of(3, Reply(ends), out var replyLow).ShouldBe(key);
            replyLow.ShouldBe(!low);
            FlowKey.Of(4, ends, out _).ShouldNotBe(key);
        }
    }

    [Fact]
    public void Two_that_ping_each_other_with_one_identifier_are_two_conversations()
    {
        foreach (ushort identifier in new[] { 0, 77 })
        {
            var there = new PacketEnds
            {
                Kind = PacketKind.EchoRequest,
                Protocol = IpProtocol.Icmp,
                Source = IpAddress.FromV4(1),
                Destination = IpAddress.FromV4(2),
                SourcePort = identifier,
            };
            var back = there;
            (back.Source, back.Destination) = (there.Destination, there.Source);
            FlowKey.Of(1, back, out _).ShouldNotBe(FlowKey.Of(1, there, out _));
        }
    }

    private static PacketEnds Reply(PacketEnds ends)
    {
        (ends.Source, ends.Destination) = (ends.Destination, ends.Source);
        (ends.SourcePort, ends.DestinationPort) = (ends.DestinationPort, ends.SourcePort);
        ends.Kind = ends.Kind == PacketKind.EchoRequest ? PacketKind.EchoReply : ends.Kind;
        return ends;
    }
}
