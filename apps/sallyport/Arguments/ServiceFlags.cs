using System.CommandLine;
using System.Globalization;

namespace Sallyport.Cli.Arguments;

/// <summary>--tcp 8883 --udp 5000-5010 --icmp, as the API writes them: "tcp/8883".</summary>
internal sealed class ServiceFlags
{
    private readonly Option<string[]> tcp = Flag.List("--tcp", "TCP port, or ports as FROM-TO", "PORT");
    private readonly Option<string[]> udp = Flag.List("--udp", "UDP port, or ports as FROM-TO", "PORT");
    private readonly Option<bool> icmp = Flag.Switch("--icmp", "ICMP echo (ping)");

    public void AddTo(Command command)
    {
        command.Add(tcp);
        command.Add(udp);
        command.Add(icmp);
    }

    public IReadOnlyList<string> Of(ParseResult parse)
    {
        var services = new List<string>();
        services.AddRange((parse.GetValue(tcp) ?? []).Select(port => $"tcp/{Port(port, tcp)}"));
        services.AddRange((parse.GetValue(udp) ?? []).Select(port => $"udp/{Port(port, udp)}"));
        if (parse.GetValue(icmp))
        {
            services.Add("icmp");
        }

        return services;
    }

    private static string Port(string text, Option flag)
    {
        var ends = text.Split('-').Select(end => ushort.TryParse(end, NumberStyles.None, CultureInfo.InvariantCulture, out var port) ? port : 0).ToList();
        return ends.Count <= 2 && ends[0] > 0 && ends[0] <= ends[^1]
            ? text
            : throw new CliException(ExitCodes.Usage, $"\"{text}\" is no port", flag.Name, "Write a number from 1 to 65535, or two as FROM-TO.");
    }
}
