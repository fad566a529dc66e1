using System.Runtime.InteropServices;

namespace Sallyport.Core.Policy;

/// <summary>
/// From names to the ids of records, by a hash of scope and name; whoever looks compares the names themselves, which the records have. Immutable:
/// a change copies the one chunk that it falls into and the list of chunks. Eight bytes for each name and, in chunks that bulk made, less than one beside: a
/// fleet of 100,000 takes 0.9 MB without a reference for the collector to follow, where a dictionary of its own would take eight times that in objects.
/// </summary>
internal sealed class NameIndex
{
    /// <summary>2 KB: a change copies so much, and the list of chunks of 100,000 names about as much again.</summary>
    private const int ChunkMax = 256;

    public static readonly NameIndex Empty = new([]);

    /// <summary>Hash above id, ascending within and across chunks; none is empty.</summary>
    private readonly ulong[][] _chunks;

    private NameIndex(ulong[][] chunks) => _chunks = chunks;

    /// <summary>Ids of what may be called so: all that are, and now and then one that is not. By rising id.</summary>
    public IEnumerable<int> Find(int scope, string name)
    {
        var key = (ulong)Hash(scope, name) << 32;
        for (var chunk = ChunkOf(key); chunk < _chunks.Length; chunk++)
        {
            var entries = _chunks[chunk];
            for (var at = PlaceIn(entries, key); at < entries.Length; at++)
            {
                if (entries[at] >> 32 != key >> 32)
                {
                    yield break;
                }

                yield return (int)(uint)entries[at];
            }
        }
    }

    public Editor Edit() => new(this);

    /// <summary>FNV-1a: names are the operator's own, nobody else can crowd them.</summary>
    private static uint Hash(int scope, ReadOnlySpan<char> name)
    {
        const uint prime = 16_777_619;
        var hash = (2_166_136_261 ^ (uint)scope) * prime;
        foreach (var c in name)
        {
            hash = (hash ^ c) * prime;
        }

        // The last letters, in which names of a fleet differ, move the upper bits too.
        return (hash ^ (hash >> 15)) * 0x2c1b_3c6d;
    }

    /// <summary>The last chunk that begins at the key or before it; the first where none does.</summary>
    private int ChunkOf(ulong key)
    {
        var (low, high) = (0, _chunks.Length - 1);
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            (low, high) = _chunks[middle][0] <= key ? (middle, high) : (low, middle - 1);
        }

        return low;
    }

    /// <summary>Of the first entry that is not below the key.</summary>
    private static int PlaceIn(ReadOnlySpan<ulong> entries, ulong key)
    {
        var at = entries.BinarySearch(key);
        return at < 0 ? ~at : at;
    }

    /// <summary>Collects changes, and makes the touched chunks anew in the end.</summary>
    public sealed class Editor
    {
        private readonly NameIndex _from;

        /// <summary>Whether the entry is there afterwards. The last word counts.</summary>
        private readonly SortedDictionary<ulong, bool> _changes = [];

        internal Editor(NameIndex from) => _from = from;

        public void Add(int scope, string name, int id) => _changes[Entry(scope, name, id)] = true;

        public void Remove(int scope, string name, int id) => _changes[Entry(scope, name, id)] = false;

        /// <summary>The same index where nothing was changed.</summary>
        public NameIndex Done()
        {
            if (_changes.Count == 0)
            {
                return _from;
            }

            var chunks = new List<ulong[]>(_from._chunks.Length + (_changes.Count / ChunkMax) + 2);
            var entries = new List<ulong>();
            var changes = _changes.ToArray();
            var next = 0;
            for (var i = 0; i < Math.Max(1, _from._chunks.Length); i++)
            {
                var chunk = i < _from._chunks.Length ? _from._chunks[i] : [];
                var end = i + 1 < _from._chunks.Length ? _from._chunks[i + 1][0] : ulong.MaxValue;
                var first = next;
                while (next < changes.Length && changes[next].Key < end)
                {
                    next++;
                }

                if (next == first)
                {
                    chunks.Add(chunk);
                    continue;
                }

                entries.Clear();
                Merge(chunk, changes.AsSpan(first..next), entries);
                Split(entries, chunks);
            }

            return new NameIndex([.. chunks]);
        }

        private static ulong Entry(int scope, string name, int id) => ((ulong)Hash(scope, name) << 32) | (uint)id;

        private static void Merge(ReadOnlySpan<ulong> chunk, ReadOnlySpan<KeyValuePair<ulong, bool>> changes, List<ulong> entries)
        {
            var at = 0;
            foreach (var (entry, isThere) in changes)
            {
                while (at < chunk.Length && chunk[at] < entry)
                {
                    entries.Add(chunk[at++]);
                }

                at += at < chunk.Length && chunk[at] == entry ? 1 : 0;
                if (isThere)
                {
                    entries.Add(entry);
                }
            }

            entries.AddRange(chunk[at..]);
        }

        private static void Split(List<ulong> entries, List<ulong[]> chunks)
        {
            var parts = (entries.Count + ChunkMax - 1) / ChunkMax;
            for (var part = 0; part < parts; part++)
            {
                var (from, to) = ((int)((long)entries.Count * part / parts), (int)((long)entries.Count * (part + 1) / parts));
                chunks.Add(CollectionsMarshal.AsSpan(entries)[from..to].ToArray());
            }
        }
    }
}
