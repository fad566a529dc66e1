using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Wire;

/// <summary>The 28 bytes before every message (RFC 7296 section 3.1).</summary>
public readonly record struct IkeHeader
{
    /// <summary>Major version 2, minor 0.</summary>
    public const byte Version2 = 0x20;

    public required ulong InitiatorSpi { get; init; }

    /// <summary>0 in the first message of an IKE SA.</summary>
    public required ulong ResponderSpi { get; init; }

    public required PayloadType NextPayload { get; init; }

    public byte Version { get; init; }

    public required ExchangeType Exchange { get; init; }

    public required IkeFlags Flags { get; init; }

    public required uint MessageId { get; init; }

    /// <summary>Of the whole message, this header with it.</summary>
    public int Length { get; init; }

    public bool IsResponse => (Flags & IkeFlags.Response) != 0;

    public bool IsFromInitiator => (Flags & IkeFlags.Initiator) != 0;

    /// <summary>The SPI that the receiver chose; 0 in the first message to a responder.</summary>
    public ulong ReceiverSpi => IsFromInitiator ? ResponderSpi : InitiatorSpi;

    public ulong SenderSpi => IsFromInitiator ? InitiatorSpi : ResponderSpi;

    /// <summary>False where the message is too short, or longer or shorter than it says.</summary>
    public static bool TryRead(ReadOnlySpan<byte> message, out IkeHeader header)
    {
        header = default;
        var reader = new ByteReader(message);
        if (!reader.TryU64(out var initiator) || !reader.TryU64(out var responder) || !reader.TryU8(out var next)
            || !reader.TryU8(out var version) || !reader.TryU8(out var exchange) || !reader.TryU8(out var flags)
            || !reader.TryU32(out var id) || !reader.TryU32(out var length) || length != (uint)message.Length)
        {
            return false;
        }

        header = new IkeHeader
        {
            InitiatorSpi = initiator,
            ResponderSpi = responder,
            NextPayload = (PayloadType)next,
            Version = version,
            Exchange = (ExchangeType)exchange,
            Flags = (IkeFlags)flags,
            MessageId = id,
            Length = message.Length,
        };
        return true;
    }

    /// <summary>Writes 28 bytes, of our version.</summary>
    public void Write(Span<byte> destination)
    {
        var writer = new ByteWriter(destination);
        writer.U64(InitiatorSpi);
        writer.U64(ResponderSpi);
        writer.U8((byte)NextPayload);
        writer.U8(Version2);
        writer.U8((byte)Exchange);
        writer.U8((byte)Flags);
        writer.U32(MessageId);
        writer.U32((uint)Length);
    }
}
