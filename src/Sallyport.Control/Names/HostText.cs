using System.Net;

namespace Sallyport.Control.Names;

/// <summary>Host names and addresses that somebody is reached by.</summary>
internal static class HostText
{
    private const int LengthMax = 253; // RFC 1035 section 2.3.4

    public static bool IsHost(string text) =>
        text.Length is > 0 and <= LengthMax && (IPAddress.TryParse(text, out _) || text.TrimEnd('.').Split('.').All(label => Label.IsValid(label.ToLowerInvariant())));
}
