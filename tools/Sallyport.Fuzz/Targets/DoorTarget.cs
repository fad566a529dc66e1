using Sallyport.Core.Crypto;
using Sallyport.Core.Gateway;
using Sallyport.Core.OpenVpn.Door;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.OpenVpn.Wrapping;
using Sallyport.Core.Primitives;
using Sallyport.Fuzz.Engine;

namespace Sallyport.Fuzz.Targets;

/// <summary>
/// The door with all its keys. Input: <c>knobs 1 | bytes</c>. Knobs: bits 0-1 wrapping, bit 2 stream, bits 3-4 way, bit 5 whether a network allows plain
/// packets. Way 0: the bytes are what arrives. Way 1: a visitor with the key wraps them. Way 2: as 1, after a reset of the same visitor was answered,
/// whose cookie is put where the packet acknowledges. Way 3: as 2, and the last three bytes change what arrives.
/// </summary>
internal sealed class DoorTarget : FuzzTarget
{
    /// <summary>A wrapper, its replay window and keys, the first packet and the admission itself.</summary>
    private const int AdmissionAllocationMax = 8 * 1024;

    private static readonly OuterAddress From = new(IpAddress.Parse("198.51.100.7"), 40_000);

    private readonly Door _door = new(new Chance(7), new DoorOptions { ServerKeys = [TlsCryptV2ServerKey.Generate(new Chance(8)), Keys.Server] });
    private readonly Fleet _keyed = new(
        LegacyWrapping.TlsAuth(11, Keys.Static, KeyDirection.Inverse, HashKind.Sha1), LegacyWrapping.TlsCrypt(12, Keys.Static));

    private readonly Fleet _open = new(
        LegacyWrapping.TlsAuth(11, Keys.Static, KeyDirection.Inverse, HashKind.Sha1), LegacyWrapping.TlsCrypt(12, Keys.Static), LegacyWrapping.Plain(13));

    /// <summary>Every input has a window of the reset limiter of its own: none is judged by what came before.</summary>
    private Instant _now = Keys.Start;

    public override string Name => "door";

    public override int InputMax => OpenVpnLimits.MaxControlPacket + 64;

    public override IEnumerable<(string Name, byte[] Input)> MakeSeeds()
    {
        foreach (var kind in (WrappingKind[])[WrappingKind.None, WrappingKind.TlsAuth, WrappingKind.TlsCrypt, WrappingKind.TlsCryptV2])
        {
            var knobs = (int)kind | 0x20;
            var name = kind.ToString().ToLowerInvariant();
            var reset = ControlPacketTarget.Write(ResetOf(kind), 0, [], 0, []);
            var repeated = ControlPacketTarget.Write(ResetOf(kind), 0, [0], 0, []);
            var ack = ControlPacketTarget.Write(Opcode.AckV1, 0, [0], null, []);
            var control = ControlPacketTarget.Write(
                kind == WrappingKind.TlsCryptV2 ? Opcode.ControlWkcV1 : Opcode.ControlV1, 0, [0], 1, [22, 3, 1, 0, 1]);
            using var visitor = Visitor(kind);
            yield return ($"{name}-arrives", [(byte)knobs, .. Wrap(visitor, reset)]);
            yield return ($"{name}-reset", [(byte)(knobs | 0x08), .. reset]);
            yield return ($"{name}-reset-on-stream", [(byte)(knobs | 0x0c), .. reset]);
            yield return ($"{name}-repeated-reset", [(byte)(knobs | 0x10), .. repeated]);
            yield return ($"{name}-ack", [(byte)(knobs | 0x10), .. ack]);
            yield return ($"{name}-control", [(byte)(knobs | 0x10), .. control]);
            yield return ($"{name}-changed", [(byte)(knobs | 0x18), .. control, 0, 40, 0x01]);
        }
    }

    public override void Run(ReadOnlySpan<byte> input, Probe probe)
    {
        if (input.IsEmpty)
        {
            return;
        }

        _now += OpenVpnLimits.PlainResetWindow;
        var knobs = input[0];
        var kind = (WrappingKind)(knobs & 3);
        var isStream = (knobs & 4) != 0;
        var fleet = (knobs & 0x20) != 0 ? _open : _keyed;
        var way = (knobs >> 3) & 3;
        if (way == 0)
        {
            Knock(input[1..], isStream, fleet, probe).Admission?.Dispose();
            return;
        }

        using var visitor = Visitor(kind);
        RunVisit(visitor, input[1..], way, isStream, fleet, probe);
    }

    private void RunVisit(ControlWrapper visitor, ReadOnlySpan<byte> bytes, int way, bool isStream, Fleet fleet, Probe probe)
    {
        ReadOnlySpan<byte> change = default;
        if (way == 3 && bytes.Length > 3)
        {
            change = bytes[^3..];
            bytes = bytes[..^3];
        }

        if (bytes.Length < ControlPacket.HeadLength || bytes.Length > OpenVpnLimits.MaxControlPacket)
        {
            return;
        }

        var clear = bytes.ToArray();
        if (way >= 2 && !TryBringCookie(visitor, clear, fleet, probe))
        {
            return;
        }

        var packet = Wrap(visitor, clear);
        if (!change.IsEmpty)
        {
            packet[((change[0] << 8) | change[1]) % packet.Length] ^= change[2];
        }

        var (verdict, reply, admission) = Knock(packet, isStream, fleet, probe);
        if (verdict.Action == DoorAction.Reply)
        {
            ReadReply(visitor, reply, probe);
        }

        if (admission is not null)
        {
            var isWhole = ControlPacket.TryParse(admission.FirstPacket, out var first);
            probe.That(isWhole && first.Sender == admission.Remote && !admission.Local.IsZero, "who is let in has a whole first packet and two session ids");
            probe.That(!admission.ResetExchanged || (first.Acks.Count > 0 && first.AckedSession == admission.Local), "who was answered before returns our cookie");
            admission.Dispose();
        }
    }

    /// <summary>A reset from the same session id, its answer read, and the cookie written into the packet. False where the packet has no place for it.</summary>
    private bool TryBringCookie(ControlWrapper visitor, byte[] clear, Fleet fleet, Probe probe)
    {
        if (!ControlPacket.TryParse(clear, out var packet) || packet.Acks.Count == 0)
        {
            return false;
        }

        byte[] reset = [new PacketHead((byte)((int)ResetOf(visitor.Kind) << 3)).Value, .. clear[1..ControlPacket.HeadLength], 0, 0, 0, 0, 0];
        var (verdict, reply, admission) = Knock(Wrap(visitor, reset), isStream: false, fleet, probe);
        admission?.Dispose();
        if (verdict.Action != DoorAction.Reply)
        {
            return false;
        }

        var cookie = ReadReply(visitor, reply, probe);
        cookie.Write(clear.AsSpan(ControlPacket.HeadLength + 1 + (4 * packet.Acks.Count)));
        return true;
    }

    private static SessionId ReadReply(ControlWrapper visitor, byte[] reply, Probe probe)
    {
        var clear = new byte[OpenVpnLimits.MaxControlPacket];
        var reason = visitor.TryUnwrap(reply, clear, out var length);
        // A second reply within a second carries the same counter as the first: both are the stateless packet 1.
        if (reason == DropReason.WrapReplayed)
        {
            return default;
        }

        probe.That(reason == DropReason.None, "a reply is wrapped with the visitor's key");
        var isWhole = ControlPacket.TryParse(clear.AsSpan(0, length), out var packet);
        probe.That(isWhole && packet is { Opcode: Opcode.HardResetServerV2, KeyId: 0, MessageId: 0 }, "a reply is a reset");
        probe.That(EarlyNegotiation.TryParse(packet.Payload, out _), "a reply's payload can be read");
        return packet.Sender;
    }

    private (DoorVerdict Verdict, byte[] Reply, Admission? Admission) Knock(ReadOnlySpan<byte> packet, bool isStream, Fleet fleet, Probe probe)
    {
        Span<byte> reply = stackalloc byte[OpenVpnLimits.MaxControlPacket + 512];
        reply = reply[..Math.Min(packet.Length, reply.Length)];
        fleet.Touch(_door, _now);
        var meter = Probe.StartMeter();
        var verdict = _door.Handle(packet, From, isStream, fleet, _now, reply, out var length, out var admission);
        probe.AllocatedAtMost(meter, admission is null ? 0 : AdmissionAllocationMax, "the door");
        probe.Reach((long)verdict.Action);
        probe.Reach((long)verdict.Reason);
        probe.That((verdict.Action == DoorAction.Drop) == (verdict.Reason != DropReason.None), "every drop has a reason, and nothing else has");
        probe.That((verdict.Action == DoorAction.Reply) == (length > 0) && length <= packet.Length, "a reply is never longer than its request");
        probe.That((verdict.Action == DoorAction.Admit) == (admission is not null), "an admission is for those who are let in");
        if (admission is not null)
        {
            probe.Reach(admission.ResetExchanged ? 1 : 0);
            probe.Reach(admission.FirstPacket[0] >> 3);
            probe.That(!isStream || !admission.ResetExchanged, "on a stream nothing is exchanged statelessly");
        }

        return (verdict, reply[..length].ToArray(), admission);
    }

    private static Opcode ResetOf(WrappingKind kind) => kind == WrappingKind.TlsCryptV2 ? Opcode.HardResetClientV3 : Opcode.HardResetClientV2;

    private static ControlWrapper Visitor(WrappingKind kind) => kind switch
    {
        WrappingKind.None => new PlainWrapper(),
        WrappingKind.TlsAuth => new TlsAuthWrapper(Keys.Static, KeyDirection.Inverse, HashKind.Sha1),
        WrappingKind.TlsCrypt => new TlsCryptWrapper(Keys.Static.Bytes, isServer: false),
        WrappingKind.TlsCryptV2 => TlsCryptWrapper.ForClient(Keys.Client),
    };

    private static byte[] Wrap(ControlWrapper visitor, byte[] clear)
    {
        var room = new byte[clear.Length + visitor.Overhead + visitor.TrailerLength(new PacketHead(clear[0]).Opcode)];
        return room[..visitor.Wrap(clear, room, Keys.Start)];
    }

    private sealed class Fleet(params LegacyWrapping[] wrappings) : ICredentialDirectory
    {
        private static readonly byte[] Nothing = [(byte)((int)Opcode.AckV1 << 3), 1, 1, 1, 1, 1, 1, 1, 1];

        public IReadOnlyList<LegacyWrapping> LegacyWrappings => wrappings;

        public bool IsKnown(ReadOnlySpan<byte> wrappedKeyId16) => wrappedKeyId16.SequenceEqual(Keys.WrappedKeyId);

        /// <summary>Has the door adopt this fleet's keys, which allocates and is not the next packet's doing.</summary>
        public void Touch(Door door, Instant now) => door.Handle(Nothing, From, isStream: false, this, now, [], out _, out _);
    }
}
