using System.Collections.Immutable;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Policy;

/// <summary>One application with all rules that lead to it, as they are in force at one time. Immutable.</summary>
internal sealed class ApplicationPolicy
{
    private readonly SubjectIndex _allows;
    private readonly SubjectIndex _denies;

    /// <param name="rules">By rising id.</param>
    public ApplicationPolicy(Application? application, ImmutableArray<Rule> rules, Instant now)
    {
        Application = application;
        Rules = rules;
        _allows = InForce(RuleEffect.Allow);
        _denies = InForce(RuleEffect.Deny);

        SubjectIndex InForce(RuleEffect effect)
        {
            var those = rules.Where(rule => rule.Effect == effect && rule.Time.IsInForce(now)).ToImmutableArray();
            return those.IsEmpty ? SubjectIndex.Empty : new SubjectIndex(those, application?.NetworkId ?? 0);
        }
    }

    /// <summary>Null while rules name an application that there is not.</summary>
    public Application? Application { get; }

    /// <summary>Those that are not in force too.</summary>
    public ImmutableArray<Rule> Rules { get; }

    /// <summary>Of the rules that allow it to who asks the one with the lowest id; 0 without any.</summary>
    public int FindAllow(in Asker asker) => _allows.FindRule(asker);

    /// <summary>The same of those that deny it.</summary>
    public int FindDeny(in Asker asker) => _denies.FindRule(asker);

    /// <summary>Whether the destination, which lies in the target, is meant: beyond the gateway host not every address is.</summary>
    public bool Covers(Identity owner, IpAddress destination, in TiedNames names) =>
        !owner.IsEgress
        || (Egress.Means(Application!.Target, destination)
            && (Application.Names.IsEmpty || names.Match(Application.Names, destination) is not null));

    /// <summary>Whether it would be meant if the sender had been told it for a name.</summary>
    public bool MayCover(IpAddress destination) => !Application!.Names.IsEmpty && Egress.Means(Application.Target, destination);

    public bool Serves(IpProtocol protocol, ushort port)
    {
        foreach (var service in Application!.Services)
        {
            if (Same(service.Protocol, protocol)
                && (IsEcho(protocol) || (port >= service.FromPort && port <= service.ToPort)))
            {
                return true;
            }
        }

        return false;
    }

    private static bool IsEcho(IpProtocol protocol) => protocol is IpProtocol.Icmp or IpProtocol.IcmpV6;

    private static bool Same(IpProtocol a, IpProtocol b) => a == b || (IsEcho(a) && IsEcho(b));
}
