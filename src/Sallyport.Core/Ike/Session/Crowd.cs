using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Session;

/// <summary>
/// Sessions that hold something of which there is only so much, and where they came from. Who makes room is whoever has said nothing for longest, where that is longer than
/// an honest peer is silent: an attacker with many addresses leaves behind it what a fleet behind one address needs. Where nobody is silent it is the oldest from
/// the address that has most: whoever floods replaces itself, and nobody is shut out, since behind one address may be a whole fleet. Where several have as many, it is the
/// oldest of them all.
/// </summary>
/// <remarks>All that it does costs the logarithm of the number of addresses.</remarks>
internal sealed class Crowd
{
    /// <summary>A stock peer that lost a message says it again after four seconds (strongSwan's retransmit_timeout) or half of one (libreswan).</summary>
    public static readonly TimeSpan Silence = TimeSpan.FromSeconds(6);

    private readonly Dictionary<IpAddress, Share> _shares = [];
    private readonly SortedSet<Share> _mostFirst = new(Comparer<Share>.Create(Compare));
    private readonly Dictionary<long, Member> _members = [];
    private readonly LinkedList<Member> _longestSilentFirst = new();
    private long _lastArrival;

    public int Count => _members.Count;

    /// <summary>Null where nobody is there.</summary>
    public IkeSession? WhoMakesRoom(Instant now) =>
        _longestSilentFirst.First is { Value: var silent } && now - silent.HeardAt >= Silence ? silent.Session : _mostFirst.Min?.Members.First!.Value.Session;

    public int From(IpAddress address) => _shares.TryGetValue(PlaceOf(address), out var share) ? share.Members.Count : 0;

    /// <summary>The last to come. Does nothing where it is there.</summary>
    public void Add(IkeSession session, Instant now)
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

        _members[session.Number] = new Member(session, share, ++_lastArrival, now, _longestSilentFirst);
        _mostFirst.Add(share);
    }

    /// <summary>Something genuine came of it. Does nothing where it is not there.</summary>
    public void Hear(IkeSession session, Instant at)
    {
        if (_members.TryGetValue(session.Number, out var member) && at > member.HeardAt)
        {
            member.HeardAt = at;
            _longestSilentFirst.Remove(member.BySilence);
            _longestSilentFirst.AddLast(member.BySilence);
        }
    }

    /// <summary>Does nothing where it is not there.</summary>
    public void Remove(IkeSession session)
    {
        if (!_members.Remove(session.Number, out var member))
        {
            return;
        }

        _longestSilentFirst.Remove(member.BySilence);

        // Its order changes with its size: it is out of the set meanwhile.
        var share = member.Share;
        _mostFirst.Remove(share);
        share.Members.Remove(member.InShare);
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

    private sealed class Member
    {
        public Member(IkeSession session, Share share, long arrival, Instant now, LinkedList<Member> bySilence)
        {
            (Session, Share, Arrival, HeardAt) = (session, share, arrival, now);
            InShare = share.Members.AddLast(this);
            BySilence = bySilence.AddLast(this);
        }

        public IkeSession Session { get; }

        public Share Share { get; }

        public long Arrival { get; }

        public Instant HeardAt { get; set; }

        public LinkedListNode<Member> InShare { get; }

        public LinkedListNode<Member> BySilence { get; }
    }

    /// <summary>What one address has, in the order in which they came.</summary>
    private sealed class Share(IpAddress place)
    {
        public IpAddress Place { get; } = place;

        public LinkedList<Member> Members { get; } = new();
    }
}
