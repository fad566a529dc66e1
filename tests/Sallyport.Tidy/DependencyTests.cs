using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Sallyport.Tidy;

/// <summary>Who may know whom. Each assembly exists because it forbids something; this is where it is forbidden.</summary>
public sealed partial class DependencyTests
{
    [Theory]
    [InlineData("Sallyport.Core", "", "Core is pure: what it needs comes as an argument")]
    [InlineData("Sallyport.Api", "", "Api is what crosses a wire; whoever speaks it must not drag in an engine")]
    [InlineData("Sallyport.Mapping", "Sallyport.Core, Sallyport.Api", "what a model means is said of the words and the engine alone")]
    [InlineData("Sallyport.DataPlane", "Sallyport.Core, Sallyport.Api, Sallyport.Mapping", "the process that faces the network has no database and no CA key")]
    [InlineData("Sallyport.Control", "Sallyport.Core, Sallyport.Api, Sallyport.Mapping", "the process that has the keys sees no packet")]
    [InlineData("Sallyport.Simulator", "Sallyport.Core, Sallyport.Api", "devices know the protocols and the API, and nothing of the gateway's inside")]
    public void A_library_refers_only_to_what_it_may_know(string assembly, string allowed, string reason)
    {
        var known = allowed.Split(", ", StringSplitOptions.RemoveEmptyEntries);
        using var file = Open(assembly, out var metadata);
        metadata.AssemblyReferences.Select(r => metadata.GetString(metadata.GetAssemblyReference(r).Name))
            .Where(name => name.StartsWith("Sallyport.", StringComparison.Ordinal) && !known.Contains(name))
            .ShouldBeEmpty($"{assembly} may refer to [{allowed}] only: {reason}");
    }

    [Theory]
    [InlineData("apps/sallyport-gateway/sallyport-gateway.csproj", "Sallyport.DataPlane", "the gateway holds no database and no CA key")]
    [InlineData("apps/sallyportd/sallyportd.csproj", "Sallyport.Control", "control sees no packet")]
    [InlineData("apps/sallyport/sallyport.csproj", "Sallyport.Api", "the command line tool has the rights of its token and nothing else")]
    [InlineData("apps/sallyport-simulator/sallyport-simulator.csproj", "Sallyport.Simulator", "the simulator is outside, as devices are")]
    [InlineData("src/Sallyport.Core/Sallyport.Core.csproj", "", "Core is pure")]
    [InlineData("src/Sallyport.Api/Sallyport.Api.csproj", "", "Api is what crosses a wire")]
    [InlineData("src/Sallyport.Mapping/Sallyport.Mapping.csproj", "Sallyport.Api, Sallyport.Core", "a mapping has two ends")]
    [InlineData("src/Sallyport.DataPlane/Sallyport.DataPlane.csproj", "Sallyport.Api, Sallyport.Core, Sallyport.Mapping", "the data plane knows no store")]
    [InlineData("src/Sallyport.Control/Sallyport.Control.csproj", "Sallyport.Api, Sallyport.Core, Sallyport.Mapping", "control knows no sockets of packets")]
    [InlineData("src/Sallyport.Simulator/Sallyport.Simulator.csproj", "Sallyport.Api, Sallyport.Core", "what measures a gateway shares no code with its packet path")]
    public void A_project_names_only_what_it_may_know(string project, string allowed, string reason)
    {
        XDocument.Parse(Repository.Read(project)).Descendants("ProjectReference")
            .Select(r => Path.GetFileNameWithoutExtension((string)r.Attribute("Include")!)).Order(StringComparer.Ordinal)
            .ShouldBe(allowed.Split(", ", StringSplitOptions.RemoveEmptyEntries), ignoreOrder: false, $"{project}: {reason}");
    }

    [Theory]
    [InlineData("Sallyport.Core", "System.Net.Sockets", "bytes in, bytes out: sockets live in DataPlane")]
    [InlineData("Sallyport.Core", "System.Net.Http", "nothing is fetched from a protocol")]
    [InlineData("Sallyport.Core", "System.Threading.Tasks", "Core is synchronous; async is a word of the shells")]
    [InlineData("Sallyport.Core", "Microsoft.Extensions", "Core has no injection, no logging and no hosting: it returns data")]
    [InlineData("Sallyport.Core", "System.Diagnostics.Metrics", "Core returns data; the shells count")]
    [InlineData("Sallyport.Core", "System.Text.Json", "JSON is the business of those who cross a wire with it")]
    [InlineData("Sallyport.DataPlane", "Microsoft.AspNetCore", "the process that faces the network is no web server")]
    [InlineData("Sallyport.DataPlane", "Microsoft.Data.Sqlite", "the process that faces the network has no database")]
    [InlineData("Sallyport.Mapping", "System.Net.Sockets", "it is pure, as the engine is")]
    [InlineData("Sallyport.Mapping", "System.IO", "it is pure, as the engine is")]
    [InlineData("Sallyport.Mapping", "System.Text.Json", "it reads what was read of the wire")]
    [InlineData("Sallyport.Api", "Microsoft.AspNetCore", "the command line tool must not drag in a web server")]
    public void A_library_does_not_touch_what_belongs_to_another(string assembly, string forbidden, string reason)
    {
        using var file = Open(assembly, out var metadata);
        metadata.TypeReferences.Select(metadata.GetTypeReference)
            .Select(t => $"{metadata.GetString(t.Namespace)}.{metadata.GetString(t.Name)}")
            .Where(name => name.StartsWith(forbidden + ".", StringComparison.Ordinal))
            .ShouldBeEmpty($"{assembly} uses {forbidden}: {reason}");
    }

    [Fact]
    public void Protocols_never_see_each_other()
    {
        // A protocol may be left out of a build, or fuzzed, or replaced, without reading another. IKE alone has no meaning: it makes what ESP uses.
        string[] protocols = ["OpenVpn", "Ike", "Esp", "WireGuard", "Mqtt", "Coap", "Radius"];
        string[] beneath = ["Primitives", "Crypto", "Packets", "Policy", "Flows", "Gateway", "Routing", "Nat", "Dns"];
        var wrong = from file in Repository.Sources("src/Sallyport.Core/")
                    let folder = file.Split('/')[2]
                    where protocols.Contains(folder) || beneath.Contains(folder)
                    from other in protocols
                    where other != folder && (folder, other) != ("Ike", "Esp") && CSharp.Bare(Repository.Read(file)).Contains(
                        $"Sallyport.Core.{other}", StringComparison.Ordinal)
                    select $"{file} knows {other}";
        wrong.ShouldBeEmpty("a protocol knows what is beneath it, not its neighbours; what is beneath knows no protocol");
    }

    [Fact]
    public void What_the_engine_reads_is_made_in_one_place()
    {
        // Were it made in two, a question of control and the decision of a gateway could differ.
        var wrong = from file in Repository.Sources("src/Sallyport.Control/", "src/Sallyport.DataPlane/", "apps/")
                    let bare = CSharp.Bare(Repository.Read(file))
                    from Match made in EngineRecord().Matches(bare)
                    select $"{file}:{CSharp.LineOf(bare, made.Index)}: {made.Value}";
        wrong.ShouldBeEmpty("rules, subjects, conditions, applications, identities and appearances come from Sallyport.Mapping");
    }

    [GeneratedRegex(@"\bnew (Core\.Policy\.)?(Rule|Subject|RuleConditions|Application|Identity|Appearance|Service|Limit|RuleTime|ZoneClock|PostureFact)\b\s*[({]|\bConditionText\.Parse\b")]
    private static partial Regex EngineRecord();

    private static PEReader Open(string assembly, out MetadataReader metadata)
    {
        var file = new PEReader(File.OpenRead(Path.Combine(AppContext.BaseDirectory, assembly + ".dll")));
        metadata = file.GetMetadataReader();
        return file;
    }
}
