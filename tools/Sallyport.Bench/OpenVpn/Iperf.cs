using System.Globalization;
using System.Net;
using System.Text.Json;
using Sallyport.Harness;

namespace Sallyport.Bench.OpenVpn;

/// <summary>What arrived, and the segments that were sent again for it.</summary>
internal readonly record struct Transferred(double Bytes, double BitsPerSecond, long Retransmits);

/// <summary>One TCP stream by iperf3.</summary>
internal static class Iperf
{
    public const int Port = 5201;

    /// <summary>Sends for so long to a receiver of its own; what counts is what arrived.</summary>
    /// <param name="reverse">The other end sends, on a connection that was opened from here all the same.</param>
    /// <param name="mbit">Megabits a second at most; 0: as fast as it goes.</param>
    public static async Task<Transferred> Send(Namespace from, Namespace receiver, IPAddress to, int seconds, bool reverse = false, int mbit = 0)
    {
        var port = Port.ToString(CultureInfo.InvariantCulture);
        using var listener = new ChildProcess(receiver, "iperf3", ["--server", "--one-off", "--forceflush", "--port", port]);
        await listener.WaitForLine("Server listening", TimeSpan.FromSeconds(10));
        string[] arguments =
        [
            "--client", to.ToString(), "--port", port, "--time", seconds.ToString(CultureInfo.InvariantCulture), "--json",
            "--bitrate", string.Create(CultureInfo.InvariantCulture, $"{mbit}M"), .. reverse ? ["--reverse"] : Array.Empty<string>(),
        ];
        var result = from.Execute("iperf3", arguments);
        using var report = JsonDocument.Parse(result.Output.Length > 0 ? result.Output : "{}");
        if (report.RootElement.TryGetProperty("end", out var end) && end.TryGetProperty("sum_received", out var received))
        {
            return new Transferred(
                received.GetProperty("bytes").GetDouble(),
                received.GetProperty("bits_per_second").GetDouble(),
                end.GetProperty("sum_sent").GetProperty("retransmits").GetInt64());
        }

        throw new InvalidOperationException($"iperf3 to {to} ended with {result.ExitCode}: {result.All}\n{listener.Log}");
    }
}
