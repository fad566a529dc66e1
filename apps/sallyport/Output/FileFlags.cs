using System.CommandLine;
using Sallyport.Cli.Arguments;

namespace Sallyport.Cli.Output;

/// <summary>
/// --to FILE of commands whose answer is one to keep: a shell's own &gt; leaves an empty file where the command fails, and replaces what was there.
/// </summary>
internal sealed class FileFlags
{
    private readonly Option<string?> to = Flag.Text("--to", "File for the answer, which is there whole or not at all; default: standard output", "FILE");
    private readonly Option<bool> force = Flag.Switch("--force", "Replace the file if it exists");

    public IReadOnlyList<Option> All => [to, force];

    /// <summary>Sees that the file can be written before anybody is asked for what goes into it.</summary>
    /// <param name="example">A name that would do.</param>
    public async Task WriteAsync<T>(CommandContext c, string example, Func<Task<T>> ask, Action<Printer, T> print)
    {
        if (c.Parse.GetValue(to) is not { } path || path == "-")
        {
            print(c.Printer, await ask());
            return;
        }

        using var file = PrivateFile.Reserve(path, c.Parse.GetValue(force), to.Name, example);
        var answer = await ask();
        await using (var writer = new StreamWriter(file.Stream, leaveOpen: true))
        {
            print(new Printer(c.Printer.Format, writer, Console.Error), answer);
        }

        file.Commit();
        c.Printer.Remark($"written to {path}");
    }
}
