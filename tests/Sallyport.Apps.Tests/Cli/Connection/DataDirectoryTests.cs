using Sallyport.Cli.Connection;

namespace Sallyport.Apps.Tests.Cli.Connection;

public sealed class DataDirectoryTests : IDisposable
{
    private readonly string directory = Directory.CreateTempSubdirectory("sallyport data ").FullName;
    private readonly Dictionary<string, string> variables = [];

    [Fact]
    public void A_flag_starts_at_the_current_directory() => Find("here").ShouldBe(Path.Combine(directory, "here"));

    [Fact]
    public void Without_anything_it_is_beside_the_commands()
    {
        variables["SALLYPORT_HOME"] = "/opt/sallyport";
        Find(null).ShouldBe("/opt/sallyport/.sallyport");
    }

    [Fact]
    public void The_settings_of_the_daemon_count_here_too()
    {
        File.WriteAllText(Path.Combine(directory, "sallyport.yaml"), "data: there\n");
        Find(null).ShouldBe(Path.Combine(directory, "there"));
    }

    [Fact]
    public void Broken_settings_are_for_the_daemon_to_explain()
    {
        File.WriteAllText(Path.Combine(directory, "sallyport.yaml"), "data: [\n");
        Find(null).ShouldBe(Path.Combine(directory, ".sallyport"));
    }

    public void Dispose() => Directory.Delete(directory, recursive: true);

    private string Find(string? flag) => DataDirectory.Find(flag, name => variables.GetValueOrDefault(name), directory);
}
