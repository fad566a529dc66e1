using System.Net;

namespace Sallyport.Simulator.Scenarios;

/// <summary>Whom a fleet may be let loose on: this machine's loopback net, or whatever a network namespace of our own leads to.</summary>
public static class TargetGuard
{
    /// <summary>Null where it may; otherwise why not.</summary>
    public static string? Refusal(IEnumerable<IPEndPoint> servers, bool allowsRemote, bool inOwnNamespace) =>
        allowsRemote || inOwnNamespace ? null
        : servers.FirstOrDefault(server => !IPAddress.IsLoopback(server.Address)) is { } remote
            ? $"{remote} is not on the loopback net, and this is not a network namespace of its own. If the server is yours: --allow-remote"
            : null;

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
