using Sallyport.Cli;
using Sallyport.Cli.Arguments;
using Sallyport.Cli.Policy;

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

    [Fact]
    public void One_service_is_explained_at_a_time()
    {
        PolicyCommands.One(["tcp/8883"]).ShouldBe(("tcp", 8883));
        PolicyCommands.One(["icmp"]).ShouldBe(("icmp", 0));
        Should.Throw<CliException>(() => PolicyCommands.One([])).ExitCode.ShouldBe(ExitCodes.Usage);
        Should.Throw<CliException>(() => PolicyCommands.One(["tcp/1", "udp/1"])).ExitCode.ShouldBe(ExitCodes.Usage);
        Should.Throw<CliException>(() => PolicyCommands.One(["tcp/0"])).Where.ShouldBe("--tcp");
        Should.Throw<CliException>(() => PolicyCommands.One(["udp/65536"])).Where.ShouldBe("--udp");
    }
}
