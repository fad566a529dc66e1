using System.Collections.Immutable;
using System.Globalization;
using Sallyport.Core.Dns;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Policy;

/// <summary>
/// How people write a <see cref="DnsForward"/>: "corp.example=10.0.0.53", with ".=" for all other names; several servers with commas between, each with
/// a port where it is not 53: "10.0.0.53:5353", "[fd00::53]:5353".
/// </summary>
public static class ForwardText
{
    public const int MaxLength = 400;

    /// <summary>One and its spares.</summary>
    public const int ServersMax = 4;

    /// <param name="problem">What cannot be read, as the end of a sentence: "'10.0.0' is no address".</param>
    public static bool TryParse(string text, out DnsForward forward, out string problem)
    {
        forward = new DnsForward("", []);
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        if (text.Length > MaxLength || equals <= 0)
        {
            problem = "it wants a domain and the servers that are asked for its names";
            return false;
        }

        var domain = text[..equals].Trim().ToLowerInvariant();
        domain = domain.Length > 1 && domain[^1] == '.' ? domain[..^1] : domain;
        if (domain != "." && !DnsName.IsPlain(domain))
        {
            problem = $"'{domain}' is no domain";
            return false;
        }

        var words = text[(equals + 1)..].Split(',', StringSplitOptions.TrimEntries);
        if (words.Length > ServersMax)
        {
            problem = string.Create(CultureInfo.InvariantCulture, $"{words.Length} servers are too many, at most {ServersMax} are asked");
            return false;
        }

        var servers = ImmutableArray.CreateBuilder<OuterAddress>();
        foreach (var word in words)
        {
            if (!TryServer(word, out var server))
            {
                problem = $"'{word}' is no address of a server";
                return false;
            }

            servers.Add(server);
        }

        forward = new DnsForward(domain == "." ? "" : domain, servers.ToImmutable());
        problem = "";
        return true;
    }

    /// <summary>Always the same for the same.</summary>
    public static string Write(DnsForward forward) =>
        $"{(forward.Domain.Length == 0 ? "." : forward.Domain)}={string.Join(',', forward.Servers.Select(Write))}";

    private static string Write(OuterAddress server) => server.Port == DnsLimits.Port ? server.Ip.ToString() : server.ToString();

    private static bool TryServer(string word, out OuterAddress server)
    {
        server = default;
        if (IpAddress.TryParse(word, out var ip))
        {
            server = new OuterAddress(ip, DnsLimits.Port);
            return IsServer(ip);
        }

        var colon = word.LastIndexOf(':');
        if (colon <= 0 || !ushort.TryParse(word.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port == 0)
        {
            return false;
        }

        var host = word[..colon];
        var isBracketed = host.Length > 2 && host[0] == '[' && host[^1] == ']';
        if (!IpAddress.TryParse(isBracketed ? host[1..^1] : host, out ip) || ip.IsV4 == isBracketed)
        {
            return false;
        }

        server = new OuterAddress(ip, port);
        return IsServer(ip);
    }

    /// <summary>Neither nobody nor a group.</summary>
    private static bool IsServer(IpAddress ip) => ip.IsV4 ? ip.V4 >> 24 is > 0 and < 224 : ip.Bits != 0 && (byte)(ip.Bits >> 120) != 0xff;
}
