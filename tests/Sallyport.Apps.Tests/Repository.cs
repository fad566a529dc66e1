namespace Sallyport.Apps.Tests;

internal static class Repository
{
    /// <summary>The directory with the solution, above wherever the tests run.</summary>
    public static string Root { get; } = Find();

    private static string Find()
    {
        var directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "Sallyport.slnx")))
        {
            directory = Path.GetDirectoryName(directory) ?? throw new InvalidOperationException("the tests run outside of the repository");
        }

        return directory;
    }
}
