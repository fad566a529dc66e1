using Sallyport.Control.FleetFiles;
using Sallyport.Fuzz.Engine;

namespace Sallyport.Fuzz.Targets;

/// <summary>Fleet files, up to where their names are looked up. Input: the bytes of the file.</summary>
internal sealed class FleetFileTarget : FuzzTarget
{
    public override string Name => "fleet-file";

    public override int InputMax => 8192;

    public override IReadOnlyList<byte[]> Words => WordsOf(
        "networks:", "sites:", "devices:", "groups:", "applications:", "rules:", "tests:", "prune: true", "prefixes: ", "from: ", "to: ", "must: ", "not reach", "deny: true",
        "until: 2026-12-01T17:00+01:00", "hours: ", "\"mon-fri 08:00-17:00 Europe/Vienna\"", "\n", "\n  ", "\n  - ", "{ ", " }", "[", "]", ", ", ": ", "? ", "- ", "\t", "\r\n", "#", "&a ",
        "*a", "!!str ", "<<: ", "|\n ", ">\n ", "---\n", "...\n", "%YAML 1.2\n", "\u0085", "\u2028", "\ufeff", "~", "null", "'", "\"", "\\u0000", "192.168.50.11:22/tcp", "[fd00::1]:9/udp");

    public override IEnumerable<(string Name, byte[] Input)> MakeSeeds()
    {
        yield return ("plant", [.. """
            networks:
              plant-a: { prefixes: [10.20.0.0/16, "fd00:20::/64"], minimum_tls: "1.3", token_lifetime: 8h }
            sites:
              hq: { subnets: [192.168.50.0/24] }
            devices:
              pump-17.plant-a: { labels: { model: P200 }, addresses: [10.20.0.17], groups: [night] }
              pump-3:
            groups:
              pumps: [pump-17, "device:pump-3"]
              night.plant-a: []
            applications:
              historian: { site: hq, target: 192.168.50.11, services: tcp/8883 }
              clock: { host: plant-a, services: [udp/123, icmp] }
            rules:
              - { from: "group:pumps", to: "application:historian", hours: ["mon-fri 08:00-17:00 Europe/Vienna"] }
              - { deny: true, from: "label:model=P100", to: "application:historian", until: 2040-01-01T00:00:00Z }
            tests:
              - { from: "device:pump-17", to: "application:historian", must: reach, at: 2026-01-05T10:00:00+01:00 }
              - { from: "device:pump-3", to: "192.168.50.11:22/tcp", must: not reach, network: plant-a }
            prune: [rules]

            """u8]);
        yield return ("block", [.. "rules:\r\n- from: group:pumps\r\n  to: >-\r\n    application:historian\r\n  hours:\r\n  - 'daily 00:00-24:00 Etc/UTC'\r\n"u8]);
        yield return ("alias", [.. "a: &a [*a, *a]\n"u8]);
        yield return ("tab", [.. "networks:\n\tplant-a: {}\n"u8]);
        yield return ("deep", [.. "[[[[[[[[[[[[[[[[[[[[[[[["u8]);
    }

    public override void Run(ReadOnlySpan<byte> input, Probe probe)
    {
        var problems = new FileProblems();
        var meter = Probe.StartMeter();
        var file = FleetFileReader.Read(input, problems);
        probe.AllocatedAtMost(meter, (1 << 20) + (2048L * input.Length), "reading a fleet file");
        probe.That(file is not null || problems.Any, "what cannot be read has a reason");
        probe.That(problems.Sorted.Count <= FleetFileLimits.ProblemsMax, "nobody is told more than they read");
        var lines = input.Count((byte)'\n') + input.Count((byte)'\r') + CountBreaks(input) + 2;
        foreach (var problem in problems.Sorted)
        {
            probe.That(problem.Field.Length > 0 && problem.Message.Length is > 0 and < 1000 && problem.Hint.Length > 0, "a problem says what, where and how to mend it");
            probe.That(problem.Line >= 1 && problem.Line <= lines && problem.Column >= 1 && problem.Column <= input.Length + 2, "it is somewhere in the file");
            probe.Reach(problem.Message.Length % 97);
        }

        if (file is null)
        {
            return;
        }

        probe.Size(file.Networks.Count);
        probe.Size(file.Sites.Count + file.Devices.Count);
        probe.Size(file.Groups.Count);
        probe.Size(file.Applications.Count);
        probe.Size(file.Rules.Count);
        probe.Size(file.Tests.Count);
        foreach (var test in file.Tests)
        {
            probe.That(test.Text.Length > 0 && (test.Service is not null || test.To.StartsWith("application:", StringComparison.Ordinal)), "a test says what it is about");
        }
    }

    /// <summary>Further line ends of YAML 1.1: NEL, LS and PS.</summary>
    private static int CountBreaks(ReadOnlySpan<byte> input) => input.Count("\u0085"u8) + input.Count("\u2028"u8) + input.Count("\u2029"u8);
}
