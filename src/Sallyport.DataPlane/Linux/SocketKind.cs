using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane.Linux;

/// <summary>What comes over one of a shard's datagram sockets.</summary>
internal enum SocketKind : byte
{
    OpenVpn,

    /// <summary>Port 500: IKE alone.</summary>
    Ike,

    /// <summary>Port 4500: ESP, and IKE behind four bytes of zero (RFC 3948).</summary>
    IkeNat,

    /// <summary>IP protocol 50.</summary>
    Esp,
}

/// <summary>One of the sockets that every shard has, in the order of <see cref="OuterPath.Socket"/>.</summary>
/// <param name="Bound">With the port that the kernel chose where none was asked for; port 0 of <see cref="SocketKind.Esp"/>.</param>
internal readonly record struct BoundSocket(SocketKind Kind, OuterAddress Bound)
{
    /// <summary>"udp 0.0.0.0:1194", "ike 0.0.0.0:500", "ike/nat-t 0.0.0.0:4500", "esp 0.0.0.0".</summary>
    public string Text => Kind switch
    {
        SocketKind.OpenVpn => $"udp {Bound}",
        SocketKind.Ike => $"ike {Bound}",
        SocketKind.IkeNat => $"ike/nat-t {Bound}",
        SocketKind.Esp => $"esp {Bound.Ip}",
    };
}
