using System.Globalization;
using Sallyport.Api.Applications;
using Sallyport.Api.Nodes;
using Sallyport.Api.Rules;
using Sallyport.Control.Changes;
using Sallyport.Control.Identities;
using Sallyport.Control.Names;
using Sallyport.Control.Networks;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Policies;

/// <summary>The narrowest permission for one flow: a rule, and the application that it leads to where there is none yet.</summary>
/// <param name="NewApplication">Null where one is there that covers the flow.</param>
internal sealed record Allowance(ApplicationCreate? NewApplication, RuleCreate Rule, IReadOnlyList<string> Commands)
{
    /// <summary>
    /// Null where no rule could allow it: nobody carries the destination and it is no address of the internet, or the protocol is none that policy
    /// speaks of.
    /// </summary>
    public static Allowance? For(FleetState fleet, int fromId, int toId, IpAddress destination, string protocol, int port)
    {
        if (!fleet.Identities.TryGetValue(fromId, out var from) || ServiceOf(protocol, port) is not { } service)
        {
            return null;
        }

        var to = toId == 0 ? CarrierAt(fleet, from.NetworkId, destination) : fleet.Identities.GetValueOrDefault(toId);
        var isBeyond = to is not null && EgressNetwork.IsCarrier(to);
        if (to is null || from.Id == to.Id || (isBeyond && from.Kind == HostIdentity.Kind))
        {
            return null;
        }

        destination = from.NetworkId == to.NetworkId ? destination : fleet.Inside(from.NetworkId, destination);

        var network = isBeyond ? Egress.Name : fleet.Networks[to.NetworkId].Name;
        if (Remedy.NarrowestOf(fleet, to, destination, protocol, port) is { } application)
        {
            return new Allowance(null, RuleOf(fleet, from, application.Name, network), [Remedy.RuleCommand(fleet, from, application)]);
        }

        var subject = $"{from.Kind}:{fleet.ReferenceTo(from.Kind, from.Name, from.NetworkId)}";

        var name = NameFor(fleet, to, destination, service);
        // It will be a second one of that name where another network has one.
        var isNew = fleet.Applications.Values.All(other => other.Name != name);
        var target = $"application:{(isNew ? name : $"{name}.{network}")}";
        var owner = fleet.ReferenceTo(to.Kind, to.Name, to.NetworkId);
        var create = new ApplicationCreate
        {
            Name = name,
            Site = to.Kind == "site" ? owner : null,
            Device = to.Kind == "device" ? owner : null,
            Host = to.Kind == HostIdentity.Kind ? to.Name : null,
            Target = to.Kind == HostIdentity.Kind && !isBeyond ? null : destination.ToString(),
            Services = [service == "icmp" ? service : string.Create(CultureInfo.InvariantCulture, $"{protocol}/{port}")],
        };
        var ports = service == "icmp" ? "--icmp" : string.Create(CultureInfo.InvariantCulture, $"--{protocol} {port}");
        var carried = isBeyond ? $"--egress --target {destination}"
            : to.Kind == HostIdentity.Kind ? $"--host --network {to.Name}" : $"--{to.Kind} {owner} --target {destination}";
        return new Allowance(
            create,
            RuleOf(fleet, from, name, network),
            [$"sallyport application add {name} {carried} {ports}", $"sallyport rule add --from {subject} --to {target}"]);
    }

    /// <summary>With whole names: they mean the same whatever else is made.</summary>
    private static RuleCreate RuleOf(FleetState fleet, IdentityModel from, string application, string network) => new()
    {
        From = from.Kind == HostIdentity.Kind ? $"{from.Kind}:{from.Name}" : $"{from.Kind}:{from.Name}.{fleet.Networks[from.NetworkId].Name}",
        To = $"application:{application}.{network}",
    };

    /// <summary>Who could carry what nobody carries yet: the gateway host, or what lies beyond it.</summary>
    public static IdentityModel? CarrierAt(FleetState fleet, int networkId, IpAddress destination) =>
        HostAt(fleet, networkId, destination) ?? EgressNetwork.CarrierOf(fleet, networkId, destination);

    /// <summary>The gateway host is carried by nobody until something speaks of it; its address is known all the same.</summary>
    private static IdentityModel? HostAt(FleetState fleet, int networkId, IpAddress destination) =>
        fleet.Networks.TryGetValue(networkId, out var network)
        && HostIdentity.AddressIn(network.Prefixes.Select(IpPrefix.Parse)) == destination
            ? new IdentityModel { Id = 0, NetworkId = networkId, Kind = HostIdentity.Kind, Name = network.Name, Active = true }
            : null;

    private static string? ServiceOf(string protocol, int port) => protocol switch
    {
        "icmp" => "icmp",
        "tcp" or "udp" when port is > 0 and <= 65535 => string.Create(CultureInfo.InvariantCulture, $"{protocol}-{port}"),
        _ => null,
    };

    /// <summary>A name that is valid and free in the network: "hq-192-168-50-11-tcp-8883".</summary>
    public static string NameFor(FleetState fleet, IdentityModel to, IpAddress destination, string service, IReadOnlySet<string>? taken = null)
    {
        var tail = (service.Length == 0 ? destination.ToString() : $"{destination}-{service}").Replace('.', '-').Replace("::", "-", StringComparison.Ordinal).Replace(':', '-');
        var room = Label.LengthMax - tail.Length - 1;
        var head = to.Name.Length <= room ? to.Name : to.Name[..Math.Max(0, room)];
        var name = $"{head}-{tail}".Trim('-');
        var free = name;
        for (var n = 2; taken?.Contains(free) == true || fleet.Applications.Values.Any(application => application.NetworkId == to.NetworkId && application.Name == free); n++)
        {
            free = string.Create(CultureInfo.InvariantCulture, $"{name[..Math.Min(name.Length, Label.LengthMax - 4)].TrimEnd('-')}-{n}");
        }

        return free;
    }
}
