using System.Globalization;
using Sallyport.Api.Nodes;
using Sallyport.Control.Applications;
using Sallyport.Control.Changes;
using Sallyport.Control.Flows;
using Sallyport.Control.Networks;
using Sallyport.Core.Gateway;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Policies;

/// <summary>What to say to somebody whose flow was denied: why, and the narrowest commands that would allow it.</summary>
internal static class Remedy
{
    public static IReadOnlyList<string> CommandsFor(FleetState fleet, FlowRow flow) =>
        flow.Reason is nameof(DropReason.NoRule) or nameof(DropReason.NoApplication) or nameof(DropReason.NotRouted) && IpAddress.TryParse(flow.Destination, out var destination)
            ? CommandsFor(fleet, flow.FromId, flow.ToId, destination, flow.Protocol, flow.DestinationPort)
            : [];

    /// <summary>Empty where no rule could: nobody carries the destination, or the protocol is none that policy speaks of.</summary>
    public static IReadOnlyList<string> CommandsFor(FleetState fleet, int fromId, int toId, IpAddress destination, string protocol, int port) =>
        Allowance.For(fleet, fromId, toId, destination, protocol, port)?.Commands ?? [];

    /// <summary>
    /// The application of the carrier that the destination is part of; the one with the smallest target, then the fewest services. None of names: whether
    /// an address is theirs the gateway alone knows.
    /// </summary>
    public static ApplicationModel? NarrowestOf(FleetState fleet, IdentityModel carrier, IpAddress destination, string protocol, int port) =>
        fleet.Applications.Values
        .Where(application => application.OwnerId == carrier.Id && application.Names is not { Count: > 0 }
            && ApplicationInput.ParseTarget(application.Target) is var target && target.Contains(destination)
            && (!EgressNetwork.IsCarrier(carrier) || Egress.Means(target, destination))
            && application.Services.Any(service => Covers(service, protocol, port)))
        .OrderByDescending(application => ApplicationInput.ParseTarget(application.Target).Length)
        .ThenBy(application => application.Services.Count)
        .ThenBy(application => application.Id)
        .FirstOrDefault();

    /// <summary>A rule from somebody to an application that is there.</summary>
    public static string RuleCommand(FleetState fleet, IdentityModel from, ApplicationModel application) =>
        $"sallyport rule add --from {from.Kind}:{fleet.ReferenceTo(from.Kind, from.Name, from.NetworkId)}"
        + $" --to application:{fleet.ReferenceTo("application", application.Name, application.NetworkId)}";

    public static bool Covers(string service, string protocol, int port)
    {
        if (protocol == "icmp")
        {
            return service == "icmp";
        }

        if (!service.StartsWith(protocol + "/", StringComparison.Ordinal))
        {
            return false;
        }

        var ports = service[(protocol.Length + 1)..].Split('-');
        var from = int.Parse(ports[0], CultureInfo.InvariantCulture);
        var to = int.Parse(ports[^1], CultureInfo.InvariantCulture);
        return port >= from && port <= to;
    }

    /// <summary>"device:pump-17 to application:historian", when, where that is not always, and under what conditions.</summary>
    public static string Describe(FleetState fleet, RuleModel rule)
    {
        var application = rule.ApplicationId == 0 ? ""
            : fleet.Applications.GetValueOrDefault(rule.ApplicationId) is { } known ? fleet.ReferenceTo("application", known.Name, known.NetworkId) : $"#{rule.ApplicationId}";
        var more = string.Join("; ", ((string[])[RuleTimes.Describe(rule.Until, rule.Windows), RuleConditionInput.Describe(rule.Conditions)]).Where(said => said.Length > 0));
        return $"{SubjectOf(fleet, rule)} to {RuleRow.TargetOf(application, rule.ApplicationGroup)}{(more.Length > 0 ? $" ({more})" : "")}";
    }

    /// <summary>"device:pump-17", "group:pumps of network plant-b".</summary>
    public static string SubjectOf(FleetState fleet, RuleModel rule)
    {
        var subject = rule.SubjectKind == "network" ? fleet.Networks.GetValueOrDefault(rule.NetworkId)?.Name ?? $"#{rule.NetworkId}"
            : rule.SubjectId == 0 ? rule.Subject
            : fleet.Identities.GetValueOrDefault(rule.SubjectId) is { } one ? fleet.ReferenceTo(one.Kind, one.Name, one.NetworkId) : $"#{rule.SubjectId}";
        var across = rule.NetworkId != 0 && rule.SubjectKind != "network"
            && fleet.Networks.TryGetValue(rule.NetworkId, out var network) ? $" of network {network.Name}" : "";
        return $"{rule.SubjectKind}:{subject}{across}";
    }

    public static string ReasonText(string reason) => Enum.TryParse<DropReason>(reason, out var known) ? ReasonText(known) : reason;

    public static string ReasonText(DropReason reason) => reason switch
    {
        DropReason.NoRule => "no rule allows it",
        DropReason.RuleDenies => "a rule denies it",
        DropReason.NameNotAsked => "the gateway did not tell the sender this address for a name of the application, or too long ago",
        DropReason.ApplicationLocked => "the application is locked",
        DropReason.Quarantined => "the quarantine of the sender or the carrier does not leave it",
        DropReason.VolumeUsed => "the volume of the day or month is used up",
        DropReason.RateLimited => "more at once than the limit lets pass",
        DropReason.NoApplication => "the destination is no application",
        DropReason.NotRouted => "nobody in the network carries the destination",
        DropReason.IdentityNotActive => "the sender or the carrier is not active",
        DropReason.SpoofedSource => "the source address is not the sender's",
        DropReason.NoGuestAddress => "the sender has no address in the application's network, or no port of it is free",
        DropReason.NotRequested => "it answers nothing that was asked",
        DropReason.InvalidTcpState => "it belongs to no open TCP connection",
        DropReason.PeerOffline => "the carrier has no tunnel",
        DropReason.FlowTableFull => "the gateway's flow table is full",
        DropReason.ProtocolNotSupported => "policy does not speak of this protocol",
        DropReason.IpFragment => "a fragment that cannot be classified",
        DropReason.IpExtensionHeader => "an IPv6 extension header that cannot be classified",
        _ => reason.ToString(),
    };
}
