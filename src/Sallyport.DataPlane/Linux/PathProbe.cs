namespace Sallyport.DataPlane.Linux;

/// <summary>
/// Asks the kernel how long a packet to a peer may be. Who tells it of narrower paths is not authenticated; it checks that they speak of
/// packets that were sent, forgets after ten minutes, and we believe nothing below what every path must take (RFC 4301 section 8.2.1). One thread.
/// </summary>
internal sealed unsafe class PathProbe : IDisposable
{
    private readonly int _v4 = Native.Socket(Native.AfInet, Native.SockDgram | Native.SockCloExec, 0);
    private readonly int _v6 = Native.Socket(Native.AfInet6, Native.SockDgram | Native.SockCloExec, 0);
    private bool _disposed;

    /// <summary>Bytes with the outer IP header; 0 where there is no way to the peer.</summary>
    public int MtuTo(in OuterPath path)
    {
        var isV4 = path.Peer.Ip.IsV4;
        var socket = isV4 ? _v4 : _v6;
        if (socket < 0)
        {
            return 0;
        }

        // Nothing is sent: connecting looks the route up. A port must be there, whichever.
        var address = stackalloc byte[SocketAddress.SizeMax];
        var length = SocketAddress.Write(address, path.Peer with { Port = Math.Max(path.Peer.Port, (ushort)1) }, path.Scope);
        if (Native.Connect(socket, address, length) < 0)
        {
            return 0;
        }

        int mtu;
        uint size = sizeof(int);
        return Native.GetSockOpt(socket, isV4 ? Native.IpProtoIp : Native.IpProtoIpv6, isV4 ? Native.IpMtu : Native.Ipv6Mtu, &mtu, &size) == 0 ? mtu : 0;
    }

    public void Dispose()
    {
        if (!_disposed)
        {
            _disposed = true;
            _ = Native.Close(_v4);
            _ = Native.Close(_v6);
        }
    }
}
