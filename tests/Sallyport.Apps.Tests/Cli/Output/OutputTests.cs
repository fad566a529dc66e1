using System.Text.Json.Nodes;
using Sallyport.Cli.Output;
using YamlDotNet.RepresentationModel;

namespace Sallyport.Apps.Tests.Cli.Output;

public sealed class OutputTests
{
    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(999, "999 B")]
    [InlineData(1_024, "1.0 kB")]
    [InlineData(10_240, "10 kB")]
    [InlineData(1_500_000_000, "1.5 GB")]
    [InlineData(long.MaxValue, "9223 PB")]
    public void Bytes_have_the_unit_that_fits(long count, string text) => Human.Bytes(count).ShouldBe(text);

    [Fact]
    public void A_device_cannot_command_the_terminal() => Human.Clean("2.6.14\x1b[2J\r\nok\u009b1m").ShouldBe("2.6.14?[2J??ok?1m");

    [Theory]
    [InlineData("prefixes[0]", "--prefix (prefixes[0])")]
    [InlineData("name", "NAME")]
    [InlineData("profile.validDays", "--valid-days")]
    [InlineData("services[1]", "--tcp, --udp, --icmp (services[1])")]
    [InlineData("labels.model", "--label (labels.model)")]
    [InlineData("tlsAuthDirection", "--tls-auth-direction")]
    [InlineData("", "")]
    public void A_field_of_the_API_is_told_as_the_flag_that_people_typed(string field, string flag) =>
        ApiWords.FlagOf(field).ShouldBe(flag);

    [Theory]
    [InlineData("""{"a":1,"b":[],"c":{},"d":null,"e":true}""")]
    [InlineData("""[{"a":[1,2,{"b":"c"}],"d":{"e":["f"]}},[],[["x"],[]],"y"]""")]
    [InlineData("""{"text":["true","no","1.0","0x1f","2026-11-20","~","- a","a: b","#c","","  ","1e3","a #b","\"q\"","é","a\nb","10.20.0.0/16","[x]","null","12:30:00","a: ","=","fd00::1"]}""")]
    [InlineData("\"alone\"")]
    [InlineData("[]")]
    public void YAML_says_the_same_as_JSON(string json)
    {
        var output = new StringWriter();
        YamlText.Write(JsonNode.Parse(json), output);

        var yaml = new YamlStream();
        yaml.Load(new StringReader(output.ToString()));
        JsonNode.DeepEquals(FromYaml(yaml.Documents[0].RootNode), JsonNode.Parse(json)).ShouldBeTrue(output.ToString());
    }

    private static JsonNode? FromYaml(YamlNode node) => node switch
    {
        YamlMappingNode map => new JsonObject(map.Children.Select(c => KeyValuePair.Create(
            ((YamlScalarNode)c.Key).Value!, FromYaml(c.Value)))),
        YamlSequenceNode list => new JsonArray([.. list.Children.Select(FromYaml)]),
        YamlScalarNode { Style: YamlDotNet.Core.ScalarStyle.DoubleQuoted } quoted => JsonValue.Create(quoted.Value),
        YamlScalarNode { Value: "null" } => null,
        YamlScalarNode { Value: "true" or "false" or "1" or "2" } plain => JsonNode.Parse(plain.Value),
        YamlScalarNode plain => JsonValue.Create(plain.Value),
        _ => throw new InvalidOperationException(),
    };
}
