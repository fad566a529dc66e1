using Sallyport.Core.Flows;
using Sallyport.Core.Packets;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Nat;

/// <summary>Whose ports are counted together: those of one identity's conversations with one service, as a guest of one address.</summary>
internal readonly record struct PortHolderKey(int IdentityId, int NetworkId, IpProtocol Protocol, IpAddress Guest, IpAddress Target, ushort TargetPort)
{
    /// <param name="far">The guest's packets in the network of the one whom he calls.</param>
    public static PortHolderKey Of(int identityId, int networkId, in PacketEnds far) =>
        new(identityId, networkId, far.Protocol, far.Source, far.Destination, far.DestinationPort);

    public uint Hash(in SipHash hash)
    {
        var state = hash.Begin();
        state.Add(((ulong)(uint)IdentityId << 32) | (uint)NetworkId);
        state.Add(Guest.Bits);
        state.Add(Target.Bits);
        state.Add(((ulong)TargetPort << 8) | (byte)Protocol);
        return state.Finish(6);
    }
}

/// <summary>
/// How many ports of an address that several share each of them has, for each service: so that it is known who makes room where there are
/// none left. There are no more entries than conversations, in arrays that grow with use. Entry 0 is never used: it stands for none.
/// </summary>
internal sealed class PortHolders(IEntropy entropy)
{
    private const int FirstCapacity = 64;

    private readonly SipHash _hash = new(entropy);
    private Entry[] _entries = [];
    private int[] _buckets = [];
    private int _extent = 1;
    private int _free;

    public int CountOf(int holder) => holder == 0 ? 0 : _entries[holder].Count;

    /// <summary>0 for who has none.</summary>
    public int Find(in PortHolderKey key) => Find(key, key.Hash(_hash));

    /// <summary>One port more. Returns the entry, to be given back with <see cref="Give"/>.</summary>
    public int Take(in PortHolderKey key)
    {
        var hash = key.Hash(_hash);
        var index = Find(key, hash);
        if (index == 0)
        {
            index = Add(key, hash);
        }

        _entries[index].Count++;
        return index;
    }

    public void Give(int holder)
    {
        ref var entry = ref _entries[holder];
        if (--entry.Count > 0)
        {
            return;
        }

        ref var link = ref _buckets[entry.Hash & (uint)(_buckets.Length - 1)];
        while (link != holder)
        {
            link = ref _entries[link].Next;
        }

        link = entry.Next;
        entry = new Entry { Next = _free };
        _free = holder;
    }

    private int Find(in PortHolderKey key, uint hash)
    {
        if (_buckets.Length == 0)
        {
            return 0;
        }

        var index = _buckets[hash & (uint)(_buckets.Length - 1)];
        while (index != 0 && !(_entries[index].Hash == hash && _entries[index].Key == key))
        {
            index = _entries[index].Next;
        }

        return index;
    }

    private int Add(in PortHolderKey key, uint hash)
    {
        var index = _free != 0 ? _free : _extent;
        if (index >= _entries.Length)
        {
            Grow();
        }

        if (_free != 0)
        {
            _free = _entries[index].Next;
        }
        else
        {
            _extent++;
        }

        _entries[index] = new Entry { Key = key, Hash = hash };
        Link(index);
        return index;
    }

    private void Link(int index)
    {
        ref var bucket = ref _buckets[_entries[index].Hash & (uint)(_buckets.Length - 1)];
        _entries[index].Next = bucket;
        bucket = index;
    }

    /// <summary>Only when everything is in use.</summary>
    private void Grow()
    {
        Array.Resize(ref _entries, Math.Max(FirstCapacity, _entries.Length * 2));
        _buckets = new int[_entries.Length];
        for (var index = 1; index < _extent; index++)
        {
            Link(index);
        }
    }

    private struct Entry
    {
        public PortHolderKey Key;
        public uint Hash;
        public int Next;
        public int Count;
    }
}
