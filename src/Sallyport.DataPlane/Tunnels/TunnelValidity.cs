using Sallyport.DataPlane.Model;

namespace Sallyport.DataPlane.Tunnels;

/// <summary>Whether a live tunnel may stay under another model.</summary>
internal static class TunnelValidity
{
    /// <summary>None where it may.</summary>
    public static TunnelEnd Judge(in Tunnel tunnel, GatewayModel model)
    {
        var proof = tunnel.Proof;
        if (model.Fleet.Identity(tunnel.IdentityId) is not { } identity
            || IsGone(proof.CertificateId, tunnel.IdentityId, model)
            || IsGone(proof.PasswordId, tunnel.IdentityId, model)
            || IsGone(proof.SecretId, tunnel.IdentityId, model)
            || IsGone(proof.PpkId, tunnel.IdentityId, model))
        {
            return TunnelEnd.Revoked;
        }

        if (!identity.Active)
        {
            return TunnelEnd.NotActive;
        }

        if (!model.Access.TryGetValue(identity.NetworkId, out var access) || !access.IsContentWith(proof))
        {
            // It comes again, with what the network asks for now or not at all.
            return TunnelEnd.ConfigurationChanged;
        }

        var sameAddresses = tunnel.AddressV4 == (identity.AddressV4 ?? default) && tunnel.AddressV6 == (identity.AddressV6 ?? default);
        return sameAddresses ? TunnelEnd.None : TunnelEnd.ConfigurationChanged;
    }

    private static bool IsGone(int credentialId, int identityId, GatewayModel model) =>
        credentialId != 0 && !model.HasCredential(identityId, credentialId);
}
