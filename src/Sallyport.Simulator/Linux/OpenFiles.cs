namespace Sallyport.Simulator.Linux;

/// <summary>The limit of descriptors: each device has a socket.</summary>
internal static unsafe class OpenFiles
{
    /// <summary>What a process has open beside the devices' sockets.</summary>
    private const int Others = 512;

    /// <summary>Makes room for so many sockets, as far as this process may.</summary>
    /// <exception cref="LinuxException">The hard limit is lower and we may not raise it.</exception>
    public static void MakeRoomFor(int sockets)
    {
        var wanted = (ulong)sockets + Others;
        ResourceLimit limit;
        Native.Check(Native.GetLimit(Native.LimitOpenFiles, &limit), "getrlimit");
        if (limit.Soft >= wanted)
        {
            return;
        }

        limit.Soft = wanted;
        limit.Hard = Math.Max(limit.Hard, wanted);
        Native.Check(Native.SetLimit(Native.LimitOpenFiles, &limit), $"setrlimit to {wanted} open files");
    }
}
