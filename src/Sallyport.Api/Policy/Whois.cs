using Sallyport.Api.Devices;

namespace Sallyport.Api.Policy;

/// <summary>Whose an address is: a handle on the gateway host, or an address inside a network.</summary>
public sealed record WhoisInfo
{
    /// <summary>The network in which the address was asked for.</summary>
    public required string Network { get; init; }

    /// <summary>The address in that network.</summary>
    public required string Address { get; init; }

    /// <summary>"device", "site" or "host".</summary>
    public required string Kind { get; init; }

    public required string Name { get; init; }

    /// <summary>The network that it belongs to: another one where the address is that of a guest, or of a service from elsewhere.</summary>
    public required string HomeNetwork { get; init; }

    /// <summary>What the address is at home.</summary>
    public required string HomeAddress { get; init; }

    /// <summary>"own" (its own address), "subnet" (a host behind the site), "guest", "service" or "beyond" (it lies beyond the gateway host).</summary>
    public required string As { get; init; }

    /// <summary>The handle on the gateway host; null for IPv6.</summary>
    public string? Handle { get; init; }

    /// <summary>Whether anything of it passes: it is active or in quarantine of another degree than dark, and no lock is on it.</summary>
    public required bool Active { get; init; }

    /// <summary>"pending", "active", "quarantined" or "retired", or "removed" where it is on record alone; a lock leaves it as it is.</summary>
    public required string State { get; init; }

    /// <summary>How far it is shut out; null where it is not in quarantine.</summary>
    public QuarantineInfo? Quarantine { get; init; }

    /// <summary>Locks that cut it off.</summary>
    public required IReadOnlyList<int> Locks { get; init; }

    public required IReadOnlyList<string> Groups { get; init; }

    public required IReadOnlyDictionary<string, string> Labels { get; init; }

    /// <summary>Where it is not told who has the address, but who had it: the flow that says so. The names and addresses are those of its time, the state is today's.</summary>
    public WhoisFlow? Seen { get; init; }
}

/// <summary>A flow of a guest.</summary>
/// <param name="Port">The guest's, in the network where he was one; null where the gateway did not say.</param>
/// <param name="To">"application:mes", or the address that was called.</param>
public sealed record WhoisFlow(long Id, DateTimeOffset From, DateTimeOffset Until, string Protocol, int? Port, string To);

