namespace Sallyport.Core.OpenVpn.Data;

/// <summary>The inner packet that only says "alive". It is opened like any other and never forwarded.</summary>
public static class Ping
{
    public static ReadOnlySpan<byte> Payload =>
        [0x2a, 0x18, 0x7b, 0xf3, 0x64, 0x1e, 0xb4, 0xcb, 0x07, 0xed, 0x2d, 0x0a, 0x98, 0x1f, 0xc7, 0x48];

    public static bool Is(ReadOnlySpan<byte> inner) => inner.SequenceEqual(Payload);
}
