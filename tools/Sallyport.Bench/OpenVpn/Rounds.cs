using Sallyport.Bench.Streams;

namespace Sallyport.Bench.OpenVpn;

/// <summary>One transfer through one server.</summary>
/// <param name="CpuPerGb">Server CPU-seconds (user + system) per 10^9 bytes that arrived.</param>
/// <param name="ControlCpuPerGb">The same of the process beside it; null where there is none.</param>
/// <param name="PacketsPerGb">Datagrams that reached the server's machine, per 10^9 bytes that arrived.</param>
internal sealed record TransferRound(
    double Bytes, double MbitPerSecond, long Retransmits, double CpuSeconds, double CpuPerGb, double? ControlCpuPerGb, double PacketsPerGb);

/// <summary>One fresh server process: memory of idle clients.</summary>
/// <param name="BeforeKib">Resident memory with the first clients connected, which bring in code and pools.</param>
/// <param name="AfterKib">Resident memory with all of them.</param>
internal sealed record MemoryRound(long EmptyKib, long BeforeKib, long AfterKib, int ClientsBetween, double KibPerClient);

/// <summary>Full handshakes: connect, get the configuration, leave.</summary>
internal sealed record HandshakeRound(int Completed, int Failed, double CpuSeconds, double PerCpuSecond, double ElapsedSeconds, double MedianMilliseconds, double Percentile99Milliseconds);

internal sealed record ServerRounds
{
    public List<TransferRound> Transfers { get; } = [];

    /// <summary>From a sender whose packets arrive coalesced.</summary>
    public List<StreamRound> Coalesced { get; } = [];

    public List<MemoryRound> Memory { get; } = [];

    public List<HandshakeRound> Handshakes { get; } = [];

    /// <summary>Ours with the wrapping that the stock server uses.</summary>
    public List<HandshakeRound> HandshakesTlsCrypt { get; } = [];
}
