using Sallyport.Core.Primitives;

namespace Sallyport.Core.Policy;

/// <summary>
/// A map from the dense, positive ids that the store gives out to records. Immutable: an editor copies only the path to what it changes,
/// so a fleet of 100,000 costs three short arrays per change, and a lookup three loads.
/// </summary>
internal sealed class IdMap<T>
    where T : class
{
    private const int BitsPerLevel = 6;
    private const int Fan = 1 << BitsPerLevel;

    public static readonly IdMap<T> Empty = new(new Node(null), 1, 0);

    private readonly Node _root;
    private readonly int _levels;

    private IdMap(Node root, int levels, int count)
    {
        _root = root;
        _levels = levels;
        Count = count;
    }

    public int Count { get; }

    /// <summary>Null where there is none, for any id.</summary>
    public T? Find(int id)
    {
        if (id <= 0 || (long)id >> (BitsPerLevel * _levels) != 0)
        {
            return null;
        }

        var node = _root;
        for (var shift = BitsPerLevel * (_levels - 1); shift > 0; shift -= BitsPerLevel)
        {
            if (node.Slots[(id >> shift) & (Fan - 1)] is not Node next)
            {
                return null;
            }

            node = next;
        }

        return (T?)node.Slots[id & (Fan - 1)];
    }

    /// <summary>Every record, by rising id.</summary>
    public IEnumerable<T> All() => All(_root, _levels);

    public Editor Edit() => new(this);

    private static IEnumerable<T> All(Node node, int levels)
    {
        foreach (var slot in node.Slots)
        {
            if (slot is T record)
            {
                yield return record;
            }
            else if (slot is Node next)
            {
                foreach (var below in All(next, levels - 1))
                {
                    yield return below;
                }
            }
        }
    }

    /// <summary>Collects changes. Nodes that it made itself are changed in place; shared ones are copied first.</summary>
    public sealed class Editor
    {
        private readonly IdMap<T> _from;
        private readonly object _token = new();
        private Node _root;
        private int _levels;
        private int _count;

        internal Editor(IdMap<T> from)
        {
            _from = from;
            _root = from._root;
            _levels = from._levels;
            _count = from.Count;
        }

        public T? Find(int id) => new IdMap<T>(_root, _levels, _count).Find(id);

        public void Set(int id, T? record)
        {
            Invariant.Check(id > 0, "ids are positive");
            while ((long)id >> (BitsPerLevel * _levels) != 0)
            {
                var above = new Node(_token);
                above.Slots[0] = _root;
                _root = above;
                _levels++;
            }

            _root = Own(_root);
            var node = _root;
            for (var shift = BitsPerLevel * (_levels - 1); shift > 0; shift -= BitsPerLevel)
            {
                var at = (id >> shift) & (Fan - 1);
                var next = node.Slots[at] is Node existing ? Own(existing) : new Node(_token);
                node.Slots[at] = next;
                node = next;
            }

            ref var slot = ref node.Slots[id & (Fan - 1)];
            _count += (record is null ? 0 : 1) - (slot is null ? 0 : 1);
            slot = record;
        }

        /// <summary>The same map where nothing was set. The editor must not be used afterwards.</summary>
        public IdMap<T> Done() => ReferenceEquals(_root, _from._root) ? _from : new(_root, _levels, _count);

        private Node Own(Node node)
        {
            if (ReferenceEquals(node.Owner, _token))
            {
                return node;
            }

            var copy = new Node(_token);
            node.Slots.CopyTo(copy.Slots, 0);
            return copy;
        }
    }

    internal sealed class Node(object? owner)
    {
        public readonly object? Owner = owner;
        public readonly object?[] Slots = new object?[Fan];
    }
}
