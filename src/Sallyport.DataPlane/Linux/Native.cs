using System.Runtime.InteropServices;

namespace Sallyport.DataPlane.Linux;

/// <summary>
/// The system calls of the data plane: blittable, without SetLastError (it costs 50 ns a call). Whoever sees a failure reads
/// <see cref="Errno"/> at once. None may carry SuppressGCTransition: each enters the kernel or may block.
/// </summary>
internal static unsafe partial class Native
{
    public const int AfInet = 2;
    public const int AfInet6 = 10;

    public const int SockStream = 1;
    public const int SockDgram = 2;
    public const int SockRaw = 3;
    public const int SockNonBlock = 0x800;
    public const int SockCloExec = 0x80000;

    public const int SolSocket = 1;
    public const int SoReuseAddr = 2;
    public const int SoSndBuf = 7;
    public const int SoRcvBuf = 8;
    public const int SoKeepAlive = 9;
    public const int SoAttachFilter = 26;
    public const int SoReusePort = 15;
    public const int SoSndBufForce = 32;
    public const int SoAttachReusePortCbpf = 51;
    public const int SoRcvBufForce = 33;

    public const int IpProtoIp = 0;
    public const int IpTos = 1;
    public const int IpPktInfo = 8;
    public const int IpMtuDiscover = 10;
    public const int IpRecvTos = 13;
    public const int IpMtu = 14;
    public const int PathMtuWant = 1;

    public const int IpProtoEsp = 50;

    public const int IpProtoTcp = 6;
    public const int TcpNoDelay = 1;
    public const int TcpUserTimeout = 18;

    public const int IpProtoUdp = 17;
    public const int UdpSegment = 103;
    public const int UdpGro = 104;

    public const int IpProtoIpv6 = 41;
    public const int Ipv6MtuDiscover = 23;
    public const int Ipv6Mtu = 24;
    public const int Ipv6V6Only = 26;
    public const int Ipv6RecvPktInfo = 49;
    public const int Ipv6PktInfo = 50;
    public const int Ipv6RecvTClass = 66;
    public const int Ipv6TClass = 67;

    public const int MsgDontWait = 0x40;
    public const int MsgNoSignal = 0x4000;

    public const int EpollCloExec = 0x80000;
    public const int EpollCtlAdd = 1;
    public const int EpollCtlDel = 2;
    public const int EpollCtlMod = 3;
    public const uint EpollIn = 1;
    public const uint EpollOut = 4;
    public const uint EpollErr = 8;
    public const uint EpollHup = 0x10;

    public const int ORdWr = 2;
    public const int ONonBlock = 0x800;
    public const int OCloExec = 0x80000;

    public const int EfdNonBlock = 0x800;
    public const int EfdCloExec = 0x80000;

    public const int EIntr = 4;
    public const int EPerm = 1;
    public const int EIo = 5;
    public const int EAgain = 11;
    public const int EAcces = 13;
    public const int EExist = 17;
    public const int ESrch = 3;
    public const int EInval = 22;
    public const int ENFile = 23;
    public const int EMFile = 24;
    public const int EMsgSize = 90;
    public const int EAfNoSupport = 97;
    public const int EAddrInUse = 98;
    public const int EAddrNotAvail = 99;

    public static int Errno => Marshal.GetLastSystemError();

    [LibraryImport("libc", EntryPoint = "socket")]
    public static partial int Socket(int domain, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "close")]
    public static partial int Close(int fd);

    [LibraryImport("libc", EntryPoint = "bind")]
    public static partial int Bind(int fd, byte* address, uint length);

    [LibraryImport("libc", EntryPoint = "connect")]
    public static partial int Connect(int fd, byte* address, uint length);

    [LibraryImport("libc", EntryPoint = "getsockopt")]
    public static partial int GetSockOpt(int fd, int level, int name, void* value, uint* length);

    [LibraryImport("libc", EntryPoint = "listen")]
    public static partial int Listen(int fd, int backlog);

    [LibraryImport("libc", EntryPoint = "accept4")]
    public static partial int Accept4(int fd, byte* address, uint* length, int flags);

    [LibraryImport("libc", EntryPoint = "getsockname")]
    public static partial int GetSockName(int fd, byte* address, uint* length);

    [LibraryImport("libc", EntryPoint = "setsockopt")]
    public static partial int SetSockOpt(int fd, int level, int name, void* value, uint length);

    [LibraryImport("libc", EntryPoint = "recvmmsg")]
    public static partial int RecvMMsg(int fd, MMsgHdr* messages, uint count, int flags, void* timeout);

    [LibraryImport("libc", EntryPoint = "sendmmsg")]
    public static partial int SendMMsg(int fd, MMsgHdr* messages, uint count, int flags);

    [LibraryImport("libc", EntryPoint = "recv")]
    public static partial nint Recv(int fd, byte* buffer, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "send")]
    public static partial nint Send(int fd, byte* buffer, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "read")]
    public static partial nint Read(int fd, void* buffer, nuint length);

    [LibraryImport("libc", EntryPoint = "write")]
    public static partial nint Write(int fd, void* buffer, nuint length);

    [LibraryImport("libc", EntryPoint = "writev")]
    public static partial nint WriteV(int fd, IoVec* vectors, int count);

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "setpriority")]
    public static partial int SetPriority(int which, int who, int priority);

    [LibraryImport("libc", EntryPoint = "nanosleep")]
    public static partial int NanoSleep(long* request, long* remaining);

    [LibraryImport("libc", EntryPoint = "prctl")]
    public static partial int PrCtl(int option, nuint a, nuint b, nuint c, nuint d);

    [LibraryImport("libc", EntryPoint = "ioctl")]
    public static partial int IoCtl(int fd, nuint request, void* argument);

    [LibraryImport("libc", EntryPoint = "epoll_create1")]
    public static partial int EpollCreate1(int flags);

    [LibraryImport("libc", EntryPoint = "epoll_ctl")]
    public static partial int EpollCtl(int epoll, int operation, int fd, void* item);

    [LibraryImport("libc", EntryPoint = "epoll_wait")]
    public static partial int EpollWait(int epoll, void* items, int count, int timeoutMs);

    [LibraryImport("libc", EntryPoint = "eventfd")]
    public static partial int EventFd(uint initial, int flags);

    public static void Check(int result, string call)
    {
        if (result < 0)
        {
            throw new LinuxException(call, Errno);
        }
    }

    public static void SetOption(int fd, int level, int name, int value) =>
        Check(SetSockOpt(fd, level, name, &value, sizeof(int)), "setsockopt");

    /// <summary>For options that only make things better.</summary>
    public static bool TrySetOption(int fd, int level, int name, int value) =>
        SetSockOpt(fd, level, name, &value, sizeof(int)) == 0;
}

/// <summary>struct iovec.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct IoVec
{
    public byte* Base;
    public nuint Length;
}

/// <summary>struct mmsghdr of 64-bit Linux: a msghdr and the length that was transferred.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct MMsgHdr
{
    public byte* Name;
    public uint NameLength;
    public IoVec* Vectors;
    public nuint VectorCount;
    public byte* Control;
    public nuint ControlLength;
    public int Flags;
    private readonly int _endOfMsgHdr;
    public uint Transferred;
    private readonly int _endOfMMsgHdr;
}

/// <summary>struct cmsghdr of 64-bit Linux; the data follows, aligned to 8.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct CMsgHdr
{
    public nuint Length;
    public int Level;
    public int Type;
}
