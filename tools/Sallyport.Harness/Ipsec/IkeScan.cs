using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;

namespace Sallyport.Harness.Ipsec;

/// <summary>What a prober's first message led to.</summary>
/// <param name="Handshake">The proposal was taken.</param>
/// <param name="Notify">Number of the notification that came instead, as 14 (NO_PROPOSAL_CHOSEN), 17 (INVALID_KE_PAYLOAD), 16390 (COOKIE).</param>
/// <param name="Text">All that it printed.</param>
public sealed record IkeScanAnswer(bool Handshake, int? Notify, string Text)
{
    public bool Silent => !Handshake && Notify is null;
}

/// <summary>
/// The distribution's <c>ike-scan</c>: what somebody sees who has no credential. In IKEv2 it offers AES, 3DES and
/// DES, all CBC, with SHA-1 and MD5, and MODP 1024 to 2048; it cannot offer anything newer.
/// </summary>
public static partial class IkeScan
{
    public static string? Missing => Requirements.HasTool("ike-scan") ? null : "'ike-scan' is not installed: apt-get install ike-scan";

    /// <summary>IKE_SA_INIT with a key exchange of <paramref name="group"/>: 2 is MODP 1024, 14 is MODP 2048.</summary>
    public static IkeScanAnswer Ikev2(Namespace from, IPAddress to, int port = 500, int group = 2) =>
        Run(from, to, port, "--ikev2", "--dhgroup", group.ToString(CultureInfo.InvariantCulture));

    /// <summary>IKEv1 main mode.</summary>
    public static IkeScanAnswer MainMode(Namespace from, IPAddress to, int port = 500) => Run(from, to, port);

    /// <summary>IKEv1 aggressive mode, in which a gateway of old gives away a hash of its pre-shared key.</summary>
    public static IkeScanAnswer AggressiveMode(Namespace from, IPAddress to, int port = 500) => Run(from, to, port, "--aggressive", "--id=vpn");

    private static IkeScanAnswer Run(Namespace from, IPAddress to, int port, params string[] options)
    {
        // Any source port: a daemon of the same namespace may have 500. Two tries half a second apart.
        var result = from.Execute(
            "ike-scan",
            ["--sport=0", "--retry=2", "--timeout=500", $"--dport={port}", .. options, to.ToString()]);
        if (result.ExitCode != 0)
        {
            throw new InvalidOperationException($"ike-scan ended with {result.ExitCode}: {result.All}");
        }

        var notify = NotifyLine().Match(result.Output);
        return new IkeScanAnswer(
            HandshakeLine().IsMatch(result.Output),
            notify.Success ? int.Parse(notify.Groups[1].Value, CultureInfo.InvariantCulture) : null,
            result.All);
    }

    [GeneratedRegex(@"Notify message (\d+)")]
    private static partial Regex NotifyLine();

    [GeneratedRegex(@"[1-9]\d* returned handshake")]
    private static partial Regex HandshakeLine();
}
