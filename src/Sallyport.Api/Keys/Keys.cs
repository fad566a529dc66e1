using System.Text.Json.Serialization;

namespace Sallyport.Api.Keys;

/// <summary>A key of the installation was replaced.</summary>
/// <param name="Name">"master" or "tls-crypt-v2".</param>
/// <param name="Resealed">How many secrets are sealed anew; 0 where it is not the master key.</param>
public sealed record KeyRotated(string Name, DateTimeOffset At, int Resealed);

/// <summary>A tls-crypt-v2 server key that the gateways accept.</summary>
public sealed record KeyInfo
{
    public required int Id { get; init; }

    /// <summary>"tls-crypt-v2".</summary>
    public required string Name { get; init; }

    /// <summary>"current": new OpenVPN profiles come with it. "accepted": older profiles do, until it is retired.</summary>
    public required string State { get; init; }

    /// <summary>Live credentials whose profile came with it.</summary>
    public required int Credentials { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }
}

/// <summary>Ends a key that is no longer the current one.</summary>
/// <param name="Force">Also where live credentials came with it: by OpenVPN their devices stay in the dark until they have a new profile.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record KeyRetire(string? Reason, bool Force);
