using Sallyport.Core.Dns;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Policy;

// What names stand for, and whether somebody may open any flow to it.
public sealed partial class FleetModel
{
    public Network? NetworkNamed(string name)
    {
        foreach (var id in _names.Networks.Find(FleetNames.NetworkScope, name))
        {
            if (Network(id) is { } network && network.Name == name)
            {
                return network;
            }
        }

        return null;
    }

    /// <summary>A device or site of a network. Should two have the same name, the lowest id has it.</summary>
    public Identity? IdentityNamed(int networkId, string name)
    {
        foreach (var id in _names.Identities.Find(networkId, name))
        {
            if (Identity(id) is { } identity && identity.NetworkId == networkId && identity.Name == name)
            {
                return identity;
            }
        }

        return null;
    }

    public Application? ApplicationNamed(int networkId, string name)
    {
        foreach (var id in _names.Applications.Find(networkId, name))
        {
            if (Application(id) is { } application && application.NetworkId == networkId && application.Name == name)
            {
                return application;
            }
        }

        return null;
    }

    /// <summary>
    /// Where <paramref name="from"/> reaches the application: the one place that says at which address. Null where no rule in force lets it
    /// open any flow to it, unless it carries it itself, and where the application is more than one address.
    /// </summary>
    public IpAddress? ReachableAddress(Identity from, in Situation situation, Application application)
    {
        var target = application.Target;
        var address = target.Length < target.Network.BitLength ? null
            : application.NetworkId == from.NetworkId ? target.Network
            : ServiceAddress(from.NetworkId, application.NetworkId, target.Network);
        return address is { } at && (application.OwnerId == from.Id || MayReach(from, situation, at, application)) ? at : null;
    }

    /// <summary>Whether any rule in force lets <paramref name="from"/> open any flow to the address.</summary>
    public bool MayReach(Identity from, in Situation situation, IpAddress address) => MayReach(from, situation, address, null);

    /// <summary>Whether a rule in force leads the identity to anything that the site carries.</summary>
    public bool MayReachBehind(Identity from, in Situation situation, Identity site)
    {
        if (site.Kind == IdentityKind.Site && site.Active && site.NetworkId == from.NetworkId && _owners.Find(site.Id) is { } owner)
        {
            foreach (var policy in owner.Applications)
            {
                if (policy.Application is { Locked: false } application && from.Leaves(application) && site.Leaves(application)
                    && policy.FindAllow(new Asker(from, situation, AsOf)) != 0 && policy.FindDeny(new Asker(from, situation, AsOf)) == 0)
                {
                    return true;
                }
            }
        }

        return false;
    }

    /// <summary>Of the applications at exactly this address the first that the identity may reach; of another network where such a one appears there.</summary>
    public Application? ReachableAt(Identity from, in Situation situation, IpAddress address)
    {
        var (to, inside) = Resolve(from.NetworkId, address);
        if (to is not null && _owners.Find(to.Id) is { } owner)
        {
            foreach (var policy in owner.At(inside, inside.BitLength))
            {
                if (ReachableAddress(from, situation, policy.Application!) is not null)
                {
                    return policy.Application;
                }
            }
        }

        return null;
    }

    /// <summary>Whether questions for names that are sent to this address are the gateway's to answer, not an application's of its host.</summary>
    public bool AnswersNamesAt(int networkId, IpAddress address) =>
        Network(networkId) is { Dns: { } dns } network && (network.IsGateway(address) || dns.FarEnd == address)
        && !IsServed(networkId, address, IpProtocol.Udp, DnsLimits.Port);

    private bool IsServed(int networkId, IpAddress address, IpProtocol protocol, ushort port)
    {
        if (IdentityAt(networkId, address) is not { } to || _owners.Find(to.Id) is not { } owner)
        {
            return false;
        }

        foreach (var length in owner.LengthsFor(address))
        {
            foreach (var policy in owner.At(address, length))
            {
                if (policy.Serves(protocol, port))
                {
                    return true;
                }
            }
        }

        return false;
    }

    /// <param name="wanted">Null for any application at the address.</param>
    private bool MayReach(Identity from, in Situation situation, IpAddress address, Application? wanted)
    {
        var (to, inside) = Resolve(from.NetworkId, address);
        if (to is null || _owners.Find(to.Id) is not { } owner)
        {
            return false;
        }

        foreach (var length in owner.LengthsFor(inside))
        {
            foreach (var policy in owner.At(inside, length))
            {
                if ((wanted is null || policy.Application!.Id == wanted.Id) && policy.FindAllow(new Asker(from, situation, AsOf)) != 0
                    && MayOpenAny(from, situation, to, inside, policy.Application!, owner))
                {
                    return true;
                }
            }
        }

        return false;
    }

    /// <summary>
    /// Whether <see cref="Decide"/> allows any service of the application. What locks and denials close are ranges of ports: if any port of a
    /// service is left open, its first one is, or one right behind such a range.
    /// </summary>
    private bool MayOpenAny(Identity from, in Situation situation, Identity to, IpAddress address, Application application, OwnerPolicy owner)
    {
        foreach (var service in application.Services)
        {
            if (Decide(from, to, address, service.Protocol, service.FromPort, situation).Allowed)
            {
                return true;
            }

            foreach (var length in owner.LengthsFor(address))
            {
                foreach (var policy in owner.At(address, length))
                {
                    foreach (var other in policy.Application!.Services)
                    {
                        if (other.Protocol == service.Protocol && other.ToPort >= service.FromPort && other.ToPort < service.ToPort
                            && Decide(from, to, address, service.Protocol, (ushort)(other.ToPort + 1), situation).Allowed)
                        {
                            return true;
                        }
                    }
                }
            }
        }

        return false;
    }
}
