using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Sallyport.Cli.Connection;

/// <summary>Where the installation on this machine has its data; the same answer as sallyportd's own.</summary>
internal static class DataDirectory
{
    public static string Find(string? flag, Func<string, string?> variable, string currentDirectory)
    {
        if (flag is not null)
        {
            return Path.GetFullPath(flag, currentDirectory);
        }

        var home = variable("SALLYPORT_HOME") ?? currentDirectory;
        var usual = Path.GetFullPath(Path.Combine(home, ".sallyport"), currentDirectory);
        var config = variable("SALLYPORT_CONFIG") is { } named
            ? Path.GetFullPath(named, currentDirectory)
            : ((string[])[usual, currentDirectory, home]).Select(place => Path.Combine(place, "sallyport.yaml")).FirstOrDefault(File.Exists);
        return config is not null && FromFile(config) is { } data ? Path.GetFullPath(data, Path.GetDirectoryName(config)!) : usual;
    }

    private static string? FromFile(string config)
    {
        try
        {
            var yaml = new YamlStream();
            using var reader = new StreamReader(config);
            yaml.Load(reader);
            return yaml.Documents is [{ RootNode: YamlMappingNode root }, ..] && root.Children.TryGetValue("data", out var data)
                && data is YamlScalarNode { Value.Length: > 0 } scalar
                ? scalar.Value
                : null;
        }
        catch (Exception error) when (error is YamlException or IOException or UnauthorizedAccessException)
        {
            // sallyportd is who says what is wrong with its settings.
            return null;
        }
    }
}
