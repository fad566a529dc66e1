using System.Buffers.Binary;
using Sallyport.Core.Gateway;
using Sallyport.Core.Packets;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using Sallyport.Fuzz.Engine;

namespace Sallyport.Fuzz.Targets;

/// <summary>A packet from inside a tunnel: read, refused both ways, and clamped. Input: <c>largest packet / 8, 1 | packet</c>.</summary>
internal sealed class InnerPacketTarget : FuzzTarget
{
    private static readonly IpAddress Router4 = IpAddress.Parse("10.20.0.1");
    private static readonly IpAddress Router6 = IpAddress.Parse("fd00:20::1");

    public override string Name => "inner-packet";

    public override int InputMax => 2048;

    public override int ReplayMutations => 8000;

    public override IEnumerable<(string Name, byte[] Input)> MakeSeeds()
    {
        foreach (var (name, packet) in PacketSeeds.All())
        {
            yield return (name, [170, .. packet]);
        }

        yield return ("empty", [0]);
    }

    public override void Run(ReadOnlySpan<byte> input, Probe probe)
    {
        if (input.IsEmpty)
        {
            return;
        }

        var packet = input[1..];
        var meter = Probe.StartMeter();
        var reason = InnerPacket.Read(packet, out var read);
        probe.AllocatedAtMost(meter, 0, "reading an inner packet");
        Note(reason, read, probe);
        if (reason is DropReason.NotIp or DropReason.IpMalformed)
        {
            return;
        }

        probe.That(read.Length <= packet.Length && read.TransportOffset <= read.Length && read.TransportOffset >= 20, "a packet lies within its bytes");
        Refuse(RefusalKind.Prohibited, packet, read, probe);
        Refuse(RefusalKind.Unreachable, packet, read, probe);
        if (reason == DropReason.None)
        {
            Clamp(packet.ToArray(), read, input[0] * 8, probe);
        }
    }

    private static void Note(DropReason reason, in InnerPacket read, Probe probe)
    {
        probe.Reach((long)reason);
        probe.Reach((long)read.Ends.Kind);
        probe.Reach((long)read.Quoted.Kind);
        probe.Reach((long)read.Part);
        probe.Reach((long)read.Flags);
        probe.Reach(read.IsV4 ? 1 : 0);
    }

    private static void Refuse(RefusalKind kind, ReadOnlySpan<byte> packet, in InnerPacket read, Probe probe)
    {
        Span<byte> answer = stackalloc byte[Refusal.MaximumLength];
        var meter = Probe.StartMeter();
        var length = Refusal.Write(kind, packet, read, read.IsV4 ? Router4 : Router6, answer);
        probe.AllocatedAtMost(meter, 0, "writing a refusal");
        probe.Reach(length == 0 ? 0 : 1);
        if (length == 0)
        {
            return;
        }

        answer = answer[..length];
        var reason = InnerPacket.Read(answer, out var back);
        probe.Reach((long)back.Ends.Kind);
        // What an error quotes may be no packet that we would judge, as the one that is refused was not.
        probe.That(reason is DropReason.None or DropReason.TransportMalformed && back.Length == length, "an answer is a whole packet");
        probe.That(back.Ends.Destination == read.Ends.Source, "an answer goes to the sender");
        probe.That(!Refusal.MayAnswer(answer, back), "an answer is never answered");
        probe.That(HasValidChecksums(answer, back), "an answer has its checksums");
    }

    private static void Clamp(byte[] packet, in InnerPacket read, int maximumPacket, Probe probe)
    {
        var transport = packet.AsSpan(read.TransportOffset..read.Length);
        var isWholeTcp = read.Ends.Kind == PacketKind.Tcp && read.Part == FragmentPart.Whole;
        if (isWholeTcp)
        {
            transport[16] = transport[17] = 0;
            BinaryPrimitives.WriteUInt16BigEndian(transport[16..], InternetChecksum.Compute(transport, Pseudo(read, transport.Length)));
        }

        var before = packet.ToArray();
        var meter = Probe.StartMeter();
        var changed = MssClamp.Apply(packet, read, maximumPacket);
        probe.AllocatedAtMost(meter, 0, "clamping");
        probe.Reach(changed ? 1 : 0);
        probe.That(changed != packet.AsSpan().SequenceEqual(before), "clamping says whether it changed the packet");
        if (changed && isWholeTcp)
        {
            probe.That(HasValidChecksums(packet, read, transportOnly: true), "clamping keeps the checksum right");
            probe.That(!MssClamp.Apply(packet, read, maximumPacket), "clamping once is enough");
        }
    }

    private static bool HasValidChecksums(ReadOnlySpan<byte> packet, in InnerPacket read, bool transportOnly = false)
    {
        if (read.IsV4 && !transportOnly && !InternetChecksum.IsValid(packet[..read.TransportOffset]))
        {
            return false;
        }

        var transport = packet[read.TransportOffset..read.Length];
        return InternetChecksum.IsValid(transport, read.Ends.Protocol == IpProtocol.Icmp ? 0 : Pseudo(read, transport.Length));
    }

    private static ulong Pseudo(in InnerPacket read, int length) =>
        InternetChecksum.PseudoHeader(read.Ends.Source, read.Ends.Destination, (byte)read.Ends.Protocol, length);
}
