using System.Text;
using Sallyport.Core.Ike.Proposals;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;
using Sallyport.Fuzz.Engine;

namespace Sallyport.Fuzz.Targets;

/// <summary>Proposals and identities as operators write them. Input: <c>kind 1 | text</c>; kind: 0 of an IKE SA, 1 of ESP, 2 an identity.</summary>
internal sealed class IkeTextTarget : FuzzTarget
{
    public override string Name => "ike-text";

    public override int InputMax => 600;

    public override IReadOnlyList<byte[]> Words =>
        WordsOf("aes256gcm16", "aes128", "sha256", "prfsha384", "x25519", "ecp256", "modp2048", "none", "esn", "noesn", "ke1_", "ke7_mlkem768", "chacha20poly1305", "-", "keyid:", "keyid:0x", "@", "10.0.0.1", "fd00::1");

    public override IEnumerable<(string Name, byte[] Input)> MakeSeeds()
    {
        yield return ("ike", [0, .. "aes256gcm16-prfsha384-x25519-ke1_mlkem768"u8]);
        yield return ("ike-cbc", [0, .. "aes256-aes128-sha256-sha1-modp2048-ecp384"u8]);
        yield return ("esp", [1, .. "aes128gcm16-x25519-none-esn-noesn"u8]);
        yield return ("esp-gmac", [1, .. "aes256gmac-noesn"u8]);
        yield return ("name", [2, .. "pump-17.plant-a.sallyport"u8]);
        yield return ("mail", [2, .. "somebody@example.com"u8]);
        yield return ("key-id", [2, .. "keyid:0x00ff"u8]);
        yield return ("address", [2, .. "2001:db8::1"u8]);
    }

    public override void Run(ReadOnlySpan<byte> input, Probe probe)
    {
        if (input.IsEmpty)
        {
            return;
        }

        var text = Encoding.UTF8.GetString(input[1..]);
        switch (input[0] % 3)
        {
            case 0:
                Check(ProposalText.TryParseIke(text, out var ike, out var why), ike, why, ProposalText.TryParseIke, probe);
                break;
            case 1:
                Check(ProposalText.TryParseEsp(text, out var esp, out var error), esp, error, ProposalText.TryParseEsp, probe);
                break;
            default:
                CheckIdentity(text, probe);
                break;
        }
    }

    private delegate bool Parse(string text, out Proposal? proposal, out string error);

    private static void Check(bool isRead, Proposal? proposal, string error, Parse parse, Probe probe)
    {
        probe.Reach(isRead ? 1 : 0);
        probe.That(isRead == (error.Length == 0) && isRead == proposal is not null, "there is a proposal, or a reason why not");
        probe.That(PlainText.Clean(error) == error, "the reason can be shown");
        if (proposal is not null)
        {
            probe.Size(proposal.Transforms.Length);
            probe.That(parse(proposal.ToString(), out var again, out _) && again!.Transforms.SequenceEqual(proposal.Transforms), "a proposal survives being written");
        }
    }

    private static void CheckIdentity(string text, Probe probe)
    {
        if (!IkeIdentity.TryParse(text, out var identity))
        {
            probe.Reach();
            return;
        }

        probe.Reach((long)identity.Type);
        var body = new byte[identity.BodyLength];
        probe.That(IkeIdentity.TryRead(body.AsSpan(0, identity.Write(body)), out var again) && again.Equals(identity), "what operators can write can come from a peer");
    }
}
