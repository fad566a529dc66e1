using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace Sallyport.Simulator.Linux;

/// <summary>A connected, non-blocking UDP socket: a bare descriptor, since there are tens of thousands of them.</summary>
internal readonly unsafe struct DeviceSocket
{
    private const int LongestAddress = 28;
    private const int ControlLength = 24;
    private readonly int descriptorPlusOne;

    private DeviceSocket(int descriptor)
    {
        descriptorPlusOne = descriptor + 1;
    }

    public bool Exists => descriptorPlusOne != 0;

    public int Descriptor => descriptorPlusOne - 1;

    /// <summary>False where the source is taken: try another.</summary>
    public static bool TryOpen(IPEndPoint source, IPEndPoint server, out DeviceSocket socket)
    {
        var family = server.AddressFamily == AddressFamily.InterNetworkV6 ? Native.AfInet6 : Native.AfInet;
        var descriptor = Native.Check(
            Native.Socket(family, Native.SockDgram | Native.SockNonBlock | Native.SockCloseOnExec, 0), "socket");
        socket = new DeviceSocket(descriptor);
        var address = stackalloc byte[LongestAddress];
        var errno = 0;
        if (Native.Bind(descriptor, address, WriteAddress(address, source, family)) != 0)
        {
            errno = Native.Errno;
            socket.Close();
            socket = default;
            return errno == Native.ErrnoAddressInUse ? false : throw new LinuxException($"bind to {source}", errno);
        }

        if (Native.Connect(descriptor, address, WriteAddress(address, server, family)) != 0)
        {
            errno = Native.Errno;
            socket.Close();
            throw new LinuxException($"connect to {server}", errno);
        }

        return true;
    }

    /// <summary>For devices to which many others talk. Beyond the system's limit only as root.</summary>
    public void EnlargeReceiveBuffer(int bytes)
    {
        if (!Native.TrySetOption(Descriptor, Native.SolSocket, Native.SoReceiveBufferForce, bytes))
        {
            Native.TrySetOption(Descriptor, Native.SolSocket, Native.SoReceiveBuffer, bytes);
        }
    }

    /// <summary>Equal datagrams in a row may arrive as one from now on; <see cref="ReceiveRing"/> tells them apart.</summary>
    public bool TryCoalesce() => Native.TrySetOption(Descriptor, Native.SolUdp, Native.UdpGro, 1);

    /// <summary>Bytes of a datagram; 0 where there is nothing to be had, whatever the reason.</summary>
    public int Receive(Span<byte> buffer)
    {
        fixed (byte* bytes = buffer)
        {
            return (int)Math.Max(Native.Receive(Descriptor, bytes, (nuint)buffer.Length, Native.MsgDontWait), 0);
        }
    }

    /// <summary>What the kernel does not take is lost, as packets are.</summary>
    public void Send(ReadOnlySpan<byte> datagram)
    {
        fixed (byte* bytes = datagram)
        {
            _ = Native.Send(Descriptor, bytes, (nuint)datagram.Length, Native.MsgDontWait | Native.MsgNoSignal);
        }
    }

    /// <summary>Sends datagrams that lie one behind the other, each of <paramref name="segment"/> bytes, with one call (UDP_SEGMENT).</summary>
    public bool TrySendSegments(ReadOnlySpan<byte> datagrams, int segment)
    {
        var control = stackalloc byte[ControlLength];
        Unsafe.WriteUnaligned(control, new ControlHeader
        {
            Length = (nuint)(sizeof(ControlHeader) + sizeof(ushort)),
            Level = Native.SolUdp,
            Type = Native.UdpSegment,
        });
        Unsafe.WriteUnaligned(control + sizeof(ControlHeader), (ushort)segment);
        fixed (byte* bytes = datagrams)
        {
            var vector = new Vector { Base = bytes, Length = (nuint)datagrams.Length };
            var message = new MessageHeader { Vectors = &vector, VectorCount = 1, Control = control, ControlLength = ControlLength };
            return Native.SendMessage(Descriptor, &message, Native.MsgDontWait | Native.MsgNoSignal) == datagrams.Length;
        }
    }

    public void Close()
    {
        if (Exists)
        {
            _ = Native.Close(Descriptor);
        }
    }

    private static uint WriteAddress(byte* address, IPEndPoint endPoint, int family)
    {
        var bytes = new Span<byte>(address, LongestAddress);
        bytes.Clear();
        Unsafe.WriteUnaligned(address, (ushort)family);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[2..], (ushort)endPoint.Port);
        var host = family == Native.AfInet6 && endPoint.Address.AddressFamily != AddressFamily.InterNetworkV6
            ? IPAddress.IPv6Any
            : endPoint.Address;
        host.TryWriteBytes(bytes[(family == Native.AfInet6 ? 8 : 4)..], out _);
        return family == Native.AfInet6 ? 28u : 16u;
    }
}
