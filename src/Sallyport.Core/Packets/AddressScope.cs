using Sallyport.Core.Primitives;

namespace Sallyport.Core.Packets;

/// <summary>How far an address reaches.</summary>
public enum Scope : byte
{
    /// <summary>One host somewhere.</summary>
    Unicast,

    /// <summary>One host on one link: 169.254.0.0/16 (RFC 3927), fe80::/10 (RFC 4291 section 2.5.6).</summary>
    LinkLocal,

    /// <summary>Multicast, the limited broadcast 255.255.255.255, and the reserved 240.0.0.0/4.</summary>
    Group,

    /// <summary>"This host" and loopback: never on a wire (RFC 1122 section 3.2.1.3, RFC 4291 section 2.5).</summary>
    NotOnWire,
}

public static class AddressScope
{
    public static Scope Of(IpAddress address)
    {
        if (address.IsV4)
        {
            return (address.V4 >> 24) switch
            {
                0 or 127 => Scope.NotOnWire,
                169 when (address.V4 >> 16 & 0xff) == 254 => Scope.LinkLocal,
                >= 224 => Scope.Group,
                _ => Scope.Unicast,
            };
        }

        var high = (uint)(address.Bits >> 96);
        return high switch
        {
            >= 0xff00_0000 => Scope.Group,
            >= 0xfe80_0000 and < 0xfec0_0000 => Scope.LinkLocal,
            0 when address.Bits <= 1 => Scope.NotOnWire,
            _ => Scope.Unicast,
        };
    }
}
