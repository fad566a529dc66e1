using System.Text.Json.Nodes;
using Dapper;
using Sallyport.Api.Applications;
using Sallyport.Api.Paging;
using Sallyport.Control.Changes;
using Sallyport.Control.Http;
using Sallyport.Control.Identities;
using Sallyport.Control.Locks;
using Sallyport.Control.Names;
using Sallyport.Control.Networks;
using Sallyport.Control.Nodes;
using Sallyport.Control.Policies;
using Sallyport.Control.Store;
using Sallyport.Control.Users;

namespace Sallyport.Control.Applications;

internal sealed class ApplicationCommands(Commands commands, Database database, Cuts cuts)
{
    public ApplicationInfo Create(Actor actor, ApplicationCreate input, Idempotency? idempotency)
    {
        actor.Require(Right.Change, actor.NetworkId);
        var committed = commands.RunCreate(
            actor,
            idempotency,
            change =>
            {
                var made = Create(change, input);
                return (made.Id, made.ToInfo());
            },
            (change, id) => ApplicationRow.Find(change.Sql, id)?.ToInfo());
        return committed.Value with { TunnelsReconnecting = committed.Reconnecting };
    }

    /// <summary>Answers when the gateways have cut what it does not cover any more, or after the bounded wait.</summary>
    public async Task<ApplicationInfo> UpdateAsync(Actor actor, string name, ApplicationUpdate input, long? revision, CancellationToken cancel)
    {
        var committed = commands.Run(actor, change => Update(change, name, input, revision));
        var row = committed.Value;
        var cut = await cuts.EnforceAsync(
            new CutSubject("application", row.Name, "changed", "application.update", row.Subject), committed.Version, committed.At, cancel);
        return row.ToInfo() with { Cut = cut, TunnelsReconnecting = committed.Reconnecting };
    }

    /// <summary>As part of a command.</summary>
    internal static ApplicationRow Create(Change change, ApplicationCreate input)
    {
        var problems = new ProblemList();
        var owner = ReadOwner(change, input, problems);
        if (Label.Check(input.Name, "name", problems) && owner is not null
            && ApplicationRow.FindByName(change.Sql, input.Name!, owner.Network).Count > 0)
        {
            problems.AddConflict("name", $"there is an application '{input.Name}' in network {owner.Network} already", "choose another name");
        }

        var target = owner is null ? null : ApplicationInput.ReadTarget(input.Target, input.Names is { Count: > 0 }, owner, problems);
        var names = owner is null ? [] : ApplicationInput.ReadNames(input.Names, owner, problems);
        var services = ApplicationInput.ReadServices(input.Services, problems);
        var groups = ApplicationInput.ReadGroups(input.Groups ?? [], problems);
        problems.ThrowIfAny();
        var id = change.Sql.ExecuteScalar<int>(
            """
            INSERT INTO applications (network_id, owner_id, name, target, services, names, groups, management, created_at, revision)
            VALUES (@NetworkId, @ownerId, @Name, @target, @services, @names, @groups, @management, @Now, 1) RETURNING id
            """,
            new
            {
                owner!.NetworkId,
                ownerId = owner.Id,
                input.Name,
                target = ApplicationInput.Show(target!.Value),
                services = Column.Of(services),
                names = Column.Of(names),
                groups = Column.Of(groups),
                management = input.Management ?? false,
                change.Now,
            });
        var row = ApplicationRow.Find(change.Sql, id)!;
        change.Touch(ChangeKind.Application, id);
        RuleRow.TouchGroups(change, row.NetworkId, groups);
        change.Audit("application.create", row.Subject, Describe(row));
        return row;
    }

    /// <summary>As part of a command.</summary>
    internal static ApplicationRow Update(Change change, string name, ApplicationUpdate input, long? revision)
    {
        var row = Lookup.Application(change.Sql, name).OrNotFound();
        change.Actor.Require(Right.Change, row.NetworkId);
        Revisions.Check($"application {row.Name}", row.Revision, revision);
        var problems = new ProblemList();
        var owner = IdentityRow.Find(change.Sql, row.OwnerId)!;
        var target = input.Target is null ? ApplicationInput.TargetOf(row) : ApplicationInput.ReadTarget(input.Target, false, owner, problems);
        var names = input.Names is null ? Column.List(row.NamesJson) : ApplicationInput.ReadNames(input.Names, owner, problems);
        var services = input.Services is null ? Column.List(row.ServicesJson) : ApplicationInput.ReadServices(input.Services, problems);
        var groups = input.Groups is null ? Column.List(row.GroupsJson) : ApplicationInput.ReadGroups(input.Groups, problems);
        problems.ThrowIfAny();
        change.Sql.Execute(
            """
            UPDATE applications SET target = @target, services = @services, names = @names, groups = @groups, management = @management, revision = revision + 1
            WHERE id = @Id
            """,
            new
            {
                target = ApplicationInput.Show(target!.Value),
                services = Column.Of(services),
                names = Column.Of(names),
                groups = Column.Of(groups),
                management = input.Management ?? row.Management,
                row.Id,
            });
        var updated = ApplicationRow.Find(change.Sql, row.Id)!;
        RuleRow.TouchGroups(change, row.NetworkId, groups.Except(Column.List(row.GroupsJson)).Union(Column.List(row.GroupsJson).Except(groups)));
        change.Touch(ChangeKind.Application, row.Id);
        change.Audit("application.update", row.Subject, Describe(updated));
        return updated;
    }

    public void Delete(Actor actor, string name) => commands.Run(actor, change =>
    {
        Delete(change, name);
        return true;
    });

    /// <summary>As part of a command.</summary>
    internal static void Delete(Change change, string name)
    {
        var row = Lookup.Application(change.Sql, name).OrNotFound();
        change.Actor.Require(Right.Change, row.NetworkId);
        var inTheWay = new Obstacles();
        foreach (var rule in RuleRow.OfApplication(change.Sql, row.Id))
        {
            inTheWay.Add($"rule {rule.Id} (from {rule.SubjectKind}:{rule.Subject})", $"rule remove {rule.Id}");
        }

        foreach (var identity in IdentityRow.InForensicQuarantineTo(change.Sql, row.Id))
        {
            inTheWay.Add($"the quarantine of {identity.Kind} {identity.Name}", $"{identity.Kind} release {identity.Name}.{identity.Network}");
        }

        inTheWay.ThrowIfAny($"application {row.Name} is used by");

        LockCommands.RemoveAllOn(change, ChangeKind.Application, row.Id);
        change.Sql.Execute("DELETE FROM applications WHERE id = @Id", new { row.Id });
        change.Touch(ChangeKind.Application, row.Id);
        RuleRow.TouchGroups(change, row.NetworkId, Column.List(row.GroupsJson));
        HostIdentity.RemoveIfUnused(change, row.OwnerId);
        change.Audit("application.delete", row.Subject);
    }

    public ApplicationInfo Get(Actor actor, string name) => database.Read(sql =>
    {
        var row = Lookup.Application(sql, name).OrNotFound();
        actor.Require(Right.See, row.NetworkId);
        return row.ToInfo();
    });

    public Page<ApplicationInfo> List(Actor actor, string? network, Paging paging) => database.Read(sql => paging.PageOf(
        ApplicationRow.List(sql, Scope.NetworkOf(sql, actor, network), paging.AfterId, paging.Limit + 1), row => row.Id, row => row.ToInfo()));

    private static IdentityRow? ReadOwner(Change change, ApplicationCreate input, ProblemList problems)
    {
        string[] given = [.. Owners(input).Where(owner => owner.Name is not null).Select(owner => owner.Field)];
        if (given.Length > 1)
        {
            problems.Add(given[1], $"a {given[1]} is given beside a {given[0]}", "an application is carried by one site, one device or the host of one network");
            return null;
        }

        if (given.Length == 0)
        {
            problems.Add("site", "the owner is missing", "say who carries it: a site, a device, or the gateway host in a network");
            return null;
        }

        var owner = input.Host is not null ? ReadHost(change, input.Host, problems)
            : input.Site is not null ? Lookup.Identity(change.Sql, "site", input.Site).OrProblem("site", problems)
            : Lookup.Identity(change.Sql, "device", input.Device).OrProblem("device", problems);
        if (owner is not null)
        {
            change.Actor.Require(Right.Change, owner.NetworkId);
        }

        return owner;
    }

    private static IEnumerable<(string Field, string? Name)> Owners(ApplicationCreate input) =>
        [("site", input.Site), ("device", input.Device), ("host", input.Host)];

    private static IdentityRow? ReadHost(Change change, string network, ProblemList problems)
    {
        if (network == Core.Policy.Egress.Name)
        {
            return EgressNetwork.Ensure(change, "host", problems);
        }

        var row = Lookup.Network(change.Sql, network).OrProblem("host", problems);
        if (row is null)
        {
            return null;
        }

        change.Actor.Require(Right.Change, row.Id);
        return HostIdentity.Ensure(change, row, "host", problems);
    }

    private static JsonObject Describe(ApplicationRow row) => new()
    {
        ["owner"] = IdentityRow.SubjectOf(row.OwnerKind, row.Owner, row.Network),
        ["target"] = row.Target,
        ["names"] = row.NamesJson == "[]" ? null : JsonNode.Parse(row.NamesJson),
        ["services"] = JsonNode.Parse(row.ServicesJson),
        ["groups"] = row.GroupsJson == "[]" ? null : JsonNode.Parse(row.GroupsJson),
        ["management"] = row.Management ? true : null,
    };
}
