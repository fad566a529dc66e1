using System.Runtime.InteropServices;

namespace Sallyport.Harness;

/// <summary>Where the build put our programs.</summary>
public static class Programs
{
    public static string Root { get; } = FindRoot();

    /// <summary>What a program that is started by its own name needs to find its runtime.</summary>
    public static string DotnetRoot { get; } =
        Environment.GetEnvironmentVariable("DOTNET_ROOT") ?? Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));

    /// <summary>Null where daemon, gateway, CLI and simulator are built; else what to do.</summary>
    public static string? Missing { get; } = new[] { "sallyportd", "sallyport-gateway", "sallyport", "sallyport-simulator" }
        .Where(name => Find(name) is null)
        .Select(name => $"'{name}' is not built: run ./test, or dotnet build apps/{name}")
        .FirstOrDefault();

    public static string PathOf(string name) => Find(name) ?? throw new InvalidOperationException(Missing);

    private static string Configuration => new DirectoryInfo(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory)).Name;

    /// <summary>The build of our own configuration; where there is none, the newest of the others.</summary>
    private static string? Find(string name)
    {
        var builds = Path.Combine(Root, "artifacts", "bin", name);
        var own = Path.Combine(builds, Configuration, name);
        if (File.Exists(own) || !Directory.Exists(builds))
        {
            return File.Exists(own) ? own : null;
        }

        return Directory.EnumerateDirectories(builds)
            .Select(folder => Path.Combine(folder, name))
            .Where(File.Exists)
            .OrderByDescending(File.GetLastWriteTimeUtc)
            .FirstOrDefault();
    }

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Sallyport.slnx")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException("this does not run inside the repository");
    }
}
