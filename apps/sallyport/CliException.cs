namespace Sallyport.Cli;

/// <summary>Ends a command with a message for people: what is wrong, where (a flag, a file), and how to fix it.</summary>
internal sealed class CliException(int exitCode, string what, string? where = null, string? fix = null) : Exception(what)
{
    public int ExitCode { get; } = exitCode;

    public string? Where { get; } = where;

    public string? Fix { get; } = fix;
}
