using Sallyport.Core.Packets;
using Sallyport.Core.Primitives;
using Sallyport.Simulator.Traffic;

namespace Sallyport.Simulator.Tests.Traffic;

public sealed class UdpPacketTests
{
    [Theory]
    [InlineData("10.0.0.2", "192.168.50.10", 60)]
    [InlineData("10.0.0.2", "192.168.50.10", 61)]
    [InlineData("fd00::2", "fd50::10", 200)]
    public void What_is_written_is_read_and_its_checksums_hold(string source, string destination, int length)
    {
        var (from, to) = (new InnerEnd(IpAddress.Parse(source), 40_000), new InnerEnd(IpAddress.Parse(destination), 9000));
        var probe = new Probe { Device = 7, Sequence = 9, Sent = 123_456_789, Answers = 8, AnswerBytes = 1200, Index = 3, IsAnswer = true };
        var buffer = new byte[1500];
        probe.Write(buffer.AsSpan(UdpPacket.HeaderLength(from.Address)));
        var packet = buffer.AsSpan(0, UdpPacket.Complete(buffer, from, to, length));

        UdpPacket.TryRead(packet, out var readFrom, out var readTo, out var payload).ShouldBeTrue();
        readFrom.ShouldBe(from);
        readTo.ShouldBe(to);
        payload.Length.ShouldBe(length);
        Probe.TryRead(payload, out var read).ShouldBeTrue();
        read.ShouldBe(probe);

        var datagram = packet[(from.Address.IsV4 ? 20 : 40)..];
        InternetChecksum.IsValid(datagram, InternetChecksum.PseudoHeader(from.Address, to.Address, 17, datagram.Length)).ShouldBeTrue();
        if (from.Address.IsV4)
        {
            InternetChecksum.IsValid(packet[..20]).ShouldBeTrue();
        }
    }

    [Fact]
    public void Other_bytes_are_nobodys()
    {
        UdpPacket.TryRead(new byte[40], out _, out _, out _).ShouldBeFalse();
        UdpPacket.TryRead([], out _, out _, out _).ShouldBeFalse();
        Probe.TryRead(new byte[Probe.Length], out _).ShouldBeFalse();
        Probe.TryRead(new byte[Probe.Length - 1], out _).ShouldBeFalse();
    }
}
