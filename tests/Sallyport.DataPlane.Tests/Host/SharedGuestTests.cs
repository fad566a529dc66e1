using System.Buffers.Binary;
using Sallyport.Api.Nodes;
using Sallyport.Core.Gateway;
using Sallyport.Core.Nat;
using Sallyport.Core.Packets;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Host;
using Sallyport.DataPlane.Shards;
using Sallyport.DataPlane.Tests.Fixtures;

namespace Sallyport.DataPlane.Tests.Host;

/// <summary>
/// Two shards with a queue each, and guests who share one address, at the gateway host and beyond it. The device's tunnel is on the second
/// shard, whose ports are the odd ones; what the kernel sends comes to the first.
/// </summary>
public sealed class SharedGuestTests : IDisposable
{
    private const int EgressId = 9;
    private const int OfficeId = 8;
    private static readonly IpAddress Server = IpAddress.Parse("203.0.113.10");
    private static readonly IpAddress Shared = IpAddress.Parse("198.19.0.1");
    private static readonly IpAddress HostInOffice = IpAddress.Parse("10.30.0.1");
    private static readonly IpAddress HostForPlant = IpAddress.Parse("198.18.0.5");

    private readonly PathFixture _first;
    private readonly PathFixture _second;
    private readonly TestTun _firstTun = new();
    private readonly TestTun _secondTun = new();
    private readonly PathPeer _device;

    public SharedGuestTests()
    {
        var fabric = new Fabric(2, new Meters());
        _first = new PathFixture(fabric, 0);
        _second = new PathFixture(fabric, 1);
        foreach (var (fixture, tun) in new[] { (_first, _firstTun), (_second, _secondTun) })
        {
            fixture.Outbox.Host.Attach(tun.Queue, TestTun.Handles);
            fixture.Outbox.Host.IsOpenBeyond = true;
            fixture.Adopt(Model());
        }

        _device = _second.Open(TestFleet.DeviceId, PathFixture.At("198.51.100.2", 2000) with { Shard = 1 });
    }

    [Fact]
    public void All_parts_of_an_answer_from_beyond_find_the_shard_that_gave_out_the_port()
    {
        var parts = Parts(InnerPackets.Udp(Server, Shared, 123, Ask(Server), 1200));
        foreach (var part in parts)
        {
            _firstTun.Send(default, part);
        }

        ReceiveAtFirst();
        Received().ShouldBe(3);
        _first.Forwarder.Drops.ToArray().ShouldAllBe(count => count == 0);
    }

    [Fact]
    public void A_part_that_overtook_the_first_one_or_came_by_another_queue_is_not_lost()
    {
        var parts = Parts(InnerPackets.Udp(Server, Shared, 123, Ask(Server), 1200));
        _firstTun.Send(default, parts[1]);
        ReceiveAtFirst();
        Received().ShouldBe(0);
        _firstTun.Send(default, parts[0]);
        ReceiveAtFirst();
        Received().ShouldBe(2);
        _secondTun.Send(default, parts[2]);
        _second.Host.Receive(_second.Forwarder.Model, _second.Now);
        Received().ShouldBe(1);
    }

    [Fact]
    public void Parts_of_another_datagram_do_not_come_along()
    {
        var port = Ask(Server);
        var parts = Parts(InnerPackets.Udp(Server, Shared, 123, port, 1200));
        var others = Parts(InnerPackets.Udp(Server, Shared, 124, port, 1200), id: 78);
        foreach (var part in new[] { parts[0], others[0], others[1], others[2], parts[1], parts[2] })
        {
            _firstTun.Send(default, part);
        }

        ReceiveAtFirst();
        Received().ShouldBe(3);
    }

    [Fact]
    public void An_error_from_beyond_finds_the_shard_of_what_it_quotes()
    {
        var port = Ask(Server);
        _firstTun.Send(default, Error(IpAddress.Parse("10.99.0.1"), Shared, InnerPackets.Udp(Shared, Server, port, 123)));
        ReceiveAtFirst();
        Received().ShouldBe(1);
    }

    [Fact]
    public void An_answer_in_parts_and_an_error_of_the_host_itself_find_it_as_well()
    {
        var port = AskHost();
        foreach (var part in Parts(InnerPackets.Udp(HostInOffice, Shared, 161, port, 1200)))
        {
            _firstTun.Send(default, V6(part));
        }

        ReceiveAtFirst();
        Received().ShouldBe(3);

        _firstTun.Send(default, V6(Error(HostInOffice, Shared, InnerPackets.Udp(Shared, HostInOffice, port, 161))));
        ReceiveAtFirst();
        Received().ShouldBe(1);
    }

    public void Dispose()
    {
        foreach (var (fixture, tun) in new[] { (_first, _firstTun), (_second, _secondTun) })
        {
            fixture.Outbox.Host.Detach();
            fixture.Dispose();
            tun.Dispose();
        }
    }

    private static Delta Model() => new()
    {
        Version = 2,
        CommittedAt = 0,
        Networks =
        [
            new NetworkModel { Id = EgressId, Name = "internet", Prefixes = [], Ciphers = [], Wrappings = [], Elsewhere = ["198.19.0.0/16"] },
            new NetworkModel { Id = OfficeId, Name = "office", Prefixes = ["10.30.0.0/16"], Ciphers = [], Wrappings = [], Elsewhere = ["198.19.0.0/16"] },
        ],
        Identities =
        [
            new IdentityModel { Id = EgressId, NetworkId = EgressId, Kind = "host", Name = "internet", Active = true, Subnets = ["0.0.0.0/0"] },
            new IdentityModel { Id = OfficeId, NetworkId = OfficeId, Kind = "host", Name = "office", Active = true, AddressV4 = HostInOffice.ToString() },
        ],
        Applications =
        [
            new ApplicationModel { Id = 91, NetworkId = EgressId, Name = "ntp", OwnerId = EgressId, Target = "203.0.113.0/24", Services = ["udp/123"] },
            new ApplicationModel { Id = 81, NetworkId = OfficeId, Name = "snmp", OwnerId = OfficeId, Target = HostInOffice.ToString(), Services = ["udp/161"] },
        ],
        Rules =
        [
            new RuleModel { Id = 91, SubjectKind = "device", SubjectId = TestFleet.DeviceId, NetworkId = TestFleet.NetworkId, ApplicationId = 91 },
            new RuleModel { Id = 81, SubjectKind = "device", SubjectId = TestFleet.DeviceId, NetworkId = TestFleet.NetworkId, ApplicationId = 81 },
        ],
        Appearances =
        [
            new AppearanceModel { Id = 1, Kind = "service", NetworkId = TestFleet.NetworkId, At = "203.0.113.0/24", HomeId = EgressId, Of = "203.0.113.0/24" },
            new AppearanceModel { Id = 2, Kind = "guest", NetworkId = EgressId, At = $"{Shared}/32", HomeId = TestFleet.NetworkId, Of = "10.20.0.0/16" },
            new AppearanceModel { Id = 3, Kind = "service", NetworkId = TestFleet.NetworkId, At = $"{HostForPlant}/32", HomeId = OfficeId, Of = $"{HostInOffice}/32" },
            new AppearanceModel { Id = 4, Kind = "guest", NetworkId = OfficeId, At = $"{Shared}/32", HomeId = TestFleet.NetworkId, Of = "10.20.0.0/16" },
        ],
    };

    /// <summary>The device calls a server beyond the host; returns the port that it has at the shared address.</summary>
    private ushort Ask(IpAddress server)
    {
        _device.Send(InnerPackets.Udp(TestFleet.DeviceAddress, server, 4001, 123)).ShouldBe(DropReason.None);
        _second.Outbox.Flush();
        return PortOf(_secondTun.Received().ShouldHaveSingleItem().Packet, 20);
    }

    private ushort AskHost()
    {
        _device.Send(InnerPackets.Udp(TestFleet.DeviceAddress, HostForPlant, 4001, 161)).ShouldBe(DropReason.None);
        _second.Outbox.Flush();
        return PortOf(_secondTun.Received().ShouldHaveSingleItem().Packet, 40);
    }

    private static ushort PortOf(byte[] packet, int head)
    {
        var port = BinaryPrimitives.ReadUInt16BigEndian(packet.AsSpan(head));
        (port % 2).ShouldBe(1, "a port of the second shard");
        return port;
    }

    private void ReceiveAtFirst()
    {
        _first.Host.Receive(_first.Forwarder.Model, _first.Now);
        _second.TakeHandedOver();
    }

    /// <summary>Packets that the device gets.</summary>
    private int Received()
    {
        var sent = _second.Sent();
        sent.ForEach(one => _device.Open(one.Packet));
        _first.TakeHandedOver();
        _first.Sent().ShouldBeEmpty();
        return sent.Count;
    }

    private static List<byte[]> Parts(byte[] packet, ushort id = 77)
    {
        const int size = 400;

        // Of a datagram in parts nobody here can know the checksum, but none is not translated.
        packet[26] = 0x12;
        var payload = packet.AsSpan(20);
        List<byte[]> parts = [];
        for (var at = 0; at < payload.Length; at += size)
        {
            var length = Math.Min(size, payload.Length - at);
            byte[] part = [.. packet.AsSpan(0, 20), .. payload.Slice(at, length)];
            BinaryPrimitives.WriteUInt16BigEndian(part.AsSpan(2), (ushort)part.Length);
            BinaryPrimitives.WriteUInt16BigEndian(part.AsSpan(4), id);
            BinaryPrimitives.WriteUInt16BigEndian(part.AsSpan(6), (ushort)((at / 8) | (at + length < payload.Length ? 0x2000 : 0)));
            Finish(part);
            parts.Add(part);
        }

        return parts[..3];
    }

    private static byte[] Error(IpAddress from, IpAddress to, byte[] quoted)
    {
        byte[] packet = [.. InnerPackets.Udp(from, to, 0, 0, 0)[..20], 3, 1, 0, 0, 0, 0, 0, 0, .. quoted];
        packet[9] = 1;
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), (ushort)packet.Length);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(22), InternetChecksum.Compute(packet.AsSpan(20)));
        Finish(packet);
        return packet;
    }

    private static void Finish(byte[] packet)
    {
        packet.AsSpan(10, 2).Clear();
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(10), InternetChecksum.Compute(packet.AsSpan(0, 20)));
    }

    private static byte[] V6(byte[] packet)
    {
        InnerPacket.Read(packet, out var read).ShouldBe(DropReason.None);
        var head = new byte[HandleTranslation.ErrorMax];
        if (read.Ends.Kind == PacketKind.IcmpError)
        {
            return head[..HandleTranslation.ErrorToV6(TestTun.Handles, OfficeId, packet, read, head)];
        }

        HandleTranslation.ToV6(TestTun.Handles, OfficeId, packet, read, head, out var length).ShouldBe(DropReason.None);
        return [.. head[..length], .. packet[20..]];
    }
}
