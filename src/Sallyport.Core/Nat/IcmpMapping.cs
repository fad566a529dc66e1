namespace Sallyport.Core.Nat;

/// <summary>ICMP messages in the other family's words (RFC 7915 sections 4.2 and 5.2).</summary>
internal static class IcmpMapping
{
    public const byte EchoRequestV4 = 8;
    public const byte EchoReplyV4 = 0;
    public const byte EchoRequestV6 = 128;
    public const byte EchoReplyV6 = 129;

    /// <summary>IPv6 heads are longer by this much.</summary>
    private const int HeadDifference = 20;

    /// <summary>Below it an IPv6 host does not lower its path MTU (RFC 8201 section 4).</summary>
    private const int PathMtuMinV6 = 1280;

    /// <summary>False where the other family has no word for it. <paramref name="rest"/> is the second half of the ICMP header.</summary>
    public static bool TryToV6(byte type, byte code, uint rest, out byte typeV6, out byte codeV6, out uint restV6)
    {
        (typeV6, codeV6, restV6) = (0, 0, 0);
        switch (type, code)
        {
            case (3, 2):
                (typeV6, codeV6, restV6) = (4, 1, 6);
                return true;
            case (3, 3):
                (typeV6, codeV6) = (1, 4);
                return true;
            case (3, 4):
                (typeV6, restV6) = (2, (uint)Math.Max(PathMtuMinV6, (ushort)rest + HeadDifference));
                return true;
            case (3, 0 or 1 or 5 or 6 or 7 or 8 or 11 or 12):
                (typeV6, codeV6) = (1, 0);
                return true;
            case (3, 9 or 10 or 13 or 15):
                (typeV6, codeV6) = (1, 1);
                return true;
            case (11, 0 or 1):
                (typeV6, codeV6) = (3, code);
                return true;
            case (12, 0 or 2):
                var pointer = PointerToV6((byte)(rest >> 24));
                (typeV6, restV6) = (4, (uint)Math.Max(pointer, 0));
                return pointer >= 0;
            default:
                return false;
        }
    }

    public static bool TryToV4(byte type, byte code, uint rest, out byte typeV4, out byte codeV4, out uint restV4)
    {
        (typeV4, codeV4, restV4) = (0, 0, 0);
        switch (type, code)
        {
            case (1, 0 or 2 or 3):
                (typeV4, codeV4) = (3, 1);
                return true;
            case (1, 1):
                (typeV4, codeV4) = (3, 10);
                return true;
            case (1, 4):
                (typeV4, codeV4) = (3, 3);
                return true;
            case (2, _):
                (typeV4, codeV4, restV4) = (3, 4, (uint)Math.Clamp((long)rest - HeadDifference, 0, ushort.MaxValue));
                return true;
            case (3, 0 or 1):
                (typeV4, codeV4) = (11, code);
                return true;
            case (4, 0):
                var pointer = PointerToV4(rest);
                (typeV4, restV4) = (12, (uint)Math.Max(pointer, 0) << 24);
                return pointer >= 0;
            case (4, 1):
                (typeV4, codeV4) = (3, 2);
                return true;
            default:
                return false;
        }
    }

    private static int PointerToV6(byte pointer) => pointer switch
    {
        0 or 1 => pointer,
        2 or 3 => 4,
        8 => 7,
        9 => 6,
        >= 12 and <= 15 => 8,
        >= 16 and <= 19 => 24,
        _ => -1,
    };

    private static int PointerToV4(uint pointer) => pointer switch
    {
        0 or 1 => (int)pointer,
        4 or 5 => 2,
        6 => 9,
        7 => 8,
        >= 8 and <= 23 => 12,
        >= 24 and <= 39 => 16,
        _ => -1,
    };
}
