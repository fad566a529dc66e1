using System.Globalization;
using Sallyport.Api.Nodes;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Tunnels;

namespace Sallyport.DataPlane.Handshakes;

/// <summary>Tells operators of tunnels that took the place of others, and of credentials that seem to be in use at two places.</summary>
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
        if (context.Clones.MayTell(notice.IdentityId, now))
        {
            Raise(
                "credential.cloned", notice,
                $"{Describe(notice.IdentityId)} is in use at two places: {notice.From.Peer} has taken over from {notice.Path.Peer}, which is alive", now);
        }
    }

    private void Raise(string kind, in TunnelNotice notice, string detail, Instant now) => context.Uplink.Put(
        new GatewayEvent(kind, context.Clock.ToWall(now), notice.IdentityId, notice.From.Peer.ToString(), detail));

    private string Describe(int identityId) =>
        context.Model.Current.Fleet.Identity(identityId) is { } identity
            ? Authenticator.Describe(identity)
            : string.Create(CultureInfo.InvariantCulture, $"identity {identityId}");
}
