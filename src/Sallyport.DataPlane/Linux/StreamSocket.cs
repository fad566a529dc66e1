using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane.Linux;

/// <summary>A listening TCP socket, non-blocking.</summary>
internal sealed unsafe class StreamListener : IDisposable
{
    private const int Backlog = 4096;

    private bool _closed;

    public StreamListener(OuterAddress bindTo, bool sharePort)
    {
        var family = bindTo.Ip.IsV4 ? Native.AfInet : Native.AfInet6;
        Fd = Native.Socket(family, Native.SockStream | Native.SockNonBlock | Native.SockCloExec, 0);
        Native.Check(Fd, "socket");
        try
        {
            Native.SetOption(Fd, Native.SolSocket, Native.SoReuseAddr, 1);
            if (sharePort)
            {
                Native.SetOption(Fd, Native.SolSocket, Native.SoReusePort, 1);
            }

            if (!bindTo.Ip.IsV4)
            {
                Native.SetOption(Fd, Native.IpProtoIpv6, Native.Ipv6V6Only, 1);
            }

            var address = stackalloc byte[SocketAddress.SizeMax];
            var length = SocketAddress.Write(address, bindTo, 0);
            Native.Check(Native.Bind(Fd, address, length), $"bind tcp {bindTo}");
            Native.Check(Native.Listen(Fd, Backlog), "listen");
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

    public OuterAddress Bound { get; }

    /// <summary>Null where nobody waits, or where the process or the system has no descriptors left.</summary>
    public StreamSocket? TryAccept(out bool outOfDescriptors)
    {
        outOfDescriptors = false;
        var address = stackalloc byte[SocketAddress.SizeMax];
        uint length = SocketAddress.SizeMax;
        var fd = Native.Accept4(Fd, address, &length, Native.SockNonBlock | Native.SockCloExec);
        if (fd >= 0)
        {
            return new StreamSocket(fd, SocketAddress.Read(address, length, out _));
        }

        outOfDescriptors = Native.Errno is Native.EMFile or Native.ENFile;
        return null;
    }

    public void Dispose()
    {
        if (!_closed)
        {
            _closed = true;
            _ = Native.Close(Fd);
        }
    }
}

/// <summary>A connected TCP socket, non-blocking.</summary>
internal sealed unsafe class StreamSocket : IDisposable
{
    private bool _closed;

    public StreamSocket(int fd, OuterAddress peer)
    {
        Fd = fd;
        Peer = peer;
        _ = Native.TrySetOption(fd, Native.IpProtoTcp, Native.TcpNoDelay, 1);
        _ = Native.TrySetOption(fd, Native.SolSocket, Native.SoKeepAlive, 1);
    }

    public int Fd { get; }

    public OuterAddress Peer { get; }

    /// <summary>Bytes read; 0 where the peer closed or the connection broke; -1 where nothing is there now.</summary>
    public int Read(Span<byte> buffer)
    {
        fixed (byte* start = buffer)
        {
            var count = Native.Recv(Fd, start, (nuint)buffer.Length, Native.MsgDontWait);
            return count >= 0 ? (int)count : Native.Errno is Native.EAgain or Native.EIntr ? -1 : 0;
        }
    }

    /// <summary>Bytes that the kernel took, perhaps 0; -1 where the connection broke.</summary>
    public int Write(ReadOnlySpan<byte> bytes)
    {
        fixed (byte* start = bytes)
        {
            var count = Native.Send(Fd, start, (nuint)bytes.Length, Native.MsgDontWait | Native.MsgNoSignal);
            return count >= 0 ? (int)count : Native.Errno is Native.EAgain or Native.EIntr ? 0 : -1;
        }
    }

    public void Dispose()
    {
        if (!_closed)
        {
            _closed = true;
            _ = Native.Close(Fd);
        }
    }
}
