using Sallyport.Api.Flows;
using Sallyport.Control.Applications;
using Sallyport.Control.Changes;
using Sallyport.Control.Flows;
using Sallyport.Control.Http;
using Sallyport.Control.Tunnels;
using Sallyport.Control.Users;
using Sallyport.Core.Gateway;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Policies;

/// <summary>Turns a denied flow into the narrowest permission, with the application that it needs, in one transaction.</summary>
internal sealed class AllowCommands(
    Commands commands, RuleCommands rules, TrafficLog traffic, ChangeFeed feed, PolicyModels models, CountryTable countries,
    TunnelRegistry tunnels, FlowReasons reasons)
{
    public FlowAllowed Allow(Actor actor, long id, FlowAllow input, Idempotency? idempotency)
    {
        var flow = traffic.FindFlow(id) ?? throw FlowQueries.NoFlow(id);
        actor.Require(Right.Change, flow.NetworkId);
        var bypassed = reasons.NearestOf(feed.State, flow);
        var committed = commands.RunCreate(
            actor,
            idempotency,
            change =>
            {
                var (application, rule) = Add(change, flow, input);
                return (rule.Id, new FlowAllowed { Rule = rules.Informing(change.Sql)(rule), Application = application?.ToInfo(), Bypasses = bypassed });
            },
            (change, made) => RuleRow.Find(change.Sql, made) is { } rule ? new FlowAllowed { Rule = rules.Informing(change.Sql)(rule) } : null);
        return committed.Value with { Rule = committed.Value.Rule with { TunnelsReconnecting = committed.Reconnecting } };
    }

    private (ApplicationRow? Application, RuleRow Rule) Add(Change change, FlowRow flow, FlowAllow input)
    {
        if (flow.Allowed)
        {
            throw Cannot(flow, "it was allowed", "nothing is left to do");
        }

        if (!IpAddress.TryParse(flow.Destination, out var destination))
        {
            throw Cannot(flow, $"'{flow.Destination}' is not an address", "see what it was: sallyport flow list");
        }

        var fleet = feed.State;
        RefuseWhatRulesCannotChange(fleet, flow, destination, change.Now);
        if (Allowance.For(fleet, flow.FromId, flow.ToId, destination, flow.Protocol, flow.DestinationPort) is not { } allowance)
        {
            throw Cannot(flow, Remedy.ReasonText(flow.Reason), "see why: sallyport policy explain");
        }

        var application = allowance.NewApplication is { } create ? ApplicationCommands.Create(change, create) : null;
        var rule = rules.Create(change, allowance.Rule with { For = input.For, Until = input.Until });
        RefuseWhatStaysDenied(change, fleet, flow, destination);
        return (application, rule);
    }

    /// <summary>What was denied for a reason that no rule is about, or is not denied any more.</summary>
    private void RefuseWhatRulesCannotChange(FleetState fleet, FlowRow flow, IpAddress destination, long now)
    {
        if (!fleet.Identities.ContainsKey(flow.FromId))
        {
            throw Cannot(flow, $"{flow.FromKind} {flow.FromName} is gone", "a rule needs who opens the flow: add it again, or allow a group");
        }

        if (flow.Reason is not (nameof(DropReason.NoRule) or nameof(DropReason.NoApplication) or nameof(DropReason.NotRouted)
            or nameof(DropReason.RuleDenies) or nameof(DropReason.ApplicationLocked) or nameof(DropReason.IdentityNotActive)))
        {
            throw Cannot(flow, Remedy.ReasonText(flow.Reason), "no rule is about that: see what the sender does, sallyport flow list");
        }

        var decision = Decide(models.Of(fleet), flow, destination, now);
        if (decision.Allowed)
        {
            throw Cannot(flow, $"rule {decision.RuleId} allows it by now", "nothing is left to do");
        }

        // Before a rule is made that may be there: what is in the way is not that there is none.
        if (WhatStays(flow, decision) is { } stays)
        {
            throw stays;
        }
    }

    private void RefuseWhatStaysDenied(Change change, FleetState fleet, FlowRow flow, IpAddress destination)
    {
        var added = NetworkPolicy.Of(commands.ForeseeChange(change, fleet), countries);
        var decision = Decide(models.Of(fleet).With(added), flow, destination, change.Now);
        if (!decision.Allowed)
        {
            throw WhatStays(flow, decision) ?? Cannot(flow, Remedy.ReasonText(decision.Reason), "see why: sallyport policy explain");
        }
    }

    /// <summary>Why it would be denied whatever rule is added; null where one could allow it.</summary>
    private static ProblemException? WhatStays(FlowRow flow, Decision decision) => decision.Reason switch
    {
        DropReason.RuleDenies => Cannot(flow, $"rule {decision.RuleId} denies it, whatever else allows it", $"remove that one first: sallyport rule remove {decision.RuleId}"),
        DropReason.ApplicationLocked => Cannot(flow, "its application is locked", "remove the lock first: sallyport lock list"),
        DropReason.IdentityNotActive => Cannot(flow, "the sender or the carrier is quarantined, locked or retired", "release it first: sallyport device show, sallyport lock list"),
        _ => null,
    };

    /// <summary>As the gateway would now, if it told the sender the name again.</summary>
    private Decision Decide(FleetModel fleet, FlowRow flow, IpAddress destination, long now)
    {
        var model = fleet.At(new Instant(now));
        var protocol = ServiceText.ProtocolOf(flow.Protocol, destination);
        if (model.Identity(flow.FromId) is not { } from)
        {
            return Decision.Deny(DropReason.IdentityNotActive);
        }

        var (to, inside) = model.Resolve(from.NetworkId, destination);
        return model.Decide(from, to, inside, protocol, (ushort)flow.DestinationPort, tunnels.SituationOf(from.Id), new TiedNames(null, model.AsOf, flow.DnsName));
    }

    private static ProblemException Cannot(FlowRow flow, string why, string hint) =>
        new(Refusal.Conflict("id", $"no rule can allow flow {flow.Id}: {why}", hint));
}
