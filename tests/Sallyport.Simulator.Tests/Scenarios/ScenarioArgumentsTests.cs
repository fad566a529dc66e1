using Sallyport.Simulator.Scenarios;
using Sallyport.Simulator.Traffic;

namespace Sallyport.Simulator.Tests.Scenarios;

public sealed class ScenarioArgumentsTests
{
    [Fact]
    public void Everything_that_can_be_said_is_understood()
    {
        var (options, problems) = Parse("--devices 50 --data /d --keep /k --profile camera --rate 100 --duration 2m --outage 10s --share 20 --roam 5 --storm 1.5m --width 7 --threads 2 --free-tls --allow-remote --json");
        problems.ShouldBeEmpty();
        options.ShouldBe(new ScenarioOptions
        {
            Devices = 50,
            Data = "/d",
            Keep = "/k",
            Traffic = TrafficProfile.Camera,
            Rate = 100,
            Duration = TimeSpan.FromMinutes(2),
            Outage = TimeSpan.FromSeconds(10),
            Share = 20,
            Roam = TimeSpan.FromSeconds(5),
            Storm = TimeSpan.FromSeconds(90),
            Width = 7,
            Threads = 2,
            FreesTls = true,
            AllowRemote = true,
            Json = true,
        });
    }

    [Theory]
    [InlineData("", "--devices N")]
    [InlineData("--devices 5 --profiles x --profile idle", "not both")]
    [InlineData("--devices 100001", "at most 100000")]
    [InlineData("--devices 0", "cannot be used")]
    [InlineData("--devices -1", "cannot be used")]
    [InlineData("--devices 5 --profile radio", "\"radio\" cannot be used")]
    [InlineData("--devices 5 --duration 25h", "at most 24 h")]
    [InlineData("--devices 5 --duration soon", "cannot be used")]
    [InlineData("--devices 5 --duration 0", "cannot be used")]
    [InlineData("--devices 5 --rate 2000001", "at most 2000000")]
    [InlineData("--devices 5 --profile firmware --rate 5", "does not send by the clock")]
    [InlineData("--devices 5 --outage 60s", "shorter than --duration")]
    [InlineData("--devices 5 --roam 2m", "shorter than --duration")]
    [InlineData("--devices 5 --storm 60", "shorter than --duration")]
    [InlineData("--devices 5 --share 101", "1 to 100")]
    [InlineData("--devices 5 --threads 65", "at most 64")]
    [InlineData("--devices 5 --responder f", "belong to --profiles")]
    [InlineData("--profiles x", "say who answers")]
    [InlineData("--profiles x --keep y --profile idle", "--keep belongs to --devices")]
    [InlineData("--devices 5 --source 10.0.0.1,nobody", "cannot be used")]
    [InlineData("--devices", "it needs a value")]
    [InlineData("--devices 5 --wat 7", "--wat: there is no such flag")]
    public void What_cannot_be_is_refused_with_its_flag(string line, string expected) =>
        string.Join('\n', Parse(line).Problems).ShouldContain(expected);

    [Fact]
    public void Sources_are_separated_by_commas() =>
        Parse("--devices 5 --source 10.0.0.1,10.0.0.2").Options.Sources.Select(address => $"{address}").ShouldBe(["10.0.0.1", "10.0.0.2"]);

    [Fact]
    public void All_that_is_wrong_is_said_at_once() => Parse("--devices 100001 --share 200 --threads 65").Problems.Count.ShouldBe(3);

    [Fact]
    public void The_help_names_every_flag()
    {
        foreach (var flag in "--devices --data --keep --profiles --responder --to --profile --rate --duration --outage --share --roam --storm --width --threads --source --free-tls --allow-remote --json".Split(' '))
        {
            ScenarioArguments.Help.ShouldMatch($@"\n  {flag}( |\n)");
        }
    }

    private static (ScenarioOptions Options, IReadOnlyList<string> Problems) Parse(string line) =>
        ScenarioArguments.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries));
}
