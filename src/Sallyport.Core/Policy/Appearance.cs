using Sallyport.Core.Primitives;

namespace Sallyport.Core.Policy;

public enum AppearanceKind : byte
{
    /// <summary>Members of the network reach applications of the other one there.</summary>
    Service,

    /// <summary>Members of the other network are seen there by the applications that they reach.</summary>
    Guest,
}

/// <summary>
/// Addresses of one network that stand for addresses of another, so that two networks with equal addresses speak to each other and
/// neither meets itself: <paramref name="At"/> in network <paramref name="NetworkId"/> for <paramref name="Of"/> in network
/// <paramref name="HomeId"/>. Both are of one IP family and of one length, host by host, but for guests that share one address.
/// An appearance permits nothing: rules do.
/// </summary>
public sealed record Appearance(int Id, AppearanceKind Kind, int NetworkId, IpPrefix At, int HomeId, IpPrefix Of)
{
    /// <summary>All of <see cref="Of"/> is one address here: conversations differ by their ports alone.</summary>
    public bool IsShared => At.Length > Of.Length;

    /// <summary>What an address of <see cref="At"/> stands for. Not where it is shared.</summary>
    public IpAddress Inside(IpAddress at) => Moved(at, At, Of);

    /// <summary>What stands for an address of <see cref="Of"/>.</summary>
    public IpAddress Outside(IpAddress inside) => IsShared ? At.Network : Moved(inside, Of, At);

    private static IpAddress Moved(IpAddress address, IpPrefix from, IpPrefix to)
    {
        Invariant.Check(from.Contains(address), "only what lies in a prefix is moved with it");
        return new IpAddress(to.Network.Bits + (address.Bits - from.Network.Bits));
    }
}
