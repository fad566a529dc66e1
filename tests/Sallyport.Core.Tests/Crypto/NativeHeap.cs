using System.Runtime.InteropServices;

namespace Sallyport.Core.Tests.Crypto;

/// <summary>
/// What the C library's allocator has given out and not got back, over all of its arenas. Unlike the resident memory it knows nothing of the
/// runtime's own heap, which grows and shrinks when it likes.
/// </summary>
internal static partial class NativeHeap
{
    public static double Megabytes()
    {
        var info = MallInfo2();
        return (info.InUse + info.Mapped) / 1e6;
    }

    [LibraryImport("libc", EntryPoint = "mallinfo2")]
    private static partial MallInfo MallInfo2();

    /// <summary>glibc's <c>struct mallinfo2</c> (malloc.h): ten sizes in bytes or counts.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly struct MallInfo
    {
        private readonly nuint _arena;
        private readonly nuint _freeChunks;
        private readonly nuint _fastChunks;
        private readonly nuint _mappedRegions;
        public readonly nuint Mapped;
        private readonly nuint _maximum;
        private readonly nuint _fastFree;
        public readonly nuint InUse;
        private readonly nuint _free;
        private readonly nuint _releasable;
    }
}
