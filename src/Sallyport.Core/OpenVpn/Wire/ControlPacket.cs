using Sallyport.Core.Primitives;

namespace Sallyport.Core.OpenVpn.Wire;

/// <summary>
/// A control packet after its wrapping is off:
/// <c>op 1 | own sid 8 | ack count 1 | ack ids 4n | [peer sid 8 if n > 0] | [message id 4, not in ACK_V1] | payload</c>.
/// One that exists is well formed; whether it fits a session is the session's to say.
/// </summary>
public ref struct ControlPacket
{
    /// <summary>Bytes before the acknowledgements, which every wrapping leaves in clear: opcode and the sender's session id.</summary>
    public const int HeadLength = 1 + SessionId.Length;

    public Opcode Opcode { get; private init; }

    public byte KeyId { get; private init; }

    public SessionId Sender { get; private init; }

    public AckIds Acks { get; private init; }

    /// <summary>Whose messages are acknowledged; zero where none is.</summary>
    public SessionId AckedSession { get; private init; }

    public readonly bool HasMessageId => Opcode != Opcode.AckV1;

    /// <summary>Meaningful only where <see cref="HasMessageId"/>.</summary>
    public uint MessageId { get; private init; }

    /// <summary>Empty in ACK_V1.</summary>
    public ReadOnlySpan<byte> Payload { get; private init; }

    /// <summary>Reads what is in clear in every wrapping. False where that is no control packet of anybody.</summary>
    public static bool TryPeek(ReadOnlySpan<byte> wrapped, out PacketHead head, out SessionId sender)
    {
        head = default;
        sender = default;
        if (wrapped.Length < HeadLength)
        {
            return false;
        }

        head = new PacketHead(wrapped[0]);
        sender = SessionId.Read(wrapped[1..]);
        return head.IsControl && !sender.IsZero;
    }

    /// <summary>False for anything that is not a well-formed control packet of at most <see cref="OpenVpnLimits.MaxControlPacket"/> bytes.</summary>
    public static bool TryParse(ReadOnlySpan<byte> clear, out ControlPacket packet)
    {
        packet = default;
        if (clear.Length > OpenVpnLimits.MaxControlPacket || !TryPeek(clear, out var head, out var sender))
        {
            return false;
        }

        var reader = new ByteReader(clear[HeadLength..]);
        if (!TryReadAcks(ref reader, out var acks, out var acked))
        {
            return false;
        }

        var hasMessage = head.Opcode != Opcode.AckV1;
        var messageId = 0u;
        if (hasMessage && !reader.TryU32(out messageId))
        {
            return false;
        }

        packet = new ControlPacket
        {
            Opcode = head.Opcode,
            KeyId = head.KeyId,
            Sender = sender,
            Acks = acks,
            AckedSession = acked,
            MessageId = messageId,
            Payload = hasMessage ? reader.Rest : default,
        };
        return true;
    }

    /// <summary>Writes the packet without its wrapping and returns its length. <paramref name="messageId"/> is null for ACK_V1 alone.</summary>
    public static int Write(
        Span<byte> clear,
        Opcode opcode,
        int keyId,
        SessionId sender,
        ReadOnlySpan<uint> acks,
        SessionId ackedSession,
        uint? messageId,
        ReadOnlySpan<byte> payload)
    {
        Invariant.Check(acks.Length <= OpenVpnLimits.MaxAcks, "a packet carries at most 8 acknowledgements");
        Invariant.Check(messageId is null == (opcode == Opcode.AckV1), "every control packet but ACK_V1 has a message id");
        var writer = new ByteWriter(clear);
        writer.U8(PacketHead.Of(opcode, keyId).Value);
        writer.U64(sender.Value);
        writer.U8((byte)acks.Length);
        foreach (var ack in acks)
        {
            writer.U32(ack);
        }

        if (!acks.IsEmpty)
        {
            writer.U64(ackedSession.Value);
        }

        if (messageId is { } id)
        {
            writer.U32(id);
        }

        writer.Bytes(payload);
        return writer.Length;
    }

    /// <summary>Bytes of a packet before its payload.</summary>
    public static int LengthBeforePayload(Opcode opcode, int ackCount) =>
        HeadLength + 1 + (ackCount == 0 ? 0 : (4 * ackCount) + SessionId.Length) + (opcode == Opcode.AckV1 ? 0 : 4);

    private static bool TryReadAcks(ref ByteReader reader, out AckIds acks, out SessionId acked)
    {
        acks = default;
        acked = default;
        if (!reader.TryU8(out var count) || count > OpenVpnLimits.MaxAcks)
        {
            return false;
        }

        for (var i = 0; i < count; i++)
        {
            if (!reader.TryU32(out var id))
            {
                return false;
            }

            acks.Add(id);
        }

        if (count == 0)
        {
            return true;
        }

        var ok = reader.TryU64(out var session);
        acked = new SessionId(session);
        return ok;
    }
}
