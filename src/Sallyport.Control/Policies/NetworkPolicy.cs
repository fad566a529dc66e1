using System.Globalization;
using Sallyport.Api.Nodes;
using Sallyport.Control.Appearances;
using Sallyport.Control.Applications;
using Sallyport.Control.Changes;
using Sallyport.Control.Store;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Policies;

/// <summary>The fleet as the policy engine of the gateways reads it, so that an explanation is the gateways' own decision.</summary>
internal static class NetworkPolicy
{
    /// <summary>As of a time before all rules.</summary>
    public static FleetModel Of(FleetState fleet, CountryTable countries) => FleetModel.Empty.With(
        new FleetChange
        {
            Networks = [.. fleet.Networks.Values.OrderBy(network => network.Id).Select(Network)],
            Identities = [.. fleet.Identities.Values.OrderBy(identity => identity.Id).Select(Identity)],
            Applications = [.. fleet.Applications.Values.OrderBy(application => application.Id).Select(Application)],
            Rules = [.. fleet.Rules.Values.OrderBy(rule => rule.Id).Select(rule => Rule(rule, countries))],
            Appearances = [.. fleet.Appearances.Values.OrderBy(one => one.Id).Select(Appearance)],
        },
        Instant.FromUnixSeconds(0));

    /// <summary>One network, and those that appear in it or in which it appears: enough for questions about its members.</summary>
    public static FleetModel Of(FleetState fleet, int networkId, CountryTable countries, DateTimeOffset now)
    {
        var appearances = fleet.Appearances.Values.Where(one => one.NetworkId == networkId || one.HomeId == networkId).OrderBy(one => one.Id).ToList();
        var networks = appearances.SelectMany(one => new[] { one.NetworkId, one.HomeId }).Append(networkId).ToHashSet();
        var applications = fleet.Applications.Values.Where(application => networks.Contains(application.NetworkId))
            .OrderBy(application => application.Id).ToList();
        var ids = applications.Select(application => application.Id).ToHashSet();
        var everything = new FleetChange
        {
            Networks =
            [
                .. fleet.Networks.Values.Where(network => networks.Contains(network.Id)).OrderBy(network => network.Id)
                    .Select(Network),
            ],
            Identities = [.. fleet.Identities.Values.Where(identity => networks.Contains(identity.NetworkId)).OrderBy(identity => identity.Id).Select(Identity)],
            Applications = [.. applications.Select(Application)],
            Rules = [.. fleet.Rules.Values.Where(rule => Targets(rule).Any(ids.Contains)).OrderBy(rule => rule.Id).Select(rule => Rule(rule, countries))],
            Appearances = [.. appearances.Select(Appearance)],
        };
        return FleetModel.Empty.With(everything, new Instant(now.ToUnixNanoseconds()));
    }

    /// <summary>One commit as the engine takes it.</summary>
    public static FleetChange Of(ChangeSet change, CountryTable countries) => new()
    {
        Networks = [.. change.Networks.Select(Network)],
        Identities = [.. change.Identities.Select(Identity)],
        Applications = [.. change.Applications.Select(Application)],
        Rules = [.. change.Rules.Select(rule => Rule(rule, countries))],
        Appearances = [.. change.Appearances.Select(Appearance)],
        RemovedNetworks = [.. change.RemovedNetworks],
        RemovedIdentities = [.. change.RemovedIdentities],
        RemovedApplications = [.. change.RemovedApplications],
        RemovedRules = [.. change.RemovedRules],
        RemovedAppearances = [.. change.RemovedAppearances],
    };

    private static Network Network(NetworkModel network) => new(network.Id, network.Name, [.. network.Prefixes.Select(IpPrefix.Parse)]);

    /// <summary>Those that a rule leads to: one, or a group's.</summary>
    public static IReadOnlyList<int> Targets(RuleModel rule) => rule.ApplicationId != 0 ? [rule.ApplicationId] : rule.ApplicationIds;

    public static Identity Identity(IdentityModel identity) => new()
    {
        Id = identity.Id,
        NetworkId = identity.NetworkId,
        Kind = IdentityKinds.Read(identity.Kind) ?? throw new InvariantException("the schema knows the kinds of identities"),
        Name = identity.Name,
        Active = identity.Active,
        AddressV4 = identity.AddressV4 is null ? null : IpAddress.Parse(identity.AddressV4),
        AddressV6 = identity.AddressV6 is null ? null : IpAddress.Parse(identity.AddressV6),
        Subnets = [.. identity.Subnets.Select(IpPrefix.Parse)],
        Groups = [.. identity.Groups],
        Labels = [.. identity.Labels.OrderBy(label => label.Key, StringComparer.Ordinal).Select(label => $"{label.Key}={label.Value}")],
        Posture = [.. identity.Posture.Select(fact => new PostureFact(fact.Name, new PostureValue(fact.Value), new Instant(fact.At)))],
        Quarantine = QuarantineWords.Read(identity.Quarantine) ?? throw new InvariantException("degrees of quarantine are read before they are stored"),
        ForensicApplicationId = identity.ForensicApplicationId,
        Limit = LimitReading.Of(identity.Limit),
    };

    internal static Appearance Appearance(AppearanceModel appearance) => new(
        appearance.Id, appearance.Kind == AppearanceKeeper.Service ? AppearanceKind.Service : AppearanceKind.Guest, appearance.NetworkId,
        IpPrefix.Parse(appearance.At), appearance.HomeId, IpPrefix.Parse(appearance.Of));

    private static Application Application(ApplicationModel application) => new(
        application.Id, application.NetworkId, application.Name, application.OwnerId, ApplicationInput.ParseTarget(application.Target),
        [.. application.Services.SelectMany(Services)])
    {
        Locked = application.Locked,
        IsManagement = application.Management,
        Names = [.. application.Names ?? []],
    };

    /// <summary>"icmp" stands for echo of both families.</summary>
    public static IEnumerable<Service> Services(string service)
    {
        if (service == "icmp")
        {
            return [new Service(IpProtocol.Icmp, 0, 0), new Service(IpProtocol.IcmpV6, 0, 0)];
        }

        var ports = service[4..].Split('-');
        var protocol = service.StartsWith("tcp", StringComparison.Ordinal) ? IpProtocol.Tcp : IpProtocol.Udp;
        return
        [
            new Service(
                protocol, ushort.Parse(ports[0], CultureInfo.InvariantCulture), ushort.Parse(ports[^1], CultureInfo.InvariantCulture)),
        ];
    }

    public static Rule Rule(RuleModel rule, CountryTable countries) => new(
        rule.Id,
        rule.SubjectKind switch
        {
            "device" => new Subject(SubjectKind.Device, rule.SubjectId, ""),
            "site" => new Subject(SubjectKind.Site, rule.SubjectId, ""),
            "host" => new Subject(SubjectKind.Host, rule.SubjectId, ""),
            "group" => new Subject(SubjectKind.Group, 0, rule.Subject) { NetworkId = rule.NetworkId },
            "network" => new Subject(SubjectKind.Network, 0, "") { NetworkId = rule.NetworkId },
            _ => new Subject(SubjectKind.Label, 0, rule.Subject) { NetworkId = rule.NetworkId },
        },
        [.. Targets(rule)])
    {
        Effect = rule.Effect == "deny" ? RuleEffect.Deny : RuleEffect.Allow,
        Time = RuleTimes.Of(rule.Until, rule.Windows),
        Conditions = RuleConditionInput.Of(rule.Conditions, countries),
        Limit = LimitReading.Of(rule.Limit),
    };
}
