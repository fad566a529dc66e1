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

    /// <summary>Whether our network namespace is another than that of the machine's (or container's) first process.</summary>
    public static bool IsInOwnNamespace()
    {
        try
        {
            return File.ResolveLinkTarget("/proc/self/ns/net", returnFinalTarget: false)?.Name is { } own
                && File.ResolveLinkTarget("/proc/1/ns/net", returnFinalTarget: false)?.Name is { } first
                && own != first;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Who may not look has made no namespace either.
            return false;
        }
    }
}
