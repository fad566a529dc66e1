using Sallyport.Core.Nat;

namespace Sallyport.DataPlane.Linux;

/// <summary>
/// One queue of the TUN device: packets of the gateway host, each behind an <see cref="OffloadHeader"/>. The device goes with its last queue.
/// </summary>
internal sealed unsafe class TunQueue(int fd, bool canMergeTcp, bool canMergeUdp) : IDisposable
{
    private bool _disposed;

    public int Fd { get; } = fd;

    /// <summary>Whether the kernel takes TCP segments in one piece. Falls where it once refused to.</summary>
    public bool CanMergeTcp { get; set; } = canMergeTcp;

    /// <summary>The same for datagrams (USO).</summary>
    public bool CanMergeUdp { get; set; } = canMergeUdp;

    /// <summary>One packet or piece with its header; 0 where nothing is there.</summary>
    public int Read(PacketMemory memory, in PacketSpot place)
    {
        var count = Native.Read(Fd, memory.Pointer(place.Start, place.Length), (nuint)place.Length);
        return (int)Math.Max(count, 0);
    }

    /// <summary>The errno, 0 where it was taken.</summary>
    public int Write(IoVec* vectors, int count)
    {
        while (Native.WriteV(Fd, vectors, count) < 0)
        {
            if (Native.Errno is not Native.EIntr and var errno)
            {
                return errno;
            }
        }

        return 0;
    }

    public void Dispose()
    {
        if (!_disposed)
        {
            _disposed = true;
            _ = Native.Close(Fd);
        }
    }
}
