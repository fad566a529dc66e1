using System.Globalization;
using Sallyport.Harness;

namespace Sallyport.Bench.Flood;

/// <summary>What the kernel of a namespace counts (proc(5), /proc/net/snmp).</summary>
internal readonly record struct UdpCounters(long Received, long BufferFull)
{
    public static UdpCounters Read(Namespace where)
    {
        var lines = where.Execute("cat", "/proc/net/snmp").Output.Split('\n').Where(line => line.StartsWith("Udp: ", StringComparison.Ordinal)).ToArray();
        var (names, values) = (lines[0].Split(' '), lines[1].Split(' '));
        return new UdpCounters(Of("InDatagrams"), Of("RcvbufErrors"));

        long Of(string name) => long.Parse(values[Array.IndexOf(names, name)], CultureInfo.InvariantCulture);
    }

    public static UdpCounters operator -(UdpCounters a, UdpCounters b) => new(a.Received - b.Received, a.BufferFull - b.BufferFull);
}
