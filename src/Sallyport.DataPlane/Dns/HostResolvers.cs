using System.Collections.Immutable;
using Sallyport.Core.Dns;
using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane.Dns;

/// <summary>Whom the gateway host asks for names (resolv.conf(5)), read again when it may have changed. One thread.</summary>
internal sealed class HostResolvers(string path = "/etc/resolv.conf")
{
    private const int ServersMax = 3; // as glibc
    private static readonly TimeSpan ReadAgain = TimeSpan.FromSeconds(5);

    private ImmutableArray<OuterAddress> _servers = [];
    private Instant _readAt;
    private bool _wasRead;

    /// <summary>None where there is no such file, or nobody in it.</summary>
    public ImmutableArray<OuterAddress> Servers(Instant now)
    {
        if (!_wasRead || now - _readAt >= ReadAgain)
        {
            (_wasRead, _readAt, _servers) = (true, now, Read());
        }

        return _servers;
    }

    private ImmutableArray<OuterAddress> Read()
    {
        try
        {
            return
            [
                .. File.ReadLines(path).Select(line => line.Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries))
                    .Where(words => words is ["nameserver", _, ..])
                    .Select(words => IpAddress.TryParse(words[1], out var address) ? new OuterAddress(address, DnsLimits.Port) : default)
                    .Where(server => server != default).Take(ServersMax),
            ];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
