using Sallyport.Api.Networks;
using Sallyport.Control.Ipsec;
using Sallyport.Control.Nodes;
using Sallyport.Control.Tunnels;

namespace Sallyport.Control.Networks;

/// <summary>A network as it was and is, with the version of the model that has it.</summary>
internal sealed record NetworkUpdated(NetworkRow Before, NetworkRow After, NetworkInfo Info, long Version, long At);

/// <summary>What a change of a network does to those of its members that are connected: some are cut, some go on by what held before.</summary>
internal sealed class NetworkEffects(Cuts cuts, TunnelRegistry tunnels)
{
    private static readonly string[] WithNewKeys = ["ike", "esp", "ike-lifetime", "child-lifetime", "child-volume", "child-packets"];
    private static readonly string[] WhenConnecting = ["reauthenticate", "encapsulate", "copy-dscp"];

    public async Task<NetworkInfo> OfAsync(NetworkUpdated update, CancellationToken cancel)
    {
        var (before, after) = (update.Before, update.After);
        var changed = IpsecOptions.ChangedWords(before.Ipsec, after.Ipsec).ToHashSet(StringComparer.Ordinal);
        if (!AsksOtherwise(before, after, changed))
        {
            return update.Info with { IpsecFollowing = Following(after, changed) };
        }

        var subject = new CutSubject("network", after.Name, "changed", "network.update", "network:" + after.Name);
        var cut = await cuts.EnforceAsync(subject, update.Version, update.At, cancel);
        return update.Info with { Cut = cut, IpsecFollowing = Following(after, changed) };
    }

    /// <summary>Whether who was let in before may not be any more: the gateways judge every tunnel anew then.</summary>
    private static bool AsksOtherwise(NetworkRow before, NetworkRow after, HashSet<string> changed) =>
        (before.Authentication, before.WrappingsJson, before.MinimumTls) != (after.Authentication, after.WrappingsJson, after.MinimumTls)
        || changed.Except(WithNewKeys).Except(WhenConnecting).Any();

    private IpsecFollowing? Following(NetworkRow network, HashSet<string> changed)
    {
        IReadOnlyList<string> keys = [.. WithNewKeys.Where(changed.Contains)];
        IReadOnlyList<string> later = [.. WhenConnecting.Where(changed.Contains)];
        var count = keys.Count + later.Count == 0 ? 0 : tunnels.CountIpsecUp(network.Id);
        return count == 0 ? null : new IpsecFollowing { Tunnels = count, WithNewKeys = keys, WhenConnecting = later };
    }
}
