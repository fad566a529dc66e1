using Sallyport.Core.Primitives;

namespace Sallyport.DataPlane;

/// <summary>
/// How a shard reaches a peer: over which of its UDP sockets or connections, at which address, and from which of our own addresses,
/// so that a reply leaves from where the peer sent to.
/// </summary>
internal readonly record struct OuterPath
{
    public OuterAddress Peer { get; init; }

    /// <summary>Our address that the peer used; all zero bits where not known.</summary>
    public IpAddress Local { get; init; }

    /// <summary>Interface index of a link-local IPv6 peer; 0 otherwise.</summary>
    public int Scope { get; init; }

    /// <summary>Index of the shard that the peer's packets come to.</summary>
    public int Shard { get; init; }

    /// <summary>Index of the shard's UDP socket, or -1 for a stream.</summary>
    public int Socket { get; init; }

    /// <summary>Slot and generation of the shard's connection; meaningful for a stream.</summary>
    public int Connection { get; init; }

    public uint ConnectionGeneration { get; init; }

    public bool IsStream => Socket < 0;

    /// <summary>ESP as an IP protocol, which has no ports.</summary>
    public bool IsRaw => Peer.Port == 0;

    public override string ToString() => Peer.ToString();
}
