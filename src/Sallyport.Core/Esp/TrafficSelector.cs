using System.Globalization;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Esp;

/// <summary>One range of addresses, ports and protocols that an SA carries (RFC 7296 section 3.13.1). Both ends of the ranges are inside.</summary>
/// <param name="Protocol">An IP protocol number; 0 for any.</param>
public readonly record struct TrafficSelector(byte Protocol, ushort FirstPort, ushort LastPort, IpAddress First, IpAddress Last)
{
    public bool IsV4 => First.IsV4;

    public static TrafficSelector Of(IpPrefix prefix) => new(0, 0, ushort.MaxValue, prefix.First, prefix.Last);

    public static TrafficSelector Of(IpAddress address) => new(0, 0, ushort.MaxValue, address, address);

    public bool HasAllPorts => FirstPort == 0 && LastPort == ushort.MaxValue;

    public bool Contains(IpAddress address) => First <= address && address <= Last && address.IsV4 == IsV4;

    /// <summary>Everything that <paramref name="other"/> holds lies in this one.</summary>
    public bool Contains(in TrafficSelector other) =>
        IsV4 == other.IsV4 && First <= other.First && other.Last <= Last
        && FirstPort <= other.FirstPort && other.LastPort <= LastPort
        && (Protocol == 0 || Protocol == other.Protocol);

    /// <summary>What both hold; false where that is nothing.</summary>
    public bool TryIntersect(in TrafficSelector other, out TrafficSelector common)
    {
        common = default;
        if (IsV4 != other.IsV4 || (Protocol != 0 && other.Protocol != 0 && Protocol != other.Protocol))
        {
            return false;
        }

        var first = First > other.First ? First : other.First;
        var last = Last < other.Last ? Last : other.Last;
        var firstPort = Math.Max(FirstPort, other.FirstPort);
        var lastPort = Math.Min(LastPort, other.LastPort);
        common = new TrafficSelector(Math.Max(Protocol, other.Protocol), firstPort, lastPort, first, last);
        return first <= last && firstPort <= lastPort;
    }

    /// <summary>"10.20.0.0/16", "10.20.0.5", "10.20.0.5-10.20.0.9", with "[17/53]" behind it where protocol or ports are narrower.</summary>
    public override string ToString()
    {
        var addresses = First == Last ? First.ToString()
            : IpPrefix.TryOfRange(First, Last, out var prefix) ? prefix.ToString()
            : string.Create(CultureInfo.InvariantCulture, $"{First}-{Last}");
        return Protocol == 0 && HasAllPorts ? addresses
            : HasAllPorts ? string.Create(CultureInfo.InvariantCulture, $"{addresses}[{Protocol}]")
            : FirstPort == LastPort ? string.Create(CultureInfo.InvariantCulture, $"{addresses}[{Protocol}/{FirstPort}]")
            : string.Create(CultureInfo.InvariantCulture, $"{addresses}[{Protocol}/{FirstPort}-{LastPort}]");
    }
}
