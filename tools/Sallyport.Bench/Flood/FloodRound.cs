using System.Globalization;

namespace Sallyport.Bench.Flood;

/// <summary>One honest transfer beside a flood.</summary>
/// <param name="Forged">That were sent meanwhile.</param>
/// <param name="BufferFull">Datagrams, forged or not, for which the socket had no room.</param>
internal sealed record FloodRound(double MbitPerSecond, double Gigabytes, double CpuSeconds, double Seconds, long Forged, long BufferFull)
{
    public string Describe() => string.Create(
        CultureInfo.InvariantCulture,
        $"{MbitPerSecond:0} Mbit/s honest, {Forged / Seconds / 1e3:0.0} k forged packets/s, {BufferFull} found the socket full, {CpuSeconds:0.0} CPU-s");
}
