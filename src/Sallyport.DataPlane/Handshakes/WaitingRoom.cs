using System.Diagnostics.CodeAnalysis;
using Sallyport.Core.OpenVpn.Door;
using Sallyport.Core.OpenVpn.Wrapping;
using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane.Handshakes;

/// <summary>
/// Peers that the door has let in and whose handshake has not begun, in the order in which they came. While there is other work they wait
/// here: a thread that began with everybody at once would bring nobody to an end before all had given up. A peer that repeats itself has
/// one place; shared keys have half of the places, and of those a source prefix has a quarter. Who waited too long is forgotten: its client
/// is about to begin anew.
/// </summary>
internal sealed class WaitingRoom(int capacity, TimeSpan patience) : IDisposable
{
    private readonly Queue<Guest> _guests = new();
    private readonly HashSet<SessionKey> _keys = [];
    private readonly Probation<SessionKey> _own = new(capacity, capacity);
    private readonly Probation<SessionKey> _shared = new(capacity / 2, capacity / 8);

    public bool IsEmpty => _guests.Count == 0;

    public bool Holds(SessionKey key) => _keys.Contains(key);

    /// <summary>Takes the admission over. False where there is no place: then it remains the caller's. Not for who is here already.</summary>
    public bool TryPut(SessionKey key, in OuterPath from, Admission admission, Instant now)
    {
        var places = admission.Wrapper.Kind == WrappingKind.TlsCryptV2 ? _own : _shared;
        var prefix = SourcePrefix.Of(from.Peer.Ip);
        if (_guests.Count >= capacity || !places.HasRoom(prefix))
        {
            return false;
        }

        Invariant.Check(_keys.Add(key), "a peer waits once");
        _guests.Enqueue(new Guest(key, from, admission, now, places.Add(key, prefix)));
        return true;
    }

    /// <summary>Whoever came first and has not waited too long; the admission is then the caller's. Null where there is nobody.</summary>
    public bool TryTake(Instant now, [MaybeNullWhen(false)] out Guest guest)
    {
        while (_guests.TryDequeue(out guest))
        {
            guest.Place.Leave();
            _keys.Remove(guest.Key);
            if (now - guest.Since <= patience)
            {
                return true;
            }

            guest.Admission.Dispose();
        }

        return false;
    }

    public void Dispose()
    {
        while (_guests.TryDequeue(out var guest))
        {
            guest.Admission.Dispose();
        }
    }

    internal sealed record Guest(SessionKey Key, OuterPath From, Admission Admission, Instant Since, Probation<SessionKey>.Place Place);
}
