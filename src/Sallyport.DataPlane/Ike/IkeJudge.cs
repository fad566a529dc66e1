using System.Security.Cryptography;
using Sallyport.Core.Ike.Session;
using Sallyport.Core.Policy;
using Sallyport.DataPlane.Handshakes;
using Sallyport.DataPlane.Model;
using Sallyport.DataPlane.Tunnels;

namespace Sallyport.DataPlane.Ike;

/// <summary>
/// Who a peer is that has proven what it claims, and whether its network lets it in so. Pure: the model in, a verdict out. Every refusal says in one line what was
/// between.
/// </summary>
internal static class IkeJudge
{
    public static IkeVerdict Judge(IkeClaim claim, GatewayModel model)
    {
        if (claim.Proof == IkeProof.Ticket && claim.Target is null)
        {
            return IkeTicketData.Read(claim.TicketData, model) is { } before
                ? Admit(claim, before, model)
                : IkeVerdict.Refuse($"{claim.Peer} came with a ticket whose credential is gone (revoked or replaced)");
        }

        if (FindEntry(claim, model, out var refusal) is not { } entry)
        {
            return IkeVerdict.Refuse(refusal);
        }

        if (model.Fleet.Identity(entry.IdentityId) is not { } identity)
        {
            return IkeVerdict.Refuse($"{claim.Peer}: its identity is gone");
        }

        if (claim.Target is SiteCall called && called.Credential.IdentityId != identity.Id)
        {
            return IkeVerdict.Refuse($"{Authenticator.Describe(identity)} answers where another was called", identity);
        }

        // Where we called, the key that both have mixed in is that of what we called with.
        var ppk = claim.Ppk is null ? null : claim.Target is SiteCall { Credential: var own } ? own : claim.Ppk.Tag as CredentialEntry;
        if (ppk is not null && ppk.IdentityId != identity.Id)
        {
            return IkeVerdict.Refuse($"{Authenticator.Describe(identity)} came with the post-quantum key of another identity", identity);
        }

        var isCertificate = claim.Certificate is not null;
        var proof = new TunnelProof
        {
            CertificateId = isCertificate ? entry.Id : 0,
            SecretId = isCertificate ? 0 : entry.Id,
            PpkId = ppk?.Id ?? 0,

            // Of those whom we call only who has a pre-shared key comes back with a ticket, and its network must still take it.
            Ike = claim.Proof == IkeProof.Ticket ? IkeProof.PreSharedKey : claim.Proof,
        };

        // A router may have one certificate for all its ways: it is on the one that was called.
        var uplink = claim.Target is SiteCall { Uplink: var way } ? way : entry.Credential.Uplink;
        return Admit(claim, new Admittance(identity, proof, uplink, model.Fleet), model);
    }

    private static IkeVerdict Admit(IkeClaim claim, Admittance admitted, GatewayModel model)
    {
        var name = admitted.Name;
        if (!admitted.Identity.Active)
        {
            return IkeVerdict.RefuseForNow($"{name} is {Authenticator.WhyInactive(admitted.Identity)}", admitted.Identity);
        }

        if (admitted.Uplink is < 1 or > Uplinks.Max)
        {
            return IkeVerdict.Refuse($"{name}: there is no uplink {admitted.Uplink}, but 1 to {Uplinks.Max}", admitted.Identity);
        }

        if (!model.Access.TryGetValue(admitted.Identity.NetworkId, out var access) || access.Ipsec is not { } ipsec)
        {
            return IkeVerdict.RefuseForNow($"{name}: nobody of its network comes by IPsec", admitted.Identity);
        }

        if (ipsec.NeedsPpk && admitted.Proof.PpkId == 0)
        {
            return IkeVerdict.Refuse($"{name}: its network needs a post-quantum pre-shared key (RFC 8784), and it has none", admitted.Identity);
        }

        if (!ipsec.IsContentWith(admitted.Proof))
        {
            // What a network asks for changes, and is changed back: told that its proof is wrong, a stock peer would give up for good.
            return IkeVerdict.RefuseForNow(
                $"{name}: its network does not accept {admitted.Proof.Ike.Word()}, but {string.Join(", ", ipsec.Proofs.Select(proof => proof.Word()))}",
                admitted.Identity);
        }

        return IkeVerdict.Allow(IkeGrants.For(admitted, access, ipsec, model));
    }

    /// <summary>The credential that proves the claim; null with why there is none.</summary>
    private static CredentialEntry? FindEntry(IkeClaim claim, GatewayModel model, out string refusal)
    {
        refusal = "";
        if (claim.Certificate is { } der)
        {
            var fingerprint = Convert.ToHexStringLower(SHA256.HashData(der));
            if (model.ByFingerprint.TryGetValue(fingerprint, out var certified))
            {
                return certified;
            }

            refusal = $"the certificate of {claim.Peer} is not a live one (revoked, replaced or from elsewhere)";
            return null;
        }

        if (claim.Target is SiteCall call)
        {
            if (claim.Proof == IkeProof.Ticket && call.Credential.Credential.Kind != "psk")
            {
                refusal = $"{claim.Peer} answered to a ticket where a certificate was asked for";
                return null;
            }

            refusal = $"the credential of {claim.Peer} has been revoked";
            return model.HasCredential(call.Credential.IdentityId, call.Credential.Id) ? call.Credential : null;
        }

        // What was found when the exchange began may have been taken away since.
        if (claim.Secret is CredentialEntry entry && model.HasCredential(entry.IdentityId, entry.Id))
        {
            return entry;
        }

        refusal = $"the credential of {claim.Peer} has been revoked";
        return null;
    }
}
