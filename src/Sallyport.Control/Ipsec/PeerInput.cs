using Sallyport.Api.Nodes;
using Sallyport.Api.Sites;
using Sallyport.Control.Http;
using Sallyport.Control.Names;
using Sallyport.Control.Networks;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Ipsec;

/// <summary>How a gateway meets a site: what people write, what gateways read, and what is said of it.</summary>
internal static class PeerInput
{
    /// <summary>As many as a gateway keeps side by side (its directory of tunnels).</summary>
    public const int UplinksMax = 4;

    private const string Any = "any";
    private const string Tunnel = "tunnel";

    private static readonly string[] Modes = [Tunnel, "transport"];

    /// <summary>What was there with what is given put in its place; null where nothing is said of it.</summary>
    public static IpsecPeerModel? Read(SiteIpsecInput? input, IpsecPeerModel? before, ProblemList problems)
    {
        if (input is null)
        {
            return before;
        }

        before ??= new IpsecPeerModel();
        var after = new IpsecPeerModel
        {
            Remotes = input.Remotes is null ? before.Remotes : ReadRemotes(input.Remotes, problems),
            Mode = NetworkInput.ReadOne(input.Mode, "ipsec.mode", "mode of IPsec", Modes, problems) ?? before.Mode,
            SinglePairs = input.SinglePairs ?? before.SinglePairs,
        };
        return after is { Remotes.Count: 0, Mode: Tunnel, SinglePairs: false } ? null : after;
    }

    public static SiteIpsec? ToInfo(IpsecPeerModel? model) => model is null ? null : new SiteIpsec
    {
        Remotes = Shown(model),
        Mode = model.Mode,
        SinglePairs = model.SinglePairs,
    };

    /// <summary>As somebody would write them.</summary>
    public static IReadOnlyList<string> Shown(IpsecPeerModel model) => [.. model.Remotes.Select(remote => remote.Length == 0 ? Any : remote)];

    /// <summary>What is other than usual, in the words of the flags: "remote 203.0.113.5, any".</summary>
    public static IEnumerable<string> Chosen(IpsecPeerModel? model) =>
        Words(model).Except(Words(null)).Select(one => $"{one.Word} {one.Value}");

    /// <summary>What is another: "remote none -> 203.0.113.5".</summary>
    public static IEnumerable<string> Changes(IpsecPeerModel? before, IpsecPeerModel? after) =>
        Words(before).Zip(Words(after)).Where(pair => pair.First != pair.Second).Select(pair => $"{pair.First.Word} {pair.First.Value} -> {pair.Second.Value}");

    /// <summary>All of it.</summary>
    internal static IReadOnlyList<(string Word, string Value)> Words(IpsecPeerModel? model)
    {
        var shown = ToInfo(model ?? new IpsecPeerModel())!;
        return
        [
            ("remote", shown.Remotes.Count == 0 ? IpsecOptions.None : string.Join(", ", shown.Remotes)),
            ("mode", shown.Mode),
            ("single-pairs", shown.SinglePairs ? "yes" : "no"),
        ];
    }

    private static IReadOnlyList<string> ReadRemotes(IReadOnlyList<string> texts, ProblemList problems)
    {
        if (texts.Count > UplinksMax)
        {
            problems.Add("ipsec.remotes", $"{texts.Count} remotes are too many", $"a site has at most {UplinksMax} uplinks, and a remote for each");
            return [];
        }

        var remotes = new List<string>();
        for (var i = 0; i < texts.Count; i++)
        {
            var (field, text) = ($"ipsec.remotes[{i}]", (texts[i] ?? "").Trim());
            if (text == Any)
            {
                remotes.Add("");
            }
            else if (!HostText.IsHost(text) || (IpAddress.TryParse(text, out var address) && !IsSomewhere(address)))
            {
                problems.Add(
                    field, $"'{Label.Shorten(text)}' is no place where a router is reached",
                    "write an address or a host name without a port: 203.0.113.5, hq.example.com; any where the gateway waits");
            }
            else if (remotes.Contains(text))
            {
                problems.Add(field, $"{Label.Shorten(text)} is there twice", "each uplink has an address of its own; leave one out");
            }
            else
            {
                remotes.Add(text);
            }
        }

        // Where it waits for all, there is nothing to say.
        return remotes.TrueForAll(remote => remote.Length == 0) ? [] : remotes;
    }

    private static bool IsSomewhere(IpAddress address) =>
        !address.IsV4 ? address.Bits >> 120 != 0xff && address.Bits > 1 : address.V4 >> 24 is > 0 and < 224 and not 127;
}
