using System.Collections.Immutable;
using Sallyport.Core.Ike.Session;

namespace Sallyport.DataPlane.Ike;

/// <summary>Sites that the gateway calls, and what peers are offered that do not ask for it.</summary>
internal sealed partial class IkeThread
{
    /// <summary>
    /// Who came by itself while it was called is there: the call goes no further. Once it has been told who we are, it may have taken that for the newer one, and so do we.
    /// </summary>
    private void HandleArrivals()
    {
        while (_caller is not null && _caller.TryTakeArrival(_now, out var identityId, out var uplink))
        {
            foreach (var peer in _peers.Values.Where(peer => !peer.Session.HasProven && peer.Call is { } call && call.IdentityId == identityId && call.Uplink == uplink).ToList())
            {
                _endpoint.Tell(peer.Session, session => session.Close("the site came by itself", _now));
            }
        }
    }

    /// <summary>Calls that are under way to where nobody is to be called any more. Who is up stays: that is for its credential and its network to say.</summary>
    private void HangUp()
    {
        foreach (var peer in _peers.Values.Where(peer => !peer.Session.IsUp && peer.Call is { } call && !_caller!.Wants(call)).ToList())
        {
            _endpoint.Tell(peer.Session, session => session.Close("it is not to be called any more", _now));
        }
    }

    private void TellLost()
    {
        while (_caller!.TryTakeLost(out var lost))
        {
            _failures.Raise("handshake.failed", lost.Call.IdentityId, default, $"call to {lost.Call.Remote}: {lost.Why}", _now);
        }
    }

    /// <summary>Calls a site that has no tunnel. Whoever comes in the meantime by itself is welcome, too.</summary>
    private void Call(DueCall due)
    {
        var (call, path) = (due.Site, due.Path);
        if (SiteTargets.For(call, Context.Model.Current, path) is not { } target)
        {
            _caller!.Failed(call, _now);
            return;
        }

        Begin(call, SiteTargets.For(target, due), path);
    }

    /// <summary>A site that is up and has to prove again who it is: in a session beside the one that there is, which goes when the other has its tunnel.</summary>
    private void CallAgain(IkePeer before)
    {
        var path = before.Session.Path;
        if (before.Call is { } call && !IsLeaving && SiteTargets.For(call, Context.Model.Current, path) is { } target)
        {
            Begin(call, target with { IsAgain = true }, path);
            before.IsCalledAgain = true;
        }
    }

    private void Begin(SiteCall call, IkeTarget target, in IkePath path)
    {
        var session = _endpoint.Initiate(target, path, _now);
        _peers[session.Number] = new IkePeer { Session = session, Call = call };
    }

    /// <summary>With a pair of selectors for each CHILD_SA the first one came with the session; the others are asked for now.</summary>
    private void AddPairs(IkePeer peer)
    {
        if (peer.Call is not { } call || SiteTargets.Pairs(call, Context.Model.Current) is not { Count: > 0 } pairs)
        {
            return;
        }

        _pairs.Watch(peer.Session.Number);
        foreach (var (local, remote) in pairs.Skip(1))
        {
            _endpoint.Tell(peer.Session, session => session.AddChild([local], [remote], _now));
        }
    }

    private void AskForMissing(long number)
    {
        if (!_peers.TryGetValue(number, out var peer) || !peer.Session.IsUp)
        {
            return;
        }

        if (peer.Session.IsAddingChild)
        {
            // What is missing may be what is being asked for.
            _pairs.Doubt(number, _now);
            return;
        }

        if (peer.Call is { } call)
        {
            foreach (var (local, remote) in _pairs.TakeMissing(number, SiteTargets.Pairs(call, Context.Model.Current), _now))
            {
                _endpoint.Tell(peer.Session, session => session.AddChild([local], [remote], _now));
            }

            return;
        }

        // Whoever came by itself is offered what it has in no pair, once, in one CHILD_SA.
        var grant = peer.Session.Grant!;
        var pairs = (from here in grant.Local from there in grant.Remote where here.IsV4 == there.IsV4 select (Local: here, Remote: there)).ToList();
        var lost = _pairs.TakeMissing(number, pairs, _now);
        var missing = pairs.Select(pair => pair.Local).Distinct().Where(here => pairs.Where(pair => pair.Local == here).All(lost.Contains)).ToImmutableArray();
        _pairs.Forget(number);
        if (!missing.IsEmpty)
        {
            _endpoint.Tell(peer.Session, session => session.AddChild(missing, grant.Remote, _now));
        }
    }

    /// <summary>A site that we called is called there, as whom it was called as: whoever answers has to prove to be the same.</summary>
    private void Follow(IkePeer peer, string gateway)
    {
        var from = peer.Session.Path.Peer;
        var isFollowed = peer.Call is { } call && _caller!.TryFollow(call, gateway, from.Ip, _now);
        _failures.Raise(
            "tunnel.redirected", peer.Admitted?.Identity.Id ?? peer.Call?.IdentityId ?? 0, from,
            $"the peer sends us to {gateway}" + (isFollowed ? "" : ", which is too often: it is called again at its own address"), _now);
    }

    /// <summary>A site that we called, and that has no CHILD_SA (any more), is called anew: nobody else would make one.</summary>
    private void CloseIfEmpty(IkePeer peer)
    {
        if (peer.Call is not null && peer.Session is { IsUp: true, HasChildren: false, IsAddingChild: false })
        {
            _endpoint.Tell(peer.Session, session => session.Close("no CHILD_SA is left", _now));
        }
    }
}
