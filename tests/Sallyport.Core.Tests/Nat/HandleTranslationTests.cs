using System.Buffers.Binary;
using Sallyport.Core.Gateway;
using Sallyport.Core.Nat;
using Sallyport.Core.Packets;
using Sallyport.Core.Primitives;
using Sallyport.Core.Tests.OpenVpn;
using Sallyport.Core.Tests.Packets;

namespace Sallyport.Core.Tests.Nat;

/// <summary>
/// The naive second implementation is <see cref="Build"/>: it makes the packet that a host with the handles would have sent, every
/// checksum summed up from the beginning.
/// </summary>
public sealed class HandleTranslationTests
{
    private const string Device = "10.20.0.7";
    private const string Host = "10.20.0.1";

    [Fact]
    public void Random_packets_become_what_hosts_with_the_handles_would_have_sent_and_come_back_as_they_were()
    {
        var random = new SeededEntropy(20);
        for (var i = 0; i < 20_000; i++)
        {
            var network = 1 + random.Below(HandleSpace.NetworkIdMax);
            var (source, destination) = ($"10.{random.Below(256)}.0.{random.Below(256)}", $"192.168.{random.Below(256)}.{random.Below(256)}");
            var seed = random.Below(int.MaxValue);
            var v4 = Packet(new SeededEntropy((ulong)seed), source, destination);
            var v6 = Packet(new SeededEntropy((ulong)seed), Handles.Handle(source, network), Handles.Handle(destination, network));

            Handles.ToV6(v4, network).ShouldBe(v6);
            Handles.ToV4(v6).ShouldHaveSingleItem().ShouldBe(Handles.MayFragment(v4));
        }
    }

    [Fact]
    public void Class_and_time_to_live_stay()
    {
        var packet = Build.Udp(Device, 1000, Host, 2000);
        packet[1] = 0xb9;
        packet[8] = 7;
        var v6 = Handles.ToV6(packet)!;
        BinaryPrimitives.ReadUInt16BigEndian(v6).ShouldBe((ushort)0x6b90);
        v6[7].ShouldBe((byte)7);
        var back = Handles.ToV4(v6)[0];
        (back[1], back[8]).ShouldBe(((byte)0xb9, (byte)7));
    }

    [Fact]
    public void A_broken_checksum_stays_broken()
    {
        var packet = Build.Tcp(Device, 1000, Host, 2000, TcpFlags.Ack, payload: 100);
        packet[^1] ^= 1;
        Should.Throw<ShouldAssertException>(() => Handles.ToV6(packet)!.ShouldHaveValidChecksums());
        Should.Throw<ShouldAssertException>(() => Handles.ToV4(Handles.ToV6(packet)!)[0].ShouldHaveValidChecksums());
    }

    [Fact]
    public void A_datagram_without_a_checksum_gets_one()
    {
        var packet = Build.Udp(Device, 1000, Host, 2000, payload: 51);
        packet[26] = packet[27] = 0;
        Handles.ToV6(packet).ShouldBe(Build.Udp(Handles.Handle(Device), 1000, Handles.Handle(Host), 2000, payload: 51));
    }

    [Fact]
    public void Ip_options_are_left_behind()
    {
        var plain = Build.Udp(Device, 1000, Host, 2000);
        var packet = Build.Ip(IpAddress.Parse(Device), IpAddress.Parse(Host), Core.Policy.IpProtocol.Udp, plain[20..], [7, 7, 4, 0, 0, 0, 0, 0]);
        Handles.ToV6(packet).ShouldBe(Build.Udp(Handles.Handle(Device), 1000, Handles.Handle(Host), 2000));
    }

    [Fact]
    public void Fragments_stay_fragments_and_come_back_as_they_were()
    {
        var whole = Build.Udp(Device, 1000, Host, 2000, payload: 3000);
        var fragments = Build.Fragments(whole, 1480, id: 0xbeef);
        var translated = fragments.Select(fragment => Handles.ToV6(fragment)!).ToList();
        translated.ShouldAllBe(packet => packet[6] == 44);
        translated.SelectMany(packet => packet[48..]).ToArray()
            .ShouldBe(Build.Udp(Handles.Handle(Device), 1000, Handles.Handle(Host), 2000, payload: 3000)[40..]);
        translated.Select(packet => Handles.ToV4(packet)[0]).ShouldBe(fragments);
    }

    [Fact]
    public void Fragments_whose_checksum_cannot_be_made_are_dropped()
    {
        var noChecksum = Build.Udp(Device, 1000, Host, 2000, payload: 3000);
        noChecksum[26] = noChecksum[27] = 0;
        ReasonOf(Build.Fragments(noChecksum, 1480, 1)[0]).ShouldBe(DropReason.IpFragment);
        foreach (var fragment in Build.Fragments(Build.Echo(Device, Host, 5, payload: 3000), 1480, 2))
        {
            ReasonOf(fragment).ShouldBe(DropReason.IpFragment);
        }
    }

    [Theory]
    [InlineData(3, 0, 1, 0)]
    [InlineData(3, 1, 1, 0)]
    [InlineData(3, 2, 4, 1)]
    [InlineData(3, 3, 1, 4)]
    [InlineData(3, 4, 2, 0)]
    [InlineData(3, 10, 1, 1)]
    [InlineData(3, 13, 1, 1)]
    [InlineData(11, 0, 3, 0)]
    [InlineData(11, 1, 3, 1)]
    public void Errors_about_what_the_host_sent_speak_of_what_the_host_sent(int type, int code, int typeV6, int codeV6)
    {
        foreach (var (v4, v6) in Both())
        {
            var error = Handles.ToV6(Build.Error(Device, Host, type, code, v4));
            var expected = Build.Error(Handles.Handle(Device), Handles.Handle(Host), typeV6, codeV6, v6, v4.Length + 20);
            if (typeV6 == 2)
            {
                expected = WithRest(expected, 1280);
            }
            else if (typeV6 == 4)
            {
                expected = WithRest(expected, 6);
            }

            error.ShouldBe(expected);
        }
    }

    [Theory]
    [InlineData(1, 0, 3, 1)]
    [InlineData(1, 1, 3, 10)]
    [InlineData(1, 4, 3, 3)]
    [InlineData(3, 0, 11, 0)]
    [InlineData(3, 1, 11, 1)]
    [InlineData(4, 1, 3, 2)]
    public void Errors_of_the_host_speak_of_what_the_device_sent(int typeV6, int codeV6, int type, int code)
    {
        foreach (var (v4, v6) in Both())
        {
            var error = Handles.ToV4(Build.Error(Handles.Handle(Device), Handles.Handle(Host), typeV6, codeV6, v6, 1000));
            error.ShouldHaveSingleItem().ShouldBe(Handles.MayFragment(Build.Error(Device, Host, type, code, Handles.MayFragment(v4), 1000)));
        }
    }

    [Fact]
    public void The_mtu_of_an_error_is_that_of_the_other_family()
    {
        var (v4, v6) = Both().First();
        var narrow = WithRest(Build.Error(Device, Host, 3, 4, v4), 1400);
        BinaryPrimitives.ReadUInt32BigEndian(Handles.ToV6(narrow).AsSpan(44)).ShouldBe(1420u);
        var wide = WithRest(Build.Error(Handles.Handle(Device), Handles.Handle(Host), 2, 0, v6), 1420);
        BinaryPrimitives.ReadUInt32BigEndian(Handles.ToV4(wide)[0].AsSpan(24)).ShouldBe(1400u);
    }

    [Theory]
    [InlineData(3, 14)]
    [InlineData(12, 1)]
    [InlineData(12, 3)]
    public void What_the_other_family_has_no_word_for_is_not_said(int type, int code) =>
        Handles.ToV6(WithRest(Build.Error(Device, Host, type, code, Both().First().V4), 5u << 24)).ShouldBeNull();

    [Fact]
    public void An_error_that_quotes_another_networks_handles_is_not_said()
    {
        var foreign = Build.Udp(Handles.Handle(Host, 8), 1000, Handles.Handle(Device, 8), 2000);
        var error = Build.Error(Handles.Handle(Device), Handles.Handle(Host), 1, 4, foreign);
        Handles.ToV4(error).ShouldHaveSingleItem().ShouldBeEmpty();
    }

    [Fact]
    public void Noise_never_throws()
    {
        var random = new SeededEntropy(21);
        for (var i = 0; i < 50_000; i++)
        {
            var packet = Packet(random, Device, Host);
            for (var flips = random.Below(5); flips >= 0; flips--)
            {
                packet[random.Below(Math.Min(packet.Length, 64))] = (byte)random.Below(256);
            }

            var cut = packet[..random.Below(packet.Length + 1)];
            if (InnerPacket.Read(cut, out var read) == DropReason.None && read.IsV4 && Handles.ToV6(cut, read, Handles.Plant, out _) is { } v6)
            {
                SuperPacket.Read(Handles.Space, v6, default, out _).ShouldBe(DropReason.None);
            }
        }
    }

    private static DropReason ReasonOf(byte[] packet)
    {
        InnerPacket.Read(packet, out var read).ShouldBe(DropReason.None);
        Handles.ToV6(packet, read, Handles.Plant, out var reason);
        return reason;
    }

    /// <summary>What an error may quote, in both families: from the host to the device.</summary>
    private static IEnumerable<(byte[] V4, byte[] V6)> Both()
    {
        var (host, device) = (Handles.Handle(Host), Handles.Handle(Device));
        yield return (Build.Udp(Host, 53, Device, 4000), Build.Udp(host, 53, device, 4000));
        yield return (Build.Tcp(Host, 53, Device, 4000, TcpFlags.Ack, payload: 80), Build.Tcp(host, 53, device, 4000, TcpFlags.Ack, payload: 80));
        yield return (Build.Echo(Host, Device, 9), Build.Echo(host, device, 9));
        yield return (Build.Echo(Host, Device, 9, reply: true), Build.Echo(host, device, 9, reply: true));
    }

    private static byte[] WithRest(byte[] error, uint rest)
    {
        var v4 = error[0] >> 4 == 4;
        var head = v4 ? 20 : 40;
        var message = error[head..];
        BinaryPrimitives.WriteUInt32BigEndian(message.AsSpan(4), rest);
        return v4
            ? Build.Icmp(IpAddress.ReadV4(error.AsSpan(12)), IpAddress.ReadV4(error.AsSpan(16)), message)
            : Build.Icmp(IpAddress.ReadV6(error.AsSpan(8)), IpAddress.ReadV6(error.AsSpan(24)), message);
    }

    private static byte[] Packet(SeededEntropy random, string source, string destination) => random.Below(4) switch
    {
        0 => Build.Udp(source, random.Below(65536), destination, random.Below(65536), random.Below(1400)),
        1 => Build.Echo(source, destination, random.Below(65536), random.Below(2) == 0, random.Below(1400)),
        _ => Build.Tcp(
            source, random.Below(65536), destination, random.Below(65536), (TcpFlags)random.Below(256), (uint)random.Below(int.MaxValue),
            (uint)random.Below(int.MaxValue), random.Below(1400), random.Bytes(4 * random.Below(11))),
    };
}
