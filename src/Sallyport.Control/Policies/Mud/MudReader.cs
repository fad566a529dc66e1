using Sallyport.Api.Times;
using Sallyport.Control.FleetFiles;
using Sallyport.Control.Names;

namespace Sallyport.Control.Policies.Mud;

/// <summary>From nodes to a MUD file: RFC 8520 section 2 for the container, RFC 8519 for the access lists that it names.</summary>
internal sealed class MudReader
{
    private const string Container = "ietf-mud:mud";

    private static readonly string[] Members =
    [
        "mud-version", "mud-url", "last-update", "mud-signature", "cache-validity", "is-supported", "systeminfo", "mfg-name", "model-name",
        "firmware-rev", "software-rev", "documentation", "extensions", "from-device-policy", "to-device-policy",
    ];

    /// <summary>Access lists: as the RFC calls them, and as its drafts did, which many files follow.</summary>
    private static readonly string[] ListNames = ["acls", "access-lists"];

    private readonly FileMap root;
    private readonly FileProblems problems;
    private readonly MudNodes nodes;
    private readonly List<MudRemark> remarks = [];

    private MudReader(FileMap root, FileProblems problems)
    {
        this.root = root;
        this.problems = problems;
        nodes = new MudNodes(problems);
    }

    /// <summary>Null where anything is wrong with it; then <paramref name="problems"/> say what.</summary>
    public static MudFile? Read(ReadOnlySpan<byte> bytes, FileProblems problems)
    {
        var node = JsonNodes.Read(bytes, problems);
        if (problems.Any)
        {
            return null;
        }

        if (node is FileMap map)
        {
            var file = new MudReader(map, problems).Read();
            return problems.Any ? null : file;
        }

        problems.Add("file", node!.At, $"the file is {MudNodes.Said(node)}, not an object", $"a MUD file begins with {{ \"{Container}\": {{ … }}");
        return null;
    }

    private MudFile? Read()
    {
        if (MudNodes.Find(root, "mud") is not { } pair || pair.Value is not FileMap mud)
        {
            nodes.Add(Container, root.At, $"there is no object {Container}", "is it a MUD file (RFC 8520) at all?");
            return null;
        }

        Remember(root.Pairs.Where(other => MudNodes.Short(other.Key.Value) is var name && name != "mud" && !ListNames.Contains(name)), "");
        Remember(mud.Pairs.Where(other => !Members.Contains(MudNodes.Short(other.Key.Value))), "it is an extension that nobody here knows");
        var version = nodes.Number(Container, mud, "mud-version", 0, 255);
        if (version != 1)
        {
            var at = MudNodes.Find(mud, "mud-version")?.Value.At ?? mud.At;
            nodes.Add($"{Container}.mud-version", at, version is null ? "mud-version is missing" : $"mud-version is {version}", "version 1 is known (RFC 8520): \"mud-version\": 1");
        }

        var lists = ReadLists();
        return new MudFile
        {
            Url = ReadUrl(mud),
            LastUpdate = ReadTime(mud),
            CacheHours = nodes.Number(Container, mud, "cache-validity", 1, 168) ?? 48,
            IsSupported = ReadSupported(mud),
            SystemInfo = Shown(mud, "systeminfo"),
            Manufacturer = Shown(mud, "mfg-name"),
            Model = Shown(mud, "model-name"),
            SignatureUrl = nodes.Text(Container, mud, "mud-signature"),
            Extensions = ReadExtensions(mud),
            FromDevice = ReadPolicy(mud, "from-device-policy", lists),
            ToDevice = ReadPolicy(mud, "to-device-policy", lists),
            Remarks = [.. remarks, .. lists.Values.Where(list => !list.IsUsed).Select(list => new MudRemark($"access list {list.Name}", list.At, "no policy of the file names it"))],
        };
    }

    private void Remember(IEnumerable<FilePair> unknown, string why)
    {
        foreach (var pair in unknown)
        {
            remarks.Add(new MudRemark(Label.Shorten(pair.Key.Value), pair.Key.At, why.Length == 0 ? "it is no part of a MUD file" : why));
        }
    }

    /// <summary>For people, who need not see all of it: systeminfo has at most 60 characters (RFC 8520 section 3.6), and many a file more.</summary>
    private string? Shown(FileMap mud, string name) => nodes.Text(Container, mud, name) is { Length: > 0 } text ? Label.Shorten(text) : null;

    private string ReadUrl(FileMap mud)
    {
        const string Hint = "it is the https URL under which the manufacturer keeps the file";
        var text = nodes.Required(Container, mud, "mud-url", Hint);
        if (text.Length > 0 && !(Uri.TryCreate(text, UriKind.Absolute, out var url) && url is { Scheme: "https", Host.Length: > 0 }))
        {
            nodes.Add($"{Container}.mud-url", MudNodes.Find(mud, "mud-url")!.Value.At, $"'{Label.Shorten(text)}' is no https URL", Hint);
        }

        return text;
    }

    private DateTimeOffset ReadTime(FileMap mud)
    {
        const string Hint = "write it like 2026-11-01T12:00:00Z";
        var text = nodes.Required(Container, mud, "last-update", Hint);
        if (TimeText.TryRead(text, out var at))
        {
            return at;
        }

        if (text.Length > 0)
        {
            nodes.Add($"{Container}.last-update", MudNodes.Find(mud, "last-update")!.Value.At, $"'{Label.Shorten(text)}' is no time", Hint);
        }

        return default;
    }

    private bool ReadSupported(FileMap mud)
    {
        if (MudNodes.Find(mud, "is-supported") is null)
        {
            nodes.Add($"{Container}.is-supported", mud.At, "is-supported is missing", "it says whether the manufacturer still cares for the device: true or false");
        }

        return nodes.Flag(Container, mud, "is-supported") ?? false;
    }

    private IReadOnlyList<string> ReadExtensions(FileMap mud)
    {
        if (MudNodes.Find(mud, "extensions") is not { } pair)
        {
            return [];
        }

        if (pair.Value is FileList list && list.Items.All(item => item is FileText))
        {
            return [.. list.Items.Select(item => Label.Shorten(((FileText)item).Value))];
        }

        nodes.Add($"{Container}.extensions", pair.Value.At, $"here stands {MudNodes.Said(pair.Value)} where a list of texts is expected", "write [\"name\"]");
        return [];
    }

    private sealed record MudList(string Name, FileMark At, IReadOnlyList<MudAce> Aces)
    {
        public bool IsUsed { get; set; }
    }

    private Dictionary<string, MudList> ReadLists()
    {
        var lists = new Dictionary<string, MudList>(StringComparer.Ordinal);
        var count = 0;
        foreach (var section in root.Pairs.Where(pair => ListNames.Contains(MudNodes.Short(pair.Key.Value))))
        {
            if (section.Value is not FileMap map)
            {
                nodes.Add(section.Key.Value, section.Value.At, $"here stands {MudNodes.Said(section.Value)} where an object is expected", "write { \"acl\": [ … ] }");
                continue;
            }

            foreach (var (path, acl) in nodes.Maps(section.Key.Value, map, "acl"))
            {
                var read = ReadList(path, acl, ref count);
                if (read is not null && !lists.TryAdd(read.Name, read))
                {
                    nodes.Add($"{path}.name", acl.At, $"there is an access list '{Label.Shorten(read.Name)}' in line {lists[read.Name].At.Line} already", "each has a name of its own");
                }
            }
        }

        return lists;
    }

    private MudList? ReadList(string path, FileMap acl, ref int count)
    {
        if (MudNodes.Find(acl, "access-list-entries") is { } draft)
        {
            nodes.Add(
                $"{path}.{draft.Key.Value}", draft.Key.At, "the entries of this access list are written as in drafts of 2016",
                "ask the manufacturer for a file by RFC 8520: \"aces\": { \"ace\": [ … ] }");
            return null;
        }

        var name = nodes.Required(path, acl, "name", "the policies of the file name access lists by it");
        var isV6 = nodes.Text(path, acl, "type") is { } type && MudNodes.Short(type) == "ipv6-acl-type";
        var aces = new List<MudAce>();
        var known = new Dictionary<string, FileMark>(StringComparer.Ordinal);
        foreach (var (acePath, ace) in nodes.Maps($"{path}.aces", nodes.Map(path, acl, "aces"), "ace"))
        {
            if (++count > MudLimits.AcesMax)
            {
                nodes.Add(acePath, ace.At, $"the file has more than {MudLimits.AcesMax} entries", "nobody could review what comes of them: split it");
                break;
            }

            if (MudAceReader.Read(acePath, ace, isV6, nodes) is not { } read)
            {
                continue;
            }

            if (!known.TryAdd(read.Name, ace.At))
            {
                nodes.Add($"{acePath}.name", ace.At, $"there is an entry '{Label.Shorten(read.Name)}' in line {known[read.Name].Line} already", "each has a name of its own");
            }

            aces.Add(read);
        }

        return new MudList(name, acl.At, aces);
    }

    private IReadOnlyList<MudAce> ReadPolicy(FileMap mud, string name, Dictionary<string, MudList> lists)
    {
        var aces = new List<MudAce>();
        var below = nodes.Map(Container, mud, name) is { } policy ? nodes.Map($"{Container}.{name}", policy, "access-lists") : null;
        foreach (var (path, named) in nodes.Maps($"{Container}.{name}.access-lists", below, "access-list"))
        {
            var list = nodes.Required(path, named, "name", "name an access list of the file");
            if (lists.TryGetValue(list, out var known))
            {
                known.IsUsed = true;
                aces.AddRange(known.Aces);
            }
            else if (list.Length > 0 && !problems.Any)
            {
                nodes.Add(
                    $"{path}.name", MudNodes.Find(named, "name")!.Value.At, $"there is no access list '{Label.Shorten(list)}' in the file",
                    Nearest.Hint(list, lists.Keys) is { Length: > 0 } near ? near : $"there is {(lists.Count == 0 ? "none" : string.Join(", ", lists.Keys.Take(10).Select(Label.Shorten)))}");
            }
        }

        return aces;
    }
}
