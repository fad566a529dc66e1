using Sallyport.Core.Ike.Session;
using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane.Nodes;

/// <summary>What is known of a tunnel when it opens, for people. Texts that many tunnels share should be the same strings.</summary>
internal sealed record TunnelDescription
{
    public required long TunnelId { get; init; }

    public required int IdentityId { get; init; }

    public required string Protocol { get; init; }

    public required string OuterAddress { get; init; }

    public required string Cipher { get; init; }

    public required string Tls { get; init; }

    public required string Wrapping { get; init; }

    public required string ClientVersion { get; init; }

    public required string ClientPlatform { get; init; }

    /// <summary>1 to 4: of a site with several.</summary>
    public int Uplink { get; init; } = 1;

    /// <summary>Nanoseconds since the Unix epoch.</summary>
    public required long Since { get; init; }
}

/// <summary>The IKE SA of a tunnel of IPsec, as its session has it now.</summary>
/// <param name="Since">When its keys were made.</param>
internal sealed record IkeDescription(IkeSpis Spis, string Suite, Instant Since, int Rekeys, bool HasChildren);
