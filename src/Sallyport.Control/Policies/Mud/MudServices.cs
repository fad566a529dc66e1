using Sallyport.Core.Policy;

namespace Sallyport.Control.Policies.Mud;

/// <summary>Services: ports of TCP and UDP as ranges, and echo. "All of them" is what a file means that names none.</summary>
internal sealed class MudServices
{
    public const int PortMax = 65_535;

    /// <summary>By protocol and port, none touching another.</summary>
    private readonly List<(IpProtocol Protocol, int From, int To)> ranges;

    private MudServices(IEnumerable<(IpProtocol Protocol, int From, int To)> ranges) => this.ranges = Merged(ranges);

    public static readonly MudServices None = new([]);

    public static readonly MudServices Everything = new([(IpProtocol.Tcp, 1, PortMax), (IpProtocol.Udp, 1, PortMax), (IpProtocol.Icmp, 0, 0)]);

    public bool IsEmpty => ranges.Count == 0;

    /// <summary>Not one port less.</summary>
    public bool IsEverything => Everything.IsIn(this);

    /// <summary>Whether it is every port of a protocol: no service is named.</summary>
    public bool NamesNone => ranges.Exists(range => range is { From: 1, To: PortMax });

    public static MudServices Of(IpProtocol protocol, IEnumerable<(int From, int To)> ports) => new(ports.Select(range => (protocol, range.From, range.To)));

    public static MudServices Echo { get; } = new([(IpProtocol.Icmp, 0, 0)]);

    /// <summary>Of an application: "tcp/443", "udp/5000-5010", "icmp".</summary>
    public static MudServices Read(IEnumerable<string> services) => new(
        services.SelectMany(NetworkPolicy.Services).Where(service => service.Protocol != IpProtocol.IcmpV6).Select(service => (service.Protocol, (int)service.FromPort, (int)service.ToPort)));

    public MudServices With(MudServices other) => new([.. ranges, .. other.ranges]);

    public MudServices Without(MudServices other)
    {
        var left = ranges;
        foreach (var cut in other.ranges)
        {
            left = [.. left.SelectMany(range => Cut(range, cut))];
        }

        return new MudServices(left);
    }

    /// <summary>What both have.</summary>
    public MudServices And(MudServices other) => Without(Without(other));

    public bool IsIn(MudServices other) => Without(other).IsEmpty;

    public bool Meets(MudServices other)
    {
        foreach (var range in ranges)
        {
            foreach (var one in other.ranges)
            {
                if (range.Protocol == one.Protocol && range.From <= one.To && one.From <= range.To)
                {
                    return true;
                }
            }
        }

        return false;
    }

    /// <summary>"tcp/443", as applications have them.</summary>
    public IReadOnlyList<string> Texts => [.. ranges.Select(range => ServiceText.Of(range.Protocol, range.From, range.To))];

    public override string ToString() => IsEverything ? "all services" : string.Join(", ", Texts);

    private static IEnumerable<(IpProtocol Protocol, int From, int To)> Cut((IpProtocol Protocol, int From, int To) range, (IpProtocol Protocol, int From, int To) cut)
    {
        if (range.Protocol != cut.Protocol || cut.To < range.From || cut.From > range.To)
        {
            yield return range;
            yield break;
        }

        if (range.From < cut.From)
        {
            yield return range with { To = cut.From - 1 };
        }

        if (range.To > cut.To)
        {
            yield return range with { From = cut.To + 1 };
        }
    }

    private static List<(IpProtocol Protocol, int From, int To)> Merged(IEnumerable<(IpProtocol Protocol, int From, int To)> ranges)
    {
        var merged = new List<(IpProtocol Protocol, int From, int To)>();
        foreach (var range in ranges.OrderBy(range => range.Protocol == IpProtocol.Icmp).ThenBy(range => range.Protocol).ThenBy(range => range.From))
        {
            if (merged is [.., var last] && last.Protocol == range.Protocol && range.From <= last.To + 1)
            {
                merged[^1] = last with { To = Math.Max(last.To, range.To) };
            }
            else
            {
                merged.Add(range);
            }
        }

        return merged;
    }
}
