using System.Buffers.Binary;
using System.Collections.Immutable;
using Sallyport.Api.Nodes;
using Sallyport.Core.Crypto;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.OpenVpn.Door;
using Sallyport.Core.OpenVpn.Wrapping;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using Sallyport.Mapping;

namespace Sallyport.DataPlane.Model;

/// <summary>
/// Makes the gateway's model from what control sends: the fleet of the policy engine (<see cref="FleetMapping"/>), and beside it how devices come in.
/// Control has validated it; what cannot be read is a mistake between two programs of ours: <see cref="FormatException"/>, and the gateway keeps the
/// model it has.
/// </summary>
internal static class ModelMapper
{
    /// <summary>A machine that slept for longer was not late, its clock was set.</summary>
    private static readonly TimeSpan LateMax = TimeSpan.FromSeconds(10);

    /// <param name="now">By the wall clock: rules are in force or not.</param>
    public static GatewayModel FromSnapshot(Snapshot snapshot, Instant now) => FromSnapshot(GatewayModel.Empty, snapshot, now, out _);

    /// <summary>In the place of a model that there was.</summary>
    public static GatewayModel FromSnapshot(GatewayModel before, Snapshot snapshot, Instant now, out ModelChange change)
    {
        var everything = FleetMapping.Everything(snapshot.Model, snapshot.Version);
        var model = Apply(GatewayModel.Empty with { Settings = snapshot.Model.Settings }, everything, now, out _);
        change = new ModelChange
        {
            Everything = true,
            Rerouted = Rerouted(before, model.SiteSubnets, model.Access.Values),
            Gaining = [.. model.Fleet.GainingRoutes(before.Fleet, before.Fleet.Identities.Select(identity => identity.Id))],
        };
        return model;
    }

    /// <summary>The next model, and what tunnels must look at.</summary>
    public static GatewayModel Apply(GatewayModel before, Delta delta, Instant now, out ModelChange change)
    {
        var tables = before.Tables.With(delta.Zones, delta.Countries);
        var edit = FleetMapping.Change(delta, tables, before.Settings.DnsZone);
        var access = before.Access.RemoveRange(delta.RemovedNetworks)
            .SetItems(delta.Networks.Select(network => KeyValuePair.Create(network.Id, Access(network))));
        var networksChanged = delta.Networks.Count > 0 || delta.RemovedNetworks.Count > 0;
        var credentials = new CredentialEdit(before);
        var subnets = before.SiteSubnets;
        var hosts = before.Hosts.RemoveRange(delta.RemovedIdentities);
        var peers = before.IpsecPeers.RemoveRange(delta.RemovedIdentities);
        foreach (var id in delta.RemovedIdentities)
        {
            credentials.Remove(id);
            subnets = WithoutSite(subnets, before.Fleet.Identity(id));
        }

        foreach (var (dto, identity) in delta.Identities.Zip(edit.Identities))
        {
            hosts = identity.Kind == IdentityKind.Host ? hosts.SetItem(identity.Id, identity) : hosts.Remove(identity.Id);
            credentials.Remove(dto.Id);
            credentials.Add(dto);
            peers = dto.Ipsec is { } peer ? peers.SetItem(dto.Id, peer) : peers.Remove(dto.Id);
            if (!SameSubnets(before.Fleet.Identity(dto.Id), identity))
            {
                subnets = WithSite(WithoutSite(subnets, before.Fleet.Identity(dto.Id)), identity);
            }
        }

        var fleet = before.Fleet.With(edit, now);

        change = new ModelChange
        {
            CommittedAt = delta.CommittedAt,
            Everything = delta.Networks.Any(network =>
                before.Access.TryGetValue(network.Id, out var asked) && !access[network.Id].AsksTheSameAs(asked)),
            Identities = [.. delta.RemovedIdentities, .. delta.Identities.Select(identity => identity.Id)],
            Rerouted = Rerouted(before, subnets, delta.Networks.Select(network => access[network.Id])),
            Gaining = [.. fleet.GainingRoutes(before.Fleet, delta.Identities.Select(identity => identity.Id))],
        };
        return credentials.Done(before with
        {
            Version = delta.Version,
            Fleet = fleet,
            Access = access,
            SiteSubnets = subnets,
            Hosts = hosts,
            IpsecPeers = peers,
            Ike = networksChanged ? before.Ike.With(access.Values) : before.Ike,
            Tables = tables,
            LegacyWrappings = networksChanged
                ? [.. access.Values.OrderBy(network => network.NetworkId).SelectMany(network => network.Legacy)]
                : before.LegacyWrappings,
        });
    }

    /// <summary>
    /// At the next moment at which the clock changes a rule, where it has come; null otherwise. Of a clock that was set forward the moments
    /// that it went over are one.
    /// </summary>
    public static GatewayModel? AtNextDue(GatewayModel before, Instant now, out ModelChange change)
    {
        var due = before.Fleet.NextChange;
        var to = now - LateMax > due ? now : due;
        change = new ModelChange { Due = new DueRules([.. before.Fleet.RulesDue(to)], [.. before.Fleet.IdentitiesDue(to)], due) };
        return due <= now ? before with { Fleet = before.Fleet.At(to) } : null;
    }

    private static NetworkAccess Access(NetworkModel dto)
    {
        var wrappings = dto.Wrappings.Select(Wrapping).ToImmutableArray();
        var digest = dto.AuthDigest switch
        {
            "SHA1" => HashKind.Sha1,
            "SHA256" => HashKind.Sha256,
            "SHA384" => HashKind.Sha384,
            "SHA512" => HashKind.Sha512,
            _ => throw Unknown("digest", dto.AuthDigest),
        };
        return new NetworkAccess
        {
            NetworkId = dto.Id,
            IsPointToPoint = dto.Topology switch
            {
                "subnet" => false,
                "p2p" => true,
                _ => throw Unknown("topology", dto.Topology),
            },
            Elsewhere = [.. dto.Elsewhere.Select(IpPrefix.Parse)],
            IsDefaultRoute = dto.DefaultRoute,
            Ciphers = [.. dto.Ciphers.Select(Cipher)],
            AuthDigest = digest,
            NeedsCertificate = dto.Authentication is "certificate" or "certificate+password",
            NeedsPassword = dto.Authentication switch
            {
                "certificate" => false,
                "certificate+password" or "password" => true,
                _ => throw Unknown("authentication", dto.Authentication),
            },
            Wrappings = wrappings,
            Legacy = Legacy(dto, wrappings, digest),
            MinimumTls = dto.MinimumTls switch
            {
                "1.2" => TlsVersion.Tls12,
                "1.3" => TlsVersion.Tls13,
                _ => throw Unknown("TLS version", dto.MinimumTls),
            },
            Ipsec = dto.Ipsec is { } ipsec ? IpsecAccess.Read(ipsec) : null,
            TokenLifetime = dto.TokenSeconds > 0
                ? TimeSpan.FromSeconds(dto.TokenSeconds)
                : throw new FormatException($"Network '{dto.Name}' has tokens without an end."),
        };
    }

    private static ImmutableArray<LegacyWrapping> Legacy(NetworkModel dto, ImmutableArray<WrappingKind> wrappings, HashKind digest)
    {
        var legacy = ImmutableArray.CreateBuilder<LegacyWrapping>();
        foreach (var kind in wrappings)
        {
            switch (kind)
            {
                case WrappingKind.TlsCryptV2:
                    break;
                case WrappingKind.None:
                    legacy.Add(LegacyWrapping.Plain(dto.Id));
                    break;
                case WrappingKind.TlsCrypt:
                    legacy.Add(LegacyWrapping.TlsCrypt(dto.Id, new StaticKey(WrappingKey(dto))));
                    break;
                case WrappingKind.TlsAuth:
                    legacy.Add(LegacyWrapping.TlsAuth(dto.Id, new StaticKey(WrappingKey(dto)), Direction(dto.TlsAuthDirection), digest));
                    break;
            }
        }

        return legacy.ToImmutable();
    }

    private static byte[] WrappingKey(NetworkModel dto) =>
        dto.WrappingKey ?? throw new FormatException($"Network '{dto.Name}' has no key for its control channel wrapping.");

    private static KeyDirection Direction(string text) => text switch
    {
        "0" => KeyDirection.Normal,
        "1" => KeyDirection.Inverse,
        "none" => KeyDirection.Bidirectional,
        _ => throw Unknown("key direction", text),
    };

    private static WrappingKind Wrapping(string text) => text switch
    {
        "tls-crypt-v2" => WrappingKind.TlsCryptV2,
        "tls-crypt" => WrappingKind.TlsCrypt,
        "tls-auth" => WrappingKind.TlsAuth,
        "none" => WrappingKind.None,
        _ => throw Unknown("wrapping", text),
    };

    private static DataCipher Cipher(string text) =>
        DataCiphers.TryParse(text, out var cipher) ? cipher : throw Unknown("cipher", text);

    private static FormatException Unknown(string what, string text) => new($"Unknown {what}: '{text}'.");

    private static bool SameSubnets(Identity? a, Identity b) =>
        a is null ? b.Subnets.IsEmpty : a.NetworkId == b.NetworkId && a.Subnets.AsSpan().SequenceEqual(b.Subnets.AsSpan());

    private static ImmutableDictionary<int, ImmutableSortedDictionary<int, ImmutableArray<IpPrefix>>> WithoutSite(
        ImmutableDictionary<int, ImmutableSortedDictionary<int, ImmutableArray<IpPrefix>>> subnets, Identity? site) =>
        site is not null && subnets.TryGetValue(site.NetworkId, out var sites)
            ? subnets.SetItem(site.NetworkId, sites.Remove(site.Id))
            : subnets;

    private static ImmutableDictionary<int, ImmutableSortedDictionary<int, ImmutableArray<IpPrefix>>> WithSite(
        ImmutableDictionary<int, ImmutableSortedDictionary<int, ImmutableArray<IpPrefix>>> subnets, Identity site) =>
        site.Subnets.IsEmpty
            ? subnets
            : subnets.SetItem(
                site.NetworkId,
                subnets.GetValueOrDefault(site.NetworkId, ImmutableSortedDictionary<int, ImmutableArray<IpPrefix>>.Empty)
                    .SetItem(site.Id, site.Subnets));

    private static ImmutableArray<Reroute> Rerouted(
        GatewayModel before, ImmutableDictionary<int, ImmutableSortedDictionary<int, ImmutableArray<IpPrefix>>> subnets, IEnumerable<NetworkAccess> networks) =>
    [
        .. ReferenceEquals(subnets, before.SiteSubnets) ? [] : Rerouted(before.SiteSubnets, subnets),
        .. networks.Select(network => before.Access.TryGetValue(network.NetworkId, out var old) ? Rerouted(old, network) : null).OfType<Reroute>(),
    ];

    private static Reroute? Rerouted(NetworkAccess before, NetworkAccess after)
    {
        var isOfAll = before.IsPointToPoint != after.IsPointToPoint || !before.Elsewhere.AsSpan().SequenceEqual(after.Elsewhere.AsSpan());
        return isOfAll || before.IsDefaultRoute != after.IsDefaultRoute ? new Reroute(after.NetworkId, []) { IsOfDevices = !isOfAll } : null;
    }

    private static ImmutableArray<Reroute> Rerouted(
        ImmutableDictionary<int, ImmutableSortedDictionary<int, ImmutableArray<IpPrefix>>> before,
        ImmutableDictionary<int, ImmutableSortedDictionary<int, ImmutableArray<IpPrefix>>> after)
    {
        var none = ImmutableSortedDictionary<int, ImmutableArray<IpPrefix>>.Empty;
        var rerouted = ImmutableArray.CreateBuilder<Reroute>();
        foreach (var id in before.Keys.Union(after.Keys).Order())
        {
            var (old, now) = (before.GetValueOrDefault(id, none), after.GetValueOrDefault(id, none));
            var sites = old.Keys.Union(now.Keys).Order()
                .Where(site => !old.GetValueOrDefault(site, []).AsSpan().SequenceEqual(now.GetValueOrDefault(site, []).AsSpan()))
                .ToImmutableArray();
            if (!sites.IsEmpty)
            {
                rerouted.Add(new Reroute(id, sites));
            }
        }

        return rerouted.ToImmutable();
    }

    private sealed class CredentialEdit(GatewayModel before)
    {
        private const string Eap = "eap";

        private readonly ImmutableDictionary<int, ImmutableArray<CredentialEntry>>.Builder _credentials = before.Credentials.ToBuilder();
        private readonly ImmutableDictionary<string, CredentialEntry>.Builder _fingerprints = before.ByFingerprint.ToBuilder();
        private readonly ImmutableDictionary<UInt128, CredentialEntry>.Builder _wrappedKeys = before.ByWrappedKey.ToBuilder();
        private readonly ImmutableDictionary<string, CredentialEntry>.Builder _usernames = before.ByUsername.ToBuilder();
        private readonly ImmutableDictionary<IkeIdentity, CredentialEntry>.Builder _psks = before.Ike.Psks.ToBuilder();
        private readonly ImmutableDictionary<string, CredentialEntry>.Builder _eapUsers = before.Ike.EapUsers.ToBuilder();
        private readonly ImmutableDictionary<string, CredentialEntry>.Builder _ppks = before.Ike.Ppks.ToBuilder();

        public void Remove(int identityId)
        {
            foreach (var entry in _credentials.GetValueOrDefault(identityId, []))
            {
                RemoveOwn(_fingerprints, entry.Credential.Fingerprint, entry);
                RemoveOwn(entry.Credential.Kind == Eap ? _eapUsers : _usernames, entry.Credential.Username, entry);
                RemoveOwn(_ppks, entry.Credential.PpkId, entry);
                RemoveOwn(_psks, PeerOf(entry.Credential), entry);
                if (entry.Credential.WrappedKeyId is { } id && _wrappedKeys.GetValueOrDefault(WrappedKey(id)) == entry)
                {
                    _wrappedKeys.Remove(WrappedKey(id));
                }
            }

            _credentials.Remove(identityId);
        }

        public void Add(IdentityModel dto)
        {
            if (dto.Credentials.Count == 0)
            {
                return;
            }

            var entries = dto.Credentials.Select(credential => new CredentialEntry(dto.Id, credential)).ToImmutableArray();
            _credentials[dto.Id] = entries;
            foreach (var entry in entries)
            {
                if (entry.Credential.Fingerprint is { } fingerprint)
                {
                    _fingerprints[fingerprint] = entry;
                }

                if (entry.Credential.WrappedKeyId is { } id)
                {
                    _wrappedKeys[WrappedKey(id)] = entry;
                }

                if (entry.Credential.Username is { } username)
                {
                    (entry.Credential.Kind == Eap ? _eapUsers : _usernames)[username] = entry;
                }

                if (PeerOf(entry.Credential) is { } peer)
                {
                    _psks[peer] = entry;
                }

                if (entry.Credential.PpkId is { } ppk)
                {
                    _ppks[ppk] = entry;
                }
            }
        }

        public GatewayModel Done(GatewayModel model) => model with
        {
            Credentials = _credentials.ToImmutable(),
            ByFingerprint = _fingerprints.ToImmutable(),
            ByWrappedKey = _wrappedKeys.ToImmutable(),
            ByUsername = _usernames.ToImmutable(),
            Ike = model.Ike with { Psks = _psks.ToImmutable(), EapUsers = _eapUsers.ToImmutable(), Ppks = _ppks.ToImmutable() },
        };

        private static IkeIdentity? PeerOf(CredentialModel credential) =>
            credential is not { Kind: "psk", PeerId: { } text } ? null
            : IkeIdentity.TryParse(text, out var peer) ? peer
            : throw new FormatException($"'{text}' is no identity of IKE.");

        private static void RemoveOwn<TKey>(ImmutableDictionary<TKey, CredentialEntry>.Builder index, TKey? key, CredentialEntry entry)
            where TKey : class
        {
            if (key is not null && index.GetValueOrDefault(key) == entry)
            {
                index.Remove(key);
            }
        }

        private static UInt128 WrappedKey(string hex)
        {
            var bytes = Convert.FromHexString(hex);
            return bytes.Length == 16
                ? BinaryPrimitives.ReadUInt128BigEndian(bytes)
                : throw new FormatException("A wrapped key id has 16 bytes.");
        }
    }
}
