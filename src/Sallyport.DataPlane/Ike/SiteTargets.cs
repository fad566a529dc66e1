using System.Collections.Immutable;
using Sallyport.Core.Crypto;
using Sallyport.Core.Esp;
using Sallyport.Core.Ike.Proposals;
using Sallyport.Core.Ike.Session;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Model;

namespace Sallyport.DataPlane.Ike;

/// <summary>What a call to a site says.</summary>
internal static class SiteTargets
{
    /// <summary>Null where it is not called any more: it is gone, not active, or its network has no IPsec.</summary>
    /// <param name="path">In transport mode its two ends are all that is carried.</param>
    public static IkeTarget? For(SiteCall call, GatewayModel model, in IkePath path)
    {
        if (model.Fleet.Identity(call.IdentityId) is not { Active: true } identity || !model.HasCredential(identity.Id, call.Credential.Id)
            || !model.Access.TryGetValue(identity.NetworkId, out var access) || access.Ipsec is not { Ike.Count: > 0, Esp.Count: > 0 } ipsec
            || !IkeIdentity.TryParse(model.Settings.IkeIdentity, out var own))
        {
            return null;
        }

        var isTransport = model.IpsecPeers.GetValueOrDefault(identity.Id)?.Mode == "transport";
        var (local, remote) = isTransport
            ? ([TrafficSelector.Of(IpPrefix.Host(path.Local.Ip))], [TrafficSelector.Of(IpPrefix.Host(path.Peer.Ip))])
            : Selectors(identity, access, model);
        if (Pairs(call, model) is [var first, ..])
        {
            (local, remote) = ([first.Local], [first.Remote]);
        }

        var credential = call.Credential.Credential;
        var isPsk = credential is { Kind: "psk", Secret: { Length: > 0 }, PeerId: not null };
        return new IkeTarget
        {
            Tag = call,
            Local = own,
            Remote = isPsk && IkeIdentity.TryParse(credential.PeerId!, out var peer) ? peer : null,
            Proof = isPsk ? IkeProof.PreSharedKey : IkeProof.Certificate,
            Psk = isPsk ? credential.Secret : null,
            RemotePurpose = ChainPurpose.Client,
            Ike = ipsec.Ike,
            Esp = ipsec.Esp,
            LocalSelectors = local,
            RemoteSelectors = remote,
            WantsTransport = isTransport,
            PpkId = credential.PpkId is { } id ? System.Text.Encoding.UTF8.GetBytes(id) : null,
            Ppk = credential.Ppk,
            PpkRequired = ipsec.NeedsPpk,
            WantsTicket = isPsk && MayResume(ipsec, model),
            Lifetimes = ipsec.Lifetimes,
        };
    }

    /// <summary>A pair for each CHILD_SA, for a router that has no more in one; none where one CHILD_SA carries all.</summary>
    public static IReadOnlyList<(TrafficSelector Local, TrafficSelector Remote)> Pairs(SiteCall call, GatewayModel model)
    {
        if (model.IpsecPeers.GetValueOrDefault(call.IdentityId) is not { SinglePairs: true, Mode: not "transport" }
            || model.Fleet.Identity(call.IdentityId) is not { } identity || !model.Access.TryGetValue(identity.NetworkId, out var access))
        {
            return [];
        }

        var (local, remote) = Selectors(identity, access, model);
        return PairsOf(local, identity.Subnets.IsEmpty ? remote : IkeGrants.Selectors(identity.Subnets));
    }

    /// <summary>The same as it is called now: where it was sent from, and with its ticket, if its network still takes what was agreed on then.</summary>
    public static IkeTarget For(IkeTarget target, DueCall due) => target with
    {
        RedirectedFrom = due.RedirectedFrom,
        Ticket = due is { Ticket: { } ticket, RedirectedFrom: null } && target.WantsTicket && (target.Remote is null || target.Remote.Equals(ticket.Remote))
            && ProposalChoice.TryChoose([ticket.Agreed], target.Ike, KeyExchangeMethod.None, out _)
            ? ticket
            : null,
    };

    private static (ImmutableArray<TrafficSelector> Local, ImmutableArray<TrafficSelector> Remote) Selectors(Identity identity, NetworkAccess access, GatewayModel model) =>
        (IkeGrants.Selectors(Handshakes.Grants.Behind(identity, access, model)), IkeGrants.Selectors(IkeGrants.Own(identity)));

    /// <summary>As the sheet of a router has them, row by row: each subnet of the site with each that is behind the gateway, of one family.</summary>
    private static List<(TrafficSelector Local, TrafficSelector Remote)> PairsOf(ImmutableArray<TrafficSelector> local, ImmutableArray<TrafficSelector> remote) =>
        [.. (from there in remote from here in local where there.First.IsV4 == here.First.IsV4 select (here, there)).Take(IkeLimits.ChildrenMax)];

    /// <summary>
    /// Where tickets are given tickets are taken, for who has a pre-shared key: which certificate stands behind one, and whether it still lives, is not kept. Who
    /// comes back with one does not bring a post-quantum key: where one is demanded, it is the whole way.
    /// </summary>
    private static bool MayResume(IpsecAccess ipsec, GatewayModel model) => model.Settings.IkeTicketKey.Length > 0 && !ipsec.NeedsPpk;
}
