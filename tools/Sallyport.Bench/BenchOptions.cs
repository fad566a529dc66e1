using System.Globalization;
using Sallyport.Bench.Idle;
using Sallyport.Bench.Policy;

namespace Sallyport.Bench;

/// <summary>What the command line asks for.</summary>
internal sealed record BenchOptions
{
    public string Name { get; init; } = "openvpn";

    public bool Json { get; init; }

    public bool Help { get; init; }

    public int Rounds { get; init; } = 3;

    /// <summary>Of one transfer.</summary>
    public int Seconds { get; init; } = 10;

    /// <summary>Megabits a second that the sender of openvpn's and ipsec's transfer keeps to; 0: as fast as it goes.</summary>
    public int Mbit { get; init; }

    /// <summary>Idle clients between the two readings of memory.</summary>
    public int Clients { get; init; } = 1000;

    public int Handshakes { get; init; } = 1000;

    /// <summary>As many as one address has ports for.</summary>
    private const int MostDevices = 50_000;

    /// <summary>Of policy, whose large fleet has no sockets.</summary>
    private const int MostDevicesOfPolicy = 1_000_000;

    /// <summary>What openvpn and ipsec measure, for those who ask for some of it only.</summary>
    private static readonly string[] AllRows = ["transfer", "coalesced", "small", "clients", "floor", "lean", "certificate", "psk"];

    public IReadOnlyList<string> Rows { get; init; } = AllRows;

    /// <summary>Of a fleet; each benchmark has its own usual number.</summary>
    public int? Devices { get; init; }

    /// <summary>"Medians of 3 interleaved rounds".</summary>
    public string DescribeRounds() =>
        Rounds == 1 ? "One round" : string.Create(CultureInfo.InvariantCulture, $"Medians of {Rounds} interleaved rounds");

    /// <exception cref="ArgumentException">Says which word cannot be understood.</exception>
    public static BenchOptions Parse(string[] words)
    {
        var options = new BenchOptions();
        var named = false;
        for (var i = 0; i < words.Length; i++)
        {
            switch (words[i])
            {
                case "-h" or "--help":
                    options = options with { Help = true };
                    break;
                case "--json":
                    options = options with { Json = true };
                    break;
                case "--rounds":
                    options = options with { Rounds = Number(words, ref i, 99) };
                    break;
                case "--seconds":
                    options = options with { Seconds = Number(words, ref i, 3600) };
                    break;
                case "--mbit":
                    options = options with { Mbit = Number(words, ref i, 100_000) };
                    break;
                case "--clients":
                    options = options with { Clients = Number(words, ref i, 20_000) };
                    break;
                case "--handshakes":
                    options = options with { Handshakes = Number(words, ref i, 20_000) };
                    break;
                case "--devices":
                    options = options with { Devices = Number(words, ref i, options.Name == "policy" ? MostDevicesOfPolicy : MostDevices) };
                    break;
                case "--rows":
                    options = options with { Rows = Names(words, ref i) };
                    break;
                case var word when !named && !word.StartsWith('-'):
                    options = options with { Name = word };
                    named = true;
                    break;
                default:
                    throw new ArgumentException($"'{words[i]}' is not an option of ./bench; see ./bench --help");
            }
        }

        if (options is { Name: "policy", Devices: < PolicySuite.FewestDevices })
        {
            throw new ArgumentException($"policy wants {PolicySuite.FewestDevices} devices or more: memory is told from the growth beyond {PolicyMemory.Few}");
        }

        return options is { Name: "idle", Devices: <= IdleSuite.FirstDevices }
            ? throw new ArgumentException($"idle wants more than {IdleSuite.FirstDevices} devices: so many are online before memory is read first")
            : options;
    }

    public bool Measures(string row) => Rows.Contains(row);

    private static string[] Names(string[] words, ref int i)
    {
        var names = ++i < words.Length ? words[i].Split(',') : [];
        return names.Length > 0 && names.All(AllRows.Contains)
            ? names
            : throw new ArgumentException($"--rows wants some of {string.Join(",", AllRows)}");
    }

    private static int Number(string[] words, ref int i, int most)
    {
        var option = words[i++];
        return i < words.Length && int.TryParse(words[i], NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value >= 1 && value <= most
            ? value
            : throw new ArgumentException($"{option} wants a number from 1 to {most}");
    }
}
