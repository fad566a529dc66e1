namespace Sallyport.Bench.Streams;

/// <summary>One stream through one server.</summary>
/// <param name="Packets">That arrived.</param>
/// <param name="Bytes">Of inner packets that arrived.</param>
internal sealed record StreamRound(long Packets, long Sent, double Bytes, double Seconds, double CpuSeconds)
{
    public double PacketsPerCpuSecond => Packets / CpuSeconds;

    public double PacketsPerSecond => Packets / Seconds;

    public double CpuPerGb => CpuSeconds / (Bytes / 1e9);

    public double CpuMicrosecondsPerPacket => CpuSeconds * 1e6 / Packets;

    public string Describe() => string.Create(
        System.Globalization.CultureInfo.InvariantCulture,
        $"{PacketsPerSecond / 1e3:0.0} k packets/s of {Sent / Seconds / 1e3:0.0} k, {CpuMicrosecondsPerPacket:0.00} µs of server CPU each, {CpuPerGb:0.00} CPU-s/GB");
}
