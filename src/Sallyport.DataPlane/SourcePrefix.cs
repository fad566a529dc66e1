using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane;

/// <summary>What counts as one source where strangers are rationed: a /24 of IPv4, a /56 of IPv6, the usual size of one customer.</summary>
internal static class SourcePrefix
{
    public static UInt128 Of(IpAddress address) =>
        address.IsV4 ? address.Bits >> 8 << 8 : address.Bits >> 72 << 72;
}
