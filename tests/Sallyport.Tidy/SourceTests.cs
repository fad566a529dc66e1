using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Sallyport.Tidy;

/// <summary>Rules about the text of the sources.</summary>
public sealed partial class SourceTests
{
    /// <summary>Where unsafe code and calls into native libraries may stand. Anything else needs a line here, with its reason.</summary>
    private static readonly (string Place, string Reason)[] NativePlaces =
    [
        ("src/Sallyport.Core/Crypto/", "the binding to OpenSSL"),
        ("src/Sallyport.DataPlane/Linux/", "the calls of the kernel"),
        ("src/Sallyport.Simulator/Linux/", "the calls of the kernel, for devices"),
        ("src/Sallyport.Control/Nodes/PeerCredentials.cs", "geteuid, to tell our own user from others"),
        ("src/Sallyport.Control/Secrets/DirectorySync.cs", "fsync of a directory, which .NET does not offer"),
        ("apps/sallyportd/Processes/Signals.cs", "kill and umask, which .NET does not offer"),
    ];

    [Fact]
    public void Core_is_pure()
    {
        var wrong = from file in Repository.Sources("src/Sallyport.Core/")
                    let bare = CSharp.Bare(Repository.Read(file))
                    from Match word in Impure().Matches(bare)
                    select $"{file}:{CSharp.LineOf(bare, word.Index)}: {word.Value}";
        wrong.ShouldBeEmpty("Core has no clock, randomness, files, sockets, threads, tasks or logging: pass an Instant, an IEntropy or the bytes");
    }

    [Fact]
    public void Unsafe_code_stands_where_it_is_expected()
    {
        var wrong = from file in Repository.Sources("src/", "apps/")
                    where !NativePlaces.Any(p => file.StartsWith(p.Place, StringComparison.Ordinal))
                    let bare = CSharp.Bare(Repository.Read(file))
                    from Match word in Native().Matches(bare)
                    select $"{file}:{CSharp.LineOf(bare, word.Index)}: {word.Value}";
        wrong.ShouldBeEmpty($"unsafe code and native calls live in {string.Join(", ", NativePlaces.Select(p => $"{p.Place} ({p.Reason})"))}");
    }

    [Fact]
    public void Native_calls_are_blittable_and_generated()
    {
        var wrong = from file in Repository.Sources("src/", "apps/")
                    where Regex.IsMatch(CSharp.Bare(Repository.Read(file)), @"\bDllImport(Attribute)?\b")
                    select file;
        wrong.ShouldBeEmpty("use LibraryImport: its marshalling is generated and can be read");
    }

    [Fact]
    public void A_namespace_is_its_folder()
    {
        var wrong = from file in Repository.Sources("src/", "apps/")
                    let declared = Namespace().Match(Repository.Read(file))
                    where declared.Success
                    let expected = NamespaceOf(file)
                    where declared.Groups[1].Value != expected
                    select $"{file} declares {declared.Groups[1].Value} instead of {expected}";
        wrong.ShouldBeEmpty("who knows the namespace knows where the file is");
    }

    [Fact]
    public void Every_source_declares_something()
    {
        var wrong = Repository.Sources("").Where(file => !Declaration().IsMatch(CSharp.Bare(Repository.Read(file))));
        wrong.ShouldBeEmpty("an empty file is a leftover");
    }

    [Fact]
    public void No_file_is_empty()
    {
        Repository.Texts.Where(file => Repository.Read(file).Trim().Length == 0).ShouldBeEmpty("an empty file is a leftover");
    }

    [Fact]
    public void Nothing_is_left_for_later()
    {
        // Put together here, so that this file does not find itself.
        string[] words = ["TO" + "DO", "FIX" + "ME", "HA" + "CK", "XX" + "X"];
        var wrong = from file in Repository.Texts
                    from line in Repository.Read(file).Split('\n').Index()
                    from word in words
                    where Regex.IsMatch(line.Item, $@"\b{word}\b")
                    select $"{file}:{line.Index + 1}: {word}";
        wrong.ShouldBeEmpty("what is not done is an issue with a number, or it is done");
    }

    [Fact]
    public void Nobody_waits_for_a_task_by_blocking()
    {
        var wrong = from file in Repository.Sources("src/Sallyport.Control/", "src/Sallyport.Api/", "apps/")
                    let bare = CSharp.Bare(Repository.Read(file))
                    from Match call in Blocking().Matches(bare)
                    select $"{file}:{CSharp.LineOf(bare, call.Index)}: {call.Value}";
        wrong.ShouldBeEmpty("a blocked thread of the pool is one less for everybody: await");
    }

    [Fact]
    public void Every_project_is_in_the_solution_and_has_a_lock_file()
    {
        var solution = Repository.Read("Sallyport.slnx");
        Repository.Projects.Where(p => !solution.Contains($"\"{p}\"", StringComparison.Ordinal)).ShouldBeEmpty("./test builds the solution");
        Repository.Projects.Select(p => $"{Path.GetDirectoryName(p)}/packages.lock.json").Where(p => !Repository.Exists(p))
            .ShouldBeEmpty("a restore must give everybody the same packages");
    }

    [Fact]
    public void Every_package_has_its_version_in_one_place_and_its_reason_in_the_documents()
    {
        var packages = XDocument.Parse(Repository.Read("Directory.Packages.props")).Descendants("PackageVersion").Select(p => (string)p.Attribute("Include")!).ToList();
        var document = Repository.Read("docs/dependencies.md");
        packages.Where(p => !document.Contains($"`{p}`", StringComparison.Ordinal)).ShouldBeEmpty("docs/dependencies.md says why each package is there");

        var named = Backticked().Matches(string.Join('\n', document.Split('\n').Where(l => l.StartsWith('|')).Select(l => l.Split('|')[1]))).Select(m => m.Groups[1].Value);
        named.Where(n => !packages.Contains(n)).ShouldBeEmpty("docs/dependencies.md speaks of a package that is gone");

        var used = Repository.Projects.Append("Directory.Build.props").Append("tests/Directory.Build.props").SelectMany(p => XDocument.Parse(Repository.Read(p)).Descendants("PackageReference"))
            .Select(p => (string)p.Attribute("Include")!).ToHashSet();
        packages.Where(p => !used.Contains(p) && !Pinned(document, p)).ShouldBeEmpty("nobody uses the package");
    }

    private static bool Pinned(string document, string package) =>
        document.Split('\n').Any(l => l.Contains($"`{package}`", StringComparison.Ordinal) && l.Contains(
            "pinned", StringComparison.Ordinal));

    private static string NamespaceOf(string file)
    {
        var parts = file.Split('/');
        var project = XDocument.Parse(Repository.Read($"{parts[0]}/{parts[1]}/{parts[1]}.csproj"));
        var root = project.Descendants("RootNamespace").FirstOrDefault()?.Value ?? parts[1];
        return string.Join('.', [root, .. parts[2..^1]]);
    }

    [GeneratedRegex(@"\b(async|await|Task|ValueTask|Thread|ThreadPool|Timer|DateTime|DateTimeOffset|Stopwatch|TimeProvider|Random|RandomNumberGenerator|File|Directory|FileStream|Console|Socket|UdpClient|TcpClient|HttpClient|ILogger|Monitor|Environment\.TickCount\w*|Guid\.NewGuid|lock)\b(?=\s*[(.<\s;])(?!\s*[=,)])")]
    private static partial Regex Impure();

    [GeneratedRegex(@"\b(unsafe|LibraryImport|DllImport|Marshal\.\w+|Unsafe\.\w+)\b")]
    private static partial Regex Native();

    [GeneratedRegex(@"\.(GetAwaiter\(\)\s*\.GetResult\(\)|Wait\(\))")]
    private static partial Regex Blocking();

    [GeneratedRegex(@"^namespace ([\w.]+)\s*[;{]", RegexOptions.Multiline)]
    private static partial Regex Namespace();

    [GeneratedRegex(@"\b(class|record|struct|enum|interface|delegate|return)\b|\[assembly:")]
    private static partial Regex Declaration();

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Backticked();
}
