using Sallyport.Bench;
using Sallyport.Bench.Host;
using Sallyport.Bench.OpenVpn;
using Sallyport.Harness;

const string Help = """
    ./bench [name] [--json]     measures beside the stock peer, in one run

      openvpn                   forwarding, memory of idle clients and handshakes, beside the distribution's openvpn --server
      host                      device to a service on the gateway's machine and back, through the TUN, beside the same

      --json                    figures, machine and every round as JSON on standard output
      --rounds N                interleaved rounds (3); figures are their medians
      --seconds N               length of one transfer (10)
      --clients N               idle clients between two readings of memory (200)
      --handshakes N            handshakes of one round (300)

    Needs root: it makes network namespaces of its own, and removes them.
    """;

BenchOptions options;
try
{
    options = BenchOptions.Parse(args);
}
catch (ArgumentException e)
{
    Console.Error.WriteLine($"error: {e.Message}");
    return 2;
}

if (options.Help)
{
    Console.WriteLine(Help);
    return 0;
}

if (options.Name is not ("openvpn" or "host"))
{
    Console.Error.WriteLine($"error: there is no benchmark '{options.Name}'; there are: openvpn, host");
    return 2;
}

var iperf = Requirements.HasTool("iperf3") ? null : "'iperf3' is not installed: apt-get install iperf3";
if ((Requirements.Missing ?? Programs.Missing ?? iperf) is { } missing)
{
    Console.Error.WriteLine($"error: {missing}");
    return 1;
}

if (options.Name == "host")
{
    var host = await HostBench.Run(options, line => Console.Error.WriteLine(line));
    Console.WriteLine(options.Json ? host.ToJson() : host.ToText());
    return 0;
}

var report = await OpenVpnBench.Run(options, line => Console.Error.WriteLine(line));
Console.WriteLine(options.Json ? report.ToJson() : report.ToText());
return 0;
