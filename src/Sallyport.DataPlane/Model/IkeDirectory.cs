using System.Collections.Immutable;
using Sallyport.Core.Ike.Proposals;
using Sallyport.Core.Ike.Session;
using Sallyport.Core.Ike.Wire;

namespace Sallyport.DataPlane.Model;

/// <summary>Credentials by what peers of IKE call themselves, and what any of them may begin with. Immutable.</summary>
internal sealed record IkeDirectory
{
    public static IkeDirectory Empty { get; } = new();

    /// <summary>Of pre-shared keys.</summary>
    public ImmutableDictionary<IkeIdentity, CredentialEntry> Psks { get; init; } = ImmutableDictionary<IkeIdentity, CredentialEntry>.Empty;

    /// <summary>User names of EAP-MSCHAPv2, without regard to case.</summary>
    public ImmutableDictionary<string, CredentialEntry> EapUsers { get; init; } =
        ImmutableDictionary.Create<string, CredentialEntry>(StringComparer.OrdinalIgnoreCase);

    public ImmutableDictionary<string, CredentialEntry> Ppks { get; init; } = ImmutableDictionary.Create<string, CredentialEntry>(StringComparer.Ordinal);

    /// <summary>Accepted of who has not said its name: see <see cref="ProposalUnion"/>.</summary>
    public IReadOnlyList<Proposal> Proposals { get; init; } = [];

    /// <summary>Proposals that were left out because this machine cannot keep them.</summary>
    public ImmutableArray<string> Impossible { get; init; } = [];

    /// <summary>EAP methods of all networks.</summary>
    public ImmutableArray<IkeProof> EapMethods { get; init; } = [];

    /// <summary>Any network takes ESP in UDP alone: it has to be said before the peer's name is known.</summary>
    public bool Encapsulate { get; init; }

    public IkeDirectory With(IEnumerable<NetworkAccess> networks)
    {
        var all = networks.OrderBy(network => network.NetworkId).Select(network => network.Ipsec).OfType<IpsecAccess>().ToList();
        return this with
        {
            Proposals = ProposalUnion.Of([.. all.Select(access => access.Ike).Where(proposals => proposals.Count > 0)]),
            Impossible = [.. all.SelectMany(access => access.Impossible).Distinct()],
            EapMethods = [.. all.SelectMany(access => access.Proofs).Where(proof => proof.IsEap()).Distinct().Order()],
            Encapsulate = all.Exists(access => access.Encapsulate),
        };
    }
}
