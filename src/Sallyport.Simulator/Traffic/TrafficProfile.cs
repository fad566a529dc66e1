using System.Diagnostics.CodeAnalysis;

namespace Sallyport.Simulator.Traffic;

/// <summary>What a kind of device says, how often, and how much it is told in answer. Sizes are of the UDP payload.</summary>
public sealed record TrafficProfile
{
    /// <summary>A meter: a reading every ten seconds, acknowledged.</summary>
    public static TrafficProfile Telemetry { get; } = new()
    {
        Name = "telemetry",
        Interval = TimeSpan.FromSeconds(10),
        Bytes = 160,
        Answers = 1,
        AnswerBytes = 32,
    };

    /// <summary>A picture of twelve packets 25 times a second, 2.9 Mbit/s, unanswered.</summary>
    public static TrafficProfile Camera { get; } = new()
    {
        Name = "camera",
        Interval = TimeSpan.FromMilliseconds(40),
        Bytes = 1200,
        Burst = 12,
    };

    /// <summary>A download as fast as it comes: eight questions open at a time, each answered by eight packets.</summary>
    public static TrafficProfile Firmware { get; } = new()
    {
        Name = "firmware",
        Window = 8,
        Bytes = 32,
        Answers = 8,
        AnswerBytes = 1200,
    };

    /// <summary>Nothing but keepalives.</summary>
    public static TrafficProfile Idle { get; } = new() { Name = "idle" };

    public static IReadOnlyList<TrafficProfile> All { get; } = [Telemetry, Camera, Firmware, Idle];

    public required string Name { get; init; }

    /// <summary>Between two bursts; null where it sends nothing by the clock.</summary>
    public TimeSpan? Interval { get; init; }

    /// <summary>Packets that leave together.</summary>
    public int Burst { get; init; } = 1;

    /// <summary>Questions that may be open at a time; 0 where the clock decides.</summary>
    public int Window { get; init; }

    /// <summary>From so many ports in turns: conversations of one device with its target.</summary>
    public int Conversations { get; init; } = 1;

    public int Bytes { get; init; } = Probe.Length;

    /// <summary>Packets in answer to each.</summary>
    public int Answers { get; init; }

    public int AnswerBytes { get; init; } = Probe.Length;

    public static bool TryFind(string name, [NotNullWhen(true)] out TrafficProfile? profile) =>
        (profile = All.FirstOrDefault(one => one.Name == name)) is not null;

    /// <summary>The same, so that <paramref name="devices"/> devices together send so many packets a second.</summary>
    public TrafficProfile AtRate(double packetsPerSecond, int devices) =>
        this with { Interval = TimeSpan.FromSeconds(devices * (double)Burst / packetsPerSecond), Window = 0 };
}
