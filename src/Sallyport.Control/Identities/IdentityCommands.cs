using System.Text.Json.Nodes;
using Dapper;
using Sallyport.Api.Credentials;
using Sallyport.Api.Devices;
using Sallyport.Api.Sites;
using Sallyport.Control.Applications;
using Sallyport.Control.Changes;
using Sallyport.Control.Credentials;
using Sallyport.Control.Http;
using Sallyport.Control.Ipsec;
using Sallyport.Control.Locks;
using Sallyport.Control.Names;
using Sallyport.Control.Networks;
using Sallyport.Control.Nodes;
using Sallyport.Control.Policies;
using Sallyport.Control.Store;
using Sallyport.Control.Users;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Identities;

/// <summary>What came of a change of one: null for what does not apply.</summary>
internal sealed record MemberEffects(CutResult? Cut, int? Reconnecting, OutdatedFiles? Outdated);

/// <summary>What can be done with devices and sites alike.</summary>
internal sealed class IdentityCommands(Commands commands, Database database, CredentialIssuer issuer, Cuts cuts, QuarantineKeeper keeper, ControlOptions options)
{
    /// <summary>A repeated create answers the identity without its profile, or nothing where a profile was asked for.</summary>
    public Committed<T> Create<T>(Actor actor, IdentityInput input, Idempotency? idempotency, Func<IdentityRow, ProfileIssued?, T> answer)
        where T : class
    {
        actor.Require(Right.Change, actor.NetworkId);
        return commands.RunCreate(
            actor,
            idempotency,
            change =>
            {
                var (row, profile) = Create(change, input);
                return (row.Id, answer(row, profile));
            },
            (change, id) => input.Profile is null && IdentityRow.Find(change.Sql, id) is { } made ? answer(made, null) : null);
    }

    /// <summary>Labels, groups and subnets decide what is allowed: flows that lose their permission are cut.</summary>
    public async Task<(IdentityRow Row, MemberEffects Effects)> UpdateAsync(Actor actor, string name, IdentityInput input, long? revision, CancellationToken cancel)
    {
        OutdatedFiles? outdated = null;
        var committed = commands.Run(actor, change =>
        {
            var before = Lookup.Identity(change.Sql, input.Kind, name).OrNotFound();
            var after = Update(change, name, input, revision);
            outdated = SiteFiles.OutdatedBy(change.Sql, options, before, after);
            return after;
        });
        return (committed.Value, new MemberEffects(await EnforceAsync(committed, "changed", "update", cancel), committed.Reconnecting, outdated));
    }

    /// <summary>What became of the files of others when it was made.</summary>
    public OutdatedFiles? OutdatedBy(IdentityRow made) => database.Read(sql => SiteFiles.OutdatedBy(sql, options, null, made));

    /// <summary>As part of a command.</summary>
    internal static IdentityRow Update(Change change, string name, IdentityInput input, long? revision)
    {
        var row = Lookup.Identity(change.Sql, input.Kind, name).OrNotFound();
        change.Actor.Require(Right.Change, row.NetworkId);
        Revisions.Check($"{row.Kind} {row.Name}", row.Revision, revision);
        var problems = new ProblemList();
        input.CheckLabelsAndGroups(problems);
        var subnets = row.SubnetsJson;
        if (input.Subnets is { Count: 0 })
        {
            problems.Add("subnets", "the list of subnets is empty", "a site carries at least one subnet");
        }
        else if (input.Subnets is not null)
        {
            var read = input.ReadSubnets(change.Sql, NetworkRow.Find(change.Sql, row.NetworkId), row.Id, problems);
            CheckApplications(change, row, read, problems);
            subnets = Column.Of([.. read.Select(subnet => subnet.ToString())]);
        }

        var limits = Column.Of(LimitReading.Read(input.Limit, row.Limit, problems));
        var peer = PeerInput.Read(input.Ipsec, row.Ipsec, problems);
        var ipsec = Column.Of(peer);
        problems.ThrowIfAny();
        var labels = input.Labels is null ? row.LabelsJson : Column.Of(input.Labels);
        var groups = input.Groups is null ? row.GroupsJson : Column.Of([.. input.Groups.Distinct(StringComparer.Ordinal)]);
        change.Sql.Execute(
            "UPDATE identities SET labels = @labels, groups = @groups, subnets = @subnets, limits = @limits, ipsec = @ipsec, revision = revision + 1 WHERE id = @Id",
            new { labels, groups, subnets, limits, ipsec, row.Id });
        change.Touch(ChangeKind.Identity, row.Id);
        change.Audit(
            row.Kind + ".update",
            row.Subject,
            new JsonObject
            {
                ["labels"] = JsonNode.Parse(labels),
                ["groups"] = JsonNode.Parse(groups),
                ["subnets"] = JsonNode.Parse(subnets),
                ["limit"] = input.Limit is null ? null : LimitReading.Describe(Column.Limit(limits)) is { Length: > 0 } limit ? limit : "none",
                ["ipsec"] = input.Ipsec is null ? null : JsonNode.Parse(ipsec),
                ["ipsecChanged"] = Texts(PeerInput.Changes(row.Ipsec, peer)),
            });
        return IdentityRow.Find(change.Sql, row.Id)!;
    }

    public ProfileIssued IssueProfile(Actor actor, string kind, string name, ProfileRequest request) => commands.Run(actor, change =>
    {
        var row = Lookup.Identity(change.Sql, kind, name).OrNotFound();
        actor.Require(Right.Change, row.NetworkId);
        if (row.State == IdentityStates.Retired)
        {
            throw new ProblemException(Refusal.Conflict(
                "name", $"{row.Kind} {row.Name} was revoked and does not come back", $"remove it and add it again, as a new identity: sallyport {row.Kind} remove {name}"));
        }

        var network = NetworkRow.Find(change.Sql, row.NetworkId)!;
        var problems = new ProblemList();
        issuer.Check(change.Sql, request, network, row.Kind, request.KeepOld ? 0 : row.Id, problems, "");
        problems.ThrowIfAny();
        if (row.State == IdentityStates.Pending)
        {
            SetState(change, row, IdentityStates.Active, null);
        }

        return issuer.Issue(change, row, network, request);
    }).Value;

    /// <summary>Revokes all credentials and retires the identity; answers when the gateways have cut it, or after the bounded wait.</summary>
    public Task<CutResult> RevokeAsync(Actor actor, string kind, string name, string? reason, CancellationToken cancel)
    {
        ReasonInput.Check(reason);
        var committed = commands.RunFirst(actor, change =>
        {
            var row = Lookup.Identity(change.Sql, kind, name).OrNotFound();
            actor.Require(Right.Change, row.NetworkId);
            if (row.State == IdentityStates.Retired)
            {
                throw new ProblemException(Refusal.Conflict(
                    "name", $"{row.Kind} {row.Name} was revoked already, on {UnixTime.ToTime(row.StateSince):u}", "nothing is left to do"));
            }

            var revoked = CredentialIssuer.RevokeAll(change, row.Id, reason ?? "");
            SetState(change, row, IdentityStates.Retired, reason);
            change.Audit(
                row.Kind + ".revoke",
                row.Subject,
                new JsonObject { ["reason"] = reason, ["credentials"] = new JsonArray([.. revoked.Select(id => (JsonNode)id)]) });
            return row;
        });
        return EnforceAsync(committed, IdentityStates.Retired, "revoke", cancel);
    }

    /// <summary>Shuts the identity out, wholly or in part, and keeps its credentials, until it is released or its time is over. Again: to another degree.</summary>
    public Task<CutResult> QuarantineAsync(Actor actor, string kind, string name, QuarantineRequest request, CancellationToken cancel)
    {
        ReasonInput.Check(request.Reason);
        var committed = commands.RunFirst(actor, change => Quarantine(change, kind, name, request));
        keeper.Look();
        return EnforceAsync(committed, IdentityStates.Quarantined, "quarantine", cancel);
    }

    private static IdentityRow Quarantine(Change change, string kind, string name, QuarantineRequest request)
    {
        var row = Lookup.Identity(change.Sql, kind, name).OrNotFound();
        change.Actor.Require(Right.Change, row.NetworkId);
        if (row.State is not (IdentityStates.Active or IdentityStates.Quarantined))
        {
            throw new ProblemException(Refusal.Conflict("name", $"{row.Kind} {row.Name} is {row.State}", "only what is active or quarantined can become quarantined"));
        }

        var problems = new ProblemList();
        var quarantine = QuarantineInput.Read(change, request, problems);
        problems.ThrowIfAny();
        SetState(change, row, IdentityStates.Quarantined, request.Reason);
        change.Sql.Execute(
            """
            UPDATE identities SET quarantine_degree = @Degree, quarantine_until = @Until, quarantine_application_id = @applicationId,
                quarantine_rate = @Rate WHERE id = @Id
            """,
            new { quarantine.Degree, quarantine.Until, applicationId = quarantine.Application?.Id, quarantine.Rate, row.Id });
        change.Audit(
            $"{row.Kind}.quarantine",
            row.Subject,
            new JsonObject
            {
                ["reason"] = request.Reason,
                ["degree"] = quarantine.Degree,
                ["application"] = quarantine.Application?.Subject,
                ["rate"] = quarantine.Rate is { } rate ? LimitText.Rate(rate) : null,
                ["time"] = quarantine.Until is null ? null : RuleTimes.Describe(quarantine.Until, []),
            });
        return row;
    }

    /// <summary>Facts of the identity as somebody reports them now: rules that look at them are judged again at once.</summary>
    public async Task<(IdentityRow Row, CutResult Cut)> ReportPostureAsync(Actor actor, string kind, string name, PostureUpdate input, CancellationToken cancel)
    {
        var committed = commands.Run(actor, change =>
        {
            var row = Lookup.Identity(change.Sql, kind, name).OrNotFound();
            actor.Require(Right.Change, row.NetworkId);
            var posture = PostureInput.Read(input, Column.Facts(row.PostureJson), change.Now);
            change.Sql.Execute("UPDATE identities SET posture = @posture WHERE id = @Id", new { posture = Column.Of(posture), row.Id });
            change.Touch(ChangeKind.Identity, row.Id);
            change.Audit(
                row.Kind + ".posture", row.Subject,
                new JsonObject { ["facts"] = new JsonObject((input.Facts ?? new Dictionary<string, string?>()).Select(fact => KeyValuePair.Create(fact.Key, (JsonNode?)(fact.Value ?? "removed")))) });
            return IdentityRow.Find(change.Sql, row.Id)!;
        });
        var subject = committed.Value;
        var cut = await cuts.EnforceAsync(
            new CutSubject(subject.Kind, subject.Name, "reported", $"{subject.Kind}.posture", subject.Subject) { IsOrder = false }, committed.Version, committed.At, cancel);
        return (subject, cut);
    }

    /// <summary>Ends a quarantine whose time is over.</summary>
    internal static void EndQuarantine(Change change, IdentityRow row)
    {
        SetState(change, row, IdentityStates.Active, null);
        change.Audit($"{row.Kind}.release", row.Subject, new JsonObject { ["reason"] = "the time of its quarantine is over" });
    }

    public IdentityRow Release(Actor actor, string kind, string name, string? reason)
    {
        ReasonInput.Check(reason);
        return commands.Run(actor, change =>
        {
            var row = Move(change, kind, name, IdentityStates.Quarantined, IdentityStates.Active, reason, "release");
            return IdentityRow.Find(change.Sql, row.Id)!;
        }).Value;
    }

    public async Task<CutResult> DeleteAsync(Actor actor, string kind, string name, CancellationToken cancel)
    {
        var committed = commands.RunFirst(actor, change => Delete(change, kind, name));
        return await EnforceAsync(committed, "removed", "delete", cancel) with { TunnelsReconnecting = committed.Reconnecting };
    }

    /// <summary>As part of a command.</summary>
    internal static IdentityRow Delete(Change change, string kind, string name)
    {
        var row = Lookup.Identity(change.Sql, kind, name).OrNotFound();
        change.Actor.Require(Right.Change, row.NetworkId);
        var inTheWay = new Obstacles();
        inTheWay.AddUses(change.Sql, row.Id);
        inTheWay.ThrowIfAny($"{row.Kind} {row.Name} is used by");

        LockCommands.RemoveAllOn(change, ChangeKind.Identity, row.Id);
        change.Sql.Execute("DELETE FROM identities WHERE id = @Id", new { row.Id });
        change.Touch(ChangeKind.Identity, row.Id);
        change.Audit(row.Kind + ".delete", row.Subject);
        return row;
    }

    public IdentityRow Get(Actor actor, string kind, string name) => database.Read(sql =>
    {
        var row = Lookup.Identity(sql, kind, name).OrNotFound();
        actor.Require(Right.See, row.NetworkId);
        return row;
    });

    /// <summary>As part of a command.</summary>
    internal (IdentityRow Row, ProfileIssued? Profile) Create(Change change, IdentityInput input)
    {
        var problems = new ProblemList();
        var network = Lookup.Network(change.Sql, input.Network).OrProblem("network", problems);
        if (network is not null && EgressNetwork.Is(network))
        {
            problems.Add("network", $"network {network.Name} stands for what lies beyond the gateway host, and has no members", "choose another network");
        }

        if (network is not null)
        {
            change.Actor.Require(Right.Change, network.Id);
        }

        if (Label.Check(input.Name, "name", problems) && network is not null)
        {
            var holder = change.Sql.ExecuteScalar<string?>(
                "SELECT kind FROM identities WHERE network_id = @Id AND name = @Name AND kind <> 'host'", new { network.Id, input.Name });
            if (holder is not null)
            {
                problems.AddConflict("name", $"there is a {holder} '{input.Name}' in network {network.Name} already", "choose another name");
            }
        }

        input.CheckLabelsAndGroups(problems);
        if (input.Addresses is { Count: > 2 })
        {
            problems.Add("addresses", $"{input.Addresses.Count} addresses are too many", "give at most one IPv4 and one IPv6 address");
        }

        var subnets = input.ReadSubnets(change.Sql, network, 0, problems);
        if (input is { Kind: "site", Subnets: null or { Count: 0 } })
        {
            problems.Add("subnets", "the subnets are missing", "a site carries subnets, such as 192.168.50.0/24; a thing without any is a device");
        }

        var (v4, v6) = input.ReadAddresses(change.Sql, network, problems);
        var limits = Column.Of(LimitReading.Read(input.Limit, null, problems));
        var peer = PeerInput.Read(input.Ipsec, null, problems);
        if (input.Profile is { } request)
        {
            issuer.Check(change.Sql, request, network, input.Kind, 0, problems, "profile.");
            if (request.Protocol == CredentialIssuer.Ipsec && peer is not null && peer.Remotes.Count > (request.Uplinks ?? 1))
            {
                problems.Add("ipsec.remotes", $"{peer.Remotes.Count} remotes are more than the site has uplinks", $"give it as many: uplinks {peer.Remotes.Count}");
            }
        }

        if (network is not null && !problems.Any)
        {
            v4 ??= AllocateOrProblem(change, network, v4: true, problems);
            v6 ??= AllocateOrProblem(change, network, v4: false, problems);
        }

        problems.ThrowIfAny();
        var state = input.Profile is null ? IdentityStates.Pending : IdentityStates.Active;
        var labels = Column.Of(input.Labels ?? new Dictionary<string, string>());
        var groups = Column.Of([.. (input.Groups ?? []).Distinct(StringComparer.Ordinal)]);
        var subnetsJson = Column.Of([.. subnets.Select(subnet => subnet.ToString())]);
        var id = change.Sql.ExecuteScalar<int>(
            """
            INSERT INTO identities (network_id, kind, name, state, state_since, address_v4, address_v6, subnets, labels, groups, limits, ipsec, created_at, revision)
            VALUES (@networkId, @Kind, @Name, @state, @Now, @v4, @v6, @subnetsJson, @labels, @groups, @limits, @ipsec, @Now, 1)
            RETURNING id
            """,
            new
            {
                networkId = network!.Id,
                input.Kind,
                input.Name,
                state,
                change.Now,
                v4 = v4 is { } a ? Column.Of(a) : null,
                v6 = v6 is { } b ? Column.Of(b) : null,
                subnetsJson,
                labels,
                groups,
                limits,
                ipsec = Column.Of(peer),
            });
        var row = IdentityRow.Find(change.Sql, id)!;
        change.Touch(ChangeKind.Identity, id);
        change.Audit(
            row.Kind + ".create",
            row.Subject,
            new JsonObject
            {
                ["addressV4"] = v4?.ToString(),
                ["addressV6"] = v6?.ToString(),
                ["subnets"] = JsonNode.Parse(subnetsJson),
                ["labels"] = JsonNode.Parse(labels),
                ["groups"] = JsonNode.Parse(groups),
                ["limit"] = LimitReading.Describe(Column.Limit(limits)) is { Length: > 0 } limit ? limit : null,
                ["ipsec"] = peer is null ? null : JsonNode.Parse(Column.Of(peer)),
                ["ipsecChosen"] = Texts(PeerInput.Chosen(peer)),
            });
        var profile = input.Profile is null ? null : issuer.Issue(change, row, network, input.Profile);
        return (row, profile);
    }

    /// <summary>Null for none.</summary>
    private static JsonArray? Texts(IEnumerable<string> texts) => texts.Select(text => (JsonNode)text).ToArray() is { Length: > 0 } nodes ? new JsonArray(nodes) : null;

    private static IpAddress? AllocateOrProblem(Change change, NetworkRow network, bool v4, ProblemList problems)
    {
        var address = AddressPool.Allocate(change.Sql, network, v4, out var full);
        if (full)
        {
            problems.AddConflict(
                "network",
                $"network {network.Name} has no free {(v4 ? "IPv4" : "IPv6")} address left",
                "give it a further prefix, or remove devices that are gone: sallyport device remove NAME");
        }

        return address;
    }

    private static void CheckApplications(Change change, IdentityRow row, IReadOnlyList<IpPrefix> subnets, ProblemList problems)
    {
        foreach (var application in ApplicationRow.OfOwner(change.Sql, row.Id))
        {
            if (!ApplicationInput.IsCarried(row, subnets, ApplicationInput.TargetOf(application)))
            {
                problems.AddConflict(
                    "subnets",
                    $"application {application.Name} reaches {application.Target}, which the site would not carry any more",
                    $"change or remove it first: sallyport application remove {application.Name}");
            }
        }
    }

    private static IdentityRow Move(Change change, string kind, string name, string from, string to, string? reason, string verb)
    {
        var row = Lookup.Identity(change.Sql, kind, name).OrNotFound();
        change.Actor.Require(Right.Change, row.NetworkId);
        if (row.State != from)
        {
            throw new ProblemException(Refusal.Conflict(
                "name", $"{row.Kind} {row.Name} is {row.State}", $"only what is {from} can become {to}"));
        }

        SetState(change, row, to, reason);
        change.Audit($"{row.Kind}.{verb}", row.Subject, new JsonObject { ["reason"] = reason });
        return row;
    }

    private static void SetState(Change change, IdentityRow row, string state, string? reason)
    {
        change.Sql.Execute(
            """
            UPDATE identities SET state = @state, state_reason = @reason, state_since = @Now, quarantine_degree = NULL, quarantine_until = NULL,
                quarantine_application_id = NULL, quarantine_rate = NULL, revision = revision + 1 WHERE id = @Id
            """,
            new { state, reason, change.Now, row.Id });
        change.Touch(ChangeKind.Identity, row.Id);
    }

    private Task<CutResult> EnforceAsync(Committed<IdentityRow> committed, string state, string verb, CancellationToken cancel) => cuts.EnforceAsync(
        new CutSubject(committed.Value.Kind, committed.Value.Name, state, $"{committed.Value.Kind}.{verb}", committed.Value.Subject),
        committed.Version, committed.At, cancel);
}
