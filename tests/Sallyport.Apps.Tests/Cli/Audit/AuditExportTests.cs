using Sallyport.Cli;

namespace Sallyport.Apps.Tests.Cli.Audit;

/// <summary>An export is a private file of its own, and nothing that was there before.</summary>
[Collection("console")]
public sealed class AuditExportTests : IAsyncLifetime
{
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private CannedServer server = null!;

    private string Target => Path.Combine(server.Directory, "audit.jsonl");

    public async Task InitializeAsync() => server = (await CannedServer.StartAsync()).Says("GET /api/v1/audit/export", "{}\n");

    public async Task DisposeAsync() => await server.DisposeAsync();

    [Fact]
    public async Task An_export_is_private_and_leaves_no_draft()
    {
        (await ExportAsync()).Code.ShouldBe(ExitCodes.Ok);
        (await File.ReadAllTextAsync(Target)).ShouldBe("{}\n");
        File.GetUnixFileMode(Target).ShouldBe(Private);
        Directory.GetFiles(server.Directory, "audit.jsonl*").ShouldHaveSingleItem();
    }

    [Fact]
    public async Task A_file_that_exists_is_not_overwritten_unless_forced_and_is_then_private()
    {
        await File.WriteAllTextAsync(Target, "old");
        File.SetUnixFileMode(Target, (UnixFileMode)0b110_100_100);

        var (code, remarks) = await ExportAsync();
        code.ShouldBe(ExitCodes.Refused);
        remarks.ShouldContain("--force");
        (await File.ReadAllTextAsync(Target)).ShouldBe("old");
        server.Asked.ShouldBeEmpty();

        (await ExportAsync("--force")).Code.ShouldBe(ExitCodes.Ok);
        (await File.ReadAllTextAsync(Target)).ShouldBe("{}\n");
        File.GetUnixFileMode(Target).ShouldBe(Private);
    }

    [Theory]
    [InlineData(".part")]
    [InlineData(".PID.part")]
    [InlineData("")]
    public async Task No_link_that_lies_in_the_way_is_followed(string suffix)
    {
        var victim = Path.Combine(server.Directory, "victim");
        await File.WriteAllTextAsync(victim, "precious");
        File.CreateSymbolicLink(Target + suffix.Replace("PID", $"{Environment.ProcessId}", StringComparison.Ordinal), victim);

        await ExportAsync("--force");

        (await File.ReadAllTextAsync(victim)).ShouldBe("precious");
    }

    private async Task<(int Code, string Remarks)> ExportAsync(params string[] more)
    {
        var (code, _, remarks) = await server.RunAsync(["audit", "export", "--to", Target, .. more]);
        return (code, remarks);
    }
}
