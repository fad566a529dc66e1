using System.Globalization;
using System.Text;

namespace Sallyport.Control.Ipsec;

/// <summary>Lines of a file: line feeds, whatever machine writes it; figures in the invariant culture.</summary>
internal sealed class ConfigurationText
{
    private readonly StringBuilder text = new();
    private int depth;

    public ConfigurationText Line(FormattableString line) => Line(line.ToString(CultureInfo.InvariantCulture));

    public ConfigurationText Line(string line = "")
    {
        if (line.Length > 0)
        {
            text.Append(' ', depth * 4);
        }

        text.Append(line).Append('\n');
        return this;
    }

    /// <summary>Indented.</summary>
    public ConfigurationText Section(string head, Action<ConfigurationText> body)
    {
        Line(head + " {");
        depth++;
        body(this);
        depth--;
        return Line("}");
    }

    /// <summary>"name = value", or nothing.</summary>
    public ConfigurationText Set(string name, string? value) => value is null ? this : Line($"{name} = {value}");

    public override string ToString() => text.ToString();
}
