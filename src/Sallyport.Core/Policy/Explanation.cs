using System.Collections.Immutable;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Policy;

public enum ExplanationKind : byte
{
    /// <summary><see cref="Explanation.Rule"/> allows it.</summary>
    Allowed,

    /// <summary>There is no identity with the sender's id.</summary>
    SenderUnknown,

    SenderNotActive,

    /// <summary>Nobody in the sender's network carries the destination.</summary>
    NotRouted,

    /// <summary>The destination is the sender's own.</summary>
    ToItself,

    TargetNotActive,

    /// <summary>Who carries the destination has no application at that address.</summary>
    NoApplicationAtAddress,

    /// <summary>There are applications at that address (<see cref="Explanation.Candidates"/>), but none with that protocol and port.</summary>
    NoApplicationAtPort,

    /// <summary>A rule allows <see cref="Explanation.Application"/>, whose names the gateway has not told the sender this address for.</summary>
    NameNotAsked,

    /// <summary>The application is there and no rule at all leads to it.</summary>
    NoRule,

    /// <summary><see cref="Explanation.Application"/> is locked.</summary>
    ApplicationLocked,

    /// <summary><see cref="Explanation.Rule"/> denies it, whatever else allows it.</summary>
    RuleDenies,

    /// <summary><see cref="Explanation.Rule"/> would allow it, but is over, or its hours have not come.</summary>
    NotInForce,

    /// <summary><see cref="Explanation.Rule"/> would allow it, but one of its conditions does not hold (<see cref="Explanation.Unmet"/>).</summary>
    ConditionNotMet,

    /// <summary><see cref="Explanation.Rule"/> would allow it, but the quarantine of the sender or the carrier does not leave <see cref="Explanation.Application"/>.</summary>
    Quarantined,

    /// <summary>Rules lead to the application (<see cref="Explanation.OtherRules"/>), but none speaks of the sender.</summary>
    SubjectDoesNotMatch,
}

/// <summary>Why <see cref="FleetModel.Decide"/> says what it says, as data: whoever prints it finds the words.</summary>
public sealed record Explanation
{
    public required ExplanationKind Kind { get; init; }

    public required Decision Decision { get; init; }

    public Identity? From { get; init; }

    public Identity? To { get; init; }

    public required IpAddress Destination { get; init; }

    /// <summary>What the destination is in the network of who carries it: another address where that is another network.</summary>
    public IpAddress Inside { get; init; }

    public required IpProtocol Protocol { get; init; }

    public required ushort Port { get; init; }

    /// <summary>The application that the destination is, allowed or not.</summary>
    public Application? Application { get; init; }

    public Rule? Rule { get; init; }

    /// <summary>Of <see cref="Rule"/> where that is why, or where it is not in force and that would not be enough.</summary>
    public Unmet Unmet { get; init; }

    /// <summary>Applications at the address that offer something else.</summary>
    public ImmutableArray<Application> Candidates { get; init; } = [];

    /// <summary>Rules to the application that speak of others.</summary>
    public ImmutableArray<Rule> OtherRules { get; init; } = [];
}
