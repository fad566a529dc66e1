using Sallyport.Cli;
using Sallyport.Cli.Arguments;

namespace Sallyport.Apps.Tests.Cli.Arguments;

public sealed class LabelsTests
{
    [Fact]
    public void A_label_is_a_key_and_a_value_that_may_hold_anything() =>
        Labels.Parse(["model=P200", "note=a=b"]).ShouldBe(new Dictionary<string, string> { ["model"] = "P200", ["note"] = "a=b" });

    [Fact]
    public void None_stays_the_default() => Labels.Parse([]).ShouldBeNull();

    [Theory]
    [InlineData("model")]
    [InlineData("=P200")]
    [InlineData("a=1", "a=2")]
    public void What_is_no_label_is_usage(params string[] texts) =>
        Should.Throw<CliException>(() => Labels.Parse(texts)).ExitCode.ShouldBe(ExitCodes.Usage);
}
