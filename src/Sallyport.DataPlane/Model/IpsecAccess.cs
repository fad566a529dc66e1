using System.Collections.Immutable;
using Sallyport.Api.Nodes;
using Sallyport.Core.Ike.Proposals;
using Sallyport.Core.Ike.Session;
using Sallyport.DataPlane.Tunnels;

namespace Sallyport.DataPlane.Model;

/// <summary>How the devices and sites of a network come in by IPsec.</summary>
internal sealed record IpsecAccess
{
    public required IReadOnlyList<Proposal> Ike { get; init; }

    public required IReadOnlyList<Proposal> Esp { get; init; }

    /// <summary>Proposals that this machine's OpenSSL cannot keep, such as one with ML-KEM before 3.5: they are neither made nor taken.</summary>
    public required ImmutableArray<string> Impossible { get; init; }

    public required ImmutableArray<IkeProof> Proofs { get; init; }

    public required IkeLifetimes Lifetimes { get; init; }

    public required bool Encapsulate { get; init; }

    public required bool CopyDscp { get; init; }

    public required bool NeedsPpk { get; init; }

    /// <summary>Whether who came in with this would still be let in. A ticket stands for what its owner had before.</summary>
    public bool IsContentWith(in TunnelProof proof) =>
        (Proofs.Contains(proof.Ike) || proof.Ike == IkeProof.Ticket) && (!NeedsPpk || proof.PpkId != 0);

    public bool AsksTheSameAs(IpsecAccess? other) =>
        other is not null && NeedsPpk == other.NeedsPpk && Proofs.AsSpan().SequenceEqual(other.Proofs.AsSpan());

    /// <exception cref="FormatException">Control and gateway do not mean the same.</exception>
    public static IpsecAccess Read(IpsecModel dto)
    {
        IReadOnlyList<Proposal> ike = [.. dto.Ike.Select(text => ProposalText.TryParseIke(text, out var proposal, out var error) ? proposal : throw Unknown(text, error))];
        IReadOnlyList<Proposal> esp = [.. dto.Esp.Select(text => ProposalText.TryParseEsp(text, out var proposal, out var error) ? proposal : throw Unknown(text, error))];
        return Read(dto, ike, esp);
    }

    private static IpsecAccess Read(IpsecModel dto, IReadOnlyList<Proposal> ike, IReadOnlyList<Proposal> esp) => new()
    {
        Ike = [.. ike.Select(proposal => proposal.WhereAvailable()).OfType<Proposal>()],
        Esp = [.. esp.Select(proposal => proposal.WhereAvailable()).OfType<Proposal>()],
        Impossible = [.. ike.Concat(esp).Where(proposal => proposal.WhereAvailable() is null).Select(proposal => proposal.ToString())],
        Proofs = [.. dto.Authentication.Select(ReadProof)],
        Lifetimes = new IkeLifetimes
        {
            IkeRekey = TimeSpan.FromSeconds(dto.IkeRekeySeconds),
            ChildRekey = TimeSpan.FromSeconds(dto.ChildRekeySeconds),
            ChildRekeyBytes = dto.ChildRekeyBytes,
            ChildRekeyPackets = dto.ChildRekeyPackets,
            Reauthenticate = TimeSpan.FromSeconds(dto.ReauthenticateSeconds),
        },
        Encapsulate = dto.Encapsulate,
        CopyDscp = dto.CopyDscp,
        NeedsPpk = dto.PpkRequired,
    };

    private static IkeProof ReadProof(string word) => word switch
    {
        "certificate" => IkeProof.Certificate,
        "psk" => IkeProof.PreSharedKey,
        "eap-tls" => IkeProof.EapTls,
        "eap-mschapv2" => IkeProof.EapMschapV2,
        _ => throw Unknown(word, "it is no proof of IKE"),
    };

    private static FormatException Unknown(string text, string why) => new($"'{text}': {why}.");
}
