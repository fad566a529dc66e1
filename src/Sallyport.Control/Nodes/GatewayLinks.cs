using Sallyport.Api.Gateways;

namespace Sallyport.Control.Nodes;

/// <summary>The gateways that are connected, and the last that is known of those that were since the start.</summary>
internal sealed class GatewayLinks
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, GatewayLink> connected = [];
    private readonly Dictionary<string, GatewayInfo> gone = [];

    /// <summary>Takes the place of an older link of the same name, which is answered: a gateway that comes again is one gateway.</summary>
    public GatewayLink? Add(GatewayLink link)
    {
        lock (gate)
        {
            connected.Remove(link.Name, out var replaced);
            connected[link.Name] = link;
            gone.Remove(link.Name);
            return replaced;
        }
    }

    public void Remove(GatewayLink link)
    {
        lock (gate)
        {
            if (connected.GetValueOrDefault(link.Name) == link)
            {
                connected.Remove(link.Name);
                gone[link.Name] = link.ToInfo() with { Connected = false, Ready = false };
            }
        }
    }

    public IReadOnlyList<GatewayLink> Connected
    {
        get
        {
            lock (gate)
            {
                return [.. connected.Values.OrderBy(link => link.Name, StringComparer.Ordinal)];
            }
        }
    }

    public IReadOnlyList<GatewayInfo> List()
    {
        lock (gate)
        {
            return [.. connected.Values.Select(link => link.ToInfo()).Concat(gone.Values).OrderBy(info => info.Name, StringComparer.Ordinal)];
        }
    }

    /// <summary>At least one gateway has its listeners open and runs on this version or a later one.</summary>
    public bool AnyReadyFor(long version) => Connected.Any(link => link.IsReadyFor(version));
}
