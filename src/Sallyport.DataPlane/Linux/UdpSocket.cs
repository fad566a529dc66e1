using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane.Linux;

/// <summary>A bound, non-blocking UDP socket of one family that reports which local address a datagram came to.</summary>
internal sealed unsafe class UdpSocket : IDisposable
{
    // 7 MB halved the retransmissions of a busy 32-core server (wireguard-go f26efb6); the kernel caps it at rmem_max without privilege.
    private const int BufferBytes = 7 << 20;

    private bool _closed;

    /// <param name="shard">What <see cref="OuterPath.Shard"/> of its datagrams says.</param>
    /// <param name="index">What <see cref="OuterPath.Socket"/> of its datagrams says.</param>
    /// <param name="offloads">False to do without segmentation and coalescing though the kernel has them.</param>
    public UdpSocket(OuterAddress bindTo, int shard, int index, bool sharePort, bool offloads = true)
    {
        Shard = shard;
        Index = index;
        IsV4 = bindTo.Ip.IsV4;
        Fd = Native.Socket(
            IsV4 ? Native.AfInet : Native.AfInet6, Native.SockDgram | Native.SockNonBlock | Native.SockCloExec, 0);
        Native.Check(Fd, "socket");
        try
        {
            Configure(sharePort, offloads);
            var address = stackalloc byte[SocketAddress.SizeMax];
            var length = SocketAddress.Write(address, bindTo, 0);
            Native.Check(Native.Bind(Fd, address, length), $"bind udp {bindTo}");
            length = SocketAddress.SizeMax;
            Native.Check(Native.GetSockName(Fd, address, &length), "getsockname");
            Bound = SocketAddress.Read(address, length, out _);
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

    public bool IsV4 { get; }

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
        if (sharePort)
        {
            Native.SetOption(Fd, Native.SolSocket, Native.SoReusePort, 1);
        }

        if (IsV4)
        {
            Native.SetOption(Fd, Native.IpProtoIp, Native.IpPktInfo, 1);
        }
        else
        {
            Native.SetOption(Fd, Native.IpProtoIpv6, Native.Ipv6V6Only, 1);
            Native.SetOption(Fd, Native.IpProtoIpv6, Native.Ipv6RecvPktInfo, 1);
        }

        // Setting it to nothing changes nothing, but an old kernel does not know it.
        CanSegment = offloads && Native.TrySetOption(Fd, Native.IpProtoUdp, Native.UdpSegment, 0);
        CanCoalesce = offloads && Native.TrySetOption(Fd, Native.IpProtoUdp, Native.UdpGro, 1);
        _ = Native.TrySetOption(Fd, Native.SolSocket, Native.SoRcvBufForce, BufferBytes)
            || Native.TrySetOption(Fd, Native.SolSocket, Native.SoRcvBuf, BufferBytes);
        _ = Native.TrySetOption(Fd, Native.SolSocket, Native.SoSndBufForce, BufferBytes)
            || Native.TrySetOption(Fd, Native.SolSocket, Native.SoSndBuf, BufferBytes);
    }
}
