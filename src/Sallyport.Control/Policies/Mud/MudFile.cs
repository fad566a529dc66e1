using Sallyport.Control.FleetFiles;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Policies.Mud;

/// <summary>A manufacturer's usage description (RFC 8520) as it stands in the file; what it means here is not looked at yet.</summary>
internal sealed record MudFile
{
    public required string Url { get; init; }

    public required DateTimeOffset LastUpdate { get; init; }

    /// <summary>After how many hours to look for a newer one.</summary>
    public required int CacheHours { get; init; }

    public required bool IsSupported { get; init; }

    public string? SystemInfo { get; init; }

    public string? Manufacturer { get; init; }

    public string? Model { get; init; }

    /// <summary>Where the manufacturer keeps the signature.</summary>
    public string? SignatureUrl { get; init; }

    public required IReadOnlyList<string> Extensions { get; init; }

    /// <summary>What packets of the device match, in the order in which they are tried.</summary>
    public required IReadOnlyList<MudAce> FromDevice { get; init; }

    public required IReadOnlyList<MudAce> ToDevice { get; init; }

    /// <summary>What is in the file and means nothing to us.</summary>
    public required IReadOnlyList<MudRemark> Remarks { get; init; }

    /// <summary>Whose file it is: devices of one manufacturer have it in common (RFC 8520 section 8.1).</summary>
    public string Authority => new Uri(Url).IdnHost;
}

internal sealed record MudRemark(string What, FileMark At, string Why);

/// <summary>One entry of an access list.</summary>
internal sealed record MudAce(string Name, FileMark At, MudMatch Match, bool Accepts)
{
    /// <summary>As people find it again.</summary>
    public string Place => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Names.Label.Shorten(Name)} (line {At.Line})");
}

/// <summary>What a packet must be for an entry to be about it. What is null is not asked for.</summary>
internal sealed record MudMatch
{
    public bool IsV6 { get; init; }

    public int? Protocol { get; init; }

    public string? SourceName { get; init; }

    public string? DestinationName { get; init; }

    public IpPrefix? SourceNetwork { get; init; }

    public IpPrefix? DestinationNetwork { get; init; }

    /// <summary>"tcp", "udp" or "icmp", where a part of that name is there.</summary>
    public string? Transport { get; init; }

    public IReadOnlyList<(int From, int To)>? SourcePorts { get; init; }

    public IReadOnlyList<(int From, int To)>? DestinationPorts { get; init; }

    /// <summary>"from-device" or "to-device": who opened the TCP connection.</summary>
    public string? Initiated { get; init; }

    public int? IcmpType { get; init; }

    public int? IcmpCode { get; init; }

    /// <summary>Who is at the other end, in the words of RFC 8520: "my-controller", "controller" and its URI, …</summary>
    public IReadOnlyList<MudClass> Classes { get; init; } = [];

    public int? Ethertype { get; init; }

    /// <summary>What else it asks for: "ipv4.dscp".</summary>
    public IReadOnlyList<string> Others { get; init; } = [];
}

/// <param name="Kind">"controller", "my-controller", "local-networks", "same-manufacturer", "manufacturer" or "model".</param>
/// <param name="Value">Empty where the kind says it all.</param>
internal readonly record struct MudClass(string Kind, string Value);
