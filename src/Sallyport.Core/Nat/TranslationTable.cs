using Sallyport.Core.Flows;
using Sallyport.Core.Packets;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Nat;

/// <summary>How one conversation between two networks looks in the network of the one who is called.</summary>
internal struct Translation
{
    /// <summary>As packets in that network have it.</summary>
    public FlowKey Key;
    public uint Hash;
    public int Next;

    /// <summary>It is found by its key. Of a conversation that ended it is kept until the last record of that is fetched.</summary>
    public bool IsLinked;

    /// <summary>The same conversation as its opener sees it: index into the flow table.</summary>
    public int Flow;

    /// <summary>Who the opener is there.</summary>
    public IpAddress Guest;

    /// <summary>The opener's own port but where several share the guest's address; for echo the identifier.</summary>
    public ushort GuestPort;

    /// <summary>Whom he calls.</summary>
    public IpAddress Target;

    /// <summary>Other members of his network have the same address there.</summary>
    public bool IsShared;

    /// <summary>Of the last datagram that got an identification of ours: its own, and that one. An error that quotes it is told in the sender's.</summary>
    public ushort OwnIdentification;
    public ushort GivenIdentification;

    /// <summary>Whose port it is, where this packet thread has given out one of a shared address; else 0. See <see cref="PortHolders"/>.</summary>
    public int Holder;

    /// <summary>What the opener sends, as the other one gets it.</summary>
    public readonly PacketEnds ToFar(in PacketEnds ends) => ends with
    {
        Source = Guest,
        SourcePort = GuestPort,
        Destination = Target,
    };
}

/// <summary>
/// The conversations between networks, found by what they are on the far side. There are no more than flows; entries are made of arrays
/// that grow with use, and are given back with the flow: when its last record was fetched. Entry 0 is never used: it stands for none.
/// </summary>
internal sealed class TranslationTable(IEntropy entropy)
{
    private const int FirstCapacity = 64;

    private readonly SipHash _hash = new(entropy);
    private Translation[] _entries = [];
    private int[] _buckets = [];
    private int _extent = 1;
    private int _free;

    /// <summary>Of those that are found.</summary>
    public int Count { get; private set; }

    public PortHolders Holders { get; } = new(entropy);

    public ref Translation this[int index] => ref _entries[index];

    /// <summary>0 where there is none.</summary>
    public int Find(in FlowKey key)
    {
        if (Count == 0)
        {
            return 0;
        }

        var hash = key.Hash(_hash);
        var index = _buckets[hash & (uint)(_buckets.Length - 1)];
        while (index != 0 && !(_entries[index].Hash == hash && _entries[index].Key == key))
        {
            index = _entries[index].Next;
        }

        return index;
    }

    /// <param name="translation">With a key that is not there yet.</param>
    public int Add(in Translation translation)
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

        _entries[index] = translation;
        _entries[index].Hash = translation.Key.Hash(_hash);
        Link(index);
        Count++;
        return index;
    }

    /// <summary>Is found no more, and its key is free.</summary>
    public void Unlink(int index)
    {
        ref var link = ref _buckets[_entries[index].Hash & (uint)(_buckets.Length - 1)];
        while (link != index)
        {
            link = ref _entries[link].Next;
        }

        link = _entries[index].Next;
        _entries[index].IsLinked = false;
        Count--;

        // The port is another one's from now on: what is kept is for the record.
        if (_entries[index].Holder != 0)
        {
            Holders.Give(_entries[index].Holder);
            _entries[index].Holder = 0;
        }
    }

    /// <summary>Gives back one that was unlinked.</summary>
    public void Release(int index)
    {
        _entries[index] = new Translation { Next = _free };
        _free = index;
    }

    private void Link(int index)
    {
        ref var bucket = ref _buckets[_entries[index].Hash & (uint)(_buckets.Length - 1)];
        _entries[index].Next = bucket;
        _entries[index].IsLinked = true;
        bucket = index;
    }

    /// <summary>Only when everything is in use.</summary>
    private void Grow()
    {
        Array.Resize(ref _entries, Math.Max(FirstCapacity, _entries.Length * 2));
        _buckets = new int[_entries.Length];
        for (var index = 1; index < _extent; index++)
        {
            if (_entries[index].IsLinked)
            {
                Link(index);
            }
        }
    }
}
