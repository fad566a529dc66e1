using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane.Linux;

/// <summary>struct sockaddr_in and sockaddr_in6 as bytes.</summary>
internal static unsafe class SocketAddress
{
    /// <summary>Room for the larger of the two, aligned.</summary>
    public const int SizeMax = 32;

    private const int SizeV4 = 16;
    private const int SizeV6 = 28;

    /// <summary>Returns the length of the structure written.</summary>
    public static uint Write(byte* destination, OuterAddress address, int scope)
    {
        var span = new Span<byte>(destination, SizeMax);
        BinaryPrimitives.WriteUInt16BigEndian(span[2..], address.Port);
        if (address.Ip.IsV4)
        {
            Unsafe.WriteUnaligned(destination, (ushort)Native.AfInet);
            address.Ip.Write(span[4..]);
            Unsafe.WriteUnaligned(destination + 8, 0ul);
            return SizeV4;
        }

        Unsafe.WriteUnaligned(destination, (ushort)Native.AfInet6);
        Unsafe.WriteUnaligned(destination + 4, 0u);
        address.Ip.Write(span[8..]);
        Unsafe.WriteUnaligned(destination + 24, scope);
        return SizeV6;
    }

    /// <summary>The kernel's own structures: an unknown family reads as the zero address. Scope is 0 but for link-local IPv6.</summary>
    public static OuterAddress Read(byte* source, uint length, out int scope)
    {
        scope = 0;
        var span = new ReadOnlySpan<byte>(source, SizeMax);
        var family = Unsafe.ReadUnaligned<ushort>(source);
        var port = BinaryPrimitives.ReadUInt16BigEndian(span[2..]);
        if (family == Native.AfInet && length >= SizeV4)
        {
            return new OuterAddress(IpAddress.ReadV4(span[4..]), port);
        }

        if (family == Native.AfInet6 && length >= SizeV6)
        {
            scope = Unsafe.ReadUnaligned<int>(source + 24);
            return new OuterAddress(IpAddress.ReadV6(span[8..]), port);
        }

        return default;
    }
}
