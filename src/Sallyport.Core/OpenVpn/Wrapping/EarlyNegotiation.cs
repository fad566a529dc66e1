using Sallyport.Core.Primitives;

namespace Sallyport.Core.OpenVpn.Wrapping;

[Flags]
public enum EarlyNegotiationFlags : ushort
{
    None = 0,

    /// <summary>The server kept no state: the client shall bring its WKc again, in CONTROL_WKC_V1.</summary>
    ResendWkc = 1,
}

/// <summary>
/// What client and server tell each other in resets of tls-crypt-v2. The client, by its packet ids, that it understands this;
/// the server, in its reset's payload, a list of <c>type 2 | length 2 | value</c>.
/// </summary>
public static class EarlyNegotiation
{
    /// <summary>The client's counter is preset to 0x0f000000 and its first packet shows one more.</summary>
    public const uint FirstPacketId = 0x0f000001;

    /// <summary>Bytes of the list that <see cref="Write"/> makes.</summary>
    public const int Length = 6;

    private const ushort FlagsType = 1;

    public static bool IsOfferedBy(uint packetId) => packetId >> 24 == 0x0f;

    public static int Write(Span<byte> payload, EarlyNegotiationFlags flags)
    {
        var writer = new ByteWriter(payload);
        writer.U16(FlagsType);
        writer.U16(sizeof(ushort));
        writer.U16((ushort)flags);
        return writer.Length;
    }

    /// <summary>Entries of unknown type are passed over; an empty payload has no flags. False where the list does not add up.</summary>
    public static bool TryParse(ReadOnlySpan<byte> payload, out EarlyNegotiationFlags flags)
    {
        flags = EarlyNegotiationFlags.None;
        var reader = new ByteReader(payload);
        while (reader.Remaining > 0)
        {
            if (!reader.TryU16(out var type) || !reader.TryU16(out var length) || !reader.TryBytes(length, out var value))
            {
                return false;
            }

            if (type != FlagsType)
            {
                continue;
            }

            var field = new ByteReader(value);
            if (value.Length != sizeof(ushort) || !field.TryU16(out var bits))
            {
                return false;
            }

            flags = (EarlyNegotiationFlags)bits;
        }

        return true;
    }
}
