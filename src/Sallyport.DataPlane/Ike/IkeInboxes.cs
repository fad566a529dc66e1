using System.Buffers.Binary;

namespace Sallyport.DataPlane.Ike;

/// <summary>Which thread of IKE has a message: the one whose SPIs have its residue, so that one thread sees all of an IKE SA.</summary>
internal static class IkeInboxes
{
    public const int HeadLength = 28;

    private const int VersionAt = 17;
    private const int FlagsAt = 19;
    private const int SpiLength = 8;
    private const int Version = 2;
    private const byte FromInitiator = 0x08;

    /// <param name="message">At least <see cref="HeadLength"/> bytes, without the non-ESP marker.</param>
    public static int IndexOf(ReadOnlySpan<byte> message, int count)
    {
        var (ours, theirs) = Spis(message);

        // A peer's first message has no SPI of ours yet: all of its attempts with this one come to one thread.
        return ours != 0 ? IndexOf(ours, count) : (int)((theirs * 0x9e37_79b9_7f4a_7c15 >> 32) % (ulong)count);
    }

    /// <summary>0: a first message, which anybody may have made, or one of another version, whose peer is told of.</summary>
    public static ulong OurSpi(ReadOnlySpan<byte> message) => message[VersionAt] >> 4 == Version ? Spis(message).Ours : 0;

    private static (ulong Ours, ulong Theirs) Spis(ReadOnlySpan<byte> message)
    {
        var (initiator, responder) = (BinaryPrimitives.ReadUInt64BigEndian(message), BinaryPrimitives.ReadUInt64BigEndian(message[SpiLength..]));
        return (message[FlagsAt] & FromInitiator) != 0 ? (responder, initiator) : (initiator, responder);
    }

    /// <summary>For who chooses an SPI of ours: it must come out as the thread that has the IKE SA.</summary>
    public static int IndexOf(ulong ourSpi, int count) => (int)(ourSpi % (ulong)count);
}
