using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Fuzz.Engine;

namespace Sallyport.Fuzz.Targets;

/// <summary>A control packet without its wrapping. Input: the packet.</summary>
internal sealed class ControlPacketTarget : FuzzTarget
{
    public static readonly SessionId Ours = new(0x1122_3344_5566_7788);
    public static readonly SessionId Theirs = new(0x99aa_bbcc_ddee_ff00);

    public override string Name => "control-packet";

    public override int InputMax => OpenVpnLimits.MaxControlPacket + 64;

    public override IEnumerable<(string Name, byte[] Input)> MakeSeeds()
    {
        yield return ("reset", Write(Opcode.HardResetClientV2, 0, [], 0, []));
        yield return ("reset-v3", Write(Opcode.HardResetClientV3, 0, [], 0, []));
        yield return ("server-reset", Write(Opcode.HardResetServerV2, 0, [0], 0, [0, 1, 0, 2, 0, 1]));
        yield return ("ack", Write(Opcode.AckV1, 0, [0], null, []));
        yield return ("acks", Write(Opcode.AckV1, 3, [1, 2, 3, 4, 5, 6, 7, 8], null, []));
        yield return ("control", Write(Opcode.ControlV1, 0, [1, 0], 2, [22, 3, 1, 0, 4, 1, 0, 0, 0]));
        yield return ("control-wkc", Write(Opcode.ControlWkcV1, 0, [0], 1, [22, 3, 1]));
        yield return ("soft-reset", Write(Opcode.SoftResetV1, 1, [], 0, []));
        yield return ("full", Write(Opcode.ControlV1, 7, [9, 8, 7, 6], 0xffff_ffff, new Chance(5).Bytes(1100)));
    }

    public static byte[] Write(Opcode opcode, int keyId, uint[] acks, uint? messageId, byte[] payload)
    {
        var clear = new byte[OpenVpnLimits.MaxControlPacket];
        return clear[..ControlPacket.Write(clear, opcode, keyId, Theirs, acks, Ours, messageId, payload)];
    }

    public override void Run(ReadOnlySpan<byte> input, Probe probe)
    {
        var meter = Probe.StartMeter();
        var isPacket = ControlPacket.TryParse(input, out var packet);
        var isHead = ControlPacket.TryPeek(input, out var head, out var sender);
        probe.AllocatedAtMost(meter, 0, "reading a control packet");
        probe.Reach(isPacket ? 1 : 0);
        probe.Reach(isHead ? (long)head.Opcode : -1);
        probe.That(!isPacket || (isHead && sender == packet.Sender), "a whole packet has a head");
        if (!isPacket)
        {
            return;
        }

        probe.Reach(packet.Acks.Count);
        probe.Size(packet.Payload.Length);
        Span<uint> acks = stackalloc uint[packet.Acks.Count];
        for (var i = 0; i < acks.Length; i++)
        {
            acks[i] = packet.Acks[i];
        }

        Span<byte> again = stackalloc byte[OpenVpnLimits.MaxControlPacket];
        uint? messageId = packet.HasMessageId ? packet.MessageId : null;
        var length = ControlPacket.Write(
            again, packet.Opcode, packet.KeyId, packet.Sender, acks, packet.AckedSession, messageId, packet.Payload);
        // Bytes after an ACK_V1 mean nothing and are lost.
        probe.That(packet.HasMessageId ? length == input.Length : length <= input.Length, "what is read is all there was");
        probe.That(input[..length].SequenceEqual(again[..length]), "a packet that is read and written is the same packet");
    }
}
