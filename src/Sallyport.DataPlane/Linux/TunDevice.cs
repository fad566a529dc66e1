using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Host;

namespace Sallyport.DataPlane.Linux;

/// <summary>
/// The TUN device of the gateway host: made with one queue for each packet thread, taken up, and given addresses. Whoever has the queues
/// closes them; the device and its addresses go with the last.
/// </summary>
internal sealed unsafe class TunDevice : IGuestRoutes, IDisposable
{
    /// <summary>What fits an inner IPv4 packet of 1500, the default of stock clients: the IPv6 header is 20 bytes longer.</summary>
    private const int Mtu = 1520;

    private const int NameMax = 15;

    // struct ifreq: a name and a union, of which flags, index and MTU are the beginning (netdevice(7)).
    private const int RequestSize = 40;
    private const int UnionOffset = 16;

    // linux/if_tun.h
    private const nuint TunSetIff = 0x4004_54ca;
    private const nuint TunSetOffload = 0x4004_54d0;
    private const short IffTun = 1;
    private const short IffMultiQueue = 0x100;
    private const short IffNoPi = 0x1000;
    private const short IffVnetHdr = 0x4000;
    private const nuint OffloadChecksum = 1;
    private const nuint OffloadTcp = 2 | 4 | 8;
    private const nuint OffloadUdp = 0x20 | 0x40;

    // linux/sockios.h
    private const nuint GetFlags = 0x8913;
    private const nuint SetFlags = 0x8914;
    private const nuint SetAddress = 0x8916;
    private const nuint SetMtu = 0x8922;
    private const nuint GetIndex = 0x8933;
    private const nuint DeleteAddress = 0x8936;
    private const nuint AddRouteCall = 0x890b;
    private const nuint DeleteRouteCall = 0x890c;
    private const short InterfaceUp = 1;
    private const short RouteUp = 1;

    // Offsets in struct rtentry of a 64-bit machine.
    private const int RouteSize = 120;
    private const int RouteDestination = 8;
    private const int RouteMask = 40;
    private const int RouteFlags = 56;
    private const int RouteDevice = 88;

    /// <summary>All devices of one network are behind the device: its addresses have 64 bits in common.</summary>
    private const int AddressPrefixLength = 64;

    private readonly int _socket;
    private readonly int _index;
    private bool _disposed;

    private TunDevice(string name, int socket, int index, TunQueue[] queues)
    {
        Name = name;
        _socket = socket;
        _index = index;
        Queues = queues;
    }

    public string Name { get; }

    public IReadOnlyList<TunQueue> Queues { get; }

    /// <exception cref="LinuxException">The device cannot be made; EPERM without CAP_NET_ADMIN.</exception>
    public static TunDevice Open(string name, int queues, bool offloads)
    {
        var opened = new List<TunQueue>(queues);
        var socket = -1;
        try
        {
            for (var i = 0; i < queues; i++)
            {
                opened.Add(OpenQueue(name, queues > 1, offloads));
            }

            socket = Native.Socket(Native.AfInet6, Native.SockDgram | Native.SockCloExec, 0);
            Native.Check(socket, "socket");
            var device = new TunDevice(name, socket, Ask(socket, name, GetIndex, 0, "SIOCGIFINDEX"), [.. opened]);
            device.TakeUp();
            return device;
        }
        catch
        {
            opened.ForEach(queue => queue.Dispose());
            if (socket >= 0)
            {
                _ = Native.Close(socket);
            }

            throw;
        }
    }

    public void AddAddress(IpAddress address) => ChangeAddress(address, SetAddress, "SIOCSIFADDR");

    public void RemoveAddress(IpAddress address) => ChangeAddress(address, DeleteAddress, "SIOCDIFADDR");

    /// <summary>Leads an IPv4 prefix into the device, in the kernel's main table. It goes with the device.</summary>
    public void AddRoute(IpPrefix prefix) => ChangeRoute(prefix, AddRouteCall, "SIOCADDRT", Native.EExist);

    public void RemoveRoute(IpPrefix prefix) => ChangeRoute(prefix, DeleteRouteCall, "SIOCDELRT", Native.ESrch);

    public void Dispose()
    {
        if (!_disposed)
        {
            _disposed = true;
            _ = Native.Close(_socket);
        }
    }

    private static TunQueue OpenQueue(string name, bool isOneOfSeveral, bool offloads)
    {
        var fd = Native.Open("/dev/net/tun", Native.ORdWr | Native.ONonBlock | Native.OCloExec);
        Native.Check(fd, "open /dev/net/tun");
        try
        {
            var flags = (short)(IffTun | IffNoPi | IffVnetHdr | (isOneOfSeveral ? IffMultiQueue : 0));
            var request = stackalloc byte[RequestSize];
            WriteRequest(request, name, flags);
            Native.Check(Native.IoCtl(fd, TunSetIff, request), "TUNSETIFF " + name);
            var canMergeTcp = offloads && TrySetOffload(fd, OffloadChecksum | OffloadTcp);
            var canMergeUdp = canMergeTcp && TrySetOffload(fd, OffloadChecksum | OffloadTcp | OffloadUdp);
            return new TunQueue(fd, canMergeTcp, canMergeUdp);
        }
        catch
        {
            _ = Native.Close(fd);
            throw;
        }
    }

    /// <summary>False where the kernel does not know one of them; what was set before stays.</summary>
    private static bool TrySetOffload(int fd, nuint offloads) => Native.IoCtl(fd, TunSetOffload, (void*)offloads) == 0;

    private void TakeUp()
    {
        // Nobody is there to answer what a link asks of itself: no address of its own, no routers.
        TrySet("addr_gen_mode", 1);
        TrySet("accept_ra", 0);
        _ = Ask(_socket, Name, SetMtu, Mtu, "SIOCSIFMTU");
        var flags = (short)Ask(_socket, Name, GetFlags, 0, "SIOCGIFFLAGS");
        _ = Ask(_socket, Name, SetFlags, flags | InterfaceUp, "SIOCSIFFLAGS");
    }

    private void TrySet(string setting, int value)
    {
        try
        {
            File.WriteAllText($"/proc/sys/net/ipv6/conf/{Name}/{setting}", value.ToString(CultureInfo.InvariantCulture));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A container with a read-only /proc: a few packets more, which are dropped as what they are.
        }
    }

    private void ChangeAddress(IpAddress address, nuint request, string call)
    {
        // struct in6_ifreq (linux/ipv6.h).
        var change = stackalloc byte[24];
        address.Write(new Span<byte>(change, 16));
        Unsafe.WriteUnaligned(change + 16, AddressPrefixLength);
        Unsafe.WriteUnaligned(change + 20, _index);
        Native.Check(Native.IoCtl(_socket, request, change), call);
    }

    /// <param name="isDone">The errno that says that it is so already.</param>
    private void ChangeRoute(IpPrefix prefix, nuint request, string call, int isDone)
    {
        Invariant.Check(prefix.IsV4, "an IPv4 route");

        // struct rtentry (linux/route.h): destination, gateway and mask are struct sockaddr.
        var route = stackalloc byte[RouteSize];
        new Span<byte>(route, RouteSize).Clear();
        WriteSocketAddress(route + RouteDestination, prefix.Network.V4);
        WriteSocketAddress(route + RouteMask, prefix.Length == 0 ? 0 : uint.MaxValue << (32 - prefix.Length));
        Unsafe.WriteUnaligned(route + RouteFlags, RouteUp);
        var name = stackalloc byte[NameMax + 1];
        new Span<byte>(name, NameMax + 1).Clear();
        Encoding.ASCII.GetBytes(Name, new Span<byte>(name, NameMax));
        Unsafe.WriteUnaligned(route + RouteDevice, (nint)name);
        var socket = Native.Socket(Native.AfInet, Native.SockDgram | Native.SockCloExec, 0);
        Native.Check(socket, "socket");
        try
        {
            var result = Native.IoCtl(socket, request, route);
            if (result < 0 && Native.Errno != isDone)
            {
                Native.Check(result, $"{call} {prefix}");
            }
        }
        finally
        {
            _ = Native.Close(socket);
        }
    }

    private static void WriteSocketAddress(byte* at, uint address)
    {
        Unsafe.WriteUnaligned(at, (short)Native.AfInet);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(new Span<byte>(at + 4, 4), address);
    }

    private static int Ask(int socket, string name, nuint what, int value, string call)
    {
        var request = stackalloc byte[RequestSize];
        WriteRequest(request, name, value);
        Native.Check(Native.IoCtl(socket, what, request), call);
        return Unsafe.ReadUnaligned<int>(request + UnionOffset);
    }

    private static void WriteRequest(byte* request, string name, int value)
    {
        new Span<byte>(request, RequestSize).Clear();
        var length = Encoding.ASCII.GetBytes(name, new Span<byte>(request, NameMax));
        Invariant.Check(length == name.Length, "a device's name is short and ASCII");
        Unsafe.WriteUnaligned(request + UnionOffset, value);
    }
}
