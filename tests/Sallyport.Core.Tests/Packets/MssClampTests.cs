using System.Buffers.Binary;
using Sallyport.Core.Gateway;
using Sallyport.Core.Packets;
using Sallyport.Core.Tests.OpenVpn;

namespace Sallyport.Core.Tests.Packets;

public sealed class MssClampTests
{
    [Theory]
    [InlineData("10.20.0.7", "192.168.50.10", TcpFlags.Syn, 1360)]
    [InlineData("fd00::7", "fd00:50::10", TcpFlags.Syn, 1340)]
    [InlineData("10.20.0.7", "192.168.50.10", TcpFlags.Syn | TcpFlags.Ack, 1360)]
    [InlineData("fd00::7", "fd00:50::10", TcpFlags.Syn | TcpFlags.Ack, 1340)]
    public void A_SYN_announces_no_more_than_fits(string source, string destination, TcpFlags flags, int expected)
    {
        var bytes = Build.Tcp(source, 4000, destination, 8883, flags, options: [2, 4, 0x05, 0xb4, 1, 3, 3, 7]);
        Clamp(bytes, 1400).ShouldBeTrue();
        BinaryPrimitives.ReadUInt16BigEndian(bytes.AsSpan(bytes.Length - 6)).ShouldBe((ushort)expected);
        bytes.ShouldHaveValidChecksums();
    }

    [Fact]
    public void The_checksum_stays_right_wherever_the_option_stands()
    {
        var random = new SeededEntropy(3);
        for (var round = 0; round < 20_000; round++)
        {
            var options = new byte[(1 + random.Below(9)) * 4];
            var before = random.Below(options.Length - 3);
            options.AsSpan(0, before).Fill(1);
            options[before] = 2;
            options[before + 1] = 4;
            BinaryPrimitives.WriteUInt16BigEndian(options.AsSpan(before + 2), (ushort)random.Below(65536));
            var announced = BinaryPrimitives.ReadUInt16BigEndian(options.AsSpan(before + 2));
            var isV4 = round % 2 == 0;
            var bytes = Build.Tcp(
                isV4 ? "10.0.0.1" : "fd00::1", random.Below(65536), isV4 ? "10.0.0.2" : "fd00::2", 80, TcpFlags.Syn, (uint)random.Below(int.MaxValue), options: options);
            var changed = Clamp(bytes, 1400);
            var limit = isV4 ? 1360 : 1340;
            changed.ShouldBe(announced > limit);
            bytes.ShouldHaveValidChecksums();
            var at = bytes.Length - options.Length + before + 2;
            BinaryPrimitives.ReadUInt16BigEndian(bytes.AsSpan(at)).ShouldBe((ushort)Math.Min(announced, limit));
        }
    }

    [Fact]
    public void Only_a_SYN_is_touched()
    {
        var bytes = Build.Tcp("10.0.0.1", 1, "10.0.0.2", 2, TcpFlags.Ack, options: [2, 4, 0x05, 0xb4]);
        Clamp(bytes, 1400).ShouldBeFalse();
    }

    [Theory]
    [InlineData(new byte[] { 1, 2, 4, 5 })]
    [InlineData(new byte[] { 2, 0, 5, 0xb4 })]
    [InlineData(new byte[] { 0, 2, 4, 5 })]
    [InlineData(new byte[] { 3, 40, 2, 4 })]
    [InlineData(new byte[] { 1, 1, 1, 2 })]
    public void Options_that_cannot_be_walked_are_left_alone(byte[] options)
    {
        var padded = new byte[4];
        options.CopyTo(padded, 0);
        var bytes = Build.Tcp("10.0.0.1", 1, "10.0.0.2", 2, TcpFlags.Syn, options: padded);
        var before = bytes.ToArray();
        Clamp(bytes, 600);
        bytes.ShouldBe(before);
    }

    private static bool Clamp(byte[] bytes, int maximum)
    {
        InnerPacket.Read(bytes, out var packet).ShouldBe(DropReason.None);
        return MssClamp.Apply(bytes, packet, maximum);
    }
}
