using Sallyport.Bench;
using Sallyport.Bench.Cores;
using Sallyport.Bench.Flood;
using Sallyport.Bench.Handshakes;
using Sallyport.Bench.Host;
using Sallyport.Bench.Idle;
using Sallyport.Bench.Ipsec;
using Sallyport.Bench.Measures;
using Sallyport.Bench.OpenVpn;
using Sallyport.Bench.Policy;
using Sallyport.Bench.Small;
using Sallyport.Bench.Storm;
using Sallyport.Harness;

const string Help = """
    ./bench [name] [--json]     measures beside the stock peer, in one run

      openvpn                   forwarding, coalesced and small packets, memory of idle clients and handshakes, beside the
                                distribution's openvpn --server; the usual one
      small                     1,000 devices with 200-byte UDP beside stock: saturated, and 10,000 a second
      storm                     10,000 devices that reconnect at once after kill -9 of the gateway
      flood                     100,000 forged packets a second beside one honest stream
      idle                      10,000 idle devices: memory, processor at rest, latency, pauses of the collector
      ipsec                     strongSwan's charon: forwarding beside openvpn, cost of setting up SAs, memory of idle ones
      host                      device to a service on the gateway's machine and back, through the TUN, beside stock
      cores                     CPU per packet with one and with two packet threads
      policy                    100,000 devices and 10,000 rules: a decision, memory, a changed rule; and the time of a cut with
                                10,000 live flows
      handshakes                the server's CPU time in a handshake beside that of bare libssl, in one process
      micro                     nanoseconds and allocations of the hot paths (BenchmarkDotNet; takes its own options)

      --json                    figures, machine and every round as JSON on standard output; docs/performance.md has the keys
      --rounds N                interleaved rounds (3); figures are their medians
      --seconds N               length of one transfer or look (10)
      --mbit N                  openvpn, ipsec: megabits a second that the sender of a transfer keeps to (as fast as it goes)
      --clients N               openvpn, ipsec: idle clients between two readings of memory (1000)
      --handshakes N            openvpn: handshakes of one round (1000)
      --rows NAME,NAME          openvpn: some of transfer, coalesced, small, clients, floor; ipsec: of transfer, lean, coalesced, certificate, psk
      --devices N               another number of devices for small, storm, idle, cores and policy; idle --devices 50000

    openvpn needs root: it makes network namespaces of its own, and removes them.
    """;

if (args is [CrowdWorker.Command, var profiles, var width])
{
    return await CrowdWorker.Run(profiles, int.Parse(width, System.Globalization.CultureInfo.InvariantCulture));
}

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

var suites = new Dictionary<string, Func<BenchOptions, Action<string>, Task<SuiteReport>>>
{
    ["small"] = SmallSuite.Run,
    ["storm"] = StormSuite.Run,
    ["flood"] = FloodSuite.Run,
    ["idle"] = IdleSuite.Run,
    ["cores"] = CoresSuite.Run,
    ["policy"] = PolicySuite.Run,
    ["ipsec"] = IpsecSuite.Run,
};
if (options.Name == "handshakes")
{
    var floor = HandshakeFloor.Measure(options, line => Console.Error.WriteLine(line));
    Console.WriteLine(options.Json ? floor.ToJson() : floor.ToText());
    return 0;
}

if (options.Name is not ("openvpn" or "host") && !suites.ContainsKey(options.Name))
{
    Console.Error.WriteLine($"error: there is no benchmark '{options.Name}'; there are: openvpn, host, handshakes, {string.Join(", ", suites.Keys)}, micro");
    return 2;
}

var iperf = Requirements.HasTool("iperf3") ? null : "'iperf3' is not installed: apt-get install iperf3";
var ipsec = options.Name == "ipsec" ? Requirements.MissingForIpsec : null;
if ((Requirements.Missing ?? Programs.Missing ?? iperf ?? ipsec) is { } missing)
{
    Console.Error.WriteLine($"error: {missing}");
    return 1;
}

if (suites.TryGetValue(options.Name, out var run))
{
    var figures = await run(options, Console.Error.WriteLine);
    Console.WriteLine(options.Json ? figures.ToJson() : figures.ToText());
    return 0;
}

if (options.Name == "host")
{
    var host = await HostBench.Run(options, Console.Error.WriteLine);
    Console.WriteLine(options.Json ? host.ToJson() : host.ToText());
    return 0;
}

var report = await OpenVpnBench.Run(options, Console.Error.WriteLine);
Console.WriteLine(options.Json ? report.ToJson() : report.ToText());
return 0;
