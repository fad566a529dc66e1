using System.CommandLine;
using Sallyport.Api;
using Sallyport.Api.Client;
using Sallyport.Api.Policy;
using Sallyport.Cli.Arguments;
using Sallyport.Cli.Output;

namespace Sallyport.Cli.Policy;

/// <summary>A plan of rules from a manufacturer's usage description.</summary>
internal static class MudCommand
{
    private const int FileMax = 600 << 10; // the server says where one is too large

    public static Command Build(Shell shell)
    {
        var file = Flag.Word("FILE", "The manufacturer's MUD file (RFC 8520); - is standard input");
        var subject = Flag.Text("--for", "The devices that it is about: label:model=P200, group:NAME or device:NAME", "WHO", required: true);
        var network = Flag.Text("--network", "Whose, where several networks have such devices, or none has one yet", "NETWORK");
        var name = Flag.Text("--name", "What names of applications begin with; default: what the file calls the model", "PREFIX");
        var controller = Flag.List("--controller", "Who is the controller of that class: urn:ietf:params:mud:ntp=application:ntp", "URI=WHO");
        var mine = Flag.List("--my-controller", "Who controls these devices: application:NAME, device:NAME, site:NAME, …", "WHO");
        var local = Flag.List("--local-networks", "Whom the file means by them: site:NAME, group:NAME, network:NAME, application:NAME, …", "WHO");
        var same = Flag.List("--same-manufacturer", "Whom it means by that; default: who has the label manufacturer with the host of the file's URL", "WHO");
        var manufacturer = Flag.List("--manufacturer", "Whom it means by that one; default: who has the label", "NAME=WHO");
        var model = Flag.List("--model", "Whom it means by that one; default: who has the label", "URI=WHO");
        var manufacturerLabel = Flag.Text("--manufacturer-label", "The label that says who made a device (manufacturer)", "KEY");
        var modelLabel = Flag.Text("--model-label", "The label that says its model (model)", "KEY");
        var signature = Flag.Text("--signature", "The manufacturer's signature of the file (CMS, DER); a wrong one is refused", "FILE");
        var ca = Flag.Text("--signer-ca", "Certificates in PEM from which whoever signs must descend", "FILE");
        var commands = Flag.Switch("--commands", "Only the commands that make it so");
        var output = new FileFlags();
        return shell.Verb(
            "mud",
            "The rules that a manufacturer's usage description asks for, as a plan to review; changes nothing",
            async c =>
            {
                var path = c.Parse.GetValue(file)!;
                var request = new MudRequest
                {
                    File = await ReadAsync(path, "FILE", c.Cancel),
                    For = c.Parse.GetValue(subject),
                    Network = c.Parse.GetValue(network),
                    Name = c.Parse.GetValue(name),
                    Controller = c.Parse.GetValue(controller),
                    MyController = c.Parse.GetValue(mine),
                    LocalNetworks = c.Parse.GetValue(local),
                    SameManufacturer = c.Parse.GetValue(same),
                    Manufacturer = c.Parse.GetValue(manufacturer),
                    Model = c.Parse.GetValue(model),
                    ManufacturerLabel = c.Parse.GetValue(manufacturerLabel),
                    ModelLabel = c.Parse.GetValue(modelLabel),
                    Signature = c.Parse.GetValue(signature) is { } p7s ? await ReadAsync(p7s, "--signature", c.Cancel) : null,
                    SignerCa = c.Parse.GetValue(ca) is { } pem ? System.Text.Encoding.UTF8.GetString(await ReadAsync(pem, "--signer-ca", c.Cancel)) : null,
                };
                return await PlanAsync(c, path, request, c.Parse.GetValue(commands), output);
            },
            [file, subject, network, name, controller, mine, local, same, manufacturer, model, manufacturerLabel, modelLabel, signature, ca, commands, .. output.All]);
    }

    private static async Task<int> PlanAsync(CommandContext c, string path, MudRequest request, bool commandsOnly, FileFlags output)
    {
        try
        {
            await output.WriteAsync(c, "rules.yaml", () => c.Client.PlanMudAsync(request, c.Cancel), (printer, plan) => Print(printer, plan, commandsOnly, c.Parse.CommandResult.Command));
            return ExitCodes.Ok;
        }
        catch (ApiException refusal) when (refusal.Problem.Errors.Any(error => error.Line is not null))
        {
            foreach (var error in refusal.Problem.Errors)
            {
                var place = $"{(path == "-" ? "standard input" : path)}:{error.Line}:{error.Column}";
                ErrorText.Print(Console.Error, error.Message, error.Field == "file" ? place : $"{place} ({error.Field})", ApiWords.Translate(error.Hint, c.Parse.CommandResult.Command));
            }

            return ExitCodes.Refused;
        }
    }

    private static void Print(Printer printer, MudPlan plan, bool commandsOnly, Command command)
    {
        if (commandsOnly)
        {
            foreach (var line in plan.Commands)
            {
                printer.Line(line);
            }

            if (plan.Commands.Count == 0)
            {
                printer.Remark(plan.Rules.Count == 0 ? "nothing to do: no entry of the file leads to a rule" : "nothing to do: all of it is there");
            }
        }
        else if (printer.Format == OutputFormat.Yaml)
        {
            printer.Raw(plan.FleetFile);
        }
        else
        {
            printer.One(plan, ApiJson.Default.MudPlan, p => Print(printer, p, command));
        }
    }

    private static void Print(Printer printer, MudPlan plan, Command command)
    {
        printer.Line($"{plan.Subject} of network {plan.Network} ({Human.Count(plan.Members, "device")}), by {plan.MudUrl}");
        printer.Facts(
            ("device", string.Join(", ", new[] { plan.SystemInfo, plan.Manufacturer, plan.Model }.OfType<string>().Distinct())),
            ("updated", $"{Human.Time(plan.LastUpdate)}, look for a newer one after {Human.Count(plan.CacheHours, "hour")}"),
            ("signed by", plan.SignedBy));
        printer.Line("");
        var made = plan.Applications.ToLookup(application => application.Groups is [var group] ? $"application-group:{group}.{application.Network}" : $"application:{application.Name}.{application.Network}");
        printer.Many(
            plan.Rules,
            ApiJson.Default.MudRule,
            "no entry of the file leads to a rule",
            new("RULE", r => r.Existing is { } id ? $"{id}" : "new"),
            new("FROM", r => r.From),
            new("TO", r => r.Deny ? $"NOT {r.To}" : r.To),
            new("APPLICATION", r => made[r.To].FirstOrDefault()?.State ?? "there"),
            new("AT", r => string.Join(", ", made[r.To].SelectMany(AtOf).Distinct())) { Wraps = true },
            new("SERVICES", r => string.Join(", ", made[r.To].FirstOrDefault()?.Services ?? [])) { Wraps = true },
            new("ENTRIES", r => $"{r.Entries.Count}") { Right = true, Rank = 1 });
        Print(printer, plan.Findings, command);
        if (plan.Commands.Count > 0)
        {
            printer.Remark("with -o yaml it is a part of a fleet file, for plan and apply; with --commands the commands that make it so");
        }
    }

    private static IEnumerable<string> AtOf(MudApplication application) => application.Names.Count > 0 ? application.Names : [application.Target ?? $"host:{application.Host}"];

    private static void Print(Printer printer, IReadOnlyList<MudFinding> findings, Command command)
    {
        foreach (var (kind, said) in ((string, string)[])[("decide", "to decide"), ("cannot", "not in it"), ("remark", "to know"), ("covered", "no rule needed")])
        {
            // The same is often said of several entries.
            foreach (var alike in findings.Where(finding => finding.Kind == kind).GroupBy(finding => (finding.Why, finding.Hint)))
            {
                var entries = string.Join(", ", alike.Where(finding => finding.Line is not null).Select(finding => finding.Entry.Length > 0 ? $"{finding.Entry} (line {finding.Line})" : $"line {finding.Line}"));
                printer.Sentence($"  {said}: {(entries.Length == 0 ? "" : entries + ": ")}{alike.Key.Why}", 4);
                if (alike.Key.Hint is { } hint)
                {
                    printer.Line($"      {ApiWords.Translate(hint, command)}");
                }
            }
        }

        if (findings.Count(finding => finding.Kind == "answers") is > 0 and var answers)
        {
            printer.Line($"  no rule needed: {(answers == 1 ? "one entry lets" : $"{answers} entries let")} answers back, which pass by themselves");
        }
    }

    private static async Task<byte[]> ReadAsync(string path, string flag, CancellationToken cancel)
    {
        try
        {
            await using var source = path == "-" ? Console.OpenStandardInput() : File.OpenRead(path);
            using var read = new MemoryStream();
            var buffer = new byte[64 << 10];
            int length;
            while (read.Length < FileMax && (length = await source.ReadAsync(buffer, cancel)) > 0)
            {
                read.Write(buffer, 0, length);
            }

            return read.ToArray();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw CliException.OfFile(path, flag, error);
        }
    }
}
