using System.CommandLine;

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
        services.AddRange((parse.GetValue(tcp) ?? []).Select(port => $"tcp/{port}"));
        services.AddRange((parse.GetValue(udp) ?? []).Select(port => $"udp/{port}"));
        if (parse.GetValue(icmp))
        {
            services.Add("icmp");
        }

        return services;
    }
}
