using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Session;

/// <summary>
/// Sessions that are not up yet, in the order in which they came, and how many there are from each address. An address is never shut out: behind one may be a
/// whole fleet. Many from one of them make us ask for cookies, and many from one port of it make room for each other.
/// </summary>
internal sealed class HalfOpen
{
    private readonly LinkedList<IkeSession> _inOrder = new();
    private readonly Dictionary<long, LinkedListNode<IkeSession>> _nodes = [];
    private readonly Dictionary<IpAddress, int> _perAddress = [];
    private readonly Dictionary<OuterAddress, List<IkeSession>> _perPort = [];

    public int Count => _inOrder.Count;

    public int From(IpAddress address) => _perAddress.GetValueOrDefault(PlaceOf(address));

    public IkeSession? Oldest => _inOrder.First?.Value;

    public void Add(IkeSession session, OuterAddress from)
    {
        _nodes[session.Number] = _inOrder.AddLast(session);
        session.CameFrom = from;
        _perAddress[PlaceOf(from.Ip)] = From(from.Ip) + 1;
        if (!_perPort.TryGetValue(from, out var ofPort))
        {
            _perPort[from] = ofPort = [];
        }

        ofPort.Add(session);
    }

    /// <summary>The oldest of more than <paramref name="most"/> from one port; null where there are fewer.</summary>
    public IkeSession? TooManyFrom(OuterAddress from, int most) =>
        _perPort.TryGetValue(from, out var ofPort) && ofPort.Count > most ? ofPort[0] : null;

    public void Remove(IkeSession session)
    {
        if (!_nodes.Remove(session.Number, out var node))
        {
            return;
        }

        _inOrder.Remove(node);
        var from = session.CameFrom;
        var rest = From(from.Ip) - 1;
        if (rest > 0)
        {
            _perAddress[PlaceOf(from.Ip)] = rest;
        }
        else
        {
            _perAddress.Remove(PlaceOf(from.Ip));
        }

        var ofPort = _perPort[from];
        ofPort.Remove(session);
        if (ofPort.Count == 0)
        {
            _perPort.Remove(from);
        }
    }

    /// <summary>Whoever has one address of IPv6 has many: those of a /56 are one.</summary>
    private static IpAddress PlaceOf(IpAddress address) => address.IsV4 ? address : new IpAddress(address.Bits >> 72 << 72);
}
