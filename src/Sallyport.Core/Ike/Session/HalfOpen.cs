using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Session;

/// <summary>
/// Sessions that are not up yet, and those of them that hold TLS, which is dear. Many from one address make us ask for cookies, many from one port of it make room for
/// each other, and where there are too many in all <see cref="Crowd"/> says who makes room.
/// </summary>
internal sealed class HalfOpen
{
    private readonly Crowd _all = new();
    private readonly Crowd _withTls = new();
    private readonly Dictionary<OuterAddress, List<IkeSession>> _perPort = [];

    public int Count => _all.Count;

    public int WithTls => _withTls.Count;

    public int From(IpAddress address) => _all.From(address);

    /// <summary>Who has to go where there are more than <paramref name="most"/>; null where there are not.</summary>
    public IkeSession? TooMany(int most, Instant now) => _all.Count > most ? _all.WhoMakesRoom(now) : null;

    /// <summary>The same of those that hold TLS.</summary>
    public IkeSession? TooManyWithTls(int most, Instant now) => _withTls.Count > most ? _withTls.WhoMakesRoom(now) : null;

    /// <summary>The oldest of more than <paramref name="most"/> from one port; null where there are fewer.</summary>
    public IkeSession? TooManyFrom(OuterAddress from, int most) =>
        _perPort.TryGetValue(from, out var ofPort) && ofPort.Count > most ? ofPort[0] : null;

    public void Add(IkeSession session, OuterAddress from, Instant now)
    {
        session.CameFrom = from;
        _all.Add(session, now);
        if (!_perPort.TryGetValue(from, out var ofPort))
        {
            _perPort[from] = ofPort = [];
        }

        ofPort.Add(session);
    }

    /// <summary>Something genuine came of it.</summary>
    public void Hear(IkeSession session, Instant at)
    {
        _all.Hear(session, at);
        _withTls.Hear(session, at);
    }

    /// <summary>To be told whenever it may have changed.</summary>
    public void NoteTls(IkeSession session, bool holdsTls, Instant now)
    {
        if (holdsTls)
        {
            _withTls.Add(session, now);
        }
        else
        {
            _withTls.Remove(session);
        }
    }

    /// <summary>It came up, or is gone. Does nothing the second time.</summary>
    public void Remove(IkeSession session)
    {
        _all.Remove(session);
        _withTls.Remove(session);
        if (_perPort.TryGetValue(session.CameFrom, out var ofPort) && ofPort.Remove(session) && ofPort.Count == 0)
        {
            _perPort.Remove(session.CameFrom);
        }
    }
}
