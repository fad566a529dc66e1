using System.Globalization;
using System.Net;
using Sallyport.Simulator.Traffic;

namespace Sallyport.Simulator.Scenarios;

/// <summary>What is to happen. Made by <see cref="ScenarioArguments"/>, checked as a whole.</summary>
public sealed record ScenarioOptions
{
    /// <summary>Devices to enrol at the installation in <see cref="Data"/>; 0 where there are profiles.</summary>
    public int Devices { get; init; }

    /// <summary>A directory of profiles (*.ovpn, *.conf) that stock clients could load.</summary>
    public string? Profiles { get; init; }

    /// <summary>Profile of the one that answers.</summary>
    public string? Responder { get; init; }

    /// <summary>Where devices send; default: the responder's address in the tunnel.</summary>
    public IPAddress? To { get; init; }

    public string? Data { get; init; }

    /// <summary>Where the profiles of enrolled devices stay; null removes the devices in the end.</summary>
    public string? Keep { get; init; }

    /// <summary>Addresses of this machine that devices come from; empty: the one that the route leaves from.</summary>
    public IReadOnlyList<IPAddress> Sources { get; init; } = [];

    public TrafficProfile Traffic { get; init; } = TrafficProfile.Telemetry;

    /// <summary>Packets a second of the whole fleet instead of the profile's own interval.</summary>
    public int? Rate { get; init; }

    public TimeSpan Duration { get; init; } = TimeSpan.FromMinutes(1);

    public int Width { get; init; } = SimulatorLimits.WidthUsual;

    public int Threads { get; init; } = 1;

    /// <summary>For so long, from a third of the run on, <see cref="Share"/> percent of the devices hear nothing and are not heard.</summary>
    public TimeSpan? Outage { get; init; }

    public int Share { get; init; } = 50;

    /// <summary>How often all devices go on from another address and port.</summary>
    public TimeSpan? Roam { get; init; }

    /// <summary>How often all devices lose their sessions and connect anew at once.</summary>
    public TimeSpan? Storm { get; init; }

    public bool FreesTls { get; init; }

    public bool AllowRemote { get; init; }

    public bool Json { get; init; }

    /// <summary>Everything that is wrong, each with its flag.</summary>
    public IReadOnlyList<string> Problems()
    {
        var problems = new List<string>();
        Wrong(Devices > 0 == Profiles is not null, "give --devices N (enrolled at our API) or --profiles DIRECTORY, and not both");
        Wrong(Devices > SimulatorLimits.DevicesMax, $"--devices: at most {SimulatorLimits.DevicesMax}");
        Wrong(Profiles is null && (Responder is not null || To is not null), "--responder and --to belong to --profiles");
        Wrong(Profiles is not null && Keep is not null, "--keep belongs to --devices");
        Wrong(Profiles is not null && Traffic.Name != TrafficProfile.Idle.Name && Responder is null && To is null, "--profiles: say who answers with --responder FILE or --to ADDRESS, or use --profile idle");
        Wrong(Duration > SimulatorLimits.DurationMax, string.Create(CultureInfo.InvariantCulture, $"--duration: at most {SimulatorLimits.DurationMax.TotalHours} h"));
        Wrong(Rate > SimulatorLimits.RateMax, $"--rate: at most {SimulatorLimits.RateMax} packets a second");
        Wrong(Rate is not null && Traffic.Interval is null, $"--rate: the profile {Traffic.Name} does not send by the clock");
        Wrong(Width > SimulatorLimits.DevicesMax, $"--width: at most {SimulatorLimits.DevicesMax}");
        Wrong(Threads > SimulatorLimits.ThreadsMax, $"--threads: at most {SimulatorLimits.ThreadsMax}");
        Wrong(Share > 100, "--share: a percentage, 1 to 100");
        Wrong(Outage >= Duration, "--outage: shorter than --duration");
        Wrong(Roam >= Duration, "--roam: shorter than --duration");
        Wrong(Storm >= Duration, "--storm: shorter than --duration");
        return problems;

        void Wrong(bool wrong, string sentence)
        {
            if (wrong)
            {
                problems.Add(sentence);
            }
        }
    }
}
