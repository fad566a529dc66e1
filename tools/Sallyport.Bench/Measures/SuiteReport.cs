using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Sallyport.Bench.Measures;

/// <summary>Figures by name: the median of the rounds, and how far they lie apart.</summary>
internal sealed class SuiteReport(string benchmark, BenchOptions options)
{
    private static readonly JsonSerializerOptions Format = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, WriteIndented = true };
    private readonly List<(string Key, string Title, string Format, double[] Rounds)> figures = [];
    private string? skipped;

    /// <param name="key">In JSON; docs/performance.md lists them.</param>
    /// <param name="format">Of the text.</param>
    public SuiteReport Add(string key, string title, string format, params IEnumerable<double> rounds)
    {
        figures.Add((key, title, format, [.. rounds]));
        return this;
    }

    /// <summary>Not measured, and why.</summary>
    public SuiteReport Skip(string reason)
    {
        skipped = reason;
        return this;
    }

    public string ToText()
    {
        var text = new StringBuilder();
        if (skipped is not null)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"skipped: {skipped}");
        }

        foreach (var (_, title, format, rounds) in figures)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"{title,-64}{Say(Median.Of(rounds)),12}{Spread(rounds)}");

            string Say(double value) => value.ToString(format, CultureInfo.InvariantCulture);

            string Spread(double[] values) => values.Length > 1 ? $"   {Say(values.Min())} to {Say(values.Max())}" : "";
        }

        return text.Append(CultureInfo.InvariantCulture, $"{(options.Rounds == 1 ? "One round." : $"Medians of {options.Rounds} rounds, least and greatest beside them.")} {Machine.Read().Describe()}").ToString();
    }

    public string ToJson()
    {
        var json = new JsonObject { ["benchmark"] = benchmark };
        if (skipped is not null)
        {
            json["skipped"] = skipped;
        }

        var rounds = new JsonObject();
        foreach (var (key, _, _, values) in figures)
        {
            json[key] = Number(Median.Of(values));
            rounds[key] = new JsonArray([.. values.Select(Number)]);
        }

        json["machine"] = JsonSerializer.SerializeToNode(Machine.Read(), Format);
        json["settings"] = JsonSerializer.SerializeToNode(options, Format);
        json["rounds"] = rounds;
        return json.ToJsonString(Format);
    }

    /// <summary>JSON has no word for what was divided by zero.</summary>
    private static JsonNode? Number(double value) => double.IsFinite(value) ? JsonValue.Create(value) : null;
}
