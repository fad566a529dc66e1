using Sallyport.Core.Crypto;
using Sallyport.Core.Ike.Proposals;
using Sallyport.Core.Ike.Session;
using Sallyport.Core.Ike.Wire;
using Sallyport.DataPlane.Model;

namespace Sallyport.DataPlane.Ike;

/// <summary>What a call to a site says.</summary>
internal static class SiteTargets
{
    /// <summary>Null where it is not called any more: it is gone, not active, or its network has no IPsec.</summary>
    public static IkeTarget? For(SiteCall call, GatewayModel model)
    {
        if (model.Fleet.Identity(call.IdentityId) is not { Active: true } identity || !model.HasCredential(identity.Id, call.Credential.Id)
            || !model.Access.TryGetValue(identity.NetworkId, out var access) || access.Ipsec is not { Ike.Count: > 0, Esp.Count: > 0 } ipsec
            || !IkeIdentity.TryParse(model.Settings.IkeIdentity, out var own))
        {
            return null;
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
            LocalSelectors = IkeGrants.Selectors(Handshakes.Grants.Behind(identity, access, model)),
            RemoteSelectors = IkeGrants.Selectors(IkeGrants.Own(identity)),
            WantsTransport = model.IpsecPeers.GetValueOrDefault(identity.Id)?.Mode == "transport",
            PpkId = credential.PpkId is { } id ? System.Text.Encoding.UTF8.GetBytes(id) : null,
            Ppk = credential.Ppk,
            PpkRequired = ipsec.NeedsPpk,
            WantsTicket = MayResume(ipsec, model),
            Lifetimes = ipsec.Lifetimes,
        };
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

    /// <summary>Where tickets are given tickets are taken. Who comes back with one does not bring a post-quantum key: where one is demanded, it is the whole way.</summary>
    private static bool MayResume(IpsecAccess ipsec, GatewayModel model) => model.Settings.IkeTicketKey.Length > 0 && !ipsec.NeedsPpk;
}
