using Sallyport.Core.Esp;
using Sallyport.Core.Gateway;
using Sallyport.Core.Tests.Packets;

namespace Sallyport.Core.Tests.Esp;

public sealed class EspTosTests
{
    private const byte Not = 0;
    private const byte Ect1 = 1;
    private const byte Ect0 = 2;
    private const byte Ce = 3;

    /// <summary>Figure 4 of RFC 6040; -1: dropped.</summary>
    [Theory]
    [InlineData(Not, Not, Not)]
    [InlineData(Not, Ect0, Not)]
    [InlineData(Not, Ect1, Not)]
    [InlineData(Not, Ce, -1)]
    [InlineData(Ect0, Not, Ect0)]
    [InlineData(Ect0, Ect0, Ect0)]
    [InlineData(Ect0, Ect1, Ect1)]
    [InlineData(Ect0, Ce, Ce)]
    [InlineData(Ect1, Not, Ect1)]
    [InlineData(Ect1, Ect0, Ect1)]
    [InlineData(Ect1, Ect1, Ect1)]
    [InlineData(Ect1, Ce, Ce)]
    [InlineData(Ce, Not, Ce)]
    [InlineData(Ce, Ect0, Ce)]
    [InlineData(Ce, Ect1, Ce)]
    [InlineData(Ce, Ce, Ce)]
    public void Marks_on_the_way_come_in_as_RFC_6040_has_it(byte inner, byte outer, int expected)
    {
        foreach (var packet in Packets((byte)(0xb8 | inner)))
        {
            var before = packet.ToArray();
            // Whatever else the outer byte says stays outside.
            var reason = EspTos.Combine(packet, (byte)(0x48 | outer));
            reason.ShouldBe(expected < 0 ? DropReason.CongestionMarked : DropReason.None);
            if (expected >= 0)
            {
                EspTos.Of(packet).ShouldBe((byte)(0xb8 | expected));
                packet.ShouldHaveValidChecksums();
            }

            if (expected == inner)
            {
                packet.ShouldBe(before);
            }
        }
    }

    [Fact]
    public void The_way_out_shows_what_can_be_marked_and_the_class_where_it_may()
    {
        foreach (var packet in Packets(0xba))
        {
            EspTos.Outer(packet, copyDscp: false).ShouldBe(Ect0);
            EspTos.Outer(packet, copyDscp: true).ShouldBe((byte)0xba);
        }
    }

    private static IEnumerable<byte[]> Packets(byte tos)
    {
        var v4 = Build.Udp("10.20.0.5", 4711, "10.20.0.9", 53);
        v4[1] = tos;
        Build.ResumHeader(v4);
        yield return v4;
        var v6 = Build.Udp("fd00::5", 4711, "fd00::9", 53);
        v6[0] = (byte)(0x60 | (tos >> 4));
        v6[1] = (byte)((tos << 4) | 5);
        yield return v6;
    }
}
