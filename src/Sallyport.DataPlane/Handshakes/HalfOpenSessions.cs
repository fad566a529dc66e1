using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Model;

namespace Sallyport.DataPlane.Handshakes;

/// <summary>
/// The sessions of one handshake thread that have not come up: bounded in all, for each source prefix, and for each credential whose
/// tls-crypt-v2 key opened the door. Whoever holds one key may begin anew as often as it likes and only replaces itself.
/// </summary>
internal sealed class HalfOpenSessions
{
    private readonly Probation<PeerSession> _places = new(DataPlaneLimits.HalfOpenMax, DataPlaneLimits.HalfOpenPerPrefixMax);
    private readonly Dictionary<int, List<PeerSession>> _byCredential = [];

    public int Count => _places.Count;

    /// <summary>Those whose TLS has begun: they cost time and memory, the others next to nothing.</summary>
    public int Working => _places.Count - _places.Silent;

    /// <summary>
    /// Whether there is room for one more, and for whom that has to go: of the same credential the oldest, first among those without TLS; of all, or of the
    /// prefix, the oldest without TLS.
    /// </summary>
    public bool TryMakeRoom(CredentialEntry? credential, OuterAddress from, out PeerSession? goes)
    {
        goes = null;
        if (credential is not null && _byCredential.TryGetValue(credential.Id, out var own) && own.Count >= DataPlaneLimits.HalfOpenPerCredentialMax)
        {
            goes = own.Find(peer => !peer.Session.HasTls) ?? own[0];
            return true;
        }

        var prefix = SourcePrefix.Of(from.Ip);
        return _places.HasRoom(prefix) || _places.TryFindOldest(prefix, out goes);
    }

    public void Add(PeerSession peer)
    {
        peer.Place = _places.Add(peer, SourcePrefix.Of(peer.AdmittedFrom.Ip));
        if (peer.WrappedFor is { } credential)
        {
            if (!_byCredential.TryGetValue(credential.Id, out var own))
            {
                _byCredential.Add(credential.Id, own = []);
            }

            own.Add(peer);
        }
    }

    /// <summary>To be called when a session was touched: with its first bytes of TLS it is no longer first to go.</summary>
    public static void Look(PeerSession peer)
    {
        if (peer.Session.HasTls)
        {
            peer.Place?.Show();
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
        peer.Place = null;
        if (peer.WrappedFor is { } credential && _byCredential.TryGetValue(credential.Id, out var own))
        {
            own.Remove(peer);
            if (own.Count == 0)
            {
                _byCredential.Remove(credential.Id);
            }
        }
    }
}
