using System.Text.Json.Serialization;
using Sallyport.Api.Flows;

namespace Sallyport.Api.Dns;

/// <summary>How a gateway answers names in a network. Changes what is not null.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record NetworkDnsInput
{
    /// <summary>Whether it does (the default), and tells devices so when they connect.</summary>
    public bool? Serve { get; init; }

    /// <summary>
    /// Who is asked for names outside of the installation's zone: "corp.example=10.0.0.53", ".=9.9.9.9,149.112.112.112:53" for all others. The longest
    /// domain counts. None (the default): such names are refused.
    /// </summary>
    public IReadOnlyList<string>? Forward { get; init; }
}

public sealed record NetworkDns
{
    public required bool Serve { get; init; }

    public required IReadOnlyList<string> Forward { get; init; }

    /// <summary>What names in the network end with: "plant-a.sallyport".</summary>
    public required string Suffix { get; init; }
}

/// <summary>The same question of one device or site with the same outcome, as often as it came within a second.</summary>
public sealed record DnsQueryInfo
{
    public required long Id { get; init; }

    public required string Gateway { get; init; }

    public required string Network { get; init; }

    public required FlowEnd From { get; init; }

    /// <summary>"historian.plant-a.sallyport"; "*" for further ones of who asked for too many different names.</summary>
    public required string Name { get; init; }

    /// <summary>"A", "AAAA", "PTR", …; empty for "*".</summary>
    public required string Type { get; init; }

    /// <summary>"NOERROR", "NXDOMAIN" (there is no such name, or it is nothing that the asker may reach), "REFUSED", "SERVFAIL", …</summary>
    public required string Code { get; init; }

    /// <summary>The first of those in the newest answer.</summary>
    public required IReadOnlyList<string> Addresses { get; init; }

    public required DateTimeOffset FirstAt { get; init; }

    public required DateTimeOffset LastAt { get; init; }

    public required long Count { get; init; }
}
