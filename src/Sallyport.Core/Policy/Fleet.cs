using System.Collections.Immutable;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Policy;

// What the operator wrote, as the engine reads it. Immutable; a change replaces a record whole.

public enum IdentityKind : byte
{
    Device,
    Site,

    /// <summary>The machine of the gateway itself, as a network sees it.</summary>
    Host,
}

/// <summary>An isolated address space.</summary>
public sealed record Network(int Id, string Name, ImmutableArray<IpPrefix> Prefixes)
{
    /// <summary>Null where the gateway answers no questions for names.</summary>
    public NetworkDns? Dns { get; init; }

    /// <summary>Devices send everything into the tunnel.</summary>
    public bool IsDefaultRoute { get; init; }

    /// <summary>Whether a member has one route for all addresses of IPv4. A site's router keeps its own.</summary>
    public bool SendsEverything(Identity member) => IsDefaultRoute && member.Kind == IdentityKind.Device && member.AddressV4 is not null;

    /// <summary>The first address of each prefix is the gateway's.</summary>
    public bool IsGateway(IpAddress address)
    {
        foreach (var prefix in Prefixes)
        {
            if (address.Bits == prefix.First.Bits + 1 && address.IsV4 == prefix.IsV4)
            {
                return true;
            }
        }

        return false;
    }
}

/// <summary>How names are answered in a network.</summary>
/// <param name="Zone">What all names of the installation end with: "sallyport".</param>
/// <param name="Suffix">What those of this network end with: "plant-a.sallyport".</param>
/// <param name="Forwards">The longest domain first. A name outside of the zone that is in none of them is refused.</param>
public sealed record NetworkDns(string Zone, string Suffix, ImmutableArray<DnsForward> Forwards)
{
    /// <summary>
    /// Where names are answered beside the gateway's own addresses: the far end of point-to-point interfaces, whose LAN may have the others.
    /// </summary>
    public IpAddress? FarEnd { get; init; }
}

/// <summary>Who is asked for the names of a domain ("" for all), one after the other.</summary>
public sealed record DnsForward(string Domain, ImmutableArray<OuterAddress> Servers);

/// <summary>A device or the gateway host, which own their addresses, or a site, which also carries subnets.</summary>
public sealed record Identity
{
    public required int Id { get; init; }

    public required int NetworkId { get; init; }

    public required IdentityKind Kind { get; init; }

    public required string Name { get; init; }

    /// <summary>Only an active identity sends, receives or finishes a handshake.</summary>
    public required bool Active { get; init; }

    /// <summary>For people: "locked", "quarantined and locked"; empty where it is active, or nobody said why it is not.</summary>
    public string WhyInactive { get; init; } = "";

    public IpAddress? AddressV4 { get; init; }

    public IpAddress? AddressV6 { get; init; }

    public ImmutableArray<IpPrefix> Subnets { get; init; } = [];

    public ImmutableArray<string> Groups { get; init; } = [];

    /// <summary>"key=value" texts.</summary>
    public ImmutableArray<string> Labels { get; init; } = [];

    /// <summary>What lies beyond the gateway host: of all hosts this one carries subnets.</summary>
    public bool IsEgress => Kind == IdentityKind.Host && !Subnets.IsEmpty;

    /// <summary>What was reported of it; each name once.</summary>
    public ImmutableArray<PostureFact> Posture { get; init; } = [];

    public QuarantineDegree Quarantine { get; init; }

    /// <summary>The one application that a forensic quarantine leaves; 0 otherwise.</summary>
    public int ForensicApplicationId { get; init; }

    /// <summary>Of all that it sends and is sent; null for none.</summary>
    public Limit? Limit { get; init; }

    /// <summary>Whether its quarantine closes ways that rules open.</summary>
    public bool IsShutOut => Quarantine is not (QuarantineDegree.None or QuarantineDegree.Throttled);

    /// <summary>Whether its quarantine leaves a way to that application, or from it where it is its carrier. Never more than rules allow.</summary>
    public bool Leaves(Application application) => Quarantine switch
    {
        QuarantineDegree.None or QuarantineDegree.Throttled => true,
        QuarantineDegree.Management => application.IsManagement,
        QuarantineDegree.Forensic => application.Id == ForensicApplicationId,
        _ => false,
    };
}

/// <summary>How far an identity is shut out. What a degree leaves is still only what rules allow.</summary>
public enum QuarantineDegree : byte
{
    None,

    /// <summary>Everything, at the low rate that its <see cref="Identity.Limit"/> says.</summary>
    Throttled,

    /// <summary>Applications for management alone.</summary>
    Management,

    /// <summary>One application that was named.</summary>
    Forensic,

    /// <summary>Nothing.</summary>
    Dark,
}

/// <summary>IP protocol numbers that policy speaks of (IANA).</summary>
public enum IpProtocol : byte
{
    Icmp = 1,
    Tcp = 6,
    Udp = 17,
    IcmpV6 = 58,
}

/// <summary>A protocol and, for TCP and UDP, ports from-to inclusive. ICMP stands for echo in both IP families.</summary>
public readonly record struct Service(IpProtocol Protocol, ushort FromPort, ushort ToPort);

/// <summary>Something that may be reached: services at a target that a site, a device or the gateway host of the same network carries.</summary>
public sealed record Application(int Id, int NetworkId, string Name, int OwnerId, IpPrefix Target, ImmutableArray<Service> Services)
{
    /// <summary>Nobody reaches it, by whatever other application the same is allowed.</summary>
    public bool Locked { get; init; }

    /// <summary>
    /// Of egress: only addresses of the target that the gateway told the very sender for one of these names (<see cref="NamePattern"/>).
    /// None: the whole target.
    /// </summary>
    public ImmutableArray<string> Names { get; init; } = [];

    /// <summary>What a device in quarantine of that degree may still speak to.</summary>
    public bool IsManagement { get; init; }
}

public enum SubjectKind : byte
{
    Device,
    Site,
    Group,
    Label,
    Host,

    /// <summary>Every device and site of a network.</summary>
    Network,
}

/// <summary>
/// Who a rule speaks of: one identity by id, or all of a network, or those of it in a group or with a label ("key=value"), or with each of
/// several ("key=value,other=value": <see cref="LabelSelector"/>).
/// </summary>
public readonly record struct Subject(SubjectKind Kind, int IdentityId, string Name)
{
    /// <summary>Whose members a group, a label or a whole network means; 0 for the network of the application that the rule leads to.</summary>
    public int NetworkId { get; init; }
}

public enum RuleEffect : byte
{
    Allow,

    /// <summary>Wins over every rule that allows the same.</summary>
    Deny,
}

/// <summary>
/// Allows its subjects to open flows to applications, or denies it to them. There are no other allowances. Whoever makes it has looked up
/// which applications are in the group that it names.
/// </summary>
public sealed record Rule(int Id, Subject Subject, ImmutableArray<int> ApplicationIds)
{
    public Rule(int id, Subject subject, int applicationId)
        : this(id, subject, [applicationId])
    {
    }

    public RuleEffect Effect { get; init; }

    public RuleTime Time { get; init; } = RuleTime.Always;

    /// <summary>Where they are not met it is as if the rule were not there.</summary>
    public RuleConditions Conditions { get; init; } = RuleConditions.None;

    /// <summary>Of all that it allows, whoever sends it; null for none.</summary>
    public Limit? Limit { get; init; }
}
