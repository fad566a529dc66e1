using System.Collections.Immutable;
using Sallyport.Api.Nodes;
using Sallyport.Core.Crypto;
using Sallyport.Core.Ike.Session;
using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.OpenVpn.Door;
using Sallyport.Core.OpenVpn.Wrapping;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Tunnels;
using Sallyport.Mapping;

namespace Sallyport.DataPlane.Model;

/// <summary>How the devices of a network come in.</summary>
internal sealed record NetworkAccess
{
    public required int NetworkId { get; init; }

    /// <summary>Ranges in which other networks appear: routed through the tunnel, always, so that nobody must come again for a new rule.</summary>
    public required ImmutableArray<IpPrefix> Elsewhere { get; init; }

    /// <summary>Devices get a point-to-point interface instead of one in the network's subnet.</summary>
    public required bool IsPointToPoint { get; init; }

    /// <summary>Devices send everything into the tunnel.</summary>
    public bool IsDefaultRoute { get; init; }

    public required ImmutableArray<DataCipher> Ciphers { get; init; }

    public required HashKind AuthDigest { get; init; }

    public required bool NeedsCertificate { get; init; }

    public required bool NeedsPassword { get; init; }

    public required ImmutableArray<WrappingKind> Wrappings { get; init; }

    /// <summary>What it allows beside tls-crypt-v2.</summary>
    public ImmutableArray<LegacyWrapping> Legacy { get; init; } = [];

    public required TlsVersion MinimumTls { get; init; }

    /// <summary>How long authentication tokens stand for a password, from the password on.</summary>
    public required TimeSpan TokenLifetime { get; init; }

    /// <summary>Null where nobody comes by IPsec.</summary>
    public IpsecAccess? Ipsec { get; init; }

    /// <summary>Whether who came in with this would still be let in.</summary>
    public bool IsContentWith(in TunnelProof proof) =>
        proof.Ike != IkeProof.None ? Ipsec is not null && Ipsec.IsContentWith(proof) : IsContentWithOpenVpn(proof);

    private bool IsContentWithOpenVpn(in TunnelProof proof) =>
        (!NeedsCertificate || proof.CertificateId != 0)
        && (!NeedsPassword || proof.PasswordId != 0)
        && proof.Tls >= MinimumTls
        && Wrappings.Contains(proof.Wrapping);

    /// <summary>As far as <see cref="IsContentWith"/> looks.</summary>
    public bool AsksTheSameAs(NetworkAccess other) =>
        NeedsCertificate == other.NeedsCertificate
        && NeedsPassword == other.NeedsPassword
        && MinimumTls == other.MinimumTls
        && Wrappings.AsSpan().SequenceEqual(other.Wrappings.AsSpan())
        && (Ipsec is null ? other.Ipsec is null : Ipsec.AsksTheSameAs(other.Ipsec));
}

/// <summary>A live credential and whose it is.</summary>
internal sealed record CredentialEntry(int IdentityId, CredentialModel Credential)
{
    public int Id => Credential.Id;
}

/// <summary>
/// What a gateway knows, in one immutable piece: packets and handshakes see one model or the next, never a mixture.
/// </summary>
internal sealed record GatewayModel : ICredentialDirectory
{
    public static GatewayModel Empty { get; } = new();

    public long Version { get; init; }

    public FleetModel Fleet { get; init; } = FleetModel.Empty;

    public GatewaySettings Settings { get; init; } = new();

    public ImmutableDictionary<int, NetworkAccess> Access { get; init; } = ImmutableDictionary<int, NetworkAccess>.Empty;

    /// <summary>By identity.</summary>
    public ImmutableDictionary<int, ImmutableArray<CredentialEntry>> Credentials { get; init; } =
        ImmutableDictionary<int, ImmutableArray<CredentialEntry>>.Empty;

    /// <summary>By SHA-256 of the certificate, lower-case hex.</summary>
    public ImmutableDictionary<string, CredentialEntry> ByFingerprint { get; init; } =
        ImmutableDictionary.Create<string, CredentialEntry>(StringComparer.Ordinal);

    public ImmutableDictionary<UInt128, CredentialEntry> ByWrappedKey { get; init; } = ImmutableDictionary<UInt128, CredentialEntry>.Empty;

    public ImmutableDictionary<string, CredentialEntry> ByUsername { get; init; } =
        ImmutableDictionary.Create<string, CredentialEntry>(StringComparer.Ordinal);

    public IkeDirectory Ike { get; init; } = IkeDirectory.Empty;

    /// <summary>Sites and devices that the gateway calls, or meets in another way than its network says; by identity.</summary>
    public ImmutableSortedDictionary<int, IpsecPeerModel> IpsecPeers { get; init; } = ImmutableSortedDictionary<int, IpsecPeerModel>.Empty;

    /// <summary>Subnets of every site, by network and site, from which the routes of its other members come.</summary>
    public ImmutableDictionary<int, ImmutableSortedDictionary<int, ImmutableArray<IpPrefix>>> SiteSubnets { get; init; } =
        ImmutableDictionary<int, ImmutableSortedDictionary<int, ImmutableArray<IpPrefix>>>.Empty;

    /// <summary>Time zones and countries that rules name.</summary>
    public FleetTables Tables { get; init; } = FleetTables.Empty;

    /// <summary>By identity: the networks in which the gateway host has part.</summary>
    public ImmutableDictionary<int, Identity> Hosts { get; init; } = ImmutableDictionary<int, Identity>.Empty;

    public IReadOnlyList<LegacyWrapping> LegacyWrappings { get; init; } = [];

    /// <summary>
    /// Only the credential of an active identity opens the door; to all others it stays dark, before any TLS work.
    /// </summary>
    public bool IsKnown(ReadOnlySpan<byte> wrappedKeyId16) =>
        FindWrappedKey(wrappedKeyId16) is { } entry && Fleet.Identity(entry.IdentityId) is { Active: true };

    public CredentialEntry? FindWrappedKey(ReadOnlySpan<byte> wrappedKeyId16) =>
        wrappedKeyId16.Length == 16
            ? ByWrappedKey.GetValueOrDefault(System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(wrappedKeyId16))
            : null;

    public bool HasCredential(int identityId, int credentialId)
    {
        foreach (var entry in Credentials.GetValueOrDefault(identityId, []))
        {
            if (entry.Id == credentialId)
            {
                return true;
            }
        }

        return false;
    }
}

/// <summary>What a model changed against the one before, as far as tunnels care.</summary>
internal sealed record ModelChange
{
    /// <summary>When the change was committed, by control's clock; 0 for a snapshot.</summary>
    public long CommittedAt { get; init; }

    /// <summary>Not control, but the clock made it.</summary>
    public DueRules? Due { get; init; }

    /// <summary>True: look at every tunnel.</summary>
    public bool Everything { get; init; }

    /// <summary>Identities that changed or are gone.</summary>
    public ImmutableArray<int> Identities { get; init; } = [];

    /// <summary>Networks whose routes changed: their tunnels fetch the new ones.</summary>
    public ImmutableArray<Reroute> Rerouted { get; init; } = [];

    /// <summary>Identities that have routes beyond the gateway host which they had not: their tunnels fetch them.</summary>
    public ImmutableArray<int> Gaining { get; init; } = [];
}

/// <summary>Rules that came into force or went out of it at a moment, by the wall clock, and identities of which facts stopped to count.</summary>
internal sealed record DueRules(ImmutableArray<int> Rules, ImmutableArray<int> Identities, Instant At);

/// <summary>Sites of one network that carry other subnets than before; none where its ranges for other networks are others.</summary>
internal sealed record Reroute(int NetworkId, ImmutableArray<int> SiteIds)
{
    /// <summary>It is the way to everything, which no site is sent.</summary>
    public bool IsOfDevices { get; init; }

    /// <summary>Nobody is sent the routes to its own subnets.</summary>
    public bool Concerns(Identity identity) =>
        identity.NetworkId == NetworkId && !(SiteIds.Length == 1 && SiteIds[0] == identity.Id) && !(IsOfDevices && identity.Kind != IdentityKind.Device);
}
