using System.Globalization;
using Sallyport.Api.Applications;
using Sallyport.Api.Networks;
using Sallyport.Api.Rules;
using Sallyport.Api.Times;
using Sallyport.Control.Applications;
using Sallyport.Control.Http;
using Sallyport.Control.Identities;
using Sallyport.Control.Names;
using Sallyport.Core.Policy;

namespace Sallyport.Control.FleetFiles;

/// <summary>From nodes to a fleet file: shapes and keys. What names mean is not looked at here.</summary>
internal sealed class FleetFileReader
{
    public const string Networks = "networks";
    public const string Sites = "sites";
    public const string Devices = "devices";
    public const string Groups = "groups";
    public const string Applications = "applications";
    public const string Rules = "rules";
    public const string Tests = "tests";
    public const string Prune = "prune";

    /// <summary>What can be removed by not being in the file any more.</summary>
    public static readonly IReadOnlyList<string> Prunable = [Sites, Devices, Applications, Rules];

    public static readonly IReadOnlyList<string> TestKeys = ["from", "to", "must", "at", "network"];

    private const int TestServicesMax = 1;

    private static readonly string[] SectionNames = [Networks, Sites, Devices, Groups, Applications, Rules, Tests, Prune];
    private static readonly string[] Musts = ["reach", "not reach"];

    private readonly FileProblems problems;
    private readonly FileMap root;
    private string? onlyNetwork;

    private FleetFileReader(FileMap root, FileProblems problems)
    {
        this.root = root;
        this.problems = problems;
    }

    /// <summary>Null where nothing of it can be read; else what can, with everything that is wrong in <paramref name="problems"/>.</summary>
    public static FleetFile? Read(ReadOnlySpan<byte> bytes, FileProblems problems)
    {
        if (FileBytes.ToText(bytes, problems) is not { } text)
        {
            return null;
        }

        var node = NodeReader.Read(text, problems);
        if (node is FileMap map)
        {
            return new FleetFileReader(map, problems).Read();
        }

        if (!problems.Any)
        {
            problems.Add(
                "file", node?.At ?? FileMark.Start, node is null or FileText { IsNothing: true } ? "the file is empty" : $"the file is {node.Shape}, not a group of keys",
                $"begin with one of {string.Join(", ", SectionNames)}, each followed by a colon");
        }

        return null;
    }

    private FleetFile Read()
    {
        foreach (var pair in root.Pairs.Where(pair => !SectionNames.Contains(pair.Key.Value)))
        {
            problems.Add(
                Label.Shorten(pair.Key.Value), pair.Key.At, $"there is no section '{Label.Shorten(pair.Key.Value)}'",
                HintOf(pair.Key.Value, SectionNames));
        }

        onlyNetwork = root.Find(Networks)?.Value is FileMap networks && networks.Pairs.Select(pair => pair.Key.Value).Where(name => name != Egress.Name).ToList() is [var one]
            ? one : null;
        var file = new FleetFile
        {
            Networks = Entries(Networks, FileKeys.Network, name => new NetworkCreate { Name = name }, _ => null, qualified: false),
            Sites = Entries(Sites, FileKeys.Site, name => new IdentityInput("site") { Name = name }, input => input.Network ?? onlyNetwork),
            Devices = Entries(Devices, FileKeys.Device, name => new IdentityInput("device") { Name = name }, input => input.Network ?? onlyNetwork),
            Groups = ReadGroups(),
            Applications = Entries(Applications, FileKeys.Application, name => new ApplicationCreate { Name = name }, input => input.Host),
            Rules = ReadRules(),
            Tests = ReadTests(),
            Pruned = ReadPrune(),
            Sections = root.Pairs.Select(pair => pair.Key.Value).ToHashSet(StringComparer.Ordinal),
        };
        if (file.Count > FleetFileLimits.EntriesMax)
        {
            problems.Add("file", FileMark.Start, $"the file has {file.Count} entries", $"at most {FleetFileLimits.EntriesMax} at once: give each network a file of its own");
        }

        return file;
    }

    /// <summary>A section of named entries; null where it is not there, or no such thing.</summary>
    private FileMap? SectionOf(string name)
    {
        if (root.Find(name) is not { } section || section.Value is FileText { IsNothing: true })
        {
            return null;
        }

        if (section.Value is FileMap map)
        {
            return map;
        }

        problems.Add(name, section.Value.At, $"{name} are {section.Value.Shape}, not a group of names", $"write {name}: and under it NAME: {{ … }}");
        return null;
    }

    private List<FileNode> ListOf(string name)
    {
        if (root.Find(name) is not { } section || section.Value is FileText { IsNothing: true })
        {
            return [];
        }

        if (section.Value is FileList list)
        {
            return [.. list.Items];
        }

        problems.Add(name, section.Value.At, $"{name} are {section.Value.Shape}, not a list", $"write {name}: and under it lines that begin with - ");
        return [];
    }

    private List<FileEntry<TInput>> Entries<TInput, TState>(
        string section, IReadOnlyList<FileKey<TInput, TState>> keys, Func<string, TInput> make, Func<TInput, string?> networkOf, bool qualified = true)
    {
        var entries = new List<FileEntry<TInput>>();
        var known = new Dictionary<(string, string?), int>();
        foreach (var (key, value) in SectionOf(section)?.Pairs ?? [])
        {
            var path = $"{section}.{Label.Shorten(key.Value)}";
            var (name, network) = qualified ? Split(key.Value) : (key.Value, null);
            if (Entry(path, key.At, value, keys, make(name)) is not { } read)
            {
                continue;
            }

            var said = networkOf(read.Input);
            if (network is not null && read.Node.Find("network") is { } pair && said != network)
            {
                problems.Add($"{path}.network", pair.Value.At, $"the name says network {Label.Shorten(network)}", "leave one of the two out");
                read = read with { IsBroken = true };
            }

            var entry = read with { Name = name, Network = network ?? said };
            if (!known.TryAdd((name, entry.Network), entry.Line) && entry.Network is not null)
            {
                problems.Add(path, key.At, $"{Label.Shorten(name)} of network {Label.Shorten(entry.Network)} is in line {known[(name, entry.Network)]} already", "leave one of them out");
                continue;
            }

            entries.Add(entry);
        }

        return entries;
    }

    /// <summary>Null where it is no group of keys.</summary>
    private FileEntry<TInput>? Entry<TInput, TState>(
        string path, FileMark at, FileNode value, IReadOnlyList<FileKey<TInput, TState>> keys, TInput input)
    {
        var node = value is FileText { IsNothing: true } ? new FileMap(value.At, []) : value as FileMap;
        if (node is null)
        {
            problems.Add(path, value.At, $"here stands {value.Shape}, not a group of keys", $"write {{ {keys[0].Name}: … }}, or the keys in lines of their own, indented");
            return null;
        }

        var before = problems.Count;
        foreach (var pair in node.Pairs)
        {
            var below = $"{path}.{Label.Shorten(pair.Key.Value)}";
            if (keys.FirstOrDefault(key => key.Name == pair.Key.Value) is not { } known)
            {
                AddUnknown(below, pair.Key, keys.Select(key => key.Name).ToArray());
            }
            else if (ValueOf(below, pair.Value, known.Shape) is { } read)
            {
                input = known.Put(input, read);
            }
        }

        string? KeyOf(string field) => keys.FirstOrDefault(key => key.Field == field)?.Name;
        return new FileEntry<TInput>(path, "", null, input, at, node, KeyOf, problems.Count > before || problems.IsFull);
    }

    private void AddUnknown(string path, FileText key, IReadOnlyList<string> known) => problems.Add(
        path, key.At, $"there is no key '{Label.Shorten(key.Value)}' here",
        key.Value == "for" ? "a file is applied more than once: write until: with a moment" : HintOf(key.Value, known));

    /// <summary>Null after adding the problem.</summary>
    private object? ValueOf(string path, FileNode node, FileShape shape) => shape switch
    {
        FileShape.Text => TextOf(path, node),
        FileShape.Flag => FlagOf(path, node),
        FileShape.Number => NumberOf(path, node),
        FileShape.Time => TimeOf(path, node),
        FileShape.List => TextsOf(path, node),
        FileShape.Labels => LabelsOf(path, node),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private string? TextOf(string path, FileNode node)
    {
        if (node is FileText { IsNothing: false } text)
        {
            return text.Value;
        }

        problems.Add(path, node.At, $"here stands {node.Shape} where a text is expected", "write one value; with spaces or colons in quotes");
        return null;
    }

    private object? FlagOf(string path, FileNode node)
    {
        if (node is FileText { IsPlain: true, Value: "true" or "false" } text)
        {
            return text.Value == "true";
        }

        problems.Add(path, node.At, $"here stands {Said(node)} where true or false is expected", "write true, or leave the key out");
        return null;
    }

    private object? NumberOf(string path, FileNode node)
    {
        if (node is FileText { Value.Length: > 0 } text && (text.Value == "none" || text.Value.AsSpan().IndexOfAnyExceptInRange('0', '9') < 0))
        {
            // What has more digits than any number is refused by the command as too much.
            return text.Value == "none" ? 0 : long.TryParse(text.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : long.MaxValue;
        }

        problems.Add(path, node.At, $"here stands {Said(node)} where a number is expected", "write a whole number such as 100, or none");
        return null;
    }

    private object? TimeOf(string path, FileNode node)
    {
        if (node is FileText text && TimeText.TryRead(text.Value, out var at))
        {
            return at;
        }

        problems.Add(path, node.At, $"here stands {Said(node)} where a time is expected", TimeText.Form);
        return null;
    }

    private IReadOnlyList<string>? TextsOf(string path, FileNode node) => ItemsOf(path, node)?.Select(item => item.Value).ToList();

    /// <summary>One alone may stand without brackets.</summary>
    private List<FileText>? ItemsOf(string path, FileNode node)
    {
        if (node is FileText { IsNothing: false } one)
        {
            return [one];
        }

        if (node is not FileList list)
        {
            problems.Add(path, node.At, $"here stands {node.Shape} where a list is expected", "write [one, two]; [] for none");
            return null;
        }

        var items = new List<FileText>();
        for (var i = 0; i < list.Items.Count; i++)
        {
            if (list.Items[i] is FileText { IsNothing: false } text)
            {
                items.Add(text);
            }
            else
            {
                problems.Add($"{path}[{i}]", list.Items[i].At, $"here stands {list.Items[i].Shape} in a list of texts", "write [one, two]");
            }
        }

        return items;
    }

    private Dictionary<string, string>? LabelsOf(string path, FileNode node)
    {
        if (node is not FileMap map)
        {
            problems.Add(path, node.At, $"here stands {node.Shape} where labels are expected", "write { model: P200, hall: north }; {} for none");
            return null;
        }

        var labels = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var pair in map.Pairs)
        {
            if (TextOf($"{path}.{Label.Shorten(pair.Key.Value)}", pair.Value) is { } value)
            {
                labels[pair.Key.Value] = value;
            }
        }

        return labels;
    }

    private List<FileGroup> ReadGroups()
    {
        var groups = new List<FileGroup>();
        foreach (var (key, value) in SectionOf(Groups)?.Pairs ?? [])
        {
            var path = $"{Groups}.{Label.Shorten(key.Value)}";
            var (name, network) = Split(key.Value);
            var names = new ProblemList();
            Label.Check(name, path, names);
            foreach (var problem in names.Problems)
            {
                problems.Add(path, key.At, problem.Message, problem.Hint);
            }

            if (!names.Any && ItemsOf(path, value) is { } members)
            {
                groups.Add(new FileGroup(path, name, network, members, key.At));
            }
        }

        return groups;
    }

    private List<FileEntry<RuleCreate>> ReadRules()
    {
        var rules = new List<FileEntry<RuleCreate>>();
        var items = ListOf(Rules);
        for (var i = 0; i < items.Count; i++)
        {
            if (Entry($"{Rules}[{i}]", items[i].At, items[i], FileKeys.Rule, new RuleCreate()) is { } entry)
            {
                rules.Add(entry);
            }
        }

        return rules;
    }

    private List<FileTest> ReadTests()
    {
        var tests = new List<FileTest>();
        var items = ListOf(Tests);
        for (var i = 0; i < items.Count; i++)
        {
            if (ReadTest($"{Tests}[{i}]", items[i]) is { } test)
            {
                tests.Add(test);
            }
        }

        return tests;
    }

    private FileTest? ReadTest(string path, FileNode item)
    {
        if (item is not FileMap map)
        {
            problems.Add(path, item.At, $"here stands {item.Shape}, not a group of keys", "write { from: \"device:pump-17\", to: \"application:historian\", must: reach }");
            return null;
        }

        var before = problems.Count;
        foreach (var pair in map.Pairs.Where(pair => !TestKeys.Contains(pair.Key.Value)))
        {
            AddUnknown($"{path}.{Label.Shorten(pair.Key.Value)}", pair.Key, TestKeys);
        }

        var from = Required(path, map, "from", "say who: device:NAME, site:NAME, host:NETWORK, group:NAME, label:KEY=VALUE or network:NAME");
        var to = Required(path, map, "to", "say what: application:NAME, or an address with a service such as 192.168.50.11 tcp/22");
        var must = Required(path, map, "must", "write must: reach, or must: not reach");
        if (must is not null && !Musts.Contains(must.Value))
        {
            problems.Add($"{path}.must", must.At, $"'{Label.Shorten(must.Value)}' is neither reach nor not reach", HintOf(must.Value, Musts));
        }

        var at = map.Find("at") is { } moment ? TimeOf($"{path}.at", moment.Value) as DateTimeOffset? : null;
        var network = map.Find("network") is { } named ? TextOf($"{path}.network", named.Value) : onlyNetwork;
        var (target, service) = to is null ? ("", null) : ReadTarget($"{path}.to", to);
        return problems.Count > before
            ? null
            : new FileTest(path, item.At, map)
            {
                From = from!.Value, To = target, Service = service, MustReach = must!.Value == "reach", At = at, Network = network,
            };
    }

    private FileText? Required(string path, FileMap map, string key, string hint)
    {
        if (map.Find(key) is not { } pair)
        {
            problems.Add($"{path}.{key}", map.At, $"the key {key} is missing", hint);
            return null;
        }

        return TextOf($"{path}.{key}", pair.Value) is null ? null : (FileText)pair.Value;
    }

    /// <summary>"application:historian", "192.168.50.11 tcp/22"; also "192.168.50.11:22/tcp".</summary>
    private (string Target, string? Service) ReadTarget(string path, FileText to)
    {
        var text = to.Value.Trim();
        var space = text.LastIndexOf(' ');
        var (target, said) = space < 0 ? (text, null) : (text[..space].TrimEnd(), text[(space + 1)..]);
        if (said is null && Swapped(text) is { } swapped)
        {
            (target, said) = swapped;
        }

        if (said is null)
        {
            if (!target.StartsWith("application:", StringComparison.Ordinal) && !target.StartsWith("application-group:", StringComparison.Ordinal))
            {
                problems.Add(path, to.At, $"'{Label.Shorten(text)}' does not say which service", $"write {Label.Shorten(text)} tcp/22, or application:NAME");
            }

            return (target, null);
        }

        var read = new ProblemList();
        var services = ApplicationInput.ReadServices([said], read);
        if (read.Any)
        {
            problems.Add(path, to.At, read.Problems[0].Message, "write it like 192.168.50.11 tcp/22, udp/161 or icmp");
        }
        else if (services is not { Count: TestServicesMax } || services[0].Contains('-', StringComparison.Ordinal))
        {
            problems.Add(path, to.At, $"{Label.Shorten(said)} are several ports", "a test is about one: write a test for each that matters");
        }

        return (target, services.Count > 0 ? services[0] : null);
    }

    private static (string Target, string Service)? Swapped(string text)
    {
        var (colon, slash) = (text.LastIndexOf(':'), text.LastIndexOf('/'));
        return colon > 0 && slash > colon + 1 && text[(slash + 1)..] is "tcp" or "udp" && text.AsSpan(colon + 1, Math.Max(0, slash - colon - 1)).IndexOfAnyExceptInRange('0', '9') < 0
            ? (text[..colon].TrimStart('[').TrimEnd(']'), $"{text[(slash + 1)..]}/{text[(colon + 1)..slash]}")
            : null;
    }

    private HashSet<string> ReadPrune()
    {
        if (root.Find(Prune) is not { } section || section.Value is FileText { IsPlain: true, Value: "false" })
        {
            return [];
        }

        if (section.Value is FileText { IsPlain: true, Value: "true" })
        {
            return [.. Prunable];
        }

        var pruned = new HashSet<string>(StringComparer.Ordinal);
        foreach (var item in ItemsOf(Prune, section.Value) ?? [])
        {
            if (Prunable.Contains(item.Value))
            {
                pruned.Add(item.Value);
            }
            else
            {
                problems.Add(Prune, item.At, $"'{Label.Shorten(item.Value)}' cannot be pruned", HintOf(item.Value, Prunable));
            }
        }

        return pruned;
    }

    private static string Said(FileNode node) => node is FileText { IsNothing: false } text ? $"'{Label.Shorten(text.Value)}'" : node.Shape;

    private static string HintOf(string wanted, IReadOnlyList<string> known) =>
        Nearest.Hint(wanted, known) is { Length: > 0 } near ? near : $"known are: {string.Join(", ", known)}";

    private static (string Name, string? Network) Split(string text)
    {
        var dot = text.IndexOf('.', StringComparison.Ordinal);
        return dot < 0 ? (text, null) : (text[..dot], text[(dot + 1)..]);
    }
}
