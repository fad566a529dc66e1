using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Dapper;
using Sallyport.Api.Networks;
using Sallyport.Control.Changes;
using Sallyport.Control.Http;
using Sallyport.Control.Identities;
using Sallyport.Control.Ipsec;
using Sallyport.Control.Locks;
using Sallyport.Control.Names;
using Sallyport.Control.Policies;
using Sallyport.Control.Secrets;
using Sallyport.Control.Store;
using Sallyport.Control.Users;

namespace Sallyport.Control.Networks;

internal sealed class NetworkCommands(Commands commands, Database database, Envelope envelope, ControlOptions options)
{
    private readonly string zone = options.Gateway.DnsZone;

    public NetworkInfo Create(Actor actor, NetworkCreate input, Idempotency? idempotency)
    {
        actor.Require(Right.Change);
        return commands.RunCreate(
            actor,
            idempotency,
            change =>
            {
                var made = Create(change, input);
                return (made.Id, made.ToInfo(change.Sql, zone));
            },
            (change, id) => NetworkRow.Find(change.Sql, id)?.ToInfo(change.Sql, zone)).Value;
    }

    public NetworkUpdated Update(Actor actor, string name, NetworkUpdate input, long? revision)
    {
        var updated = commands.Run(actor, change => (Before: Lookup.Network(change.Sql, name).OrNotFound(), After: Update(change, name, input, revision)));
        var (before, after) = updated.Value;
        // As whom its members appear elsewhere follows from the change.
        var info = database.Read(sql => after.ToInfo(sql, zone)) with { TunnelsReconnecting = updated.Reconnecting };
        return new NetworkUpdated(before, after, info, updated.Version, updated.At);
    }

    public void Delete(Actor actor, string name) => commands.Run(actor, change =>
    {
        Delete(change, name);
        return true;
    });

    /// <summary>As part of a command.</summary>
    internal NetworkRow Create(Change change, NetworkCreate input)
    {
        change.Actor.Require(Right.Change);
        var problems = new ProblemList();
        if (Label.Check(input.Name, "name", problems) && NetworkRow.Find(change.Sql, input.Name!) is not null)
        {
            problems.AddConflict("name", $"there is a network '{input.Name}' already", "choose another name");
        }

        if (input.Name == Core.Policy.Egress.Name)
        {
            problems.Add("name", $"'{input.Name}' is what lies beyond the gateway host", "choose another name; it is made by the first application there: sallyport application add NAME --egress");
        }

        if (input.Prefixes is null or [])
        {
            problems.Add("prefixes", "the prefixes are missing", "give at least one prefix, such as 10.20.0.0/16");
        }

        var prefixes = NetworkInput.Prefixes(input.Prefixes ?? [], problems);
        var draft = new NetworkRow
        {
            Name = input.Name ?? "",
            PrefixesJson = Column.Of([.. prefixes.Select(prefix => prefix.ToString())]),
            CiphersJson = Column.Of(NetworkInput.DefaultCiphers),
            AuthDigest = NetworkInput.DefaultDigest,
            Authentication = NetworkInput.DefaultAuthentication,
            WrappingsJson = Column.Of(NetworkInput.DefaultWrappings),
            TlsAuthDirection = NetworkInput.DefaultDirection,
            MinimumTls = NetworkInput.DefaultMinimumTls,
            TokenSeconds = NetworkInput.DefaultTokenSeconds,
            ServiceRangesJson = Column.Of(NetworkInput.DefaultServiceRanges(prefixes)),
            GuestPoolsJson = Column.Of(NetworkInput.DefaultGuestPools(prefixes)),
        };
        NetworkInput.ApplyOptions(
            draft,
            new NetworkUpdate
            {
                Ciphers = input.Ciphers,
                AuthDigest = input.AuthDigest,
                Authentication = input.Authentication,
                Wrappings = input.Wrappings,
                TlsAuthDirection = input.TlsAuthDirection,
                MinimumTls = input.MinimumTls,
                TokenLifetime = input.TokenLifetime,
                ServiceRanges = input.ServiceRanges,
                GuestPools = input.GuestPools,
                Guests = input.Guests,
                Topology = input.Topology,
                DefaultRoute = input.DefaultRoute,
            },
            problems);
        NetworkInput.CheckRanges(draft, [], problems);
        DnsInput.Apply(draft, input.Dns, zone, problems);
        draft.IpsecJson = Column.Of(IpsecInput.Read(input.Ipsec, new IpsecOptions(), problems));
        NetworkInput.CheckShared(draft, before: 0, NetworkRow.All(change.Sql), problems);
        problems.ThrowIfAny();

        var key = SecretStore.Random(256);
        var sealedKey = envelope.Seal(NetworkRow.WrappingKeyPurpose(draft.Name), key);
        CryptographicOperations.ZeroMemory(key);
        var id = change.Sql.ExecuteScalar<int>(
            """
            INSERT INTO networks (name, prefixes, ciphers, auth_digest, authentication, wrappings, wrapping_key, tls_auth_direction,
                minimum_tls, token_seconds, service_ranges, guest_pools, guests, topology, dns_serve, dns_forward, default_route, ipsec, created_at, revision)
            VALUES (@Name, @PrefixesJson, @CiphersJson, @AuthDigest, @Authentication, @WrappingsJson, @sealedKey, @TlsAuthDirection,
                @MinimumTls, @TokenSeconds, @ServiceRangesJson, @GuestPoolsJson, @Guests, @Topology, @DnsServe,
                @DnsForwardJson, @DefaultRoute, @IpsecJson, @Now, 1)
            RETURNING id
            """,
            new
            {
                draft.Name,
                draft.PrefixesJson,
                draft.CiphersJson,
                draft.AuthDigest,
                draft.Authentication,
                draft.WrappingsJson,
                sealedKey,
                draft.TlsAuthDirection,
                draft.MinimumTls,
                draft.TokenSeconds,
                draft.ServiceRangesJson,
                draft.GuestPoolsJson,
                draft.Guests,
                draft.Topology,
                draft.DnsServe,
                draft.DnsForwardJson,
                draft.DefaultRoute,
                draft.IpsecJson,
                change.Now,
            });
        change.Touch(ChangeKind.Network, id);
        change.Audit("network.create", "network:" + draft.Name, Describe(draft));
        return NetworkRow.Find(change.Sql, id)!;
    }

    /// <summary>As part of a command.</summary>
    internal NetworkRow Update(Change change, string name, NetworkUpdate input, long? revision)
    {
        var row = Lookup.Network(change.Sql, name).OrNotFound();
        change.Actor.Require(Right.Change, row.Id);
        Revisions.Check($"network {row.Name}", row.Revision, revision);
        var problems = new ProblemList();
        var hadV6 = row.Prefixes.Any(prefix => !prefix.IsV4);
        if (EgressNetwork.Is(row))
        {
            EgressNetwork.RefuseWhatIsOfMembers(row, input, problems);
        }
        else if (input.Prefixes is not null)
        {
            SetPrefixes(change, row, input.Prefixes, problems);
        }

        var shared = NetworkInput.SharedOf(row);
        NetworkInput.ApplyOptions(row, input, problems);
        DnsInput.Apply(row, input.Dns, zone, problems);
        var ipsec = Column.Ipsec(row.IpsecJson);
        row.IpsecJson = Column.Of(IpsecInput.Read(input.Ipsec, ipsec, problems));
        NetworkInput.CheckShared(row, shared, NetworkRow.All(change.Sql), problems);
        var subnets = IdentityRow.InNetwork(change.Sql, row.Id).Where(identity => identity.Kind != HostIdentity.Kind)
            .SelectMany(site => site.Subnets.Select(subnet => (Subnet: subnet, Site: site.Name))).ToList();
        if (!hadV6 && row.Prefixes.Any(prefix => !prefix.IsV4))
        {
            NetworkInput.AddRangesForIpV6(row, input, subnets.Select(one => one.Subnet));
        }

        NetworkInput.CheckRanges(row, subnets, problems);
        problems.ThrowIfAny();
        change.Sql.Execute(
            """
            UPDATE networks SET prefixes = @PrefixesJson, ciphers = @CiphersJson, auth_digest = @AuthDigest, authentication = @Authentication,
                wrappings = @WrappingsJson, tls_auth_direction = @TlsAuthDirection, minimum_tls = @MinimumTls, token_seconds = @TokenSeconds,
                service_ranges = @ServiceRangesJson, guest_pools = @GuestPoolsJson, guests = @Guests, topology = @Topology,
                dns_serve = @DnsServe, dns_forward = @DnsForwardJson, default_route = @DefaultRoute, ipsec = @IpsecJson, revision = revision + 1
            WHERE id = @Id
            """,
            row);
        AddressPool.FillMissing(change, row);
        HostIdentity.FollowPrefixes(change, row);
        change.Touch(ChangeKind.Network, row.Id);
        var detail = Describe(row);
        if (IpsecOptions.Changes(ipsec, Column.Ipsec(row.IpsecJson)).ToList() is { Count: > 0 } changes)
        {
            detail["ipsecChanged"] = new JsonArray([.. changes.Select(one => (JsonNode)one)]);
        }

        change.Audit("network.update", "network:" + row.Name, detail);
        return NetworkRow.Find(change.Sql, row.Id)!;
    }

    private static void Delete(Change change, string name)
    {
        var row = Lookup.Network(change.Sql, name).OrNotFound();
        change.Actor.Require(Right.Change, row.Id);
        var inTheWay = new Obstacles();
        foreach (var (id, kind, held) in change.Sql.Query<(int, string, string)>(
            "SELECT id, kind, name FROM identities WHERE network_id = @Id ORDER BY kind, name LIMIT @most", new { row.Id, most = Obstacles.ShownMax + 1 }))
        {
            if (kind == HostIdentity.Kind)
            {
                inTheWay.AddUses(change.Sql, id);
                continue;
            }

            inTheWay.Add($"{kind} {held}", $"{kind} remove {held}.{row.Name}");
        }

        foreach (var rule in RuleRow.OfMembersOf(change.Sql, row.Id).Concat(RuleRow.ToGroupsOf(change.Sql, row.Id)).DistinctBy(rule => rule.Id))
        {
            inTheWay.Add($"rule {rule.Id} (to {rule.Named}.{rule.Network})", $"rule remove {rule.Id}");
        }

        inTheWay.ThrowIfAny($"network {row.Name} still has");

        LockCommands.RemoveAllOn(change, ChangeKind.Network, row.Id);
        change.Sql.Execute("DELETE FROM networks WHERE id = @Id", new { row.Id });
        change.Touch(ChangeKind.Network, row.Id);
        change.Audit("network.delete", "network:" + row.Name);
    }

    public NetworkInfo Get(Actor actor, string name) => database.Read(sql =>
    {
        var row = Lookup.Network(sql, name).OrNotFound();
        actor.Require(Right.See, row.Id);
        return row.ToInfo(sql, zone);
    });

    public Api.Paging.Page<NetworkInfo> List(Actor actor, Paging paging) => database.Read(sql => paging.PageOf(
        NetworkRow.List(sql, paging.AfterId, paging.Limit + 1).Where(row => actor.May(Right.See, row.Id)), row => row.Id, row => row.ToInfo(sql, zone)));

    private static void SetPrefixes(Change change, NetworkRow row, IReadOnlyList<string> texts, ProblemList problems)
    {
        if (texts.Count == 0)
        {
            problems.Add("prefixes", "the list of prefixes is empty", "a network needs at least one prefix");
            return;
        }

        var before = problems.Problems.Count;
        var prefixes = NetworkInput.Prefixes(texts, problems);
        if (problems.Problems.Count > before)
        {
            return;
        }

        if (HostIdentity.Find(change.Sql, row) is not null && HostIdentity.AddressIn(prefixes) is null)
        {
            problems.AddConflict(
                "prefixes", $"the gateway host has applications in network {row.Name}, and is reached by IPv4", "keep an IPv4 prefix, or delete these first");
            return;
        }

        foreach (var identity in IdentityRow.InNetwork(change.Sql, row.Id).Where(identity => identity.Kind != HostIdentity.Kind))
        {
            foreach (var address in new[] { identity.AddressV4, identity.AddressV6 })
            {
                if (address is { } used && !AddressPool.IsAssignable(prefixes, used, out _))
                {
                    problems.AddConflict(
                        "prefixes",
                        $"{identity.Kind} {identity.Name} has the address {used}, which would lie outside",
                        $"keep its prefix, or remove it first: sallyport {identity.Kind} remove {identity.Name}.{identity.Network}");
                }
            }

            foreach (var subnet in identity.Subnets)
            {
                foreach (var prefix in prefixes.Where(prefix => prefix.Overlaps(subnet)))
                {
                    problems.AddConflict("prefixes", $"{prefix} overlaps the subnet {subnet} of site {identity.Name}", "choose a prefix of its own");
                }
            }

            if (problems.Problems.Count >= 20)
            {
                return;
            }
        }

        row.PrefixesJson = Column.Of([.. prefixes.Select(prefix => prefix.ToString())]);
    }

    private static JsonObject Describe(NetworkRow row) => new()
    {
        ["prefixes"] = JsonNode.Parse(row.PrefixesJson),
        ["ciphers"] = JsonNode.Parse(row.CiphersJson),
        ["authDigest"] = row.AuthDigest,
        ["authentication"] = row.Authentication,
        ["wrappings"] = JsonNode.Parse(row.WrappingsJson),
        ["minimumTls"] = row.MinimumTls,
        ["tokenLifetime"] = Span.Text(row.TokenSeconds),
        ["serviceRanges"] = JsonNode.Parse(row.ServiceRangesJson),
        ["guestPools"] = JsonNode.Parse(row.GuestPoolsJson),
        ["topology"] = row.Topology == NetworkInput.DefaultTopology ? null : row.Topology,
        ["defaultRoute"] = row.DefaultRoute ? true : null,
        ["guests"] = row.Guests == NetworkInput.DefaultGuests ? null : row.Guests,
        ["dns"] = new JsonObject { ["serve"] = row.DnsServe, ["forward"] = JsonNode.Parse(row.DnsForwardJson) },
        ["ipsec"] = row.IpsecJson == "{}" ? null : JsonNode.Parse(row.IpsecJson),
    };
}
