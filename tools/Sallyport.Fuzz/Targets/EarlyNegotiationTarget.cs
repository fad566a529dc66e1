using Sallyport.Core.OpenVpn.Wrapping;
using Sallyport.Fuzz.Engine;

namespace Sallyport.Fuzz.Targets;

/// <summary>The list in the payload of a server's reset. Input: the payload.</summary>
internal sealed class EarlyNegotiationTarget : FuzzTarget
{
    public override string Name => "early-negotiation";

    public override int InputMax => 512;

    public override IEnumerable<(string Name, byte[] Input)> MakeSeeds()
    {
        var resend = new byte[EarlyNegotiation.Length];
        EarlyNegotiation.Write(resend, EarlyNegotiationFlags.ResendWkc);
        yield return ("resend-wkc", resend);
        yield return ("empty", []);
        yield return ("unknown-first", [0, 9, 0, 3, 1, 2, 3, .. resend]);
    }

    public override void Run(ReadOnlySpan<byte> input, Probe probe)
    {
        var meter = Probe.StartMeter();
        var isList = EarlyNegotiation.TryParse(input, out var flags);
        probe.AllocatedAtMost(meter, 0, "reading early negotiation");
        probe.Reach(isList ? 1 : 0);
        probe.Size((int)flags);
        if (isList)
        {
            Span<byte> again = stackalloc byte[EarlyNegotiation.Length];
            probe.That(
                EarlyNegotiation.TryParse(again[..EarlyNegotiation.Write(again, flags)], out var same) && same == flags,
                "flags survive being written");
        }
    }
}
