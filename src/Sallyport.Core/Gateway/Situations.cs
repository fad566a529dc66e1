using Sallyport.Core.Policy;

namespace Sallyport.Core.Gateway;

/// <summary>
/// How it stands with the tunnel of each identity, for all forwarders of a gateway: whoever judges a flow looks here, wherever its opener's
/// tunnel is. What was last known stays when a tunnel ends: nothing comes through it until there is another. Reading takes no lock (an
/// entry is read again where it was written meanwhile), and nobody is told: a flow knows the version that it was judged by, and whoever has its
/// next packet compares. So that a peer which moves with every packet costs its own packets a judgement, and others nothing. Structs in
/// pages, no objects.
/// </summary>
public sealed class Situations
{
    private readonly SharedPages<Entry> _entries = new();
    private long _changes;

    /// <summary>Grows with everything new that is said of anybody.</summary>
    public long Changes => Volatile.Read(ref _changes);

    public Situation Of(int identityId) => Of(identityId, out _);

    /// <summary>Other than before where anything has changed since.</summary>
    public int VersionOf(int identityId) => _entries.Find(identityId, out var at) is { } page ? Volatile.Read(ref page[at].Version) : 0;

    /// <param name="version">See <see cref="VersionOf"/>.</param>
    public Situation Of(int identityId, out int version)
    {
        version = 0;
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
                version = before;
                return situation;
            }
        }
    }

    /// <summary>False where nothing is new.</summary>
    /// <param name="tunnelId">The greatest one speaks: a tunnel that another one has replaced says nothing any more.</param>
    public bool Set(int identityId, long tunnelId, in Situation situation)
    {
        ref var entry = ref _entries[identityId];
        var before = Lock(ref entry);
        var isNew = tunnelId >= entry.TunnelId && entry.Situation != situation;
        if (isNew)
        {
            entry.Situation = situation;
        }

        entry.TunnelId = Math.Max(tunnelId, entry.TunnelId);
        Volatile.Write(ref entry.Version, isNew ? before + 2 : before);
        if (isNew)
        {
            Interlocked.Increment(ref _changes);
        }

        return isNew;
    }

    /// <summary>The tunnel is gone: what it said stays until another one of the identity speaks, whichever came first.</summary>
    public void Leave(int identityId, long tunnelId)
    {
        if (_entries.Find(identityId, out var at) is { } page)
        {
            ref var entry = ref page[at];
            var before = Lock(ref entry);
            entry.TunnelId = entry.TunnelId == tunnelId ? 0 : entry.TunnelId;
            Volatile.Write(ref entry.Version, before);
        }
    }

    /// <summary>Nobody speaks for the identity: a tunnel of it that is still there should.</summary>
    public bool IsLeft(int identityId) => _entries.Find(identityId, out var at) is not { } page || Volatile.Read(ref page[at].TunnelId) == 0;

    /// <summary>Two write the same entry only while one tunnel takes the place of another, or goes; a few instructions each. Returns the version before.</summary>
    private static int Lock(ref Entry entry)
    {
        int before;
        do
        {
            before = Volatile.Read(ref entry.Version) & ~1;
        }
        while (Interlocked.CompareExchange(ref entry.Version, before + 1, before) != before);
        return before;
    }

    private struct Entry
    {
        /// <summary>Odd while it is written.</summary>
        public int Version;
        public long TunnelId;
        public Situation Situation;
    }
}
