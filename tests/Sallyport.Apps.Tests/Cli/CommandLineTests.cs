using Sallyport.Cli;
using Sallyport.Cli.Simulate;

namespace Sallyport.Apps.Tests.Cli;

public sealed class CommandLineTests
{
    [Theory]
    [InlineData("network add plant-a --prefix 10.20.0.0/16")]
    [InlineData("site add hq --network plant-a --subnet 192.168.50.0/24 --profile hq.ovpn")]
    [InlineData("device add pump-17 --network plant-a --label model=P200 --profile pump-17.ovpn")]
    [InlineData("application add historian --site hq --target 192.168.50.10 --tcp 8883")]
    [InlineData("device list")]
    [InlineData("flow list --device pump-17")]
    [InlineData("rule add --from device:pump-17 --to application:historian")]
    [InlineData("policy explain --from device:pump-17 --to 192.168.50.10 --tcp 8883")]
    [InlineData("flow tail")]
    [InlineData("device revoke pump-17 --reason stolen")]
    [InlineData("audit list")]
    [InlineData("audit verify")]
    [InlineData("audit verify --file trail.jsonl --fingerprint 00")]
    [InlineData("device update pump-17 --label a=b --remove-label c --group d --remove-group e")]
    [InlineData("rule remove --from device:pump-17 --to application:historian")]
    [InlineData("tunnel disconnect device:pump-17 --reason hangs")]
    [InlineData("device list -o json")]
    [InlineData("-o yaml device list --url https://gateway:8443 --token t --ca ca.pem --timeout 5")]
    public void The_commands_of_the_transcript_and_the_documents_are_understood(string line) =>
        Program.Build().Parse(line.Split(' ')).Errors.ShouldBeEmpty();

    [Theory]
    [InlineData("device add", "sallyport device add", "")]
    [InlineData("devcie list", "sallyport", "Did you mean device?")]
    [InlineData("device lsit", "sallyport device", "Did you mean list?")]
    [InlineData("flow list --devcie pump-17", "sallyport flow list", "Did you mean --device?")]
    [InlineData("flow list --ouptut json", "sallyport flow list", "Did you mean --output?")]
    [InlineData("device add x --network", "sallyport device add --network", "Write --network NETWORK")]
    [InlineData("device add x --network a --network b", "sallyport device add --network", "give it once")]
    [InlineData("audit list --limit many", "sallyport audit list --limit", "Write --limit COUNT")]
    [InlineData("rule remove seventeen", "sallyport rule remove ID", "number of the rule")]
    public async Task A_mistake_on_the_command_line_is_usage_and_says_where_and_how_to_go_on(string line, string where, string suggestion)
    {
        var remarks = new StringWriter();

        (await Program.RunAsync(line.Split(' '), remarks)).ShouldBe(ExitCodes.Usage);

        remarks.ToString().ShouldStartWith("error: ");
        remarks.ToString().ShouldContain($"where: {where}\n");
        remarks.ToString().ShouldContain($"{suggestion}");
        remarks.ToString().ShouldContain("  fix:   ");
    }

    /// <summary>But for the simulator's, whose words are read by a program of its own, with tests of its own.</summary>
    [Fact]
    public async Task No_command_lets_the_parser_speak_for_us()
    {
        var faults = new List<string>();
        foreach (var (path, command) in Leaves(Program.Build(), []).Where(leaf => leaf.Path is not [SimulatorProgram.Verb]))
        {
            List<string[]> lines = [[.. path, "--nonsense"]];
            if (command.Arguments.All(argument => argument.Arity.MaximumNumberOfValues <= 1))
            {
                lines.Add([.. path, "a", "b", "c"]);
            }

            lines.AddRange(command.Options.Where(o => o.ValueType != typeof(bool) && o is not System.CommandLine.Help.HelpOption)
                .Select(o => (string[])[.. path, o.Name]));
            if (command.Arguments.Any(a => a.Arity.MinimumNumberOfValues > 0) || command.Options.Any(o => o.Required))
            {
                lines.Add(path);
            }

            foreach (var line in lines)
            {
                var remarks = new StringWriter();
                var code = await Program.RunAsync(line, remarks);
                var said = remarks.ToString();
                var isOurs = code == ExitCodes.Usage && said.StartsWith("error: ", StringComparison.Ordinal)
                    && said.Split('\n').Count(l => l.StartsWith("error: ", StringComparison.Ordinal)) == said.Split("  fix:   ").Length - 1
                    && !ParsersWords.Any(said.Contains);
                if (!isOurs)
                {
                    faults.Add($"sallyport {string.Join(' ', line)}: {code} {said}");
                }
            }
        }

        faults.ShouldBeEmpty();
    }

    [Fact]
    public void Every_flag_says_its_variable()
    {
        var silent = new List<string>();
        Walk(Program.Build(), "sallyport", silent);
        silent.ShouldBeEmpty("every flag has an environment variable, and its help names it");
    }

    private static readonly string[] ParsersWords =
        ["Option '", "Required ", "Unrecognized", "Cannot parse", "Argument '", "is required", "was not matched", "expects a single argument"];

    private static IEnumerable<(string[] Path, System.CommandLine.Command Command)> Leaves(System.CommandLine.Command command, string[] path) =>
        command.Subcommands.Count == 0 ? [(path, command)] : command.Subcommands.SelectMany(sub => Leaves(sub, [.. path, sub.Name]));

    private static void Walk(System.CommandLine.Command command, string path, List<string> silent)
    {
        silent.AddRange(command.Options
            .Where(o => o is not System.CommandLine.Help.HelpOption and not System.CommandLine.VersionOption)
            .Where(o => o.Description?.Contains("[SALLYPORT_", StringComparison.Ordinal) != true)
            .Select(o => $"{path} {o.Name}"));
        foreach (var sub in command.Subcommands)
        {
            Walk(sub, $"{path} {sub.Name}", silent);
        }
    }
}
