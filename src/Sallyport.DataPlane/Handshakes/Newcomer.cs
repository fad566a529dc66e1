using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Model;

namespace Sallyport.DataPlane.Handshakes;

/// <summary>Who asks for a place: what is known of it at the door.</summary>
internal readonly record struct Newcomer
{
    /// <summary>It has acknowledged our session id.</summary>
    public required bool HasAnswered { get; init; }

    /// <summary>tls-crypt-v2: a key that one credential alone has.</summary>
    public required bool HasOwnKey { get; init; }

    public CredentialEntry? Credential { get; init; }

    /// <summary>The network whose shared key it has.</summary>
    public int? NetworkId { get; init; }

    public required OuterAddress From { get; init; }

    /// <summary>The session id that it chose.</summary>
    public ulong Remote { get; init; }

    /// <summary>Tells the packets of one session id apart.</summary>
    public UInt128 ResetTag { get; init; }
}
