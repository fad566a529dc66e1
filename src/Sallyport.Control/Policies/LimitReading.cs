using Sallyport.Api.Nodes;
using Sallyport.Api.Rules;
using Sallyport.Control.Http;
using Sallyport.Control.Names;
using Sallyport.Core.Policy;
using Sallyport.Mapping.Limits;

namespace Sallyport.Control.Policies;

/// <summary>Limits of rules and identities: what people write, what gateways read, and what is said of them.</summary>
internal static class LimitReading
{
    private const long PacketsMax = 100_000_000; // a second; no gateway does more

    private const string None = "none";

    /// <summary>What was there with what is given put in its place; null where nothing is limited.</summary>
    public static LimitModel? Read(LimitInput? input, LimitModel? before, ProblemList problems)
    {
        if (input is null)
        {
            return before;
        }

        before ??= new LimitModel();
        var after = before with
        {
            BitsPerSecond = ReadRate(input.Rate, "limit.rate", problems) ?? before.BitsPerSecond,
            PacketsPerSecond = input.PacketsPerSecond ?? before.PacketsPerSecond,
        };
        if (input.PacketsPerSecond is < 0 or > PacketsMax)
        {
            problems.Add("limit.packetsPerSecond", $"{input.PacketsPerSecond} packets a second are no limit", $"give a number from 1 to {PacketsMax}, or 0 for none");
        }

        after = input.Volume is null ? after : ReadVolume(input.Volume, after, problems);
        return after is { BitsPerSecond: 0, PacketsPerSecond: 0, VolumeBytes: 0 } ? null : after;
    }

    /// <summary>Null where nothing is given; 0 for "none".</summary>
    public static long? ReadRate(string? text, string field, ProblemList problems)
    {
        if (text is null or None)
        {
            return text is null ? null : 0;
        }

        if (LimitText.TryRate(text, out var bits))
        {
            return bits;
        }

        problems.Add(field, $"'{Label.Shorten(text)}' is no rate from 1kbit to 1000gbit a second", "write it like 64kbit or 1mbit, or none");
        return null;
    }

    /// <summary>As the policy engine reads it.</summary>
    public static Limit? Of(LimitModel? model) => LimitMapping.Of(model);

    /// <summary>The lower of both rates.</summary>
    public static LimitModel? Throttled(LimitModel? limit, long? bitsPerSecond) => bitsPerSecond is not { } rate ? limit
        : (limit ?? new LimitModel()) with { BitsPerSecond = limit is { BitsPerSecond: > 0 and var own } && own < rate ? own : rate };

    /// <param name="used">Of the volume.</param>
    public static LimitInfo? ToInfo(LimitModel? model, long? used) => model is null ? null : new LimitInfo
    {
        Rate = model.BitsPerSecond > 0 ? LimitText.Rate(model.BitsPerSecond) : null,
        PacketsPerSecond = model.PacketsPerSecond > 0 ? model.PacketsPerSecond : null,
        Volume = model.VolumeBytes > 0 ? LimitText.Volume(model.VolumeBytes, Of(model)!.Period) : null,
        VolumeUsed = model.VolumeBytes > 0 ? used ?? 0 : null,
        Text = Describe(model),
    };

    /// <summary>"1mbit, 100 packets/s, 500MB/day"; empty for none.</summary>
    public static string Describe(LimitModel? model) => model is null ? "" : string.Join(
        ", ",
        ((string?[])
        [
            model.BitsPerSecond > 0 ? LimitText.Rate(model.BitsPerSecond) + "/s" : null,
            model.PacketsPerSecond > 0 ? $"{model.PacketsPerSecond} packets/s" : null,
            model.VolumeBytes > 0 ? LimitText.Volume(model.VolumeBytes, Of(model)!.Period) : null,
        ]).OfType<string>());

    private static LimitModel ReadVolume(string text, LimitModel after, ProblemList problems)
    {
        if (text == None)
        {
            return after with { VolumeBytes = 0, Period = "day" };
        }

        if (LimitText.TryVolume(text, out var bytes, out var period))
        {
            return after with { VolumeBytes = bytes, Period = period == VolumePeriod.Day ? "day" : "month" };
        }

        problems.Add("limit.volume", $"'{Label.Shorten(text)}' is no volume of a day or a month up to 128TB", "write it like 500MB/day or 20GB/month, or none");
        return after;
    }
}
