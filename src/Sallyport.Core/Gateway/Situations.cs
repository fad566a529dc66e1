using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Gateway;

/// <summary>
/// How it stands with the tunnel of each identity, for all forwarders of a gateway: whoever judges a flow looks here, wherever its opener's
/// tunnel is. What was last known stays when a tunnel ends: nothing comes through it until there is another. Reading takes no lock (an
/// entry is read again where it was written meanwhile); writing is rare. Structs in pages, no objects.
/// </summary>
public sealed class Situations
{
    private const int PageBits = 10;

    private readonly Lock _lock = new();
    private volatile Entry[]?[] _pages = [];

    public Situation Of(int identityId)
    {
        var pages = _pages;
        var page = (uint)identityId >> PageBits;
        if (page >= (uint)pages.Length || Volatile.Read(ref pages[page]) is not { } entries)
        {
            return default;
        }

        ref var entry = ref entries[identityId & ((1 << PageBits) - 1)];
        while (true)
        {
            var before = Volatile.Read(ref entry.Version);
            var situation = entry.Situation;
            Interlocked.MemoryBarrier();
            if ((before & 1) == 0 && Volatile.Read(ref entry.Version) == before)
            {
                return situation;
            }
        }
    }

    /// <summary>False where nothing is new: then no flow need be judged again.</summary>
    public bool Set(int identityId, in Situation situation)
    {
        lock (_lock)
        {
            ref var entry = ref Grow(identityId)[identityId & ((1 << PageBits) - 1)];
            if (entry.Situation == situation)
            {
                return false;
            }

            Volatile.Write(ref entry.Version, entry.Version + 1);
            Interlocked.MemoryBarrier();
            entry.Situation = situation;
            Volatile.Write(ref entry.Version, entry.Version + 1);
            return true;
        }
    }

    private Entry[] Grow(int identityId)
    {
        Invariant.Check(identityId >= 0, "identities have positive numbers");
        var page = identityId >> PageBits;
        if (page >= _pages.Length)
        {
            // The array of pages is replaced, not changed: readers hold one or the other.
            var grown = new Entry[]?[Math.Max(page + 1, _pages.Length * 2)];
            _pages.CopyTo(grown, 0);
            _pages = grown;
        }

        ref var entries = ref _pages[page];
        if (entries is null)
        {
            Volatile.Write(ref entries, new Entry[1 << PageBits]);
        }

        return entries!;
    }

    private struct Entry
    {
        /// <summary>Odd while it is written.</summary>
        public int Version;
        public Situation Situation;
    }
}
