using System.Globalization;
using System.Xml.Linq;
using Sallyport.EndToEnd.Harness;

namespace Sallyport.EndToEnd.Lateral;

/// <summary>A port of which nmap says more than that nothing came back.</summary>
public sealed record ScannedPort(string Address, string Service, string State, string Reason);

/// <summary>An address, and why nmap thinks that somebody is there or not.</summary>
public sealed record ScannedHost(string Address, string State, string Reason, IReadOnlyList<ScannedPort> Ports);

/// <summary>Debian's <c>nmap</c> in a namespace, and what it found.</summary>
public sealed record Nmap(IReadOnlyList<ScannedHost> Hosts, TimeSpan Took)
{
    private static readonly string[] Always = ["-n", "-T4", "--send-ip", "--host-timeout", "120s", "-oX", "-"];

    /// <summary>As "192.168.50.10 tcp/8883".</summary>
    public IReadOnlyList<string> Open =>
        [.. Hosts.SelectMany(host => host.Ports).Where(port => port.State == "open").Select(port => $"{port.Address} {port.Service}").Order(StringComparer.Ordinal)];

    public static Task<Nmap> Scan(Namespace from, params IEnumerable<string> options) => Task.Run(() =>
    {
        var watch = System.Diagnostics.Stopwatch.StartNew();
        var words = Always.Concat(options).ToList();
        var result = from.Execute("nmap", words);
        result.ExitCode.ShouldBe(0, $"nmap {string.Join(' ', words)}: {result.All}");
        var root = XDocument.Parse(result.Output).Root!;
        root.Element("runstats")!.Element("finished")!.Attribute("exit")!.Value.ShouldBe("success", result.All);
        return new Nmap([.. root.Elements("host").Select(Host)], watch.Elapsed);
    });

    public override string ToString()
    {
        var states = Hosts.GroupBy(host => $"{host.State} ({host.Reason})").Select(each => $"{each.Count()} {each.Key}");
        return string.Create(CultureInfo.InvariantCulture, $"{Took.TotalSeconds:0.0} s; {string.Join(", ", states)}; open: {string.Join(", ", Open)}");
    }

    private static ScannedHost Host(XElement host)
    {
        var address = host.Element("address")!.Attribute("addr")!.Value;
        var ports = host.Element("ports")?.Elements("port") ?? [];
        var status = host.Element("status")!;
        return new ScannedHost(address, status.Attribute("state")!.Value, status.Attribute("reason")!.Value, [.. ports.Select(port => Port(address, port))]);
    }

    private static ScannedPort Port(string address, XElement port)
    {
        var state = port.Element("state")!;
        return new ScannedPort(
            address, $"{port.Attribute("protocol")!.Value}/{port.Attribute("portid")!.Value}", state.Attribute("state")!.Value, state.Attribute("reason")!.Value);
    }
}
