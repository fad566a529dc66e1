using System.Globalization;
using System.Net;
using System.Text.Json;
using Sallyport.Harness;

namespace Sallyport.Bench.OpenVpn;

/// <summary>One TCP stream by iperf3.</summary>
internal static class Iperf
{
    public const int Port = 5201;

    /// <summary>The receiver, on every address of the namespace.</summary>
    public static async Task<ChildProcess> Listen(Namespace where)
    {
        var made = new ChildProcess(where, "iperf3", ["--server", "--forceflush", "--port", Port.ToString(CultureInfo.InvariantCulture)]);
        await made.WaitForLine("Server listening", TimeSpan.FromSeconds(10));
        return made;
    }

    /// <summary>Sends for so long; what counts is what arrived.</summary>
    public static (double Bytes, double BitsPerSecond) Send(Namespace from, IPAddress to, int seconds)
    {
        var result = from.Execute(
            "iperf3", "--client", to.ToString(), "--port", Port.ToString(CultureInfo.InvariantCulture),
            "--time", seconds.ToString(CultureInfo.InvariantCulture), "--json");
        if (result.ExitCode != 0)
        {
            throw new InvalidOperationException($"iperf3 to {to} ended with {result.ExitCode}: {result.All}");
        }

        using var report = JsonDocument.Parse(result.Output);
        var received = report.RootElement.GetProperty("end").GetProperty("sum_received");
        return (received.GetProperty("bytes").GetDouble(), received.GetProperty("bits_per_second").GetDouble());
    }
}
