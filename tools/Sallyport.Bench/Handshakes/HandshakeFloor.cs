using System.Globalization;
using System.Text.Json;
using Sallyport.Bench.Measures;
using Sallyport.Harness.Stock;

namespace Sallyport.Bench.Handshakes;

/// <summary>
/// How much of the server's CPU time in a handshake is OpenSSL's own: our core beside a bare loop over libssl, in turns, in one thread. P-256 on
/// both sides, TLS 1.3. A ratio of 1 would mean that all around it costs nothing.
/// </summary>
internal sealed record HandshakeFloor(Machine Machine, double PerCpuSecond, double PerCpuSecondBare, double Ratio, int Rounds, int Handshakes)
{
    private static readonly JsonSerializerOptions Format = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, WriteIndented = true };

    /// <summary>Handshakes on one side before it is the other's turn.</summary>
    private const int Turn = 10;

    public static HandshakeFloor Measure(BenchOptions options, Action<string> tell)
    {
        using var pki = new StockPki();
        var (gateway, device) = (pki.Server(), pki.Client());
        using var bare = new BareHandshakes(gateway, device, pki.AuthorityDer);
        using var ours = new SessionHandshakes(gateway, device, pki.AuthorityDer);

        // Code that the runtime compiles while it runs is compiled by then.
        Round(bare, ours, options.Handshakes);
        var rounds = new List<(double Ours, double Bare)>();
        for (var round = 1; round <= options.Rounds; round++)
        {
            rounds.Add(Round(bare, ours, options.Handshakes));
            tell(string.Create(CultureInfo.InvariantCulture, $"round {round}: {rounds[^1].Ours:0} handshakes per CPU-second, bare libssl {rounds[^1].Bare:0}"));
        }

        return new HandshakeFloor(
            Machine.Read(), Median.Of(rounds.Select(r => r.Ours)), Median.Of(rounds.Select(r => r.Bare)), Median.Of(rounds.Select(r => r.Ours / r.Bare)),
            options.Rounds, options.Handshakes);
    }

    public string ToText() => string.Create(
        CultureInfo.InvariantCulture,
        $"Handshakes per server CPU-second, in one thread: {PerCpuSecond:0}, bare libssl {PerCpuSecondBare:0}, ratio {Ratio:0.00}. Medians of {Rounds} rounds of {Handshakes}. {Machine.Openssl}, {Machine.Dotnet}, {Machine.Cores} cores of {Machine.Cpu}.");

    public string ToJson() => JsonSerializer.Serialize(
        new
        {
            Benchmark = "handshakes",
            CoreHandshakeFloorRatio = Ratio,
            HandshakesPerCpuSecond = PerCpuSecond,
            HandshakesPerCpuSecondBare = PerCpuSecondBare,
            Machine,
            Settings = new { Rounds, Handshakes },
        },
        Format);

    private static (double Ours, double Bare) Round(BareHandshakes bare, SessionHandshakes ours, int handshakes)
    {
        var (ourCpu, bareCpu) = (new ThreadCpu(), new ThreadCpu());
        var count = 0;
        for (; count < handshakes; count += Turn)
        {
            for (var i = 0; i < Turn; i++)
            {
                bare.Run(bareCpu);
            }

            for (var i = 0; i < Turn; i++)
            {
                ours.Run(ourCpu);
            }
        }

        return (count / ourCpu.Seconds, count / bareCpu.Seconds);
    }
}
