namespace Sallyport.Core.OpenVpn.Wrapping;

/// <summary>Which half of a static key a side of tls-auth sends with, as the key-direction option of that side says.</summary>
public enum KeyDirection : byte
{
    /// <summary>0: sends with the first half, receives with the second.</summary>
    Normal,

    /// <summary>1: sends with the second half, receives with the first.</summary>
    Inverse,

    /// <summary>Absent: the first half both ways.</summary>
    Bidirectional,
}

public static class KeyDirections
{
    /// <summary>What the other side must have.</summary>
    public static KeyDirection Opposite(this KeyDirection direction) => direction switch
    {
        KeyDirection.Normal => KeyDirection.Inverse,
        KeyDirection.Inverse => KeyDirection.Normal,
        KeyDirection.Bidirectional => KeyDirection.Bidirectional,
    };

    internal static int SendHalf(this KeyDirection direction) => direction == KeyDirection.Inverse ? 1 : 0;

    internal static int ReceiveHalf(this KeyDirection direction) => direction == KeyDirection.Normal ? 1 : 0;
}
