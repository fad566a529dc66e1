using System.Globalization;
using Sallyport.Api.Nodes;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Tunnels;

namespace Sallyport.DataPlane.Handshakes;

/// <summary>Tells operators of tunnels that took the place of others, of credentials that seem to be in use at two places, and of clients that take the place of each other.</summary>
internal sealed class TunnelNews(HandshakeContext context)
{
    public void Replaced(in TunnelNotice notice, Instant now)
    {
        var elsewhere = notice.From.Peer.Ip != notice.Path.Peer.Ip;
        Raise(
            "tunnel.replaced", notice,
            $"{Describe(notice.IdentityId)} came again from {notice.From.Peer}; before it was at {notice.Path.Peer}", now);
        if (context.Clones.IsClone(notice.IdentityId, notice.WasAlive, elsewhere, now))
        {
            Cloned(notice, now);
        }
    }

    public void Cloned(in TunnelNotice notice, Instant now)
    {
        if (!context.Clones.MayTell(notice.IdentityId, now))
        {
            return;
        }

        var who = Describe(notice.IdentityId);
        var what = $"{notice.From.Peer} has taken over from {notice.Path.Peer}, which is alive";
        if (notice.SharesCredential)
        {
            Raise("credential.cloned", notice, $"{who} is in use at two places: {what}", now);
        }
        else
        {
            Raise("tunnel.contested", notice, $"{who} has two clients with a credential each: {what}. Stop one of them, or revoke its credential", now);
        }
    }

    private void Raise(string kind, in TunnelNotice notice, string detail, Instant now) => context.Uplink.Put(
        new GatewayEvent(kind, context.Clock.ToWall(now), notice.IdentityId, notice.From.Peer.ToString(), detail));

    private string Describe(int identityId) =>
        context.Model.Current.Fleet.Identity(identityId) is { } identity
            ? Authenticator.Describe(identity)
            : string.Create(CultureInfo.InvariantCulture, $"identity {identityId}");
}
