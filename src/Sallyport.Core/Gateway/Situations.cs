using Sallyport.Core.Policy;

namespace Sallyport.Core.Gateway;

/// <summary>
/// How it stands with the tunnel of each identity, for all forwarders of a gateway: whoever judges a flow looks here, wherever its opener's
/// tunnel is. What was last known stays when a tunnel ends: nothing comes through it until there is another. Reading takes no lock (an
/// entry is read again where it was written meanwhile); writing is rare. Structs in pages, no objects.
/// </summary>
public sealed class Situations
{
    private readonly SharedPages<Entry> _entries = new();

    public Situation Of(int identityId)
    {
        if (_entries.Find(identityId, out var at) is not { } page)
        {
            return default;
        }

        ref var entry = ref page[at];
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
        ref var entry = ref _entries[identityId];
        int before;
        do
        {
            // Two write the same entry only while one tunnel takes the place of another; a few instructions each.
            before = Volatile.Read(ref entry.Version) & ~1;
        }
        while (Interlocked.CompareExchange(ref entry.Version, before + 1, before) != before);

        var isNew = entry.Situation != situation;
        entry.Situation = situation;
        Volatile.Write(ref entry.Version, before + 2);
        return isNew;
    }

    private struct Entry
    {
        /// <summary>Odd while it is written.</summary>
        public int Version;
        public Situation Situation;
    }
}
