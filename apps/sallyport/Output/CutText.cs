using Sallyport.Api;
using Sallyport.Api.Devices;
using Sallyport.Api.Networks;

namespace Sallyport.Cli.Output;

/// <summary>Tells what a change cut, with the measured time to the last packet; answers the exit code.</summary>
internal static class CutText
{
    /// <summary>Of a command that is there to cut: "device pump-17 revoked: 3 ms to the last packet".</summary>
    public static int Print(Printer printer, CutResult cut, string past)
    {
        printer.One(cut, ApiJson.Default.CutResult, result => Lines(printer, result, past));
        PrintReconnecting(printer, cut.TunnelsReconnecting);
        return CodeOf(printer, cut);
    }

    /// <summary>Of a change that may cut: nothing where it did not.</summary>
    public static int PrintSideEffect(Printer printer, CutResult? cut)
    {
        if (cut is null)
        {
            return ExitCodes.Ok;
        }

        if (printer.Format == OutputFormat.Table && cut.TunnelsCut + cut.FlowsCut > 0)
        {
            Lines(printer, cut, "changed");
        }

        return CodeOf(printer, cut);
    }

    /// <summary>Of a change that sends members other routes: what that costs them. Nothing where none has to connect anew.</summary>
    public static void PrintReconnecting(Printer printer, int? tunnels)
    {
        if (printer.Format == OutputFormat.Table && tunnels is > 0 and var count)
        {
            printer.Line($"{Human.Count(count, "tunnel")} connect{(count == 1 ? "s" : "")} anew for other routes: {(count == 1 ? "it is" : "each is")} silent for some seconds (who: sallyport event list --kind network.reroute)");
        }
    }

    /// <summary>Of a change that tunnels of IPsec follow later. Nothing where none does.</summary>
    public static void PrintFollowing(Printer printer, IpsecFollowing? following)
    {
        if (printer.Format == OutputFormat.Table && following is { Tunnels: var count })
        {
            var (goes, its) = count == 1 ? ("goes", "its") : ("go", "their");
            string[] what = [.. Of(following.WithNewKeys, $"from {its} next new keys on"), .. Of(following.WhenConnecting, $"when {(count == 1 ? "it connects" : "they connect")} anew")];
            printer.Line($"{Human.Count(count, "tunnel")} of IPsec {goes} on: {string.Join("; ", what)} (at once: sallyport tunnel disconnect WHO)");
        }

        static string[] Of(IReadOnlyList<string> words, string when) =>
            words.Count == 0 ? [] : [$"{string.Join(", ", words.Select(word => "--" + word))} hold{(words.Count == 1 ? "s" : "")} {when}"];
    }

    private static void Lines(Printer printer, CutResult cut, string past)
    {
        printer.Line($"{cut.Kind} {cut.Name} {past}: {LastPacket(cut)}");
        if (Parts(cut) is { Length: > 0 } parts)
        {
            printer.Line("  " + parts);
        }
    }

    private static string Parts(CutResult cut)
    {
        string[] what =
        [
            .. cut.TunnelsCut > 0 ? [Human.Count(cut.TunnelsCut, "tunnel")] : Array.Empty<string>(),
            .. cut.FlowsCut > 0 ? [Human.Count(cut.FlowsCut, "flow")] : Array.Empty<string>(),
        ];
        return string.Join("; ", (string[])
        [
            .. what.Length > 0 ? ["cut " + string.Join(" and ", what)] : Array.Empty<string>(),
            .. cut.MillisecondsToEnforced is { } all ? ["enforced after " + Human.Milliseconds(all)] : Array.Empty<string>(),
        ]);
    }

    private static int CodeOf(Printer printer, CutResult cut)
    {
        if (cut.Enforced)
        {
            return ExitCodes.Ok;
        }

        printer.Remark(cut.Gateways.Count == 0
            ? "no gateway is connected: it is enforced as soon as one is"
            : $"not confirmed yet by {string.Join(", ", cut.Gateways.Where(g => !g.Confirmed).Select(g => g.Gateway))}; it is enforced as soon as it is connected");
        return ExitCodes.NotConfirmed;
    }

    private static string LastPacket(CutResult cut) => cut.MillisecondsToLastPacket switch
    {
        null => cut.Kind is "rule" or "application" ? "no flow had to be cut" : "nothing of it was live",
        0 => "no packet passed after the commit",
        { } time => $"{Human.Milliseconds(time)} to the last packet",
    };
}
