using Sallyport.Api.Networks;
using Sallyport.Control.Http;
using Sallyport.Control.Names;
using Sallyport.Control.Networks;
using Sallyport.Core.Ike.Proposals;
using Sallyport.Core.Policy;

namespace Sallyport.Control.Ipsec;

/// <summary>What a network's IPsec may be set to.</summary>
internal static class IpsecInput
{
    private const int ProposalsMax = 16; // an offer of ours must fit one datagram before anybody is authenticated
    private const int SecondsMin = 5; // shorter, and new keys are all that is sent
    private const int SecondsMax = 30 * 86_400;
    private const long PacketsMin = 1_000;
    private const long PacketsMax = 1L << 62;
    private const long BytesMin = 1_000_000;

    private delegate bool Reader(string text, out string error);

    /// <summary>What was there with what is given put in its place.</summary>
    public static IpsecOptions Read(NetworkIpsecInput? input, IpsecOptions before, ProblemList problems)
    {
        if (input is null)
        {
            return before;
        }

        return before with
        {
            Off = input.Serve is { } serve ? !serve : before.Off,
            Ike = input.Ike is null ? before.Ike : ReadProposals(input.Ike, "ipsec.ike", IsIke, IpsecOptions.DefaultIke, problems),
            Esp = input.Esp is null ? before.Esp : ReadProposals(input.Esp, "ipsec.esp", IsEsp, IpsecOptions.DefaultEsp, problems),
            Authentication = input.Authentication is null ? before.Authentication : ReadAuthentication(input.Authentication, problems),
            IkeSeconds = Lifetime(input.IkeLifetime, "ipsec.ikeLifetime", before.IkeSeconds, IpsecOptions.DefaultIkeSeconds, problems),
            ChildSeconds = Lifetime(input.ChildLifetime, "ipsec.childLifetime", before.ChildSeconds, IpsecOptions.DefaultChildSeconds, problems),
            ChildBytes = Volume(input.ChildVolume, before.ChildBytes, problems),
            ChildPackets = Packets(input.ChildPackets, before.ChildPackets, problems),
            ReauthenticateSeconds = Lifetime(input.Reauthenticate, "ipsec.reauthenticate", before.ReauthenticateSeconds, 0, problems) ?? 0,
            Encapsulate = input.Encapsulate ?? before.Encapsulate,
            CopyDscp = input.CopyDscp ?? before.CopyDscp,
            PpkRequired = input.PpkRequired ?? before.PpkRequired,
        };
    }

    /// <summary>Null where they are the defaults.</summary>
    private static IReadOnlyList<string>? ReadProposals(IReadOnlyList<string> given, string field, Reader isProposal, IReadOnlyList<string> usual, ProblemList problems)
    {
        var texts = Apart(given);
        if (texts.Count > ProposalsMax)
        {
            problems.Add(field, $"{texts.Count} proposals are too many", $"give at most {ProposalsMax}; one proposal has several algorithms of each kind");
            return null;
        }

        var read = new List<string>();
        for (var i = 0; i < texts.Count; i++)
        {
            var text = texts[i].ToLowerInvariant();
            if (!isProposal(text, out var error))
            {
                problems.Add($"{field}[{i}]", $"'{Label.Shorten(texts[i])}' is no proposal: {Label.Shorten(error)}", $"write algorithms with dashes between, such as {usual[^1]}");
            }
            else if (read.Contains(text))
            {
                problems.Add($"{field}[{i}]", $"{Label.Shorten(text)} is there twice", "leave one out");
            }
            else
            {
                read.Add(text);
            }
        }

        return read.Count == 0 || read.SequenceEqual(usual) ? null : read;
    }

    /// <summary>What commas separate is as if each stood alone, so that a list is taken as it is shown; no proposal has one in it.</summary>
    private static IReadOnlyList<string> Apart(IReadOnlyList<string> texts) => [.. texts.SelectMany(text => (text ?? "").Split(',', StringSplitOptions.TrimEntries))];

    private static bool IsIke(string text, out string error) => ProposalText.TryParseIke(text, out _, out error);

    private static bool IsEsp(string text, out string error) => ProposalText.TryParseEsp(text, out _, out error);

    private static IReadOnlyList<string>? ReadAuthentication(IReadOnlyList<string> texts, ProblemList problems)
    {
        if (texts.Count == 0 || NetworkInput.ReadList(Apart(texts), "ipsec.authentication", "way to authenticate by IKE", IpsecOptions.Authentications, problems) is not { } read)
        {
            return null;
        }

        // The order says nothing: it is the peer that chooses.
        IReadOnlyList<string> ordered = [.. IpsecOptions.Authentications.Where(read.Contains)];
        return ordered.SequenceEqual(IpsecOptions.DefaultAuthentication) ? null : ordered;
    }

    private static int? Lifetime(string? text, string field, int? before, int usual, ProblemList problems)
    {
        if (text is null)
        {
            return before;
        }

        var seconds = text == IpsecOptions.None ? 0 : Span.Read(text, field, SecondsMin, SecondsMax, problems);
        return seconds == usual ? null : seconds;
    }

    private static long Volume(string? text, long before, ProblemList problems)
    {
        if (text is null or IpsecOptions.None)
        {
            return text is null ? before : 0;
        }

        if (LimitText.TryVolume(text + "/day", out var bytes, out _) && bytes >= BytesMin)
        {
            return bytes;
        }

        problems.Add("ipsec.childVolume", $"'{Label.Shorten(text)}' is no volume from 1MB to {IpsecOptions.Volume(LimitText.VolumeMax)}", "write it like 500MB or 20GB, or none");
        return before;
    }

    private static long Packets(long? given, long before, ProblemList problems)
    {
        if (given is not (null or 0 or (>= PacketsMin and <= PacketsMax)))
        {
            problems.Add("ipsec.childPackets", $"after {given} packets is no time for new keys", $"give a number from {PacketsMin} on, or 0 for no such end");
            return before;
        }

        return given ?? before;
    }
}
