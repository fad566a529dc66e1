using Sallyport.DataPlane.Model;

namespace Sallyport.DataPlane.Handshakes;

/// <summary>
/// The sessions of one handshake thread that have not come up. Who proves most is served best: those that have not answered us yet compete
/// among themselves alone; those that have, hold bounded shares for each source prefix, and for each credential or network; and half of the
/// places is out of reach of keys that many know. Whoever holds one key may begin anew as often as it likes and only replaces itself.
/// </summary>
internal sealed class HalfOpenSessions
{
    /// <summary>Without a wrapping nothing tells the network, so those networks are one.</summary>
    private static readonly UInt128 NoNetwork = UInt128.MaxValue;

    private readonly Probation<PeerSession> _unansweredOwn = Unanswered();
    private readonly Probation<PeerSession> _unansweredShared = Unanswered();
    private readonly Probation<PeerSession> _own = new(DataPlaneLimits.HalfOpenMax, DataPlaneLimits.HalfOpenPerPrefixMax);
    private readonly Probation<PeerSession> _shared = new(DataPlaneLimits.HalfOpenSharedMax, DataPlaneLimits.HalfOpenPerPrefixMax);
    private readonly Probation<PeerSession> _byNetwork = new(DataPlaneLimits.HalfOpenSharedMax, DataPlaneLimits.HalfOpenPerNetworkMax);
    private readonly Dictionary<int, List<PeerSession>> _byCredential = [];

    public int Count => Answered + _unansweredOwn.Count + _unansweredShared.Count;

    /// <summary>Those whose TLS has answered a ClientHello: they cost time and memory, the others next to nothing.</summary>
    public int Working => Answered - _own.Silent - _shared.Silent;

    private int Answered => _own.Count + _shared.Count;

    /// <summary>
    /// Whether there is room for one more, and who has to go for it. Of an own credential that is the oldest, first among those without
    /// TLS; of everything else the oldest without TLS.
    /// </summary>
    public bool TryMakeRoom(in Newcomer who, List<PeerSession> leavers) =>
        who.HasAnswered ? TryMakeRoomToWork(who, leavers) : TryMakeRoomToWait(who, leavers);

    public void Add(PeerSession peer)
    {
        var prefix = SourcePrefix.Of(peer.Newcomer.From.Ip);
        peer.Place = PlacesOf(peer.Newcomer.HasOwnKey, peer.HasBegun).Add(peer, prefix);
        if (peer is { HasBegun: true, Newcomer.HasOwnKey: false })
        {
            peer.NetworkPlace = _byNetwork.Add(peer, NetworkOf(peer.WrappedForNetwork));
        }

        if (peer.WrappedFor is { } credential)
        {
            if (!_byCredential.TryGetValue(credential.Id, out var own))
            {
                _byCredential.Add(credential.Id, own = []);
            }

            own.Add(peer);
        }
    }

    /// <summary>It has answered, and room was made for it as for one that has.</summary>
    public void Begin(PeerSession peer)
    {
        Remove(peer);
        peer.HasBegun = true;
        Add(peer);
    }

    /// <summary>To be called when a session was touched: with a whole ClientHello it is no longer first to go.</summary>
    public static void Look(PeerSession peer)
    {
        if (peer is { HasBegun: true, Session.HasHello: true })
        {
            peer.Place?.Show();
            peer.NetworkPlace?.Show();
        }
    }

    /// <summary>It came up, or is gone. Does nothing the second time.</summary>
    public void Remove(PeerSession peer)
    {
        if (peer.Place is not { } place)
        {
            return;
        }

        place.Leave();
        peer.NetworkPlace?.Leave();
        peer.Place = peer.NetworkPlace = null;
        if (peer.WrappedFor is { } credential && _byCredential.TryGetValue(credential.Id, out var own))
        {
            own.Remove(peer);
            if (own.Count == 0)
            {
                _byCredential.Remove(credential.Id);
            }
        }
    }

    private static Probation<PeerSession> Unanswered() =>
        new(DataPlaneLimits.HalfOpenUnansweredMax, DataPlaneLimits.HalfOpenUnansweredPerPrefixMax);

    private static UInt128 NetworkOf(int? networkId) => networkId is { } id ? (uint)id : NoNetwork;

    private static bool TryMakeRoomAmong(Probation<PeerSession> places, UInt128 share, List<PeerSession> leavers)
    {
        if (places.HasRoom(share))
        {
            return true;
        }

        if (!places.TryFindOldest(share, out var oldest))
        {
            return false;
        }

        Leave(oldest, leavers);
        return true;
    }

    private static void Leave(PeerSession peer, List<PeerSession> leavers)
    {
        if (!leavers.Contains(peer))
        {
            leavers.Add(peer);
        }
    }

    private Probation<PeerSession> PlacesOf(bool hasOwnKey, bool hasAnswered) => (hasOwnKey, hasAnswered) switch
    {
        (true, true) => _own,
        (true, false) => _unansweredOwn,
        (false, true) => _shared,
        (false, false) => _unansweredShared,
    };

    private List<PeerSession> OfCredential(CredentialEntry? credential, bool hasAnswered) =>
        credential is not null && _byCredential.TryGetValue(credential.Id, out var own) ? own.FindAll(peer => peer.HasBegun == hasAnswered) : [];

    /// <summary>
    /// A reset may have been captured. The same one again is refused while it has a session, and one with the session id of another takes
    /// that one's place, so that an attempt holds a single place however often its resets are repeated.
    /// </summary>
    private bool TryMakeRoomToWait(in Newcomer who, List<PeerSession> leavers)
    {
        var remote = who.Remote;
        if (OfCredential(who.Credential, hasAnswered: true).Exists(peer => peer.Newcomer.Remote == remote))
        {
            return false;
        }

        var waiting = OfCredential(who.Credential, hasAnswered: false);
        if (waiting.Find(peer => peer.Newcomer.Remote == remote) is { } same)
        {
            if (same.Newcomer.ResetTag == who.ResetTag)
            {
                return false;
            }

            Leave(same, leavers);
        }
        else if (waiting.Count >= DataPlaneLimits.HalfOpenPerCredentialMax)
        {
            Leave(waiting[0], leavers);
        }

        return TryMakeRoomAmong(PlacesOf(who.HasOwnKey, hasAnswered: false), SourcePrefix.Of(who.From.Ip), leavers);
    }

    private bool TryMakeRoomToWork(in Newcomer who, List<PeerSession> leavers)
    {
        var working = OfCredential(who.Credential, hasAnswered: true);
        if (working.Count >= DataPlaneLimits.HalfOpenPerCredentialMax)
        {
            Leave(working.Find(peer => !peer.Session.HasHello) ?? working[0], leavers);
            return true;
        }

        if (!who.HasOwnKey && !TryMakeRoomAmong(_byNetwork, NetworkOf(who.NetworkId), leavers))
        {
            return false;
        }

        var prefix = SourcePrefix.Of(who.From.Ip);
        return TryMakeRoomAmong(PlacesOf(who.HasOwnKey, hasAnswered: true), prefix, leavers)
            && (leavers.Count > 0 || Answered < DataPlaneLimits.HalfOpenMax || TryMakeRoomInAll(who.HasOwnKey, leavers));
    }

    /// <summary>A key of one's own takes places back that shared ones borrowed, never the other way.</summary>
    private bool TryMakeRoomInAll(bool hasOwnKey, List<PeerSession> leavers)
    {
        if (!_shared.TryFindOldestOfAll(out var oldest) && !(hasOwnKey && _own.TryFindOldestOfAll(out oldest)))
        {
            return false;
        }

        leavers.Add(oldest!);
        return true;
    }
}
