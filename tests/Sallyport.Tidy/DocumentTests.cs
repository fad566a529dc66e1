using System.Text.RegularExpressions;

namespace Sallyport.Tidy;

/// <summary>Documents that stay true: titles, links, and the commands that they speak of.</summary>
public sealed partial class DocumentTests
{
    private static readonly string[] Commands = ["run", "test", "bench", "fuzz", "demo", "sallyport", ".ci/run", "tools/summary.sh"];

    private static IEnumerable<string> Documents => Repository.Files.Where(f => f.EndsWith(".md", StringComparison.Ordinal));

    [Fact]
    public void Every_document_has_one_title()
    {
        var wrong = from file in Documents
                    let titles = WithoutCode(Repository.Read(file)).Split('\n').Count(l => l.StartsWith("# ", StringComparison.Ordinal))
                    where titles != 1
                    select $"{file} has {titles}";
        wrong.ShouldBeEmpty("a document is about one thing and says which on its first line");
    }

    [Fact]
    public void Links_lead_somewhere()
    {
        var wrong = from file in Documents
                    from Match link in Link().Matches(WithoutCode(Repository.Read(file)))
                    let target = link.Groups[1].Value
                    where !target.Contains("://", StringComparison.Ordinal) && !target.StartsWith("mailto:", StringComparison.Ordinal)
                    where !Resolves(file, target)
                    select $"{file}: {target}";
        wrong.ShouldBeEmpty("a link of a document leads nowhere");
    }

    [Fact]
    public void Every_test_that_the_threats_page_names_exists()
    {
        var sources = string.Join('\n', Repository.Files.Where(f => f.StartsWith("tests/", StringComparison.Ordinal)
            && f.EndsWith("Tests.cs", StringComparison.Ordinal)).Select(Repository.Read));
        var missing = from Match name in QuotedTest().Matches(Repository.Read("docs/threats.md"))
                      where !sources.Contains($" {name.Groups[1].Value}(", StringComparison.Ordinal)
                      select name.Groups[1].Value;
        missing.ShouldBeEmpty("docs/threats.md promises a test that is not there");
    }

    [Fact]
    public void The_commands_of_the_repository_can_be_run()
    {
        foreach (var command in Commands)
        {
            Repository.Exists(command).ShouldBeTrue($"{command} is missing");
            File.GetUnixFileMode(Path.Combine(Repository.Root, command)).HasFlag(UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute)
                .ShouldBeTrue($"chmod +x {command}");
        }
    }

    [Fact]
    public void Scripts_stop_at_their_first_error()
    {
        var scripts = Repository.Files.Where(f => Path.GetExtension(f) is "" or ".sh" && Repository.Read(f).StartsWith(
            "#!", StringComparison.Ordinal));
        foreach (var script in scripts)
        {
            var text = Repository.Read(script);
            text.ShouldStartWith("#!/usr/bin/env bash\n", customMessage: script);
            text.ShouldContain("\nset -euo pipefail\n", customMessage: $"{script} would go on after an error");
        }
    }

    private static bool Resolves(string from, string target)
    {
        var parts = target.Split('#', 2);
        var path = parts[0].Length == 0
            ? from
            : Path.GetRelativePath(
                Repository.Root,
                Path.GetFullPath(Path.Combine(Repository.Root, Path.GetDirectoryName(from)!, Uri.UnescapeDataString(parts[0]))));
        if (path.StartsWith("..", StringComparison.Ordinal) || !Repository.Exists(path))
        {
            return false;
        }

        return parts.Length == 1 || !path.EndsWith(".md", StringComparison.Ordinal)
            || WithoutCode(Repository.Read(path)).Split('\n').Where(l => l.StartsWith('#')).Any(l => Anchor(l.TrimStart(
                '#', ' ')) == parts[1]);
    }

    /// <summary>As the usual hosts make it: lower case, dashes for spaces, nothing but letters, digits, dashes and underscores.</summary>
    private static string Anchor(string heading) =>
        string.Concat(heading.Trim().ToLowerInvariant().Where(c => char.IsLetterOrDigit(c)
            || c is ' ' or '-' or '_').Select(c => c == ' ' ? '-' : c));

    private static string WithoutCode(string text) => Code().Replace(text, "");

    [GeneratedRegex("`([A-Z][A-Za-z0-9]*_[A-Za-z0-9_]+)`")]
    private static partial Regex QuotedTest();

    [GeneratedRegex(@"\[[^\]\n]*\]\(\s*<?([^)\s>]+)>?[^)\n]*\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"^```.*?^```|`[^`\n]*`", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Code();
}
