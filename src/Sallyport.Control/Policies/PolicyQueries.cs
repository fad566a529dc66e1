using System.Globalization;
using Microsoft.Data.Sqlite;
using Sallyport.Api.Nodes;
using Sallyport.Api.Policy;
using Sallyport.Control.Applications;
using Sallyport.Control.Changes;
using Sallyport.Control.Http;
using Sallyport.Control.Identities;
using Sallyport.Control.Locks;
using Sallyport.Control.Names;
using Sallyport.Control.Store;
using Sallyport.Control.Tunnels;
using Sallyport.Control.Users;
using Sallyport.Core.Dns;
using Sallyport.Core.Gateway;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Policies;

/// <summary>Answers "would this pass, and why?" with the gateways' own engine.</summary>
internal sealed class PolicyQueries(Database database, ChangeFeed feed, PolicyModels models, TunnelRegistry tunnels, VolumeTable volumes, TimeProvider time)
{
    private static readonly string[] Protocols = ["tcp", "udp", "icmp"];
    private static readonly string[] Carriers = ["device:", "site:", "host:"];

    /// <param name="at">Hours and ends as of then, all else as it is; null for now.</param>
    public PolicyExplanation Explain(Actor actor, string? from, string? to, string? protocol, int? port, string? at = null)
    {
        var problems = new ProblemList();
        var (sender, target) = database.Read(sql =>
        {
            var identity = OwnerInput.Read(sql, from, "from", problems);
            return (identity, ReadDestination(sql, to, identity, problems));
        });
        var known = protocol is null ? null : Networks.NetworkInput.ReadOne(protocol, "protocol", "protocol", Protocols, problems);
        if (protocol is null)
        {
            problems.Add("protocol", "the protocol is missing", "use tcp, udp or icmp");
        }

        if (known is "tcp" or "udp" && port is null or < 1 or > 65535)
        {
            problems.Add("port", port is null ? "the port is missing" : $"port {port} does not exist", "use a number from 1 to 65535");
        }

        var moment = AskedTime.Read(at, time, problems);
        problems.ThrowIfAny();
        actor.Require(Right.See, sender!.NetworkId);
        var (fleet, asked) = (feed.State, known == "icmp" ? 0 : port!.Value);
        return Appears(fleet, sender, target!) is { } destination
            ? Explain(fleet, sender, target!, destination, known!, asked, moment, isNow: at is null)
            : NotThere(fleet, sender, target!, known!, asked);
    }

    /// <summary>The address under which the sender would reach the target; null where there is none in his network.</summary>
    private static IpAddress? Appears(FleetState fleet, IdentityRow sender, Target target) =>
        target.NetworkId is null || target.NetworkId == sender.NetworkId
            ? target.Address : fleet.ServiceAddress(sender.NetworkId, target.NetworkId.Value, target.Address);

    private PolicyExplanation NotThere(FleetState fleet, IdentityRow sender, Target target, string protocol, int port)
    {
        var home = fleet.Networks[target.NetworkId!.Value].Name;
        return new PolicyExplanation
        {
            Allowed = false,
            From = $"{sender.Kind}:{sender.Name}",
            Network = sender.Network,
            Destination = target.Address.ToString(),
            Protocol = protocol,
            Port = port,
            FromPresence = sender.Kind == HostIdentity.Kind ? "online" : tunnels.PresenceOf(sender.Id).Presence,
            Reason = nameof(DropReason.NotRouted),
            Steps =
            [
                $"{sender.Kind} {sender.Name} of network {sender.Network} asks for {target.Address} of network {home}.",
                $"No rule leads there from network {sender.Network}, so it has no service address in it.",
            ],
            AllowCommands = CommandsFor(fleet, sender, target, target.OwnerId, target.Address, protocol, port),
        };
    }

    /// <summary>An application of names that was asked for by its own is what a rule would lead to, not the address that stands for it here.</summary>
    private static IReadOnlyList<string> CommandsFor(
        FleetState fleet, IdentityRow sender, Target target, int toId, IpAddress destination, string protocol, int port) =>
        fleet.Applications.GetValueOrDefault(target.ApplicationId) is { Names.Count: > 0 } named && fleet.Identities.GetValueOrDefault(sender.Id) is { } from
            ? named.Services.Any(service => Remedy.Covers(service, protocol, port)) ? [Remedy.RuleCommand(fleet, from, named)] : []
            : Remedy.CommandsFor(fleet, sender.Id, toId, destination, protocol, port);

    /// <param name="NetworkId">In which the address is meant; null for the sender's.</param>
    /// <param name="ApplicationId">By which it was named; 0 for none.</param>
    private sealed record Target(IpAddress Address, int? NetworkId, int OwnerId, int ApplicationId = 0);

    private PolicyExplanation Explain(
        FleetState fleet, IdentityRow sender, Target target, IpAddress destination, string protocol, int port, Instant now, bool isNow)
    {
        var number = ServiceText.ProtocolOf(protocol, destination);
        var situation = tunnels.SituationOf(sender.Id);
        var model = models.Of(fleet).At(now);
        var why = model.Explain(sender.Id, situation, destination, number, (ushort)port);
        if (IsAnswered(fleet, model, why))
        {
            return Answered(sender, destination, protocol, port);
        }

        var named = NameAnswer.Of(model, why, situation, fleet.Applications.GetValueOrDefault(target.ApplicationId) is { Names.Count: > 0 } ? target.ApplicationId : 0);
        why = WithoutAnyGoodName(why, named) ?? why;
        var otherwise = named.Where(answer => answer.Why.Decision.Allowed != why.Decision.Allowed || (answer.Why.Kind == ExplanationKind.RuleDenies && answer.Why.Decision != why.Decision)).ToList();
        var rule = why.Rule is null ? null : fleet.Rules.GetValueOrDefault(why.Rule.Id);
        var locked = why.Decision.Allowed ? [] : database.Read(sql => LockedRules(sql, fleet, sender, why));
        var nearest = NearestRules.Of(fleet, why, locked, situation, now, new Instant(time.NowNanoseconds()));
        var usedUp = why.Decision.Allowed && isNow ? UsedUp(fleet, why) : [];
        return new PolicyExplanation
        {
            Allowed = why.Decision.Allowed && usedUp.Count == 0,
            From = $"{sender.Kind}:{sender.Name}",
            Network = sender.Network,
            Destination = destination.ToString(),
            Protocol = protocol,
            Port = port,
            Carrier = why.To is null ? null : CarrierOf(why.To),
            FromPresence = sender.Kind == HostIdentity.Kind ? "online" : tunnels.PresenceOf(sender.Id).Presence,
            CarrierPresence = why.To is null ? null : why.To.Kind == IdentityKind.Host ? "online" : tunnels.PresenceOf(why.To.Id).Presence,
            Application = why.Application?.Name,
            RuleId = rule?.Id,
            Rule = rule is null ? null : Remedy.Describe(fleet, rule),
            Reason = usedUp.Count > 0 ? nameof(DropReason.VolumeUsed) : why.Decision.Allowed ? null : why.Decision.Reason.ToString(),
            DependsOnNames = otherwise.Exists(answer => answer.Why.Decision.Allowed != why.Decision.Allowed),
            Nearest = nearest,
            Steps =
            [
                .. isNow ? [] : (string[])[$"Asked about {UnixTime.ToTime(now.Nanoseconds).UtcDateTime.ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture)}, with all but the time as it is now."],
                .. Steps(fleet, sender, why, situation, protocol), .. otherwise.Select(answer => NameStep(fleet, sender, answer, situation)), .. usedUp, .. why.Decision.Allowed ? PresenceSteps(sender, why) : [],
                .. why.Decision.Allowed ? [] : database.Read(sql => LockSteps(sql, sender, why, locked)),
                .. nearest is null ? [] : (string[])[$"Nearest is rule {nearest.RuleId} ({nearest.Rule}): {nearest.Why}."],
            ],
            AllowCommands = why.Decision.Allowed || !CanBeAllowed(why.Kind)
                ? [] : CommandsFor(fleet, sender, target, why.To?.Id ?? 0, destination, protocol, port),
        };
    }

    /// <summary>A rule to names speaks of the sender, and whatever name he was told, something is in the way: that decides. Null where it does not.</summary>
    private static Explanation? WithoutAnyGoodName(Explanation why, IReadOnlyList<NameAnswer> named) =>
        why.Kind == ExplanationKind.NameNotAsked && named.All(answer => !answer.Why.Decision.Allowed)
            ? named.Where(answer => answer.Why.Application?.Id == why.Application!.Id).Select(answer => answer.Why).OrderByDescending(told => told.Kind == ExplanationKind.RuleDenies).FirstOrDefault()
            : null;

    private static string NameStep(FleetState fleet, IdentityRow sender, NameAnswer answer, Situation situation) =>
        $"Where the gateway told {sender.Kind} {sender.Name} the address for {answer.Said}: "
        + ApplicationSteps(fleet, sender, answer.Why, situation, rule => string.Create(CultureInfo.InvariantCulture, $"rule {rule}")).Last();

    /// <summary>What the engine alone cannot know: volumes that gateways have carried, of the rule and of both ends.</summary>
    private IReadOnlyList<string> UsedUp(FleetState fleet, Explanation why)
    {
        var steps = new List<string>();
        Look("rule", why.Rule!.Id, fleet.Rules[why.Rule.Id].Limit, string.Create(CultureInfo.InvariantCulture, $"rule {why.Rule.Id}"));
        Look("identity", why.From!.Id, fleet.Identities[why.From.Id].Limit, CarrierOf(why.From));
        Look("identity", why.To!.Id, fleet.Identities[why.To.Id].Limit, CarrierOf(why.To));
        return steps;

        void Look(string kind, int id, LimitModel? limit, string whose)
        {
            if (volumes.IsUsedUp(kind, id, limit))
            {
                steps.Add($"But the volume of {whose} ({LimitReading.Describe(limit! with { BitsPerSecond = 0, PacketsPerSecond = 0 })}) is used up: nothing passes until it begins anew, by UTC.");
            }
        }
    }

    private static bool IsAnswered(FleetState fleet, FleetModel model, Explanation why) =>
        why is { Protocol: IpProtocol.Udp, Port: DnsLimits.Port, From: { Active: true, Kind: not IdentityKind.Host } asker }
        && why.Kind is (ExplanationKind.NotRouted or ExplanationKind.NoApplicationAtAddress or ExplanationKind.NoApplicationAtPort)
        && fleet.Networks.GetValueOrDefault(asker.NetworkId) is { Dns: not null } && model.Network(asker.NetworkId) is { } network && network.IsGateway(why.Destination);

    /// <summary>What the gateway answers itself is asked of no rule, and none should be made for it: an application there would take its place.</summary>
    private PolicyExplanation Answered(IdentityRow sender, IpAddress destination, string protocol, int port) => new()
    {
        Allowed = true,
        From = $"{sender.Kind}:{sender.Name}",
        Network = sender.Network,
        Destination = destination.ToString(),
        Protocol = protocol,
        Port = port,
        FromPresence = tunnels.PresenceOf(sender.Id).Presence,
        Steps =
        [
            string.Create(CultureInfo.InvariantCulture, $"{sender.Kind} {sender.Name} of network {sender.Network} asks for {protocol} {new OuterAddress(destination, (ushort)port)}."),
            "There the gateway itself answers names, of what the asker may reach and no more: no rule is needed.",
        ],
        AllowCommands = [],
    };

    /// <summary>The decision in sentences; the last one says what decides.</summary>
    /// <param name="nameOf">How a rule is called at the beginning of a sentence; null for "Rule 7".</param>
    internal static IEnumerable<string> Steps(
        FleetState fleet, IdentityRow sender, Explanation why, Situation situation, string protocol, Func<int, string>? nameOf = null)
    {
        var what = protocol == "icmp"
            ? $"ICMP echo to {why.Destination}"
            : string.Create(CultureInfo.InvariantCulture, $"{protocol} {new OuterAddress(why.Destination, why.Port)}");
        yield return $"{sender.Kind} {sender.Name} of network {sender.Network} asks for {what}.";
        if (why.Kind is ExplanationKind.SenderUnknown or ExplanationKind.SenderNotActive)
        {
            yield return $"{sender.Kind} {sender.Name} is {(sender.LockIds is null ? sender.State : "locked")}: nothing of it passes.";
            yield break;
        }

        if (why.To is null)
        {
            yield return $"Nobody in network {sender.Network} carries {why.Destination}: it is neither a device's address nor in a site's subnets.";
            yield break;
        }

        if (why.Kind == ExplanationKind.ToItself)
        {
            yield return "The destination is the sender's own.";
            yield break;
        }

        yield return why.To.NetworkId == sender.NetworkId
            ? $"{CarrierOf(why.To)} carries {why.Destination}."
            : $"{why.Destination} stands for {why.Inside} of network {fleet.Networks[why.To.NetworkId].Name}, which {CarrierOf(why.To)} carries.";
        if (why.Kind == ExplanationKind.TargetNotActive)
        {
            yield return $"{CarrierOf(why.To)} is not active: nothing reaches it.";
            yield break;
        }

        foreach (var step in ApplicationSteps(fleet, sender, why, situation, nameOf ?? NumberOf))
        {
            yield return step;
        }
    }

    /// <summary>Which locks are in the way.</summary>
    private static IReadOnlyList<string> LockSteps(SqliteConnection sql, IdentityRow sender, Explanation why, IReadOnlyList<RuleRow> locked)
    {
        var carrier = why.To is null ? null : IdentityRow.Find(sql, why.To.Id);
        return
        [
            .. LockRow.Concerning(sql, [.. sender.Locks, .. carrier?.Locks ?? []], why.Application?.Id ?? 0, locked.Select(row => row.Id))
                .Select(one => $"Lock {one.Id} is on {one.SubjectKind}:{one.Subject}{(one.Reason is null ? "" : $" ({one.Reason})")}."),
        ];
    }

    /// <summary>A rule that is locked has not come up so far: the gateways do not have it.</summary>
    private static IReadOnlyList<RuleRow> LockedRules(SqliteConnection sql, FleetState fleet, IdentityRow sender, Explanation why) =>
        why.Application is null || !fleet.Identities.TryGetValue(sender.Id, out var identity)
            ? [] : [.. RuleRow.LeadingTo(sql, why.Application.Id).Where(row => row.IsLocked && row.ToSubject().Speaks(identity))];

    /// <summary>What is allowed arrives only where both have a tunnel.</summary>
    private IEnumerable<string> PresenceSteps(IdentityRow sender, Explanation why)
    {
        foreach (var (id, who) in ((int, string)[])[(sender.Id, $"{sender.Kind}:{sender.Name}"), (why.To!.Id, CarrierOf(why.To))])
        {
            if (who.StartsWith(HostIdentity.Kind + ":", StringComparison.Ordinal))
            {
                continue;
            }

            switch (tunnels.PresenceOf(id).Presence)
            {
                case "offline":
                    yield return $"{who} is offline: nothing passes until it connects.";
                    break;
                case "unknown":
                    yield return $"Whether {who} is online is not known: its gateway is not connected to control.";
                    break;
            }
        }
    }

    private static IEnumerable<string> ApplicationSteps(
        FleetState fleet, IdentityRow sender, Explanation why, Situation situation, Func<int, string> nameOf)
    {
        if (why.Application is null)
        {
            if (why.Candidates.FirstOrDefault(candidate => !candidate.Names.IsEmpty && candidate.Services.Any(service => IsServed(service, why))) is { } named)
            {
                yield return $"Application {named.Name} is there for {string.Join(", ", named.Names)}, and no rule lets {sender.Kind} {sender.Name} reach it.";
                yield break;
            }

            yield return why.Candidates.IsEmpty
                ? "No application is defined there."
                : $"There {(why.Candidates.Length == 1 ? "is application" : "are applications")} "
                    + string.Join(", ", why.Candidates.Select(candidate => Offer(fleet.Applications[candidate.Id])))
                    + ", but none with this protocol and port.";
            yield break;
        }

        yield return $"It is application {why.Application.Name}.";
        if (why.Kind == ExplanationKind.ApplicationLocked)
        {
            yield return $"Application {why.Application.Name} is locked: nobody reaches it.";
            yield break;
        }

        if (why.Kind == ExplanationKind.NameNotAsked)
        {
            yield return $"A rule allows it for {string.Join(", ", why.Application.Names)}: to addresses that the gateway tells {sender.Kind} {sender.Name} for "
                + "such a name, as long as the answer is good. Which these are the gateway alone knows.";
            yield break;
        }

        if (why.Rule is not null)
        {
            var rule = Remedy.Describe(fleet, fleet.Rules[why.Rule.Id]);
            var name = nameOf(why.Rule.Id);
            yield return why.Kind switch
            {
                ExplanationKind.RuleDenies => $"{name} denies it, whatever else allows it: {rule}.",
                ExplanationKind.ConditionNotMet =>
                    $"{name} would allow it, but {RuleConditionInput.WhyUnmet(why.Unmet, fleet.Rules[why.Rule.Id].Conditions!, why.From!, situation)}.",
                ExplanationKind.Quarantined => $"{name} would allow it, but {QuarantineOf(why)} does not leave it.",
                ExplanationKind.NotInForce => $"{name} would allow it, but is not in force now: {rule}.",
                _ => $"{name} allows it: {rule}.",
            };
            yield break;
        }

        yield return why.OtherRules.IsEmpty
            ? $"No rule leads to application {why.Application.Name}."
            : $"No rule speaks of {sender.Kind} {sender.Name}; allowed are "
                + string.Join(", ", why.OtherRules.Take(10).Select(other => Remedy.Describe(fleet, fleet.Rules[other.Id]).Split(' ')[0])) + ".";
    }

    private static bool IsServed(Service service, Explanation why) =>
        service.Protocol == why.Protocol && why.Port >= service.FromPort && why.Port <= service.ToPort;

    private static string NumberOf(int rule) => string.Create(CultureInfo.InvariantCulture, $"Rule {rule}");

    private static string Offer(ApplicationModel application) => $"{application.Name} ({string.Join(", ", application.Services)})";

    private static string QuarantineOf(Explanation why)
    {
        var shut = why.From!.Quarantine > QuarantineDegree.Throttled ? why.From : why.To!;
        return $"the quarantine of {CarrierOf(shut)} ({QuarantineWords.All[(int)shut.Quarantine - 1]})";
    }

    private static bool CanBeAllowed(ExplanationKind kind) => kind
        is ExplanationKind.NotRouted or ExplanationKind.NoApplicationAtAddress or ExplanationKind.NoApplicationAtPort or ExplanationKind.NoRule or ExplanationKind.SubjectDoesNotMatch;

    private static string CarrierOf(Identity identity) => $"{identity.Kind.Word()}:{identity.Name}";

    /// <summary>An address, or what has one: "device:cam-3", "site:hq", "host:plant-a", "application:historian".</summary>
    private static Target? ReadDestination(SqliteConnection sql, string? to, IdentityRow? sender, ProblemList problems)
    {
        if (string.IsNullOrEmpty(to))
        {
            problems.Add("to", "the destination is missing", "give an address, application:NAME or device:NAME");
            return null;
        }

        if (IpAddress.TryParse(to, out var address))
        {
            return new Target(address, null, 0);
        }

        if (to.StartsWith("application:", StringComparison.Ordinal))
        {
            var name = to["application:".Length..];
            var local = sender is null ? [] : ApplicationRow.FindByName(sql, name, sender.Network);
            var application = local.Count == 1 ? local[0] : Lookup.Application(sql, name).OrProblem("to", problems);
            return application is null ? null : new Target(Egress.ExampleOf(ApplicationInput.TargetOf(application), application.OwnerKind == HostIdentity.Kind && application.Network == Egress.Name), application.NetworkId, application.OwnerId, application.Id);
        }

        if (!Carriers.Any(carrier => to.StartsWith(carrier, StringComparison.Ordinal)))
        {
            problems.Add("to", $"'{Label.Shorten(to)}' is not an address", "give an address such as 192.168.50.10, application:NAME or device:NAME");
            return null;
        }

        var identity = OwnerInput.Read(sql, to, "to", problems);
        return (identity?.AddressV4 ?? identity?.AddressV6) is { } own ? new Target(own, identity!.NetworkId, identity.Id) : null;
    }
}
