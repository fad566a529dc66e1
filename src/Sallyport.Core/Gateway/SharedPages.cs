using System.Numerics;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Gateway;

/// <summary>
/// A struct for each dense id, in pages that are made when their first one is asked for, for several forwarders at once and without a lock:
/// what is there stays where it is, and of two that make the same page one is thrown away. Segments of pages double, so that any id has a
/// place and none needs to be moved.
/// </summary>
internal sealed class SharedPages<T>
    where T : struct
{
    private const int PageBits = 8;
    private const int PageSize = 1 << PageBits;

    private readonly T[]?[]?[] _segments = new T[]?[]?[32 - PageBits];

    public ref T this[int id]
    {
        get
        {
            Invariant.Check(id >= 0, "ids are positive");
            var (segment, page) = PlaceOf(id);
            var pages = Volatile.Read(ref _segments[segment]) ?? Put(ref _segments[segment], new T[]?[1 << segment]);
            var entries = Volatile.Read(ref pages[page]) ?? Put(ref pages[page], new T[PageSize]);
            return ref entries[id & (PageSize - 1)];
        }
    }

    /// <summary>The page that the id is in, at the place that <paramref name="at"/> says; null where nobody asked for it yet.</summary>
    public T[]? Find(int id, out int at)
    {
        at = id & (PageSize - 1);
        if (id < 0)
        {
            return null;
        }

        var (segment, page) = PlaceOf(id);
        return Volatile.Read(ref _segments[segment]) is { } pages ? Volatile.Read(ref pages[page]) : null;
    }

    /// <summary>Every page that there is, and the id that it begins with.</summary>
    public IEnumerable<(int FirstId, T[] Entries)> All()
    {
        for (var segment = 0; segment < _segments.Length; segment++)
        {
            var pages = Volatile.Read(ref _segments[segment]) ?? [];
            for (var page = 0; page < pages.Length; page++)
            {
                if (Volatile.Read(ref pages[page]) is { } entries)
                {
                    yield return (((1 << segment) - 1 + page) << PageBits, entries);
                }
            }
        }
    }

    private static (int Segment, int Page) PlaceOf(int id)
    {
        var number = (id >> PageBits) + 1;
        var segment = BitOperations.Log2((uint)number);
        return (segment, number - (1 << segment));
    }

    private static TArray Put<TArray>(ref TArray? place, TArray made)
        where TArray : class =>
        Interlocked.CompareExchange(ref place, made, null) ?? made;
}
