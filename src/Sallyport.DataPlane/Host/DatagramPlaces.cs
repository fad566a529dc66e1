using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane.Host;

/// <summary>Which datagram a fragment is of (RFC 791 section 3.2).</summary>
internal readonly record struct DatagramKey(IpAddress Source, IpAddress Destination, ushort Id, byte Protocol);

/// <summary>
/// To which shards the first parts of datagrams went, so that the later ones, which have no ports, find them. So many places; a newer one
/// takes that of an older one, whose parts then ask everywhere.
/// </summary>
internal sealed class DatagramPlaces
{
    private const int Places = 256;

    private readonly Entry[] _entries = new Entry[Places];

    public void Put(in DatagramKey key, int shard, Instant until) => At(key) = new Entry { Key = key, Shard = shard, Until = until };

    public bool TryFind(in DatagramKey key, Instant now, out int shard)
    {
        ref var entry = ref At(key);
        shard = entry.Shard;
        return entry.Until > now && entry.Key == key;
    }

    /// <summary>Identifiers of one sender follow each other.</summary>
    private ref Entry At(in DatagramKey key) => ref _entries[(key.Id + (int)(uint)key.Source.Bits) & (Places - 1)];

    private struct Entry
    {
        public DatagramKey Key;
        public int Shard;
        public Instant Until;
    }
}
