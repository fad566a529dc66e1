using System.CommandLine;
using System.Security.Cryptography;
using System.Text.Json;
using Sallyport.Api;
using Sallyport.Api.Audit;
using Sallyport.Cli.Arguments;
using Sallyport.Cli.Output;

namespace Sallyport.Cli.Audit;

internal static class AuditCommands
{
    private const int DefaultLimit = 100;

    public static Command Build(Shell shell) =>
        Shell.Noun("audit", "The record that nobody can alter unseen", List(shell), Verify(shell), Export(shell));

    private static Command List(Shell shell)
    {
        var action = Flag.Text("--action", "Only this action, such as device.revoke", "ACTION");
        var subject = Flag.Text("--subject", "Only about this, such as device:pump-17.plant-a", "SUBJECT");
        var limit = Flag.Number("--limit", $"At most so many ({DefaultLimit})", "COUNT");
        return shell.Verb(
            "list",
            "Records, newest first",
            async c => c.Printer.Many(
                await CommandContext.AllAsync(
                    Flag.AtLeastOne(c.Parse, limit) ?? DefaultLimit,
                    (count, cursor) => c.Client.ListAuditAsync(
                        c.Parse.GetValue(action), c.Parse.GetValue(subject), count, cursor, c.Cancel)),
                ApiJson.Default.AuditRecord,
                c.Empty("records"),
                new("NUMBER", r => $"{r.Sequence}") { Right = true },
                new("TIME", r => Human.Time(r.At)),
                new("ACTOR", r => r.Actor),
                new("ACTION", r => r.Action) { Rank = 1 },
                new("SUBJECT", r => r.Subject) { Rank = 2 },
                new("WHAT", r => r.Summary ?? r.Detail) { Wraps = true }),
            action, subject, limit);
    }

    private static Command Verify(Shell shell)
    {
        var file = Flag.Text("--file", "Prove an export instead; needs no server", "FILE");
        var fingerprint = Flag.Text("--fingerprint", "The checkpoint key that it must be signed with, as noted elsewhere", "SHA256");
        var command = new Command("verify", "Prove that no record was altered, removed or cut off");
        var online = shell.Verb(
            "verify",
            command.Description!,
            async c =>
            {
                var noted = FingerprintOf(c.Parse.GetValue(fingerprint));
                return Report(await c.Client.VerifyAuditAsync(c.Cancel), noted, c.Printer);
            },
            file,
            fingerprint);
        var offline = shell.Local(
            "verify",
            command.Description!,
            (parse, printer) => Report(FromFile(parse.GetValue(file)!), FingerprintOf(parse.GetValue(fingerprint)), printer),
            file,
            fingerprint);
        command.Add(file);
        command.Add(fingerprint);
        command.SetAction((parse, cancel) => parse.GetValue(file) is null
            ? ((System.CommandLine.Invocation.AsynchronousCommandLineAction)online.Action!).InvokeAsync(parse, cancel)
            : Task.FromResult(((System.CommandLine.Invocation.SynchronousCommandLineAction)offline.Action!).Invoke(parse)));
        return command;
    }

    private static Command Export(Shell shell)
    {
        var to = Flag.Text("--to", "File; default: standard output", "FILE");
        var force = Flag.Switch("--force", "Replace the file if it exists");
        return shell.Verb(
            "export",
            "The whole trail, a JSON object a line, to be proven without us: sallyport audit verify --file FILE",
            async c =>
            {
                if (c.Parse.GetValue(to) is not { } path || path == "-")
                {
                    await using var output = Console.OpenStandardOutput();
                    await c.Client.ExportAuditAsync(output, c.Cancel);
                    return;
                }

                using var file = PrivateFile.Reserve(path, c.Parse.GetValue(force), "--to", "audit.jsonl");
                await c.Client.ExportAuditAsync(file.Stream, c.Cancel);
                file.Commit();
                c.Printer.Remark($"exported to {path}");
            },
            to, force);
    }

    private static IEnumerable<string> LinesOf(string path)
    {
        try
        {
            return File.ReadLines(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw CliException.OfFile(path, "--file", error);
        }
    }

    /// <summary>With or without colons; what cannot be a fingerprint is no reason to call the trail broken.</summary>
    private static string? FingerprintOf(string? given)
    {
        var hex = given?.Replace(":", "", StringComparison.Ordinal);
        return hex is null || (hex.Length == 2 * SHA256.HashSizeInBytes && hex.All(char.IsAsciiHexDigit))
            ? hex
            : throw new CliException(
                ExitCodes.Usage, $"\"{given}\" is no SHA-256", "--fingerprint", "Write its 64 hexadecimal digits, as audit verify shows them.");
    }

    private static int Report(AuditVerification result, string? fingerprint, Printer printer)
    {
        var rightKey = fingerprint is null || string.Equals(
            fingerprint, result.KeyFingerprint, StringComparison.OrdinalIgnoreCase);
        printer.One(result, ApiJson.Default.AuditVerification, r =>
        {
            printer.Line($"{(r.Valid && rightKey ? "whole" : "BROKEN")}: {Count(r.Records, "record")}, {Count(r.Checkpoints, "signed checkpoint")}, signed up to record {r.VouchedTo}");
            foreach (var problem in r.Problems)
            {
                printer.Line($"  - {problem}");
            }

            if (!rightKey)
            {
                printer.Line("  - it is signed with another key than the one you noted");
            }

            printer.Facts(("head", r.Head), ("checkpoint key", r.KeyFingerprint));
        });
        return result.Valid && rightKey ? ExitCodes.Ok : ExitCodes.Refused;
    }

    private static AuditVerification FromFile(string path)
    {
        var records = new List<AuditRecord>();
        var checkpoints = new List<AuditCheckpoint>();
        byte[]? key = null;
        AuditHead? head = null;
        var number = 0;
        foreach (var line in LinesOf(path).Where(l => l.Length > 0))
        {
            number++;
            AuditExportLine? read;
            try
            {
                read = JsonSerializer.Deserialize(line, ApiJson.Default.AuditExportLine);
                key ??= read?.PublicKey is { } text ? Convert.FromBase64String(text) : null;
            }
            catch (Exception error) when (error is JsonException or FormatException)
            {
                throw new CliException(
                    ExitCodes.Refused,
                    $"line {number} of {path} is no line of an export",
                    "--file",
                    "Make one with: sallyport audit export --to FILE");
            }

            if (read?.Record is { } record)
            {
                records.Add(record);
            }

            if (read?.Checkpoint is { } checkpoint)
            {
                checkpoints.Add(checkpoint);
            }

            head = read?.Head ?? head;
        }

        return AuditChain.Verify(
            records,
            checkpoints,
            head,
            key ?? throw new CliException(
                ExitCodes.Refused, $"{path} does not begin with a key", "--file", "Make an export with: sallyport audit export --to FILE"));
    }

    private static string Count(long number, string noun) => $"{number} {noun}{(number == 1 ? "" : "s")}";
}
