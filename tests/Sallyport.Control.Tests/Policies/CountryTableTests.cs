using System.Text;
using Sallyport.Api.Applications;
using Sallyport.Api.Nodes;
using Sallyport.Api.Rules;
using Sallyport.Control.Policies;
using Sallyport.Control.Tests.Worlds;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Tests.Policies;

public sealed class CountryTableTests
{
    private const string Table = """
        network,country
        # of nobody in particular
        203.0.113.0/24,AT
        203.0.113.64/26,DE
        203.0.113.80/28,AT
        198.51.100.0,198.51.100.9,de
        "2001:db8::/32","FR"
        """;

    [Theory]
    [InlineData("203.0.113.1", "AT")]
    [InlineData("203.0.113.64", "DE")]
    [InlineData("203.0.113.79", "DE")]
    [InlineData("203.0.113.80", "AT")]
    [InlineData("203.0.113.96", "DE")]
    [InlineData("203.0.113.128", "AT")]
    [InlineData("198.51.100.9", "DE")]
    [InlineData("198.51.100.10", "")]
    [InlineData("2001:db8:ffff::1", "FR")]
    public void Of_prefixes_in_each_other_the_longest_counts(string address, string country)
    {
        var table = Read(Table);
        foreach (var code in (string[])["AT", "DE", "FR"])
        {
            table.Country(code).Addresses.Contains(IpAddress.Parse(address)).ShouldBe(code == country, code);
        }
    }

    [Theory]
    [InlineData("203.0.113.0/24,AT\n203.0.113.0/24,DE", "table.csv:2 says DE of what line 1 says AT of.")]
    [InlineData("203.0.113.0,203.0.113.9,AT\n203.0.113.5,203.0.113.20,DE", "table.csv:2 overlaps line 1 and does not lie in it.")]
    [InlineData("203.0.113.0/24,AT\n203.0.113.0/24,Austria", "table.csv:2: '203.0.113.0/24,Austria' is neither prefix,country nor first,last,country.")]
    [InlineData("203.0.113.0/24,AT\n203.0.113.9,203.0.113.0,AT", "table.csv:2:")]
    public void A_line_that_is_wrong_is_named(string text, string message) =>
        Should.Throw<InvalidOperationException>(() => Read(text)).Message.ShouldStartWith(message);

    [Fact]
    public void Agrees_with_a_search_through_all_lines_and_throws_nothing_but_what_it_says()
    {
        var state = 7u;
        int Next(int below) => (int)(((state = (state * 1_664_525) + 1_013_904_223) >> 8) % (uint)below);
        for (var round = 0; round < 400; round++)
        {
            var prefixes = Enumerable.Range(0, Next(10)).Select(_ => IpPrefix.Around(IpAddress.FromV4((uint)Next(256)), 24 + Next(9))).Distinct()
                .Select(prefix => (Prefix: prefix, Code: Next(2) == 0 ? "AA" : "BB")).ToList();
            var table = Read(string.Join('\n', prefixes.Select(one => $"{one.Prefix},{one.Code}")));
            for (var at = 0; at < 256; at++)
            {
                var address = IpAddress.FromV4((uint)at);
                var longest = prefixes.Where(one => one.Prefix.Contains(address)).OrderByDescending(one => one.Prefix.Length).Select(one => one.Code).FirstOrDefault();
                table.Country("AA").Addresses.Contains(address).ShouldBe(longest == "AA");
                table.Country("BB").Addresses.Contains(address).ShouldBe(longest == "BB");
            }

            var noise = Encoding.Latin1.GetString([.. Enumerable.Range(0, 60).Select(_ => (byte)"0123456789.:/,ATDE\"\n# "[Next(22)])]);
            try
            {
                Read(noise);
            }
            catch (InvalidOperationException e)
            {
                e.Message.ShouldStartWith("table.csv:");
            }
        }
    }

    [Fact]
    public async Task A_rule_with_countries_goes_with_their_addresses_and_another_table_is_another_model()
    {
        var directory = ControlWorld.NewDirectory();
        var file = Path.Combine(directory, "countries.csv");
        await File.WriteAllTextAsync(file, Table);
        long version;
        await using (var world = await ControlWorld.StartAsync(directory, change: options => options with { CountryTable = file }))
        {
            await world.PlantAsync();
            await world.HqAsync();
            await world.PumpAsync();
            await world.Client.AddApplicationAsync(new ApplicationCreate { Name = "historian", Site = "hq", Target = "192.168.50.10", Services = ["tcp/8883"] });
            var unknown = (await ControlWorld.ProblemOf(() => world.Client.AddRuleAsync(Rule("XX")))).Errors.ShouldHaveSingleItem();
            (unknown.Message, unknown.Hint).ShouldBe(
                ("the table of countries has no 'XX'", "use a code that it has, such as AT, DE, FR, or give sallyportd a table that has it (country_table)"));
            (await world.Client.AddRuleAsync(Rule("fr", "DE"))).Conditions.Countries.ShouldBe(["DE", "FR"]);
            using var gateway = await FakeGateway.ConnectAsync(world);
            var snapshot = await gateway.ReceiveAsync<Snapshot>();
            snapshot.Model.Countries.Select(country => (country.Code, country.V4.Length, country.V6.Length)).ShouldBe([("DE", 24, 0), ("FR", 0, 32)]);
            snapshot.Model.Countries[0].V4[..8].ShouldBe([198, 51, 100, 0, 198, 51, 100, 9]);
            version = snapshot.Version;
        }

        Should.Throw<InvalidOperationException>(() => ControlHost.Open(new ControlOptions { DataDirectory = directory, Endpoint = "vpn.example.net" }, TimeProvider.System))
            .Message.ShouldContain("looks at countries");
        await File.WriteAllTextAsync(file, "203.0.113.0/24,DE");
        Should.Throw<InvalidOperationException>(() => ControlHost.Open(new ControlOptions { DataDirectory = directory, Endpoint = "vpn.example.net", CountryTable = file }, TimeProvider.System))
            .Message.ShouldStartWith($"A rule looks at countries (FR), and the table of countries {file} does not have it. Set country_table to a file that has FR,");
        await File.WriteAllTextAsync(file, "203.0.113.0/24,DE\n192.0.2.0/24,FR");
        await using (var world = await ControlWorld.StartAsync(directory, change: options => options with { CountryTable = file }))
        {
            using var gateway = await FakeGateway.ConnectAsync(world, modelVersion: version);
            (await gateway.ReceiveAsync<Snapshot>()).Model.Countries.Select(country => (country.Code, country.V4.Length)).ShouldBe([("DE", 8), ("FR", 8)]);
        }

        Directory.Delete(directory, recursive: true);

        static RuleCreate Rule(params string[] countries) =>
            new() { From = "device:pump-17", To = "application:historian", Conditions = new ConditionInput { Countries = countries } };
    }

    private static CountryTable Read(string text) => CountryTable.Read(text.Split('\n').Select(line => line.TrimEnd('\r')), "table.csv", "");
}
