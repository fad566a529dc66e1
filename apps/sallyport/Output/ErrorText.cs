using System.CommandLine;
using System.Net.Sockets;
using System.Security.Authentication;
using Sallyport.Api.Client;
using Sallyport.Api.Problems;

namespace Sallyport.Cli.Output;

/// <summary>Every way in which a command ends badly: what, where, how to fix, and the exit code.</summary>
internal static class ErrorText
{
    /// <param name="command">The command that failed: it knows what it takes, and where to look what there is.</param>
    public static int Write(Exception error, TextWriter remarks, string server, Command? command = null)
    {
        switch (error)
        {
            case CliException problem:
                Print(remarks, problem.Message, problem.Where, problem.Fix);
                return problem.ExitCode;
            case ApiException refusal:
                return Write(refusal, remarks, command);
            case HttpRequestException { InnerException: AuthenticationException tls }:
                Print(
                    remarks,
                    $"the certificate of {server} cannot be trusted: {tls.Message}",
                    "--ca",
                    "Copy ca.pem from the data directory of that installation and name it with --ca.");
                return ExitCodes.Unreachable;
            case HttpRequestException { InnerException: SocketException { SocketErrorCode: SocketError.AccessDenied } }:
                Print(
                    remarks,
                    $"{server} is not yours to open",
                    "--data",
                    "Run this as the user who runs Sallyport, or use --url and --token.");
                return ExitCodes.NotAuthorised;
            case HttpRequestException or SocketException or ArgumentOutOfRangeException { ParamName: "path" }:
                Print(
                    remarks,
                    $"the API at {server} cannot be reached: {ReasonOf(error)}",
                    null,
                    "Start Sallyport with ./run, or name it with --data (SALLYPORT_DATA) or --url (SALLYPORT_URL).");
                return ExitCodes.Unreachable;
            case TaskCanceledException { InnerException: TimeoutException }:
                Print(
                    remarks,
                    $"the API at {server} did not answer in time",
                    "--timeout",
                    "Is it still starting? ./run --status tells; --timeout waits longer.");
                return ExitCodes.Unreachable;
            case IOException or UnauthorizedAccessException:
                Print(remarks, error.Message.TrimEnd('.'), null, "Is the disk full, or may this user not read and write there?");
                return ExitCodes.Refused;
            default:
                Print(remarks, $"this is a defect of the command line tool: {error}", null, "Please report it with what you typed.");
                return ExitCodes.Refused;
        }
    }

    /// <summary>For a socket file that is not there the runtime has the words of another error.</summary>
    private static string ReasonOf(Exception error) => (error.InnerException ?? error) switch
    {
        SocketException { SocketErrorCode: SocketError.AddressNotAvailable } => "there is no such socket",
        var reason => reason.Message.TrimEnd('.'),
    };

    public static void Print(TextWriter remarks, string what, string? where, string? fix)
    {
        remarks.WriteLine($"error: {Human.Clean(what)}");
        if (!string.IsNullOrEmpty(where))
        {
            remarks.WriteLine($"  where: {Human.Clean(where)}");
        }

        if (!string.IsNullOrEmpty(fix))
        {
            remarks.WriteLine($"  fix:   {Human.Clean(fix)}");
        }
    }

    private static int Write(ApiException refusal, TextWriter remarks, Command? command)
    {
        var problem = refusal.Problem;
        if (problem.Errors.Count == 0)
        {
            // What the API advises of headers is not what people typed.
            Print(
                remarks,
                problem.Status == 401 ? "the token is not valid" : refusal.Message.Length > 0 ? refusal.Message : $"the server answered {problem.Status}",
                problem.Status == 401 ? "--token" : command?.Arguments.FirstOrDefault()?.Name,
                FixOf(problem.Status, command));
        }

        foreach (var field in problem.Errors)
        {
            Print(remarks, WhatOf(field, command), ApiWords.FlagOf(field.Field, command), field.Hint.Length > 0 ? ApiWords.Translate(field.Hint, command) : Listing(field.Field));
        }

        return problem.Status switch
        {
            401 or 403 => ExitCodes.NotAuthorised,
            404 => ExitCodes.NotFound,
            _ when problem.Type == Problem.UnknownName => ExitCodes.NotFound,
            _ => ExitCodes.Refused,
        };
    }

    /// <summary>Some messages begin with their verb, because the API names the field beside them.</summary>
    private static string WhatOf(FieldProblem field, Command? command) =>
        field.Message.StartsWith("is ", StringComparison.Ordinal) || field.Message.StartsWith("has ", StringComparison.Ordinal)
            ? $"{ApiWords.FlagOf(field.Field, command)} {field.Message}" : field.Message;

    private static string? Listing(string field) =>
        field is "device" or "site" or "network" ? $"sallyport {field} list shows what there is." : null;

    private static string? FixOf(int status, Command? command)
    {
        var noun = command?.Parents.OfType<Command>().FirstOrDefault(parent => parent is not RootCommand);
        var hasList = noun?.Subcommands.Any(verb => verb.Name == "list") == true;
        return status switch
        {
            401 => "Give the right --token (SALLYPORT_TOKEN): it is in admin.token in the data directory of the installation that answers.",
            404 when hasList => $"sallyport {noun!.Name} list shows what there is.",
            409 or 412 when hasList => $"sallyport {noun!.Name} list shows how it is now.",
            >= 500 => "The log in the data directory says why; ./run --status tells where.",
            _ => null,
        };
    }
}
