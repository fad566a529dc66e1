using Sallyport.Core.Ike.Eap;
using Sallyport.Core.Primitives;
using Sallyport.Fuzz.Engine;

namespace Sallyport.Fuzz.Targets;

/// <summary>
/// Packets of EAP and of its methods. Input: <c>way 1 | bytes</c>. Way 0: a packet. Way 1: one of EAP-MSCHAPv2, behind the type. Way 2: those of EAP-TLS,
/// each with two bytes of length in front.
/// </summary>
internal sealed class EapPacketTarget : FuzzTarget
{
    public override string Name => "eap-packet";

    public override int InputMax => 8192;

    public override IReadOnlyList<byte[]> Words =>
        [[0xc0, 0, 0, 0, 8], [0x80, 0, 0, 0, 4], [0x40], [0x20], [0xc0, 0, 1, 0, 0], [0xff, 0xff, 0xff, 0xff], [26, 2, 5], [16], [49], .. WordsOf("S=", "E=691 R=0", "\0", "\u202e")];

    public override IEnumerable<(string Name, byte[] Input)> MakeSeeds()
    {
        yield return ("identity-request", [0, .. EapIdentity.Request(1)]);
        yield return ("identity", [0, .. EapIdentity.Response(1, "pump-17@plant-a")]);
        yield return ("success", [0, .. EapMessage.Success(9)]);
        yield return ("failure", [0, .. EapMessage.Failure(9)]);
        yield return ("nak", [0, .. EapMessage.Response(1, EapType.Nak, [13, 26])]);
        yield return ("challenge", [1, .. MsChapV2Packet.Challenge(7, new Chance(1).Bytes(16), "gw")]);
        yield return ("response", [1, .. MsChapV2Packet.Response(7, new Chance(2).Bytes(16), new Chance(3).Bytes(24), "pump-17"u8)]);
        yield return ("chap-success", [1, .. MsChapV2Packet.Text(MsChapV2Opcode.Success, 7, "S=407A5589115FD0D6209F510FE9C04566932CDA56 M=Welcome"u8)]);
        yield return ("chap-failure", [1, .. MsChapV2Packet.Text(MsChapV2Opcode.Failure, 7, "E=691 R=0 C=00 V=3 M=no"u8)]);
        yield return ("tls-start", [2, 0, 1, 0x20]);
        yield return ("tls-whole", [2, 0, 4, 0, 22, 3, 1, 0, 1, 0]);
        yield return ("tls-pieces", [2, 0, 7, 0xc0, 0, 0, 0, 4, 1, 2, 0, 2, 0x40, 3, 0, 2, 0, 4]);
        yield return ("tls-too-long", [2, 0, 6, 0xc0, 0xff, 0xff, 0xff, 0xff, 1]);
    }

    public override void Run(ReadOnlySpan<byte> input, Probe probe)
    {
        if (input.IsEmpty)
        {
            return;
        }

        switch (input[0] % 3)
        {
            case 0:
                Message(input[1..], probe);
                break;
            case 1:
                Chap(input[1..], probe);
                break;
            default:
                Pieces(input[1..], probe);
                break;
        }
    }

    private static void Message(ReadOnlySpan<byte> bytes, Probe probe)
    {
        var meter = Probe.StartMeter();
        var isRead = EapMessage.TryRead(bytes, out var message);
        probe.AllocatedAtMost(meter, 0, "reading a packet of EAP");
        probe.Reach(isRead ? ((long)message.Code << 8) + (long)message.Type : -1);
        if (!isRead)
        {
            return;
        }

        var again = message.Code switch
        {
            EapCode.Request => EapMessage.Request(message.Identifier, message.Type, message.Data),
            EapCode.Response => EapMessage.Response(message.Identifier, message.Type, message.Data),
            EapCode.Success => EapMessage.Success(message.Identifier),
            EapCode.Failure => EapMessage.Failure(message.Identifier),
        };
        probe.That(again.AsSpan().SequenceEqual(bytes), "a packet that is read and written is the same packet");
        var isIdentity = EapIdentity.TryReadResponse(bytes, message.Identifier, out var identity);
        probe.Reach(isIdentity ? 1 : 0);
        probe.That(!isIdentity || (identity!.Length > 0 && !PlainText.HasUnsafe(identity)), "an identity can be shown");
        probe.That(!isIdentity || EapIdentity.Response(message.Identifier, identity!).AsSpan().SequenceEqual(bytes), "an identity survives being written");
    }

    private static void Chap(ReadOnlySpan<byte> bytes, Probe probe)
    {
        var meter = Probe.StartMeter();
        var isRead = MsChapV2Packet.TryRead(bytes, out var packet);
        probe.AllocatedAtMost(meter, 0, "reading a packet of EAP-MSCHAPv2");
        probe.Reach(isRead ? (long)packet.Opcode : -1);
        if (isRead)
        {
            probe.Size(packet.Name.Length);
            var isResponse = packet.Opcode == MsChapV2Opcode.Response;
            probe.That(!isResponse || (packet.PeerChallenge.Length == 16 && packet.NtResponse.Length == 24), "a response has all of its parts");
        }
    }

    /// <summary>The reference: bytes one behind the other, and a length.</summary>
    private static void Pieces(ReadOnlySpan<byte> bytes, Probe probe)
    {
        var framing = new EapTlsFraming(100);
        var together = new List<byte>();
        while (bytes.Length >= 2)
        {
            var count = Math.Min((bytes[0] << 8) | bytes[1], bytes.Length - 2);
            var data = bytes.Slice(2, count);
            bytes = bytes[(2 + count)..];
            var piece = framing.Take(data);
            probe.Reach((long)piece);
            if (piece is EapTlsPiece.Malformed or EapTlsPiece.TooLong)
            {
                break;
            }

            if (piece is EapTlsPiece.Fragment or EapTlsPiece.Whole)
            {
                together.AddRange(data[((data[0] & 0x80) != 0 ? 5 : 1)..]);
                probe.That(together.Count <= EapLimits.MaxTlsMessage, "nothing grows beyond its limit");
            }

            if (piece == EapTlsPiece.Whole)
            {
                probe.That(framing.Message.SequenceEqual(together.ToArray()), "what was cut is put together");
                probe.Size(together.Count);
                together.Clear();
                framing.Clear();
            }
        }

        framing.Erase();
    }
}
