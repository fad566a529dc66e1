using Sallyport.Core.Gateway;
using Sallyport.Core.Packets;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Tests.Packets;

public sealed class Ipv4FragmentsTests
{
    [Theory]
    [InlineData(1400, 1300)]
    [InlineData(1400, 68)]
    [InlineData(1273, 1300)]
    [InlineData(100, 76)]
    public void Parts_make_the_whole_again(int payload, int largest)
    {
        var whole = Fragmentable(Build.Udp("10.0.0.1", 1, "10.0.0.2", 2, payload), 0x1234);
        var parts = Cut(whole, largest);
        parts.Count.ShouldBeGreaterThan(1);
        Together(parts).ShouldBe(whole[20..]);
        foreach (var part in parts)
        {
            part.Length.ShouldBeLessThanOrEqualTo(largest);
            InternetChecksum.IsValid(part.AsSpan(0, 20)).ShouldBeTrue();
            Ipv4View.TryCreate(part, out var view).ShouldBeTrue();
            view.Identification.ShouldBe((ushort)0x1234);
            InnerPacket.Read(part, out _).ShouldBe(DropReason.None);
        }
    }

    [Fact]
    public void A_part_is_cut_further_and_stays_where_it_belongs()
    {
        var whole = Fragmentable(Build.Udp("10.0.0.1", 1, "10.0.0.2", 2, 2000), 9);
        var parts = Cut(whole, 1300).SelectMany(part => Cut(part, 300)).ToList();
        Together(parts).ShouldBe(whole[20..]);
        parts.Count(part => (part[6] & 0x20) == 0).ShouldBe(1);
    }

    [Fact]
    public void Options_go_with_the_first_part_and_with_the_others_where_they_say_so()
    {
        var (from, to) = (IpAddress.Parse("10.0.0.1"), IpAddress.Parse("10.0.0.2"));

        // A timestamp stays with the first; a router alert (148) goes with all.
        byte[] options = [68, 8, 5, 0, 0, 0, 0, 0, 148, 4, 0, 0];
        var whole = Fragmentable(Build.Ip(from, to, IpProtocol.Udp, Build.Udp("10.0.0.1", 1, "10.0.0.2", 2, 400)[20..], options), 3);
        var parts = Cut(whole, 200);
        parts[0].AsSpan(20, 12).ToArray().ShouldBe(options);
        parts[1].AsSpan(0, 1)[0].ShouldBe((byte)0x46);
        parts[1].AsSpan(20, 4).ToArray().ShouldBe([148, 4, 0, 0]);
        Together(parts).ShouldBe(whole[32..]);
    }

    [Fact]
    public void What_may_not_be_cut_is_not()
    {
        Ipv4Fragments.MayCut(Build.Udp("10.0.0.1", 1, "10.0.0.2", 2)).ShouldBeFalse("don't fragment is set");
        Ipv4Fragments.MayCut(Fragmentable(Build.Udp("10.0.0.1", 1, "10.0.0.2", 2), 1)).ShouldBeTrue();
        Ipv4Fragments.MayCut(Build.Udp("fd00::1", 1, "fd00::2", 2)).ShouldBeFalse();
        Ipv4Fragments.MayCut([0x45]).ShouldBeFalse();
    }

    private static byte[] Fragmentable(byte[] packet, ushort id)
    {
        packet[4] = (byte)(id >> 8);
        packet[5] = (byte)id;
        packet[6] = 0;
        return Build.ResumHeader(packet);
    }

    private static List<byte[]> Cut(byte[] packet, int largest)
    {
        var parts = new List<byte[]>();
        var done = 0;
        var room = new byte[largest];
        while (Ipv4Fragments.Next(packet, largest, ref done, room) is > 0 and var length)
        {
            parts.Add(room[..length]);
        }

        return parts;
    }

    private static byte[] Together(List<byte[]> parts)
    {
        var payload = new byte[parts.Sum(part => part.Length - ((part[0] & 15) * 4))];
        foreach (var part in parts)
        {
            Ipv4View.TryCreate(part, out var view).ShouldBeTrue();
            view.Payload.CopyTo(payload.AsSpan(view.FragmentOffset));
        }

        return payload;
    }
}
