using System.Runtime.InteropServices;
using Sallyport.Harness;
using Sallyport.Harness.Ipsec;

namespace Sallyport.Bench.Measures;

/// <summary>Where figures were measured: without it they mean nothing.</summary>
internal sealed record Machine
{
    public required int Cores { get; init; }

    public required string Cpu { get; init; }

    public required string Kernel { get; init; }

    public required string Openssl { get; init; }

    public required string Dotnet { get; init; }

    public required string Openvpn { get; init; }

    public required string Iperf3 { get; init; }

    /// <summary>Null where it is not installed: only ipsec needs it.</summary>
    public string? Strongswan { get; init; }

    public static Machine Read() => new()
    {
        Cores = Environment.ProcessorCount,
        Cpu = File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1].Trim()
            ?? RuntimeInformation.ProcessArchitecture.ToString(),
        Kernel = File.ReadAllText("/proc/sys/kernel/osrelease").Trim(),
        Openssl = string.Join(' ', FirstLine("openssl", "version").Split(' ').Take(2)),
        Dotnet = RuntimeInformation.FrameworkDescription,
        Openvpn = string.Join(' ', FirstLine("openvpn", "--version").Split(' ').Take(2)),
        Iperf3 = FirstLine("iperf3", "--version"),
        Strongswan = Requirements.MissingForIpsec is null ? $"strongSwan {CharonInstallation.OfDistribution.Version}" : null,
    };

    public string Describe() => $"{Openvpn}, {Openssl}, {Dotnet}, Linux {Kernel}, {Cores} cores of {Cpu}.";

    // openvpn ends with 1 after it has told its version.
    private static string FirstLine(string program, string argument) => Shell.TryRun(program, argument).Output.Split('\n')[0].Trim();
}
