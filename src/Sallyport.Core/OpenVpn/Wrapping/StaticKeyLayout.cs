using Sallyport.Core.OpenVpn.Wire;

namespace Sallyport.Core.OpenVpn.Wrapping;

/// <summary>Where the keys lie in 256 bytes: two halves, each with 64 bytes for a cipher and then 64 for an HMAC.</summary>
internal static class StaticKeyLayout
{
    public const int HalfLength = OpenVpnLimits.StaticKeyLength / 2;
    public const int SlotLength = HalfLength / 2;

    public static ReadOnlySpan<byte> CipherKey(ReadOnlySpan<byte> key, int half, int length) => key.Slice(half * HalfLength, length);

    public static ReadOnlySpan<byte> HmacKey(ReadOnlySpan<byte> key, int half, int length) =>
        key.Slice((half * HalfLength) + SlotLength, length);
}
