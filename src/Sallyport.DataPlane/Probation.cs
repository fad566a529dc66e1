using System.Diagnostics.CodeAnalysis;

namespace Sallyport.DataPlane;

/// <summary>
/// Strangers who hold a place, bounded in all and for each source prefix. Where there is no room the oldest of those who have shown
/// nothing yet gives its place up: a flood of them replaces itself, and who shows something soon after it came is not touched.
/// </summary>
internal sealed class Probation<T>(int max, int perPrefixMax)
{
    private readonly Dictionary<UInt128, Share> _shares = [];
    private readonly LinkedList<Place> _silent = new();

    public int Count { get; private set; }

    /// <summary>Those who have shown nothing yet.</summary>
    public int Silent => _silent.Count;

    /// <summary>Whether one more from this prefix finds a place as it is.</summary>
    public bool HasRoom(UInt128 prefix) => Count < max && (!_shares.TryGetValue(prefix, out var share) || share.Count < perPrefixMax);

    /// <summary>
    /// Who has to go for one more from this prefix: of the prefix, where its share is used up, otherwise of all. False where all there are have shown
    /// something.
    /// </summary>
    public bool TryFindOldest(UInt128 prefix, [MaybeNullWhen(false)] out T oldest)
    {
        var among = _shares.TryGetValue(prefix, out var share) && share.Count >= perPrefixMax ? share.Silent : _silent;
        oldest = among.First is { } first ? first.Value.Owner : default;
        return among.First is not null;
    }

    /// <summary>The oldest of all who have shown nothing.</summary>
    public bool TryFindOldestOfAll([MaybeNullWhen(false)] out T oldest)
    {
        oldest = _silent.First is { } first ? first.Value.Owner : default;
        return _silent.First is not null;
    }

    public Place Add(T owner, UInt128 prefix)
    {
        if (!_shares.TryGetValue(prefix, out var share))
        {
            _shares.Add(prefix, share = new Share());
        }

        share.Count++;
        Count++;
        return new Place(this, owner, prefix, share);
    }

    /// <summary>What one prefix has of the places.</summary>
    internal sealed class Share
    {
        public LinkedList<Place> Silent { get; } = new();

        public int Count { get; set; }
    }

    /// <summary>One stranger's place.</summary>
    internal sealed class Place
    {
        private readonly Probation<T> _probation;
        private readonly UInt128 _prefix;
        private readonly Share _share;
        private readonly LinkedListNode<Place> _inAll;
        private readonly LinkedListNode<Place> _inShare;
        private bool _isLeft;

        internal Place(Probation<T> probation, T owner, UInt128 prefix, Share share)
        {
            _probation = probation;
            Owner = owner;
            _prefix = prefix;
            _share = share;
            _inAll = probation._silent.AddLast(this);
            _inShare = _share.Silent.AddLast(this);
        }

        public T Owner { get; }

        /// <summary>From now on nobody takes this place.</summary>
        public void Show()
        {
            if (_inAll.List is not null)
            {
                _probation._silent.Remove(_inAll);
                _share.Silent.Remove(_inShare);
            }
        }

        /// <summary>Gives the place back; once.</summary>
        public void Leave()
        {
            if (_isLeft)
            {
                return;
            }

            _isLeft = true;
            Show();
            _probation.Count--;
            if (--_share.Count == 0)
            {
                _probation._shares.Remove(_prefix);
            }
        }
    }
}
