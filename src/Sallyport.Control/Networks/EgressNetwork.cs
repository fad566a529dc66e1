using Dapper;
using Sallyport.Api.Networks;
using Sallyport.Api.Nodes;
using Sallyport.Control.Changes;
using Sallyport.Control.Http;
using Sallyport.Control.Identities;
using Sallyport.Control.Store;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Networks;

/// <summary>
/// The network that stands for what lies beyond the gateway host. It is made with the first application there, has no members, and one
/// host that carries all of it.
/// </summary>
internal static class EgressNetwork
{
    public static bool Is(NetworkRow network) => network.Name == Egress.Name && network.PrefixesJson == "[]";

    public static bool Is(NetworkModel network) => network.Name == Egress.Name && network.Prefixes.Count == 0;

    /// <summary>Of all hosts this one carries subnets.</summary>
    public static bool IsCarrier(IdentityModel identity) => identity.Kind == HostIdentity.Kind && identity.Subnets.Count > 0;

    /// <summary>
    /// Who would carry an address of the internet that nobody in the network carries; one with the id 0 where there is none yet. Null for what is no
    /// address of the internet, or where a network of members has that name.
    /// </summary>
    public static IdentityModel? CarrierOf(FleetState fleet, int fromNetworkId, IpAddress destination)
    {
        if (!Egress.Means(Egress.Everything, destination) || !fleet.Networks.TryGetValue(fromNetworkId, out var from)
            || from.Prefixes.Any(prefix => IpPrefix.Parse(prefix).Contains(destination)))
        {
            return null;
        }

        var network = fleet.Networks.Values.FirstOrDefault(one => one.Name == Egress.Name);
        if (network is not null && !Is(network))
        {
            return null;
        }

        return fleet.Egress ?? new IdentityModel
        {
            Id = 0,
            NetworkId = network?.Id ?? 0,
            Kind = HostIdentity.Kind,
            Name = Egress.Name,
            Active = true,
            Subnets = [Egress.Everything.ToString()],
        };
    }

    /// <summary>Nobody dials in to it and nobody has an address of it: what is about tunnels and members stays as it is.</summary>
    public static void RefuseWhatIsOfMembers(NetworkRow row, NetworkUpdate input, ProblemList problems)
    {
        foreach (var (field, isAnother) in ((string, bool)[])
        [
            ("prefixes", input.Prefixes is not null),
            ("ciphers", input.Ciphers is not null && !input.Ciphers.SequenceEqual(Column.List(row.CiphersJson))),
            ("authDigest", (input.AuthDigest ?? row.AuthDigest) != row.AuthDigest),
            ("authentication", (input.Authentication ?? row.Authentication) != row.Authentication),
            ("wrappings", input.Wrappings is not null && !input.Wrappings.SequenceEqual(Column.List(row.WrappingsJson))),
            ("tlsAuthDirection", (input.TlsAuthDirection ?? row.TlsAuthDirection) != row.TlsAuthDirection),
            ("minimumTls", (input.MinimumTls ?? row.MinimumTls) != row.MinimumTls),
            ("tokenLifetime", (input.TokenLifetime ?? Span.Text(row.TokenSeconds)) != Span.Text(row.TokenSeconds)),
            ("topology", (input.Topology ?? row.Topology) != row.Topology),
            ("serviceRanges", input.ServiceRanges is { Count: > 0 }),
            ("defaultRoute", input.DefaultRoute is true),
            ("ipsec", input.Ipsec is not (null or { Serve: false })),
        ])
        {
            if (isAnother)
            {
                problems.Add(field, $"network {row.Name} stands for what lies beyond the gateway host, and has no members", "leave it out");
            }
        }
    }

    /// <summary>The host that carries applications there; null after adding the problem.</summary>
    public static IdentityRow? Ensure(Change change, string field, ProblemList problems)
    {
        var network = NetworkRow.Find(change.Sql, Egress.Name);
        if (network is not null && !Is(network))
        {
            problems.AddConflict(field, $"there is a network of members that is called {Egress.Name}", "move its members to a network of another name first");
            return null;
        }

        if (network is null)
        {
            network = Make(change);
        }

        if (HostIdentity.Find(change.Sql, network) is { } known)
        {
            return known;
        }

        var id = change.Sql.ExecuteScalar<int>(
            """
            INSERT INTO identities (network_id, kind, name, state, state_since, subnets, labels, groups, created_at, revision)
            VALUES (@Id, @Kind, @Name, @Active, @Now, @subnets, '{}', '[]', @Now, 1) RETURNING id
            """,
            new { network.Id, HostIdentity.Kind, network.Name, IdentityStates.Active, change.Now, subnets = Column.Of([Egress.Everything.ToString()]) });
        change.Touch(ChangeKind.Identity, id);
        return IdentityRow.Find(change.Sql, id);
    }

    /// <summary>Where there is no network of that name.</summary>
    public static NetworkRow Make(Change change)
    {
        change.Actor.Require(Users.Right.Change);
        var id = change.Sql.ExecuteScalar<int>(
            """
            INSERT INTO networks (name, prefixes, ciphers, auth_digest, authentication, wrappings, wrapping_key, tls_auth_direction,
                minimum_tls, token_seconds, service_ranges, guest_pools, guests, created_at, revision)
            VALUES (@Name, '[]', @ciphers, @DefaultDigest, @DefaultAuthentication, @wrappings, @key, @DefaultDirection, @DefaultMinimumTls,
                @DefaultTokenSeconds, '[]', @pools, @SharedGuests, @Now, 1)
            RETURNING id
            """,
            new
            {
                Egress.Name,
                ciphers = Column.Of(NetworkInput.DefaultCiphers),
                NetworkInput.DefaultDigest,
                NetworkInput.DefaultAuthentication,
                wrappings = Column.Of(NetworkInput.DefaultWrappings),

                // Nobody dials in to it.
                key = Array.Empty<byte>(),
                NetworkInput.DefaultDirection,
                NetworkInput.DefaultMinimumTls,
                NetworkInput.DefaultTokenSeconds,

                // Outside they are masqueraded in any case: an address for each would only bound how large networks may be.
                NetworkInput.SharedGuests,
                pools = Column.Of([NetworkInput.DefaultGuestPool.ToString()]),
                change.Now,
            });
        change.Touch(ChangeKind.Network, id);
        change.Audit("network.create", "network:" + Egress.Name, new System.Text.Json.Nodes.JsonObject { ["guestPools"] = NetworkInput.DefaultGuestPool.ToString() });
        return NetworkRow.Find(change.Sql, id)!;
    }
}
