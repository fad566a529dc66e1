using System.Text;
using Sallyport.Api.Problems;
using Sallyport.Control.FleetFiles;
using Sallyport.Control.Policies.Mud;
using Sallyport.Control.Tests.FleetFiles;
using Sallyport.Control.Tests.Worlds;

namespace Sallyport.Control.Tests.Policies.Mud;

/// <summary>Files that are none, or not as they should be: what is wrong, in which line and column, and how to mend it.</summary>
public sealed class MudReaderTests
{
    private const string Head = "{\"ietf-mud:mud\":{\"mud-version\":1,\"mud-url\":\"https://a.example/b\",\"last-update\":\"2026-10-12T08:00:00Z\",\"is-supported\":true";

    [Theory]
    // No JSON.
    [InlineData("", "1:1 file", "the file is empty")]
    [InlineData(" \r\n\t ", "1:1 file", "the file is empty")]
    [InlineData("{\n  \"a\": 1,\n}", "3:1 file", "this is not JSON")]
    [InlineData("{\"é\": 1 \"b\": 2}", "1:9 file", "this is not JSON")]
    [InlineData("{\"a\": 1} {}", "1:10 file", "this is not JSON")]
    [InlineData("{\"a\": ", "1:7 file", "this is not JSON")]
    [InlineData("{ // a remark\n}", "1:3 file", "this is not JSON")]
    [InlineData("networks: {}", "1:2 file", "this is not JSON")]
    [InlineData("[]", "1:1 file", "the file is a list, not an object")]
    [InlineData("{\"a\":1,\n \"a\":2}", "2:2 a", "'a' is here twice; the first one is in line 1")]
    [InlineData("{\"a\":\"\\ud800\"}", "1:6 a", "half of a character")]
    // No MUD file.
    [InlineData("{}", "1:1 ietf-mud:mud", "there is no object ietf-mud:mud")]
    [InlineData("{\"ietf-mud:mud\":7}", "1:1 ietf-mud:mud", "there is no object ietf-mud:mud")]
    public void What_is_no_mud_file_is_told_with_its_place(string text, string place, string message) => Check(text, place, message);

    [Theory]
    [InlineData("\"mud-version\":1", "\"mud-version\":2", "mud-version", "mud-version is 2")]
    [InlineData("\"mud-version\":1,", "", "mud-version", "mud-version is missing")]
    [InlineData("https://a.example/b", "http://a.example/b", "mud-url", "is no https URL")]
    [InlineData("\"https://a.example/b\"", "[]", "mud-url", "a list where a text is expected")]
    [InlineData("2026-10-12T08:00:00Z", "yesterday", "last-update", "'yesterday' is no time")]
    [InlineData(",\"is-supported\":true", "", "is-supported", "is-supported is missing")]
    [InlineData("\"is-supported\":true", "\"is-supported\":\"yes\"", "is-supported", "where true or false is expected")]
    [InlineData("\"is-supported\":true", "\"is-supported\":true,\"cache-validity\":169", "cache-validity", "'169' where a number is expected")]
    [InlineData("\"is-supported\":true", "\"is-supported\":true,\"extensions\":7", "extensions", "where a list of texts is expected")]
    [InlineData("\"is-supported\":true", "\"is-supported\":true,\"systeminfo\":[1]", "systeminfo", "a list where a text is expected")]
    [InlineData("\"is-supported\":true", "\"is-supported\":true,\"from-device-policy\":[]", "from-device-policy", "a list where an object is expected")]
    [InlineData("\"is-supported\":true", "\"is-supported\":true,\"from-device-policy\":{\"access-lists\":{\"access-list\":[{\"name\":\"g\"}]}}", "from-device-policy.access-lists.access-list[0].name", "there is no access list 'g' in the file")]
    public void What_is_wrong_with_the_container_is_told_with_its_place(string before, string after, string field, string message)
    {
        var text = (Head + "}}").Replace(before, after, StringComparison.Ordinal);
        var problem = Problems(Encoding.UTF8.GetBytes(text)).ShouldHaveSingleItem();
        problem.Field.ShouldBe($"ietf-mud:mud.{field}");
        problem.Message.ShouldContain(message);
    }

    [Theory]
    [InlineData("a \"ipv4\":7", "ipv4", "here stands '7' where an object is expected", 31)]
    [InlineData("a \"ipv4\":{\"protocol\":256}", "ipv4.protocol", "'256' where a number is expected", 43)]
    [InlineData("a \"ipv4\":{\"ietf-acldns:dst-dnsname\":\"a b\"}", "ipv4.dst-dnsname", "'a b' is no name", 58)]
    [InlineData("a \"ipv4\":{\"destination-ipv4-network\":\"10.0.0.1/8\"}", "ipv4.destination-ipv4-network", "is no prefix", 59)]
    [InlineData("a \"tcp\":{\"destination-port\":{\"operator\":\"is\",\"port\":1}}", "tcp.destination-port.operator", "'is' is no operator", 62)]
    [InlineData("a \"tcp\":{\"destination-port\":{\"port\":65536}}", "tcp.destination-port.port", "where a number is expected", 58)]
    [InlineData("a \"tcp\":{\"destination-port\":{}}", "tcp.destination-port", "neither a port nor a range", 50)]
    [InlineData("a \"tcp\":{\"destination-port\":{\"lower-port\":2,\"upper-port\":1}}", "tcp.destination-port", "ends before it begins", 50)]
    [InlineData("a \"tcp\":{\"ietf-mud:direction-initiated\":\"out\"}", "tcp.direction-initiated", "'out' is no direction", 62)]
    [InlineData("a \"icmp\":{\"type\":-1}", "icmp.type", "'-1' where a number is expected", 39)]
    [InlineData("a \"eth\":{\"ethertype\":\"ip\"}", "eth.ethertype", "where an ethertype is expected", 43)]
    [InlineData("a \"ietf-mud:mud\":{\"my-controller\":\"me\"}", "ietf-mud:mud.my-controller", "my-controller has no value", 56)]
    [InlineData("a \"ietf-mud:mud\":{\"controller\":[null]}", "ietf-mud:mud.controller", "a list where a text is expected", 53)]
    public void What_is_wrong_with_an_entry_is_told_with_its_place(string entry, string field, string message, int column)
    {
        var problem = Problems(MudText.Of([entry])).ShouldHaveSingleItem();
        problem.Message.ShouldContain(message);
        problem.Field.ShouldBe($"ietf-access-control-list:acls.acl[0].aces.ace[0].matches.{field}");
        FleetFileWorld.PlaceOf(problem).ShouldStartWith($"{MudText.FirstLine}:{column} ", customMessage: problem.Message);
    }

    [Fact]
    public void Everything_is_told_at_once_and_of_a_thousand_mistakes_the_first_fifty()
    {
        Problems(MudText.Of(["a \"icmp\":{\"type\":999}", "a \"tcp\":[]"])).Select(problem => problem.Line).ShouldBe([7, 8, 8]);
        Problems(MudText.Of([.. Enumerable.Range(0, 1000).Select(i => $"e{i} \"tcp\":[]")])).Count.ShouldBe(FleetFileLimits.ProblemsMax);
    }

    [Fact]
    public void Entries_need_a_name_an_action_and_a_form_that_is_the_rfc_s()
    {
        var file = Encoding.UTF8.GetString(MudText.Of(["a"]));
        Problems(Bytes(file.Replace("\"name\":\"a\",", "", StringComparison.Ordinal))).ShouldHaveSingleItem().Message.ShouldBe("name is missing");
        Problems(Bytes(file.Replace("accept", "permit", StringComparison.Ordinal))).ShouldHaveSingleItem().Message.ShouldBe("'permit' is no forwarding");
        Problems(Bytes(file.Replace(",\"actions\":{\"forwarding\":\"accept\"}", "", StringComparison.Ordinal))).ShouldHaveSingleItem().Message.ShouldBe("forwarding is missing");
        Problems(Bytes(file.Replace("\"aces\"", "\"access-list-entries\"", StringComparison.Ordinal)))[0].Message.ShouldContain("drafts of 2016");
    }

    [Fact]
    public void Names_of_drafts_and_what_means_nothing_to_us_are_read_and_told()
    {
        var problems = new FileProblems();
        var file = MudReader.Read(
            [0xef, 0xbb, 0xbf, .. MudText.Of(["a"], container: "\"systeminfo\":\"Box\",\"x:y\":{\"z\":[]},\"extensions\":[\"x\"],", lists: "access-lists")], problems).ShouldNotBeNull();
        (file.SystemInfo, file.CacheHours, file.Authority, file.FromDevice.Count).ShouldBe(("Box", 48, "mud.vendor.example", 1));
        file.Remarks.ShouldHaveSingleItem().What.ShouldBe("x:y");
        file.Extensions.ShouldBe(["x"]);
    }

    [Fact]
    public async Task The_api_tells_the_same_places()
    {
        await using var world = await MudText.WorldAsync();
        var problem = await ControlWorld.ProblemOf(() => world.Client.PlanMudAsync(MudText.For("device:cam-1", Bytes("{\n\"ietf-mud:mud\": [] }"))));
        (problem.Status, problem.Errors.Single().Line, problem.Errors.Single().Column).ShouldBe((422, 1, 1));
    }

    /// <summary>Hostile sizes are refused in memory that grows with the bytes, not with what they promise.</summary>
    [Theory]
    [InlineData("nesting", "1:25", "this is not JSON")]
    [InlineData("many values", "1:", "more than")]
    [InlineData("a long text", "1:2", "bytes")]
    [InlineData("a large file", "1:1", "larger than 512 KiB")]
    [InlineData("many entries", "2007:", "more than 2000 entries")]
    [InlineData("UTF-16", "1:1", "the file is UTF-16")]
    [InlineData("no UTF-8", "1:4", "no UTF-8")]
    public void Huge_or_strange_bytes_are_refused_in_little_memory(string what, string place, string message)
    {
        var file = what switch
        {
            "nesting" => Bytes(new string('[', MudLimits.BytesMax)),
            "many values" => Bytes("[" + string.Concat(Enumerable.Repeat("1,", MudLimits.BytesMax / 2 - 2)) + "1]"),
            "a long text" => Bytes("[\"" + new string('x', MudLimits.BytesMax - 4) + "\"]"),
            "a large file" => new byte[MudLimits.BytesMax + 1],
            "many entries" => MudText.Of([.. Enumerable.Range(0, MudLimits.AcesMax + 1).Select(i => $"e{i}")]),
            "UTF-16" => [.. Encoding.Unicode.GetPreamble(), .. Encoding.Unicode.GetBytes("{}")],
            _ => [.. "{\"é"u8, 0xff, .. "\":1}"u8],
        };
        var before = GC.GetAllocatedBytesForCurrentThread();
        var problem = Problems(file)[0];
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan((4L << 20) + (64L * file.Length) + (what == "many values" ? 300L * MudLimits.NodesMax : 0));
        problem.Message.ShouldContain(message);
        FleetFileWorld.PlaceOf(problem).ShouldStartWith(place);
    }

    private static void Check(string text, string place, string message)
    {
        var problem = Problems(Bytes(text)).ShouldHaveSingleItem();
        FleetFileWorld.PlaceOf(problem).ShouldBe(place, problem.Message);
        problem.Message.ShouldContain(message);
    }

    private static IReadOnlyList<FieldProblem> Problems(byte[] bytes)
    {
        var problems = new FileProblems();
        MudReader.Read(bytes, problems).ShouldBeNull();
        foreach (var problem in problems.Sorted)
        {
            FleetFileWorld.ShouldBeOfUse(problem);
        }

        return problems.Sorted;
    }

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);
}
