using Sallyport.Core.Ike.Proposals;

namespace Sallyport.DataPlane.Model;

/// <summary>
/// What is accepted of a peer that has not said its name: first what every network takes, so that whoever offers much is not given what its own network then
/// refuses; behind it all that any network takes, strong before weak, so that what one takes for its old routers is not given to peers of another.
/// </summary>
internal static class ProposalUnion
{
    /// <summary>Of what every network takes: many different networks would multiply.</summary>
    private const int CommonMax = 16;

    /// <summary>With SHA-1: the last that anybody is given, however many networks take it.</summary>
    private const int Weakest = 2;

    public static IReadOnlyList<Proposal> Of(IReadOnlyList<IReadOnlyList<Proposal>> networks)
    {
        var all = new List<Proposal>();
        foreach (var proposal in Common(networks).Where(proposal => Weakness(proposal) < Weakest).OrderBy(Weakness).Concat(networks.SelectMany(network => network).OrderBy(Weakness)))
        {
            AddNew(all, proposal);
        }

        return all;
    }

    private static IReadOnlyList<Proposal> Common(IReadOnlyList<IReadOnlyList<Proposal>> networks)
    {
        var common = networks.Count > 0 ? networks[0] : [];
        foreach (var network in networks.Skip(1))
        {
            var next = new List<Proposal>();
            foreach (var both in common.SelectMany(one => network.Select(other => Both(one, other))).OfType<Proposal>().Take(CommonMax))
            {
                AddNew(next, both);
            }

            common = next;
        }

        return common;
    }

    /// <summary>What both have, in the order of the first; null where that is nothing of a kind that either asks for.</summary>
    private static Proposal? Both(Proposal one, Proposal other)
    {
        var both = one with { Transforms = [.. one.Transforms.Where(transform => other.Contains(transform))] };
        return one.Transforms.Concat(other.Transforms).All(transform => both.Has(transform.Type)) ? both : null;
    }

    private static void AddNew(List<Proposal> to, Proposal proposal)
    {
        if (!to.Exists(known => known.Transforms.AsSpan().SequenceEqual(proposal.Transforms.AsSpan())))
        {
            to.Add(proposal);
        }
    }

    private static int Weakness(Proposal proposal) => proposal.Transforms.Any(transform => transform.IsAead) ? 0
        : proposal.Contains(Transform.Of(IntegrityId.HmacSha1)) || proposal.Contains(Transform.Of(PrfId.HmacSha1)) ? Weakest
        : 1;
}
