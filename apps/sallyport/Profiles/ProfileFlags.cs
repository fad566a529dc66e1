using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Sallyport.Api;
using Sallyport.Api.Credentials;
using Sallyport.Cli.Arguments;
using Sallyport.Cli.Output;

namespace Sallyport.Cli.Profiles;

/// <summary>What a profile carries and where it goes; the same for devices and sites, on "add" and on "profile".</summary>
internal sealed class ProfileFlags
{
    private readonly Option<string?> profile;
    private readonly Option<bool> force = Flag.Switch("--force", "Replace the file if it exists");
    private readonly Option<string?> endpoint = Flag.Text(
        "--endpoint", "Host name or address that the profile dials; default: the installation's", "HOST");
    private readonly Option<string?> transport = Flag.Text("--transport", "udp+tcp (default), udp or tcp", "TRANSPORT");
    private readonly Option<string?> wrapping = Flag.Text("--wrapping", "One of the network's wrappings; default: its first", "WRAPPING");
    private readonly Option<int?> validDays = Flag.Number("--valid-days", "Days that the certificate is valid", "DAYS");

    public ProfileFlags(string help) => profile = Flag.Text("--profile", help, "FILE");

    public void AddTo(Command command)
    {
        command.Add(profile);
        command.Add(force);
        command.Add(endpoint);
        command.Add(transport);
        command.Add(wrapping);
        command.Add(validDays);
    }

    /// <summary>Null where no profile is asked for.</summary>
    public ProfileFile? Reserve(ParseResult parse, string? otherwise = null) =>
        (parse.GetValue(profile) ?? otherwise) is { } path ? ProfileFile.Reserve(path, parse.GetValue(force)) : null;

    /// <summary>A flag that says what the profile is like, where none is made, would be without effect.</summary>
    public void CheckAskedFor(ParseResult parse)
    {
        // A variable such as SALLYPORT_ENDPOINT may be meant for other commands.
        var idle = ((Option[])[force, endpoint, transport, wrapping, validDays]).Where(o => parse.GetResult(o) is { Implicit: false }).Select(o => o.Name).ToList();
        if (parse.GetValue(profile) is null && idle.Count > 0)
        {
            throw new CliException(
                ExitCodes.Usage,
                $"{string.Join(" and ", idle)} say{(idle.Count == 1 ? "s" : "")} what a profile is like, but none is asked for",
                string.Join(", ", idle),
                "Add --profile FILE, or leave it out here and give it to the verb profile.");
        }
    }

    public ProfileRequest Request(ParseResult parse, bool keepOld = false) => new()
    {
        KeepOld = keepOld,
        Endpoint = parse.GetValue(endpoint),
        Transport = parse.GetValue(transport),
        Wrapping = parse.GetValue(wrapping),
        ValidDays = parse.GetValue(validDays),
    };

    /// <summary>Writes the file and says so. The profile itself never goes into JSON or YAML: those end in logs.</summary>
    public static JsonObject Deliver(ProfileFile file, ProfileIssued issued, Printer printer)
    {
        file.Commit(issued, printer.Raw);
        if (printer.Format == OutputFormat.Table || file.IsStandardOutput)
        {
            var where = file.IsStandardOutput ? "" : $" in {file.Path}";
            printer.Remark($"profile{where}{(issued.NotAfter is { } end ? $", valid until {Human.Time(end)}" : "")}; it holds a private key that exists nowhere else");
            if (issued.Username is not null && issued.Password is not null)
            {
                printer.Remark($"username {issued.Username}, password {issued.Password} (shown only now)");
            }

            if (issued.Revoked.Count > 0)
            {
                printer.Remark($"{Human.Count(issued.Revoked.Count, "credential")} before it revoked: a client that runs with the old profile is told to stop, "
                    + "exits, and is back only when it is started with the new one");
            }
        }

        var facts = JsonSerializer.SerializeToNode(issued, ApiJson.Default.ProfileIssued)!.AsObject();
        facts.Remove("text");
        facts["file"] = file.Path;
        return facts;
    }
}
