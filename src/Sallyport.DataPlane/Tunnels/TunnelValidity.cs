using Sallyport.DataPlane.Model;

namespace Sallyport.DataPlane.Tunnels;

/// <summary>Whether a live tunnel may stay under another model.</summary>
internal static class TunnelValidity
{
    /// <summary>None where it may.</summary>
    public static TunnelEnd Judge(in Tunnel tunnel, GatewayModel model)
    {
        if (model.Fleet.Identity(tunnel.IdentityId) is not { } identity || !model.HasCredential(tunnel.IdentityId, tunnel.CredentialId))
        {
            return TunnelEnd.Revoked;
        }

        if (!identity.Active)
        {
            return TunnelEnd.NotActive;
        }

        var sameAddresses = tunnel.AddressV4 == (identity.AddressV4 ?? default) && tunnel.AddressV6 == (identity.AddressV6 ?? default);
        return sameAddresses ? TunnelEnd.None : TunnelEnd.ConfigurationChanged;
    }
}
