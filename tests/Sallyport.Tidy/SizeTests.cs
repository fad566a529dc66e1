using Xunit.Abstractions;

namespace Sallyport.Tidy;

/// <summary>Sizes are printed, not enforced: nobody splits a thought to please a number.</summary>
public sealed class SizeTests(ITestOutputHelper output)
{
    private const int Shown = 10;
    private const int Wide = 140;

    [Fact]
    public void Sizes_are_known()
    {
        var files = Repository.Sources("src/", "apps/").Select(f => (File: f, Lines: Repository.Read(f).Split('\n'))).ToList();
        output.WriteLine($"{files.Count} files, {files.Sum(f => f.Lines.Length)} lines");
        output.WriteLine("longest files:");
        foreach (var (file, lines) in files.OrderByDescending(f => f.Lines.Length).Take(Shown))
        {
            output.WriteLine($"{lines.Length,6}  {file}");
        }

        var functions = files.SelectMany(f => Functions(f.File, f.Lines)).ToList();
        output.WriteLine("longest functions:");
        foreach (var (place, lines) in functions.OrderByDescending(f => f.Lines).Take(Shown))
        {
            output.WriteLine($"{lines,6}  {place}");
        }

        output.WriteLine($"lines wider than {Wide}:");
        foreach (var (file, wide) in files.Select(f => (f.File, Wide: f.Lines.Count(l => l.Length > Wide))).Where(f => f.Wide > 0).OrderByDescending(f => f.Wide).Take(Shown))
        {
            output.WriteLine($"{wide,6}  {file}");
        }

        files.ShouldNotBeEmpty();
        functions.ShouldNotBeEmpty();
    }

    /// <summary>
    /// By indentation, which the build enforces: a block that opens and closes four spaces in, under a line with parentheses.
    /// </summary>
    private static IEnumerable<(string Place, int Lines)> Functions(string file, string[] lines)
    {
        for (var i = 1; i < lines.Length; i++)
        {
            if (lines[i] == "    {" && lines[i - 1].Contains(')', StringComparison.Ordinal))
            {
                var end = Array.IndexOf(lines, "    }", i);
                if (end > i)
                {
                    yield return ($"{file}:{i}", end - i - 1);
                }
            }
        }
    }
}
