using System.Text;
using Sallyport.Control.FleetFiles;

namespace Sallyport.Control.Tests.FleetFiles;

/// <summary>Files that are none: each is refused with line, column and hint, without eating the machine.</summary>
public class BadFileTests
{
    [Theory]
    // Wrong types.
    [InlineData("networks: [plant-a]\n", "1:11 networks", "a list, not a group of names")]
    [InlineData("rules: { from: x }\n", "1:8 rules", "not a list")]
    [InlineData("networks:\n  plant-a: 10.20.0.0/16\n", "2:12 networks.plant-a", "text, not a group of keys")]
    [InlineData("networks:\n  plant-a: { prefixes: { a: b } }\n", "2:24 networks.plant-a.prefixes", "where a list is expected")]
    [InlineData("networks:\n  plant-a: { prefixes: [[a]] }\n", "2:25 networks.plant-a.prefixes[0]", "a list in a list of texts")]
    [InlineData("devices:\n  a: { network: n, labels: [x] }\n", "2:28 devices.a.labels", "where labels are expected")]
    [InlineData("devices:\n  a: { network: [n] }\n", "2:17 devices.a.network", "where a text is expected")]
    [InlineData("rules:\n  - { deny: maybe, from: \"group:a\", to: \"application:b\" }\n", "2:13 rules[0].deny", "'maybe' where true or false")]
    [InlineData("rules:\n  - { until: tomorrow, from: \"group:a\", to: \"application:b\" }\n", "2:14 rules[0].until", "'tomorrow' where a time")]
    [InlineData("rules:\n  - { packets: many, from: \"group:a\", to: \"application:b\" }\n", "2:16 rules[0].packets", "'many' where a number")]
    [InlineData("devices:\n  a: { network: n, packets: -5 }\n", "2:29 devices.a.packets", "'-5' where a number")]
    [InlineData("rules:\n  - group:pumps\n", "2:5 rules[0]", "text, not a group of keys")]
    [InlineData("tests:\n  - { from: \"device:a\", to: \"1.2.3.4 tcp/1\", must: fly }\n", "2:52 tests[0].must", "neither reach nor not reach")]
    [InlineData("tests:\n  - { from: \"device:a\", must: reach }\n", "2:5 tests[0].to", "the key to is missing")]
    [InlineData("tests:\n  - { from: \"device:a\", to: 192.168.50.11, must: reach }\n", "2:29 tests[0].to", "does not say which service")]
    [InlineData("tests:\n  - { from: \"device:a\", to: 192.168.50.11 tcp/1-9, must: reach }\n", "2:29 tests[0].to", "several ports")]
    [InlineData("groups:\n  Pumps: [a]\n", "2:3 groups.Pumps", "not a valid name")]
    [InlineData("prune: [networks]\n", "1:9 prune", "cannot be pruned")]
    // Unknown and doubled keys.
    [InlineData("netwroks:\n  plant-a: {}\n", "1:1 netwroks", "no section 'netwroks'")]
    [InlineData("networks:\n  plant-a: { prefix: [10.0.0.0/8] }\n", "2:14 networks.plant-a.prefix", "no key 'prefix'")]
    [InlineData("rules:\n  - { for: 8h, from: \"group:a\", to: \"application:b\" }\n", "2:7 rules[0].for", "no key 'for'")]
    [InlineData("rules: []\nrules: []\n", "2:1 rules", "twice; the first one is in line 1")]
    [InlineData("networks:\n  plant-a: { prefixes: [a] }\n  plant-a: { prefixes: [b] }\n", "3:3 networks.plant-a", "twice; the first one is in line 2")]
    [InlineData("devices:\n  a.n: {}\n  a: { network: n }\n", "3:3 devices.a", "is in line 2 already")]
    [InlineData("devices:\n  a.n: { network: m }\n", "2:19 devices.a.n.network", "the name says network n")]
    [InlineData("? [a]\n: b\n", "1:3 file", "where a key is expected")]
    // What YAML can do and fleet files cannot.
    [InlineData("a: &x [*x]\n", "1:4 file", "&x is an anchor")]
    [InlineData("rules: *all\n", "1:8 file", "*all is an alias")]
    [InlineData("rules: !!python/object [a]\n", "1:8 file", "is a tag")]
    [InlineData("rules: []\n---\nrules: []\n", "2:1 file", "a second document")]
    // No YAML.
    [InlineData("networks:\n\tplant-a: {}\n", "2:1 file", "here is a tab")]
    [InlineData("networks: { a: [b\n", "2:1 file", "this is not YAML")]
    [InlineData("rules:\n  - { from: \"group:a\" to: x }\n", "2:23 file", "this is not YAML")]
    [InlineData("rules:\n  - from: a\n from: b\n", "3:2 file", "this is not YAML")]
    [InlineData("networks: \"a\n", "1:11 file", "this is not YAML")]
    [InlineData("", "1:1 file", "the file is empty")]
    [InlineData("# nothing but a remark\n", "1:1 file", "the file is empty")]
    [InlineData("- a\n", "1:1 file", "a list, not a group of keys")]
    [InlineData("just text\n", "1:1 file", "text, not a group of keys")]
    [InlineData("networks: \u0007\n", "1:11 file", "control character (0x07)")]
    public void Mistake_is_told_with_its_place(string text, string place, string message)
    {
        var problem = FleetFileWorld.Read(FleetFileWorld.Bytes(text)).ShouldHaveSingleItem();
        FleetFileWorld.PlaceOf(problem).ShouldBe(place, problem.Message);
        problem.Message.ShouldContain(message);
    }

    [Theory]
    [InlineData("netwroks: {}\n", "did you mean networks?")]
    [InlineData("networks:\n  a: { prefixs: [x] }\n", "did you mean prefixes?")]
    [InlineData("tests:\n  - { from: \"device:a\", to: \"1.2.3.4 tcp/1\", must: nto reach }\n", "did you mean not reach?")]
    [InlineData("rules:\n  - { for: 8h }\n", "a file is applied more than once: write until: with a moment")]
    [InlineData("rules:\n  - { from: group:pumps, to: application:historian: }\n", "a text with a colon or a comma in { } needs quotes")]
    public void Hint_says_what_was_meant(string text, string hint) =>
        FleetFileWorld.Read(FleetFileWorld.Bytes(text)).ShouldHaveSingleItem().Hint.ShouldStartWith(hint);

    [Fact]
    public void Everything_that_is_wrong_is_told_at_once_in_the_order_of_the_file()
    {
        var problems = FleetFileWorld.Read(FleetFileWorld.Bytes("devices:\n  a: { model: x }\nrules:\n  - { form: y }\n  - 7\nnetworks: 3\n"));
        problems.Select(problem => problem.Line).ShouldBe([2, 4, 5, 6]);
    }

    [Fact]
    public void Of_a_thousand_mistakes_the_first_fifty_are_told()
    {
        var text = "rules:\n" + string.Concat(Enumerable.Repeat("  - { form: y }\n", 1000));
        FleetFileWorld.Read(FleetFileWorld.Bytes(text)).Count.ShouldBe(FleetFileLimits.ProblemsMax);
    }

    [Theory]
    [InlineData("﻿networks: {}\r\nrules:\r\n- {}\r\n")]
    [InlineData("networks: {}\r\nrules:\r\n- {}\r\n")]
    public void Line_ends_and_byte_order_mark_of_other_systems_are_fine(string text) => FleetFileWorld.Read(FleetFileWorld.Bytes(text)).ShouldBeEmpty();

    [Fact]
    public void Place_is_right_behind_a_byte_order_mark_and_carriage_returns()
    {
        var problem = FleetFileWorld.Read(FleetFileWorld.Bytes("﻿networks: {}\r\nrulez: []\r\n")).ShouldHaveSingleItem();
        FleetFileWorld.PlaceOf(problem).ShouldBe("2:1 rulez");
    }

    [Fact]
    public void Bytes_that_are_no_text_are_told_with_their_place()
    {
        FleetFileWorld.PlaceOf(FleetFileWorld.Read([.. "rules: é\n  "u8, 0xc3, 0x28]).ShouldHaveSingleItem()).ShouldBe("2:3 file");
        FleetFileWorld.Read(Encoding.Unicode.GetPreamble()).ShouldHaveSingleItem().Message.ShouldBe("the file is UTF-16");
        FleetFileWorld.Read([0x7f, .. "ELF"u8, 2, 1, 1, 0]).ShouldHaveSingleItem().Message.ShouldContain("control character");
    }

    private const string ManyValues = "values without number";

    /// <summary>What they may allocate is a small multiple of their size; a reader that took the square of it would not end today.</summary>
    [Theory]
    [MemberData(nameof(HugeNames))]
    public void Huge_file_is_refused_in_little_memory(string name)
    {
        var (_, make, place, message) = Huge.Single(one => one.Name == name);
        var file = make();
        var before = GC.GetAllocatedBytesForCurrentThread();
        var problem = FleetFileWorld.Read(file).ShouldHaveSingleItem(name);
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan((16L * file.Length) + (name == ManyValues ? 512L * FleetFileLimits.NodesMax : 1 << 20), name);
        FleetFileWorld.PlaceOf(problem).ShouldBe(place, name);
        problem.Message.ShouldContain(message, customMessage: name);
    }

    // By name: the runner would copy the files around.
    public static TheoryData<string> HugeNames => [.. Huge.Select(one => one.Name)];

    private static IReadOnlyList<(string Name, Func<byte[]> File, string Place, string Message)> Huge { get; } =
    [
        ("10 MB of nesting", () => Repeat("[", 10 << 20), $"1:{FleetFileLimits.BytesMax + 1} file", "larger than 8 MiB"),
        ("nesting as deep as a file may be long", () => Repeat("[", FleetFileLimits.BytesMax), "1:17 file", "nested deeper than 16"),
        ("nested groups", () => Repeat("{a: ", FleetFileLimits.BytesMax / 4), "1:62 file", "nested deeper than 16"),
        ("nested lists of lists", () => Repeat("- ", FleetFileLimits.BytesMax / 2), "1:33 file", "nested deeper than 16"),
        ("nested keys", () => FleetFileWorld.Bytes(string.Concat(Enumerable.Range(0, 3_000).Select(depth => new string(' ', depth) + "a:\n"))), "16:16 file", "nested deeper than 16"),
        ("nested question marks", () => Repeat("? ", FleetFileLimits.BytesMax / 2), "1:33 file", "nested deeper than 16"),
        ("a huge plain text", () => FleetFileWorld.Bytes("rules: " + new string('x', FleetFileLimits.BytesMax - 8)), "1:8 file", "characters"),
        ("a huge quoted text", () => FleetFileWorld.Bytes("rules: \"" + new string('x', FleetFileLimits.BytesMax - 10) + "\""), "1:8 file", "characters"),
        ("a huge block of text", () => FleetFileWorld.Bytes("rules: |\n" + string.Concat(Enumerable.Repeat(" xxxxxxxxxxxxxx\n", 500_000))), "1:8 file", "characters"),
        ("a quote that never ends", () => FleetFileWorld.Bytes("rules: \"" + string.Concat(Enumerable.Repeat("xxxxxxxxxxxxxxx\n", 500_000))), "1:8 file", "not YAML"),
        ("a huge key", () => FleetFileWorld.Bytes(new string('k', 1 << 20) + ": x\n"), "1:1 file", ""),
        (ManyValues, () => FleetFileWorld.Bytes("rules: [" + string.Concat(Enumerable.Repeat("x,", 1_000_000)) + "]"), $"1:{9 + (2 * (FleetFileLimits.NodesMax - 3))} file", "more than"),
        ("nothing but line ends", () => Repeat("\n", FleetFileLimits.BytesMax / 4), "1:1 file", "empty"),
    ];

    private static byte[] Repeat(string text, int times) => FleetFileWorld.Bytes(string.Concat(Enumerable.Repeat(text, times)));
}
