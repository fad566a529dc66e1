using System.CommandLine;
using Sallyport.Api.Client;
using Sallyport.Api.Problems;
using Sallyport.Cli.Arguments;
using Sallyport.Cli.Output;

namespace Sallyport.Cli.Fleets;

/// <summary>The file, and where in it something is wrong.</summary>
internal sealed class FleetFileFlag(bool isRequired = true)
{
    private const int BytesMax = 9 << 20; // the server says where it is too large; nobody means a disk image

    public Option<string?> Option { get; } = Make(isRequired);

    public bool IsGiven(ParseResult parse) => parse.GetValue(Option) is not null;

    public async Task<int> WithPlacesAsync(CommandContext context, Func<ReadOnlyMemory<byte>, Task<int>> act)
    {
        var path = context.Parse.GetValue(Option)!;
        var text = await ReadAsync(path, context.Cancel);
        try
        {
            return await act(text);
        }
        catch (ApiException refusal) when (refusal.Problem.Errors.Any(error => error.Line is not null))
        {
            Print(Console.Error, path == "-" ? "standard input" : path, refusal.Problem);
            return ExitCodes.Refused;
        }
    }

    private static void Print(TextWriter remarks, string path, Problem problem)
    {
        foreach (var error in problem.Errors)
        {
            var place = error.Line is null ? path : $"{path}:{error.Line}:{error.Column}";
            ErrorText.Print(remarks, error.Message, error.Field == "file" ? place : $"{place} ({error.Field})", error.Hint);
        }

        remarks.WriteLine(Human.Clean(problem.Title));
    }

    private static async Task<ReadOnlyMemory<byte>> ReadAsync(string path, CancellationToken cancel)
    {
        try
        {
            await using var source = path == "-" ? Console.OpenStandardInput() : File.OpenRead(path);
            using var read = new MemoryStream();
            var buffer = new byte[64 << 10];
            int length;
            while (read.Length < BytesMax && (length = await source.ReadAsync(buffer, cancel)) > 0)
            {
                read.Write(buffer, 0, length);
            }

            return read.ToArray();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw CliException.OfFile(path, "--file", error);
        }
    }

    private static Option<string?> Make(bool isRequired)
    {
        var option = Flag.Text("--file", "The fleet file; - is standard input", "FILE", isRequired);
        option.Aliases.Add("-f");
        return option;
    }
}
