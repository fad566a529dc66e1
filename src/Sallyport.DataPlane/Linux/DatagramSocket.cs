using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane.Linux;

/// <summary>
/// A bound, non-blocking socket of one family for UDP, or for ESP as an IP protocol, that reports which local address a datagram came to.
/// </summary>
internal sealed unsafe class DatagramSocket : IDisposable
{
    // 7 MB halved the retransmissions of a busy 32-core server (wireguard-go f26efb6); the kernel caps it at rmem_max without privilege.
    private const int BufferBytes = 7 << 20;

    private bool _closed;

    /// <param name="shard">What <see cref="OuterPath.Shard"/> of its datagrams says.</param>
    /// <param name="index">What <see cref="OuterPath.Socket"/> of its datagrams says.</param>
    /// <param name="offloads">False to do without segmentation and coalescing though the kernel has them.</param>
    /// <param name="isDeaf">It only sends: of an IP protocol every socket would get a copy of everything.</param>
    /// <exception cref="LinuxException">EPERM: ESP as an IP protocol without CAP_NET_RAW. EACCES: a port below 1024 without CAP_NET_BIND_SERVICE.</exception>
    public DatagramSocket(
        OuterAddress bindTo, int shard, int index, bool sharePort, bool offloads = true, SocketKind kind = SocketKind.OpenVpn, bool isDeaf = false)
    {
        Shard = shard;
        Index = index;
        Kind = kind;
        IsV4 = bindTo.Ip.IsV4;
        var (type, protocol) = IsRaw ? (Native.SockRaw, Native.IpProtoEsp) : (Native.SockDgram, 0);
        Fd = Native.Socket(IsV4 ? Native.AfInet : Native.AfInet6, type | Native.SockNonBlock | Native.SockCloExec, protocol);
        Native.Check(Fd, IsRaw ? "socket for ESP" : "socket");
        try
        {
            Configure(sharePort, offloads && !IsRaw);
            if (isDeaf)
            {
                Steering.DropEverything(this);
            }

            var address = stackalloc byte[SocketAddress.SizeMax];
            var length = SocketAddress.Write(address, bindTo, 0);
            Native.Check(Native.Bind(Fd, address, length), IsRaw ? $"bind esp {bindTo.Ip}" : $"bind udp {bindTo}");
            length = SocketAddress.SizeMax;
            Native.Check(Native.GetSockName(Fd, address, &length), "getsockname");
            Bound = IsRaw ? bindTo with { Port = 0 } : SocketAddress.Read(address, length, out _);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public int Fd { get; }

    public int Shard { get; }

    public int Index { get; }

    public SocketKind Kind { get; }

    public bool IsV4 { get; }

    /// <summary>Of IPv4 its datagrams then come with their IP header.</summary>
    public bool IsRaw => Kind == SocketKind.Esp;

    /// <summary>The kernel takes a run of datagrams as one message (Linux 4.18). Withdrawn when a device turns out not to be able to.</summary>
    public bool CanSegment { get; set; }

    /// <summary>The kernel hands over runs of datagrams of one sender as one message (Linux 5.0).</summary>
    public bool CanCoalesce { get; private set; }

    /// <summary>With the port that the kernel chose where none was asked for.</summary>
    public OuterAddress Bound { get; }

    public void Dispose()
    {
        if (!_closed)
        {
            _closed = true;
            _ = Native.Close(Fd);
        }
    }

    private void Configure(bool sharePort, bool offloads)
    {
        if (sharePort && !IsRaw)
        {
            Native.SetOption(Fd, Native.SolSocket, Native.SoReusePort, 1);
        }

        if (IsV4)
        {
            Native.SetOption(Fd, Native.IpProtoIp, Native.IpPktInfo, 1);
        }
        else
        {
            if (!IsRaw)
            {
                // An IP protocol is one of either family in any case, and is not asked.
                Native.SetOption(Fd, Native.IpProtoIpv6, Native.Ipv6V6Only, 1);
            }

            Native.SetOption(Fd, Native.IpProtoIpv6, Native.Ipv6RecvPktInfo, 1);
        }

        if (Kind != SocketKind.OpenVpn)
        {
            ConfigureForIpsec();
        }

        // Setting it to nothing changes nothing, but an old kernel does not know it.
        CanSegment = offloads && Native.TrySetOption(Fd, Native.IpProtoUdp, Native.UdpSegment, 0);
        CanCoalesce = offloads && Native.TrySetOption(Fd, Native.IpProtoUdp, Native.UdpGro, 1);
        _ = Native.TrySetOption(Fd, Native.SolSocket, Native.SoRcvBufForce, BufferBytes)
            || Native.TrySetOption(Fd, Native.SolSocket, Native.SoRcvBuf, BufferBytes);
        _ = Native.TrySetOption(Fd, Native.SolSocket, Native.SoSndBufForce, BufferBytes)
            || Native.TrySetOption(Fd, Native.SolSocket, Native.SoSndBuf, BufferBytes);
    }

    /// <summary>
    /// Congestion marks of routers come inside (RFC 6040). What is longer than a path takes the kernel cuts up, as it does what IKE says: that
    /// happens where a path has become narrower and <see cref="PathProbe"/> has not looked yet.
    /// </summary>
    private void ConfigureForIpsec()
    {
        if (IsV4)
        {
            Native.SetOption(Fd, Native.IpProtoIp, Native.IpRecvTos, 1);
            Native.SetOption(Fd, Native.IpProtoIp, Native.IpMtuDiscover, Native.PathMtuWant);
        }
        else
        {
            Native.SetOption(Fd, Native.IpProtoIpv6, Native.Ipv6RecvTClass, 1);
            Native.SetOption(Fd, Native.IpProtoIpv6, Native.Ipv6MtuDiscover, Native.PathMtuWant);
        }
    }
}
