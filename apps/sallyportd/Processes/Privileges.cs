using System.Globalization;

namespace Sallyport.Daemon.Processes;

/// <summary>What the kernel lets this process do, and with it the gateway that it starts.</summary>
/// <param name="LowestPort">Ports from here on are everybody's (ip(7), ip_unprivileged_port_start).</param>
internal sealed record Privileges(bool LowPorts, bool RawSockets, int LowestPort)
{
    private const int NetBindService = 10; // capabilities(7)
    private const int NetRaw = 13;

    public bool Bind(int port) => LowPorts || port >= LowestPort;

    public static Privileges OfThisProcess()
    {
        var effective = File.ReadLines("/proc/self/status").First(line => line.StartsWith("CapEff:", StringComparison.Ordinal))["CapEff:".Length..].Trim();
        var capabilities = ulong.Parse(effective, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        const string LowestFile = "/proc/sys/net/ipv4/ip_unprivileged_port_start";
        var lowest = File.Exists(LowestFile) ? int.Parse(File.ReadAllText(LowestFile), CultureInfo.InvariantCulture) : 1024;
        return new Privileges((capabilities >> NetBindService & 1) == 1, (capabilities >> NetRaw & 1) == 1, lowest);
    }
}
