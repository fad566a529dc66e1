using System.Runtime.InteropServices;

namespace Sallyport.Core.Nat;

public enum SegmentOffload : byte
{
    None = 0,
    TcpV4 = 1,
    TcpV6 = 4,
    Udp = 5,
}

/// <summary>
/// What stands in front of a packet that passes between the kernel and us through a TUN with IFF_VNET_HDR: struct virtio_net_hdr
/// (Virtio 1.2 section 5.1.6), in the machine's byte order.
/// </summary>
public readonly record struct OffloadHeader
{
    public const int Length = 10;

    private const byte NeedsChecksumFlag = 1;

    /// <summary>Beside the kind: the first segment alone carries CWR.</summary>
    private const byte EcnFlag = 0x80;

    /// <summary>The checksum field holds the pseudo header's sum only.</summary>
    public bool NeedsChecksum { get; init; }

    /// <summary>As the kernel has it; kinds that we never ask for are there, too.</summary>
    public byte Kind { get; init; }

    public ushort HeadLength { get; init; }

    public ushort SegmentSize { get; init; }

    public ushort ChecksumStart { get; init; }

    public ushort ChecksumOffset { get; init; }

    public SegmentOffload Offload => (SegmentOffload)(Kind & ~EcnFlag);

    public static OffloadHeader Read(ReadOnlySpan<byte> bytes) => new()
    {
        NeedsChecksum = (bytes[0] & NeedsChecksumFlag) != 0,
        Kind = bytes[1],
        HeadLength = MemoryMarshal.Read<ushort>(bytes[2..]),
        SegmentSize = MemoryMarshal.Read<ushort>(bytes[4..]),
        ChecksumStart = MemoryMarshal.Read<ushort>(bytes[6..]),
        ChecksumOffset = MemoryMarshal.Read<ushort>(bytes[8..]),
    };

    public void Write(Span<byte> bytes)
    {
        bytes[0] = NeedsChecksum ? NeedsChecksumFlag : (byte)0;
        bytes[1] = Kind;
        MemoryMarshal.Write(bytes[2..], HeadLength);
        MemoryMarshal.Write(bytes[4..], SegmentSize);
        MemoryMarshal.Write(bytes[6..], ChecksumStart);
        MemoryMarshal.Write(bytes[8..], ChecksumOffset);
    }
}
