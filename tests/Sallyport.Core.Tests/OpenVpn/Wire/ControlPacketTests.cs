using Sallyport.Core.OpenVpn.Wire;

namespace Sallyport.Core.Tests.OpenVpn.Wire;

public class ControlPacketTests
{
    private static readonly SessionId Ours = new(0x1122334455667788);
    private static readonly SessionId Theirs = new(0xa1a2a3a4a5a6a7a8);

    [Fact]
    public void Message_with_acknowledgements_has_the_layout_of_the_protocol()
    {
        var packet = Write(Opcode.ControlV1, 2, [7, 0x01020304], 9, [0xaa, 0xbb]);
        Convert.ToHexStringLower(packet).ShouldBe("22" + "1122334455667788" + "02" + "00000007" + "01020304" + "a1a2a3a4a5a6a7a8" + "00000009" + "aabb");
    }

    [Fact]
    public void Message_without_acknowledgements_has_no_peer_session_id()
    {
        Convert.ToHexStringLower(Write(Opcode.HardResetClientV2, 0, [], 0, [])).ShouldBe("38" + "1122334455667788" + "00" + "00000000");
    }

    [Theory]
    [InlineData(Opcode.SoftResetV1, 3, 0, 5)]
    [InlineData(Opcode.ControlV1, 0, 8, 1000)]
    [InlineData(Opcode.AckV1, 7, 8, 0)]
    [InlineData(Opcode.AckV1, 0, 1, 0)]
    [InlineData(Opcode.HardResetServerV2, 0, 1, 6)]
    [InlineData(Opcode.HardResetClientV3, 0, 0, 0)]
    [InlineData(Opcode.ControlWkcV1, 0, 4, 17)]
    public void What_is_written_is_read(Opcode opcode, int keyId, int ackCount, int payloadLength)
    {
        uint[] acks = [.. Enumerable.Range(0, ackCount).Select(i => (uint)i * 77)];
        var payload = new SeededEntropy(1).Bytes(payloadLength);
        var bytes = Write(opcode, keyId, acks, opcode == Opcode.AckV1 ? null : 0xfffffffe, payload);

        ControlPacket.TryParse(bytes, out var packet).ShouldBeTrue();
        packet.Opcode.ShouldBe(opcode);
        packet.KeyId.ShouldBe((byte)keyId);
        packet.Sender.ShouldBe(Ours);
        packet.Acks.Count.ShouldBe(ackCount);
        for (var i = 0; i < ackCount; i++)
        {
            packet.Acks[i].ShouldBe(acks[i]);
        }

        packet.AckedSession.ShouldBe(ackCount == 0 ? default : Theirs);
        packet.HasMessageId.ShouldBe(opcode != Opcode.AckV1);
        packet.MessageId.ShouldBe(opcode == Opcode.AckV1 ? 0 : 0xfffffffe);
        packet.Payload.ToArray().ShouldBe(payload);
        bytes.Length.ShouldBe(ControlPacket.LengthBeforePayload(opcode, ackCount) + payloadLength);
    }

    [Theory]
    [InlineData(Opcode.ControlV1, 8)]
    [InlineData(Opcode.ControlV1, 0)]
    [InlineData(Opcode.AckV1, 3)]
    [InlineData(Opcode.HardResetServerV2, 1)]
    public void Cve_2014_8104_every_packet_cut_inside_its_fields_is_refused(Opcode opcode, int ackCount)
    {
        var bytes = Write(opcode, 0, new uint[ackCount], opcode == Opcode.AckV1 ? null : 1, []);
        for (var length = 0; length < bytes.Length; length++)
        {
            ControlPacket.TryParse(bytes.AsSpan(0, length), out _).ShouldBeFalse($"cut at {length}");
        }

        ControlPacket.TryParse(bytes, out _).ShouldBeTrue();
    }

    [Fact]
    public void Cve_2017_7478_too_large_control_packet_is_refused()
    {
        var payload = new byte[OpenVpnLimits.MaxControlPacket - ControlPacket.LengthBeforePayload(Opcode.ControlV1, 0)];
        ControlPacket.TryParse(Write(Opcode.ControlV1, 0, [], 1, payload), out _).ShouldBeTrue();
        ControlPacket.TryParse(Write(Opcode.ControlV1, 0, [], 1, [.. payload, 0]), out _).ShouldBeFalse();
        ControlPacket.TryParse(new byte[65535], out _).ShouldBeFalse();
    }

    [Fact]
    public void More_than_eight_acknowledgements_are_refused()
    {
        var bytes = new byte[200];
        Write(Opcode.AckV1, 0, [1], null, []).CopyTo(bytes, 0);
        bytes[ControlPacket.HeadLength] = 9;
        ControlPacket.TryParse(bytes, out _).ShouldBeFalse();
        bytes[ControlPacket.HeadLength] = 255;
        ControlPacket.TryParse(bytes, out _).ShouldBeFalse();
    }

    [Fact]
    public void Zero_session_id_is_refused()
    {
        var bytes = Write(Opcode.ControlV1, 0, [], 1, []);
        bytes.AsSpan(1, SessionId.Length).Clear();
        ControlPacket.TryParse(bytes, out _).ShouldBeFalse();
        ControlPacket.TryPeek(bytes, out _, out _).ShouldBeFalse();
    }

    [Fact]
    public void Data_obsolete_and_unknown_opcodes_are_no_control_packets()
    {
        var bytes = Write(Opcode.ControlV1, 0, [], 1, [1, 2, 3]);
        foreach (var opcode in Enumerable.Range(0, 32).Except([3, 4, 5, 7, 8, 10, 11]))
        {
            bytes[0] = (byte)(opcode << 3);
            ControlPacket.TryParse(bytes, out _).ShouldBeFalse($"opcode {opcode}");
        }
    }

    [Fact]
    public void Mutated_packets_are_read_within_their_bounds_or_refused()
    {
        var entropy = new SeededEntropy(20260807);
        byte[][] valid =
        [
            Write(Opcode.ControlV1, 0, [1, 2, 3, 4], 5, entropy.Bytes(60)),
            Write(Opcode.AckV1, 0, [1, 2, 3, 4, 5, 6, 7, 8], null, []),
            Write(Opcode.HardResetClientV2, 0, [], 0, []),
        ];
        for (var i = 0; i < 50_000; i++)
        {
            var bytes = Mutations.Mutate(valid[i % valid.Length], entropy);
            if (!ControlPacket.TryParse(bytes, out var packet))
            {
                continue;
            }

            packet.Acks.Count.ShouldBeLessThanOrEqualTo(OpenVpnLimits.MaxAcks);
            packet.Payload.Length.ShouldBeLessThan(bytes.Length);
        }
    }

    private static byte[] Write(Opcode opcode, int keyId, uint[] acks, uint? messageId, byte[] payload)
    {
        var bytes = new byte[payload.Length + 100];
        var length = ControlPacket.Write(bytes, opcode, keyId, Ours, acks, Theirs, messageId, payload);
        return bytes[..length];
    }
}
