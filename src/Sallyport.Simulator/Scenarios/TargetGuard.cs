using System.Net;
using System.Net.NetworkInformation;

namespace Sallyport.Simulator.Scenarios;

/// <summary>Whom a fleet may be let loose on: this machine itself, or whatever a network namespace of our own leads to.</summary>
public static class TargetGuard
{
    /// <summary>The first server that is none of ours to load; null where there is none.</summary>
    /// <param name="own">Addresses of this machine: what goes to them does not leave it.</param>
    public static IPEndPoint? Refused(IEnumerable<IPEndPoint> servers, IReadOnlySet<IPAddress> own, bool allowsRemote, bool inOwnNamespace) =>
        allowsRemote || inOwnNamespace
            ? null
            : servers.FirstOrDefault(server => !IPAddress.IsLoopback(server.Address) && !own.Contains(server.Address));

    public static IReadOnlySet<IPAddress> OwnAddresses() => NetworkInterface.GetAllNetworkInterfaces()
        .SelectMany(card => card.GetIPProperties().UnicastAddresses).Select(one => one.Address).ToHashSet();

    /// <summary>Whether this runs in a network namespace that somebody made and named (<c>ip netns add</c>).</summary>
    public static bool IsInOwnNamespace()
    {
        try
        {
            return File.ResolveLinkTarget("/proc/self/ns/net", returnFinalTarget: false)?.Name is { } own
                && IsNamed(own, File.ReadLines("/proc/self/mountinfo"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Who may not look at himself is nowhere special.
            return false;
        }
    }

    /// <param name="own">"net:[4026531833]".</param>
    /// <param name="mounts">Lines of mountinfo (proc(5)): the fourth field is what is mounted, the fifth where.</param>
    internal static bool IsNamed(string own, IEnumerable<string> mounts) => mounts.Select(line => line.Split(' ')).Any(
        fields => fields.Length > 5 && fields[3] == own && Path.GetDirectoryName(fields[4]) is "/run/netns" or "/var/run/netns");
}
