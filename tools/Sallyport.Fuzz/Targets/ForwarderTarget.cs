using System.Buffers.Binary;
using Sallyport.Core.Flows;
using Sallyport.Core.Gateway;
using Sallyport.Core.Packets;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using Sallyport.Fuzz.Engine;

namespace Sallyport.Fuzz.Targets;

/// <summary>
/// A small forwarder between a device, a site and somebody else of their network, and a site of another network with the same addresses, whose
/// application appears in the first. Input: <c>(step 1 | …)…</c>. Step modulo 8: 0-3 a packet from the device, the site, the other one, the far site (length 2 and the packet follow); 4 one from the device whose destination has no tunnel; 5 time passes (seconds, 1); 6 the fleet
/// without rules; 7 the fleet with its rules.
/// </summary>
internal sealed class ForwarderTarget : FuzzTarget
{
    private const int DeviceId = 1;
    private const int SiteId = 2;
    private const int OtherId = 3;
    private const int FarSiteId = 4;
    private const int StepsMax = 64;

    /// <summary>
    /// The one page of per-identity counters that all senders here share, made when the first of them sends, and with the first of their kind
    /// the places of held fragments and of translations; packets cost nothing.
    /// </summary>
    private const int AllocationMax = 36 * 1024;

    /// <summary>Small, so that every bound is met.</summary>
    private static readonly FlowLimits Limits = new()
    {
        Capacity = 16, DeniedCapacity = 8, EndedBacklog = 8, AllowedPerIdentity = 8, DeniedPerIdentity = 4, Fragments = 4,
        HeldFragments = 4, HeldFragmentsPerIdentity = 2, HeldFragmentBytes = 256,
    };

    private static readonly int[] Senders = [DeviceId, SiteId, OtherId, FarSiteId];
    private static readonly FleetModel WithoutRules = FleetModel.Empty.With(new FleetChange
    {
        Networks =
        [
            new Network(1, "plant", [IpPrefix.Parse("10.20.0.0/16"), IpPrefix.Parse("fd00:20::/64")]),
            new Network(2, "twin", [IpPrefix.Parse("10.20.0.0/16"), IpPrefix.Parse("fd00:20::/64")]),
        ],
        Identities =
        [
            Identity(DeviceId, IdentityKind.Device, PacketSeeds.Device4, PacketSeeds.Device6),
            Identity(SiteId, IdentityKind.Site, IpAddress.Parse("10.20.0.2"), null) with
            {
                Subnets = [IpPrefix.Parse("192.168.50.0/24"), IpPrefix.Parse("fd00:50::/64")],
            },
            Identity(OtherId, IdentityKind.Device, IpAddress.Parse("10.20.0.9"), IpAddress.Parse("fd00:20::9")),
            Identity(FarSiteId, IdentityKind.Site, IpAddress.Parse("10.20.0.2"), null) with
            {
                NetworkId = 2, Subnets = [IpPrefix.Parse("192.168.50.0/24"), IpPrefix.Parse("fd00:50::/64")],
            },
        ],
        Applications =
        [
            new Application(1, 1, "historian", SiteId, IpPrefix.Parse("192.168.50.0/24"), [.. Services]),
            new Application(2, 1, "historian6", SiteId, IpPrefix.Parse("fd00:50::10/128"), [.. Services]),
            new Application(3, 2, "far", FarSiteId, IpPrefix.Parse("192.168.50.0/24"), [.. Services]),
        ],
        Appearances =
        [
            new Appearance(1, AppearanceKind.Service, 1, IpPrefix.Parse("192.168.60.0/24"), 2, IpPrefix.Parse("192.168.50.0/24")),
            new Appearance(2, AppearanceKind.Guest, 2, IpPrefix.Parse("10.30.0.0/16"), 1, IpPrefix.Parse("10.20.0.0/16")),
        ],
    });

    private static readonly FleetModel WithRules = WithoutRules.With(new FleetChange
    {
        Rules = [.. Enumerable.Range(1, 3).Select(id => new Rule(id, new Subject(SubjectKind.Device, DeviceId, ""), id))],
    });

    private static IEnumerable<Service> Services => [new(IpProtocol.Tcp, 1, 65_535), new(IpProtocol.Udp, 53, 53), new(IpProtocol.Icmp, 0, 0)];

    public override string Name => "forwarder";

    public override int ReplayMutations => 2000;

    public override IEnumerable<(string Name, byte[] Input)> MakeSeeds()
    {
        var packets = PacketSeeds.All().ToDictionary(seed => seed.Name, seed => seed.Packet);
        foreach (var family in (string[])["v4", "v6"])
        {
            byte[] Packet(int step, string name) => [(byte)step, .. Framed(packets[$"{family}-{name}"])];
            yield return ($"{family}-connection", [
                .. Packet(0, "syn"), .. Packet(1, "syn-ack-back"), .. Packet(0, "ack"), .. Packet(0, "data"), .. Packet(0, "fin"), 5, 200,
                .. Packet(0, "data")]);
            yield return ($"{family}-echo", [.. Packet(0, "echo"), .. Packet(1, "echo-reply"), .. Packet(1, "unreachable")]);
            yield return ($"{family}-cut", [.. Packet(0, "syn"), 6, .. Packet(0, "data"), 7, .. Packet(0, "syn"), .. Packet(4, "data")]);
            yield return ($"{family}-spoofed", [.. Packet(2, "syn"), .. Packet(3, "syn"), .. Packet(0, "udp"), .. Packet(1, "udp")]);
            yield return ($"{family}-mid-stream", [.. Packet(0, "data"), .. Packet(1, "syn-ack-back"), .. Packet(0, "rst")]);
        }

        byte[] Across(int step, string name, bool back = false)
        {
            var packet = packets[$"v4-{name}"].ToArray();
            packet[back ? 17 : 18] = (byte)(back ? 30 : 60);
            return [(byte)step, .. Framed(packet)];
        }

        yield return ("v4-across", [
            .. Across(0, "syn"), .. Across(3, "syn-ack-back", back: true), .. Across(0, "ack"), .. Across(0, "data"), 6, .. Across(0, "data"), 7,
            .. Across(0, "echo"), .. Across(3, "echo-reply", back: true), .. Across(3, "unreachable", back: true), .. Across(0, "udp")]);
        yield return ("v4-fragments-late", [0, .. Framed(packets["v4-later-fragment"]), 0, .. Framed(packets["v4-first-fragment"])]);
        yield return ("v4-fragments", [0, .. Framed(packets["v4-first-fragment"]), 0, .. Framed(packets["v4-later-fragment"])]);
    }

    public override void Run(ReadOnlySpan<byte> input, Probe probe)
    {
        var now = Keys.Start;
        var forwarder = new Forwarder(Limits, new Chance(19), now);
        forwarder.Adopt(WithRules, now);
        var allocated = 0L;
        for (var i = 0; i < StepsMax && !input.IsEmpty; i++)
        {
            var step = input[0] % 8;
            input = input[1..];
            switch (step)
            {
                case 5:
                    now += TimeSpan.FromSeconds(input.IsEmpty ? 0 : input[0]);
                    input = input.IsEmpty ? input : input[1..];
                    forwarder.HandleTimeout(now);
                    break;
                case 6 or 7:
                    forwarder.Adopt(step == 6 ? WithoutRules : WithRules, now);
                    break;
                default:
                    allocated += Handle(forwarder, step, TakePacket(ref input), now, probe);
                    break;
            }

            Drain(forwarder, probe);
        }

        probe.AllocatedAtMost(Probe.StartMeter() - allocated, AllocationMax, "forwarding");
        forwarder.HandleTimeout(now + TimeSpan.FromHours(3));
        Drain(forwarder, probe);
        probe.That(forwarder.AllowedFlows == 0 && forwarder.DeniedFlows == 0, "flows that nobody uses end");
    }

    /// <summary>Returns how much was allocated.</summary>
    private static long Handle(Forwarder forwarder, int step, ReadOnlySpan<byte> packet, Instant now, Probe probe)
    {
        var from = Senders[step % 4];
        Span<byte> refusal = stackalloc byte[Refusal.MaximumLength];
        var meter = Probe.StartMeter();
        var result = forwarder.Handle(from, packet, now, refusal);
        if (step == 4 && result.Kind == ForwardKind.Forward)
        {
            result = forwarder.Unreachable(from, packet, now, refusal);
        }

        Span<byte> held = stackalloc byte[512];
        for (int length; (length = forwarder.TakeHeld(from, held)) > 0;)
        {
            probe.That(forwarder.Handle(from, held[..length], now, refusal).Kind != ForwardKind.Hold, "what was held is not held again");
        }

        var allocated = Probe.StartMeter() - meter;
        probe.Reach(((long)result.Kind << 8) | (long)result.Reason);
        probe.That(result.Kind is ForwardKind.Forward or ForwardKind.Hold == (result.Reason == DropReason.None), "what is neither forwarded nor held has a reason");
        probe.That((result.Kind == ForwardKind.Refuse) == (result.RefusalLength is > 0 and <= Refusal.MaximumLength), "a refusal has bytes");
        if (result.Kind == ForwardKind.Refuse)
        {
            var reason = InnerPacket.Read(refusal[..result.RefusalLength], out var back);
            probe.That(reason is DropReason.None or DropReason.TransportMalformed && back.Length == result.RefusalLength, "a refusal is a whole packet");
            probe.That(forwarder.Model.Owns(from, back.Ends.Destination), "a refusal goes to an address of the sender");
        }

        if (result.Kind == ForwardKind.Forward)
        {
            InnerPacket.Read(packet, out var read);
            probe.That(ReferenceEquals(forwarder.Model, WithRules), "without a rule nothing is forwarded");
            probe.That(result.Length == read.Length && result.ToIdentityId != from, "a packet is forwarded whole, and to somebody else");
            probe.That(forwarder.Model.Owns(from, read.Ends.Source), "a packet is forwarded for who owns its source");
            var arrived = packet[..result.Length].ToArray();
            forwarder.Translate(result, arrived);
            probe.That(InnerPacket.Read(arrived, out read) == DropReason.None && read.Length == result.Length, "a packet arrives as long and as sound as it was");
            probe.That(forwarder.Model.Owns(result.ToIdentityId, read.Ends.Destination), "a packet is forwarded to who owns its destination");
            probe.That(from != OtherId && result.ToIdentityId != OtherId, "who has no rule neither sends nor receives");
        }

        probe.That(forwarder.AllowedFlows <= Limits.Capacity && forwarder.DeniedFlows <= Limits.DeniedCapacity, "flows are bounded");
        return allocated;
    }

    private static void Drain(Forwarder forwarder, Probe probe)
    {
        var left = 4 * (Limits.Capacity + Limits.DeniedCapacity + Limits.EndedBacklog);
        while (forwarder.TryDequeueFlow(out var record))
        {
            probe.That(--left > 0, "records come to an end");
            probe.Reach(((long)record.Changes << 16) | ((long)record.Reason << 8) | (record.Allowed ? 1L : 0));
            probe.That(
                record.Allowed ? record.Reason is DropReason.None or DropReason.PeerOffline : record.Reason != DropReason.None,
                "a flow that is denied has a reason, and one that is allowed at most that its end is not there");
        }
    }

    private static ReadOnlySpan<byte> TakePacket(ref ReadOnlySpan<byte> input)
    {
        if (input.Length < 2)
        {
            input = default;
            return default;
        }

        var length = Math.Min(BinaryPrimitives.ReadUInt16BigEndian(input), input.Length - 2);
        var packet = input.Slice(2, length);
        input = input[(2 + length)..];
        return packet;
    }

    private static byte[] Framed(byte[] packet) => [(byte)(packet.Length >> 8), (byte)packet.Length, .. packet];

    private static Identity Identity(int id, IdentityKind kind, IpAddress v4, IpAddress? v6) =>
        new() { Id = id, NetworkId = 1, Kind = kind, Name = $"identity-{id}", Active = true, AddressV4 = v4, AddressV6 = v6 };
}
