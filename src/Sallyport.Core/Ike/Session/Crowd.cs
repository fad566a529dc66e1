using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Session;

/// <summary>
/// Sessions that hold something of which there is only so much, and where they came from. Who makes room is the oldest from the address that has most of them: whoever
/// floods replaces itself, and nobody is shut out, since behind one address may be a whole fleet. Where several have as many, it is the oldest of them all.
/// </summary>
/// <remarks>All that it does costs the logarithm of the number of addresses.</remarks>
internal sealed class Crowd
{
    private readonly Dictionary<IpAddress, Share> _shares = [];
    private readonly SortedSet<Share> _mostFirst = new(Comparer<Share>.Create(Compare));
    private readonly Dictionary<long, LinkedListNode<Member>> _members = [];
    private long _lastArrival;

    public int Count => _members.Count;

    public IkeSession? OldestOfMost => _mostFirst.Min?.Members.First!.Value.Session;

    public int From(IpAddress address) => _shares.TryGetValue(PlaceOf(address), out var share) ? share.Members.Count : 0;

    /// <summary>The last to come. Does nothing where it is there.</summary>
    public void Add(IkeSession session)
    {
        if (_members.ContainsKey(session.Number))
        {
            return;
        }

        var place = PlaceOf(session.CameFrom.Ip);
        if (_shares.TryGetValue(place, out var share))
        {
            _mostFirst.Remove(share);
        }
        else
        {
            _shares[place] = share = new Share(place);
        }

        _members[session.Number] = share.Members.AddLast(new Member(session, share, ++_lastArrival));
        _mostFirst.Add(share);
    }

    /// <summary>Does nothing where it is not there.</summary>
    public void Remove(IkeSession session)
    {
        if (!_members.Remove(session.Number, out var node))
        {
            return;
        }

        // Its order changes with its size: it is out of the set meanwhile.
        var share = node.Value.Share;
        _mostFirst.Remove(share);
        share.Members.Remove(node);
        if (share.Members.Count > 0)
        {
            _mostFirst.Add(share);
        }
        else
        {
            _shares.Remove(share.Place);
        }
    }

    /// <summary>Whoever has one address of IPv6 has many: those of a /56 are one.</summary>
    private static IpAddress PlaceOf(IpAddress address) => address.IsV4 ? address : new IpAddress(address.Bits >> 72 << 72);

    private static int Compare(Share one, Share other)
    {
        var bySize = other.Members.Count.CompareTo(one.Members.Count);
        return bySize != 0 ? bySize : one.Members.First!.Value.Arrival.CompareTo(other.Members.First!.Value.Arrival);
    }

    private readonly record struct Member(IkeSession Session, Share Share, long Arrival);

    /// <summary>What one address has, in the order in which they came.</summary>
    private sealed class Share(IpAddress place)
    {
        public IpAddress Place { get; } = place;

        public LinkedList<Member> Members { get; } = new();
    }
}
