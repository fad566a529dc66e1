namespace Sallyport.Core.OpenVpn.Data;

/// <summary>Types of the option-consistency messages that travel as inner packets.</summary>
public enum OccType : byte
{
    Request = 0,
    Reply = 1,
    MtuRequest = 2,
    MtuReply = 3,
    MtuLoadRequest = 4,
    MtuLoad = 5,

    /// <summary>explicit-exit-notify: the peer leaves now.</summary>
    Exit = 6,
}

public static class Occ
{
    /// <summary>Bytes of a message without a body: magic and type.</summary>
    public const int Length = 17;

    public static ReadOnlySpan<byte> Magic =>
        [0x28, 0x7f, 0x34, 0x6b, 0xd4, 0xef, 0x7a, 0x81, 0x2d, 0x56, 0xb8, 0xd3, 0xaf, 0xc5, 0x45, 0x9c];

    public static bool Is(ReadOnlySpan<byte> inner) => inner.StartsWith(Magic);

    /// <summary>False where the bytes are no OCC message or its type is none that we know.</summary>
    public static bool TryRead(ReadOnlySpan<byte> inner, out OccType type)
    {
        type = inner.Length >= Length ? (OccType)inner[Length - 1] : default;
        return inner.Length >= Length && Is(inner) && type <= OccType.Exit;
    }

    /// <summary>Writes a message without a body and returns its <see cref="Length"/>.</summary>
    public static int Write(Span<byte> inner, OccType type)
    {
        Magic.CopyTo(inner);
        inner[Length - 1] = (byte)type;
        return Length;
    }
}
