using System.CommandLine;
using Sallyport.Api.Rules;
using Sallyport.Cli.Arguments;
using Sallyport.Cli.Output;

namespace Sallyport.Cli.Rules;

/// <summary>How much may pass.</summary>
internal sealed class LimitFlags
{
    private readonly Option<string?> rate = Flag.Text("--rate", "At most this a second: 64kbit, 1mbit; none for no limit", "RATE");
    private readonly Option<int?> packets = Flag.Number("--packets", "At most so many packets a second; 0 for no limit", "NUMBER");
    private readonly Option<string?> volume = Flag.Text("--volume", "At most this in a day or month of UTC: 500MB/day, 20GB/month; none for no limit", "VOLUME");

    public IReadOnlyList<Option> All => [rate, packets, volume];

    /// <summary>Null where none is given.</summary>
    public LimitInput? Of(ParseResult parse)
    {
        var input = new LimitInput { Rate = parse.GetValue(rate), PacketsPerSecond = parse.GetValue(packets), Volume = parse.GetValue(volume) };
        return input == new LimitInput() ? null : input;
    }

    /// <summary>"1mbit/s, 500MB/day (12.3 MB used)"; empty for none.</summary>
    public static string Describe(LimitInfo? limit) =>
        limit is null ? "" : limit.VolumeUsed is { } used ? $"{limit.Text} ({Human.Bytes(used)} used)" : limit.Text;
}
