using System.CommandLine;
using System.Globalization;
using Sallyport.Cli.Arguments;

namespace Sallyport.Cli.Policy;

/// <summary>The one service that a flow asks for: a flow has one port, never a range of them.</summary>
internal sealed class PortFlags
{
    private const string Where = "--tcp, --udp, --icmp";

    private readonly Option<string?> tcp = Flag.Text("--tcp", "TCP port that is asked for, one", "PORT");
    private readonly Option<string?> udp = Flag.Text("--udp", "UDP port that is asked for, one", "PORT");
    private readonly Option<bool> icmp = Flag.Switch("--icmp", "ICMP echo (ping)");

    public Symbol[] All => [tcp, udp, icmp];

    /// <summary>Port 0 for ICMP.</summary>
    public (string Protocol, int Port) Of(ParseResult parse)
    {
        (string Protocol, string? Port)[] given = [("tcp", parse.GetValue(tcp)), ("udp", parse.GetValue(udp)), ("icmp", parse.GetValue(icmp) ? "" : null)];
        var asked = given.Where(service => service.Port is not null).ToList();
        if (asked is not [var (protocol, port)])
        {
            throw new CliException(
                ExitCodes.Usage,
                asked.Count == 0 ? "no service is given" : "one service at a time",
                Where,
                "A flow has one: for example --tcp 8883");
        }

        return protocol == "icmp" ? (protocol, 0) : (protocol, PortOf(protocol, port!));
    }

    private static int PortOf(string protocol, string text) =>
        ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port > 0
            ? port
            : throw new CliException(
                ExitCodes.Usage,
                text.Contains('-', StringComparison.Ordinal) ? $"\"{text}\" is a range of ports, and a flow goes to one" : $"\"{text}\" is no port",
                $"--{protocol}",
                "A port is a number from 1 to 65535.");
}
