namespace Sallyport.Cli;

/// <summary>Ends a command with a message for people: what is wrong, where (a flag, a file), and how to fix it.</summary>
internal sealed class CliException(int exitCode, string what, string? where = null, string? fix = null) : Exception(what)
{
    /// <summary>A file that was named cannot be read or written.</summary>
    public static CliException OfFile(string path, string flag, Exception error) => new(
        ExitCodes.Refused,
        $"{path} cannot be used: {Why(error)}",
        flag,
        "Name a file in a directory that exists, and that you may use.");

    /// <summary>Without the path that the system's own message has, which may be a draft's.</summary>
    public static string Why(Exception error) => error switch
    {
        FileNotFoundException or DirectoryNotFoundException => "there is no such file or directory",
        UnauthorizedAccessException => $"{Environment.UserName} has no permission there",
        _ => error.Message.Split(" : '")[0].TrimEnd('.'),
    };

    public int ExitCode { get; } = exitCode;

    public string? Where { get; } = where;

    public string? Fix { get; } = fix;
}
