using System.Buffers;
using System.Text;

namespace Sallyport.Control.Policies.Access;

/// <summary>
/// Lines of comma-separated values (RFC 4180) that a spreadsheet shows and does not run: what it would take for a formula becomes text.
/// </summary>
internal static class CsvText
{
    /// <summary>With which a formula begins, in the wide forms of East Asian keyboards as well; a tab or a line end hides one.</summary>
    private const string FormulaBegins = "=+-@\t\r\n＝＋－＠";

    private static readonly SearchValues<char> Quoted = SearchValues.Create(",;\"\r\n ");

    public static string Line(params ReadOnlySpan<string?> cells)
    {
        var line = new StringBuilder();
        for (var i = 0; i < cells.Length; i++)
        {
            line.Append(i == 0 ? "" : ",");
            Append(line, cells[i] ?? "");
        }

        return line.Append("\r\n").ToString();
    }

    private static void Append(StringBuilder line, string cell)
    {
        var isFormula = cell.AsSpan().TrimStart(' ') is [var first, ..] && FormulaBegins.Contains(first, StringComparison.Ordinal);
        if (!isFormula && !cell.AsSpan().ContainsAny(Quoted))
        {
            line.Append(cell);
            return;
        }

        line.Append('"').Append(isFormula ? "'" : "").Append(cell.Replace("\"", "\"\"", StringComparison.Ordinal)).Append('"');
    }
}
