using System.Text;
using Sallyport.Core.OpenVpn.Negotiation;
using Sallyport.Fuzz.Engine;

namespace Sallyport.Fuzz.Targets;

/// <summary>Peer info of a client. Input: the text.</summary>
internal sealed class PeerInfoTarget : FuzzTarget
{
    /// <summary>64 lines of a name and a value, each an object of its own and two bytes a character; the list of them; 32 ciphers.</summary>
    private const int AllocationMax = 16 * 1024;

    public override string Name => "peer-info";

    public override int InputMax => NegotiationLimits.PeerInfoMax + 512;

    public override IReadOnlyList<byte[]> Words => WordsOf(NegotiationSeeds.PeerInfoWords);

    public override IEnumerable<(string Name, byte[] Input)> MakeSeeds()
    {
        yield return ("2.6", Encoding.UTF8.GetBytes(NegotiationSeeds.PeerInfo26));
        yield return ("2.4", Encoding.UTF8.GetBytes(NegotiationSeeds.PeerInfo24));
        yield return ("own-lines", Encoding.UTF8.GetBytes("UV_SITE=Werk 7\nUV_\u00dc=x\nUV_EMPTY=\n=none\nnone\n"));
    }

    public override void Run(ReadOnlySpan<byte> input, Probe probe)
    {
        var meter = Probe.StartMeter();
        var info = PeerInfo.Parse(input);
        probe.AllocatedAtMost(meter, AllocationMax + (4 * input.Length), "reading peer info");
        Check(info, probe);
        var written = Encoding.UTF8.GetBytes(info.Write());
        probe.That(written.Length <= input.Length + 1, "what is kept is not more than what came");
        probe.That(written.Length > NegotiationLimits.PeerInfoMax || PeerInfo.Parse(written).Lines.SequenceEqual(info.Lines), "lines survive being written");
    }

    public static void Check(PeerInfo info, Probe probe)
    {
        probe.Reach(info.Lines.Count == 0 ? 0 : info.Lines.Count == NegotiationLimits.PeerInfoLinesMax ? 2 : 1);
        probe.Reach(info.RefusedLines == 0 ? 0 : 1);
        probe.Reach(info.Ciphers is { } ciphers ? ciphers.Count : -1);
        probe.Reach(info.SupportsNcp ? 1 : 0);
        for (var bit = 0; bit < 16; bit++)
        {
            probe.Reach(bit << 1 | ((int)info.Proto >> bit & 1));
        }

        probe.Reach(info.MaxTunMtu is null ? 0 : 1);
        probe.Reach((info.SupportsStubV2 ? 1 : 0) | (info.SupportsStub ? 2 : 0) | (info.SupportsLzoFraming ? 4 : 0) | (info.TcpNonLinear ? 8 : 0));
        probe.That(info.Lines.Count <= NegotiationLimits.PeerInfoLinesMax, "lines are bounded");
        probe.That((info.Ciphers?.Count ?? 0) <= NegotiationLimits.CiphersMax, "ciphers are bounded");
        probe.That(info.MaxTunMtu is null or (>= 68 and <= 65_535), "an MTU is one");
        foreach (var line in info.Lines)
        {
            probe.That(PrintableText.IsPrintable(line.Name) && PrintableText.IsPrintable(line.Value), "what a peer says can be shown");
        }
    }
}
