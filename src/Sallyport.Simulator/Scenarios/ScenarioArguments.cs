using System.Globalization;
using System.Net;
using Sallyport.Simulator.Traffic;

namespace Sallyport.Simulator.Scenarios;

/// <summary>The command line of <c>sallyport simulate</c>.</summary>
public static class ScenarioArguments
{
    public const string Help = """
        sallyport simulate --devices N [options]        devices enrolled at the Sallyport on this machine, removed in the end
        sallyport simulate --profiles DIR [options]     devices by their profiles, against any OpenVPN server

        Simulates a fleet: every device has its own keys, its own socket and real handshakes, and speaks with somebody who answers.
        Reports latency percentiles, loss and reordering as text, or as JSON with --json.

        who
          --devices N            enrol N devices, a site that answers, and the rule between them
          --data DIRECTORY       the installation's data directory
          --keep DIRECTORY       do not remove them; write their profiles there, for --profiles
          --profiles DIRECTORY   one device for each *.ovpn or *.conf in it (UDP)
          --responder FILE       profile of the one that answers
          --to ADDRESS           where devices send, inside the tunnel; default: the responder's own address

        what
          --profile NAME         telemetry (160 bytes every 10 s, acknowledged), camera (2.9 Mbit/s up),
                                 firmware (a download as fast as it comes), idle (keepalives); default telemetry
          --rate N               packets a second of the whole fleet, instead of the profile's interval
          --duration TIME        after all are connected: 90, 90s, 5m, 1h; default 60s

        what goes wrong
          --outage TIME          a third into the run some devices lose their radio for so long
          --share PERCENT        how many of them; default 50
          --roam TIME            every so often all go on from another address and port
          --storm TIME           every so often all lose their sessions and reconnect at once

        how
          --width N              handshakes at a time; default 32
          --threads N            default 1
          --source A,B,...       this machine's addresses that devices come from; one has ports for 55,000
          --free-tls             free TLS objects once connected: less memory, but a device asked for new keys reconnects
          --allow-remote         also servers beyond this machine. Only against what is yours.
          --json

        Without --allow-remote every server must have an address of this machine, or this must run in a network namespace of its own
        (ip netns exec NAME sallyport simulate ...).

        Exit codes: 0 done, 1 it did not come about, 2 the command line is wrong.
        """;

    /// <summary>Options, or everything that is wrong with them.</summary>
    public static (ScenarioOptions Options, IReadOnlyList<string> Problems) Parse(IReadOnlyList<string> words)
    {
        var (options, problems) = (new ScenarioOptions(), new List<string>());
        for (var i = 0; i < words.Count; i++)
        {
            var flag = words[i];
            switch (flag)
            {
                case "--allow-remote":
                    options = options with { AllowRemote = true };
                    continue;
                case "--free-tls":
                    options = options with { FreesTls = true };
                    continue;
                case "--json":
                    options = options with { Json = true };
                    continue;
            }

            if (!Valued.TryGetValue(flag, out var apply))
            {
                problems.Add($"{flag}: there is no such flag");
                continue;
            }

            if (i + 1 == words.Count)
            {
                problems.Add($"{flag}: it needs a value");
                continue;
            }

            var value = words[++i];
            if (apply(options, value) is { } next)
            {
                options = next;
            }
            else
            {
                problems.Add($"{flag}: \"{value}\" cannot be used; see --help");
            }
        }

        return (options, [.. problems, .. problems.Count > 0 ? [] : options.Problems()]);
    }

    /// <summary>Null where the value is none for that flag.</summary>
    private static readonly Dictionary<string, Func<ScenarioOptions, string, ScenarioOptions?>> Valued = new()
    {
        ["--devices"] = (options, text) => Number(text) is { } number ? options with { Devices = number } : null,
        ["--data"] = (options, text) => options with { Data = text },
        ["--keep"] = (options, text) => options with { Keep = text },
        ["--profiles"] = (options, text) => options with { Profiles = text },
        ["--responder"] = (options, text) => options with { Responder = text },
        ["--to"] = (options, text) => IPAddress.TryParse(text, out var address) ? options with { To = address } : null,
        ["--profile"] = (options, text) => TrafficProfile.TryFind(text, out var profile) ? options with { Traffic = profile } : null,
        ["--rate"] = (options, text) => Number(text) is { } number ? options with { Rate = number } : null,
        ["--duration"] = (options, text) => Durations.TryParse(text, out var time) ? options with { Duration = time } : null,
        ["--outage"] = (options, text) => Durations.TryParse(text, out var time) ? options with { Outage = time } : null,
        ["--share"] = (options, text) => Number(text) is { } number ? options with { Share = number } : null,
        ["--roam"] = (options, text) => Durations.TryParse(text, out var time) ? options with { Roam = time } : null,
        ["--storm"] = (options, text) => Durations.TryParse(text, out var time) ? options with { Storm = time } : null,
        ["--width"] = (options, text) => Number(text) is { } number ? options with { Width = number } : null,
        ["--source"] = (options, text) => Addresses(text) is { } addresses ? options with { Sources = addresses } : null,
        ["--threads"] = (options, text) => Number(text) is { } number ? options with { Threads = number } : null,
    };

    private static IPAddress[]? Addresses(string text)
    {
        var parsed = text.Split(',').Select(word => IPAddress.TryParse(word, out var address) ? address : null).OfType<IPAddress>().ToArray();
        return parsed.Length == text.Split(',').Length ? parsed : null;
    }

    private static int? Number(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0 ? number : null;
}
