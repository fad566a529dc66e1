using System.CommandLine;
using System.Globalization;
using Sallyport.Api.Rules;
using Sallyport.Cli.Arguments;
using Sallyport.Cli.Output;

namespace Sallyport.Cli.Rules;

/// <summary>How much may pass.</summary>
internal sealed class LimitFlags
{
    private readonly Option<string?> rate = Flag.Text("--rate", "At most this a second: 64kbit, 1mbit; none for no limit", "RATE");
    private readonly Option<string?> packets = Flag.Text("--packets", "At most so many packets a second; none for no limit", "NUMBER");
    private readonly Option<string?> volume = Flag.Text("--volume", "At most this in a day or month of UTC: 500MB/day, 20GB/month; none for no limit", "VOLUME");

    public IReadOnlyList<Option> All => [rate, packets, volume];

    /// <summary>Null where none is given.</summary>
    public LimitInput? Of(ParseResult parse)
    {
        var input = new LimitInput { Rate = parse.GetValue(rate), PacketsPerSecond = PacketsOf(parse), Volume = parse.GetValue(volume) };
        return input == new LimitInput() ? null : input;
    }

    /// <summary>0 takes the limit away, as it does in the API.</summary>
    private long? PacketsOf(ParseResult parse) => parse.GetValue(packets) switch
    {
        null => null,
        "none" => 0,
        var text => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
            : throw new CliException(ExitCodes.Usage, $"\"{text}\" is no number of packets", packets.Name, $"Write {packets.Name} 200, or {packets.Name} none for no limit."),
    };

    /// <summary>"1mbit/s, 500MB/day (12.3 MB used)"; empty for none.</summary>
    public static string Describe(LimitInfo? limit) =>
        limit is null ? "" : limit.VolumeUsed is { } used ? $"{limit.Text} ({Human.Bytes(used)} used)" : limit.Text;
}
