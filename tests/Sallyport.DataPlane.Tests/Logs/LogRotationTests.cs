using System.Diagnostics;
using Sallyport.DataPlane.Logs;

namespace Sallyport.DataPlane.Tests.Logs;

public sealed class LogRotationTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("sp-logs-").FullName;

    private string Log => Path.Combine(_directory, "gateway.log");

    [Fact]
    public void A_log_that_grew_too_large_is_put_aside_while_its_writer_goes_on()
    {
        using var writer = new Writer(Log);
        var rotation = new LogRotation([Log], bytesMax: 10, kept: 2);
        writer.Write("short");
        rotation.Turn();
        File.ReadAllText(Log).ShouldBe("short\n");

        writer.Write("now it is long");
        rotation.Turn();
        File.ReadAllText(Log).ShouldBeEmpty();
        File.ReadAllText(Log + ".1").ShouldBe("short\nnow it is long\n");
        File.GetUnixFileMode(Log + ".1").ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);

        writer.Write("after");
        File.ReadAllText(Log).ShouldBe("after\n");
    }

    [Fact]
    public void Only_so_many_old_files_are_kept_and_they_are_in_order()
    {
        using var writer = new Writer(Log);
        var rotation = new LogRotation([Path.Combine(_directory, "not-there.log"), Log], bytesMax: 3, kept: 3);
        for (var i = 1; i <= 8; i++)
        {
            writer.Write($"line {i}");
            rotation.Turn();
        }

        Directory.GetFiles(_directory).Select(file => Path.GetFileName(file)).Order()
            .ShouldBe(["gateway.log", "gateway.log.1", "gateway.log.2", "gateway.log.3"]);
        ((int[])[1, 2, 3]).Select(n => File.ReadAllText($"{Log}.{n}")).ShouldBe(["line 8\n", "line 7\n", "line 6\n"]);
    }

    [Fact]
    public void A_rotation_that_was_cut_short_is_made_good_by_the_next()
    {
        File.WriteAllText(Log, "twelve bytes");
        File.WriteAllText(Log + ".new", "half");
        new LogRotation([Log], bytesMax: 3, kept: 1).Turn();
        File.ReadAllText(Log + ".1").ShouldBe("twelve bytes");
        File.Exists(Log + ".new").ShouldBeFalse();
    }

    [Fact]
    public void What_cannot_be_rotated_does_not_end_the_gateway()
    {
        File.WriteAllText(Log, "twelve bytes");
        Directory.CreateDirectory(Log + ".1");
        new LogRotation([Log], bytesMax: 3, kept: 1).Turn();
        File.ReadAllText(Log).ShouldBe("twelve bytes");
    }

    [Fact]
    public async Task The_first_look_is_at_once_and_the_end_is_in_order()
    {
        await File.WriteAllTextAsync(Log, "twelve bytes");
        using var stop = new CancellationTokenSource();
        var running = new LogRotation([Log], bytesMax: 3, kept: 1).RunAsync(TimeProvider.System, stop.Token);
        File.Exists(Log + ".1").ShouldBeTrue();
        await stop.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(() => running);
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    /// <summary>Another process that holds the file open for appending, as the programs' shells do.</summary>
    private sealed class Writer : IDisposable
    {
        private readonly Process _process;
        private readonly string _file;

        public Writer(string file)
        {
            _file = file;
            var start = new ProcessStartInfo("/bin/sh") { RedirectStandardInput = true, UseShellExecute = false };
            start.ArgumentList.Add("-c");
            start.ArgumentList.Add("""exec >>"$0"; while read -r line; do echo "$line"; done""");
            start.ArgumentList.Add(file);
            _process = Process.Start(start)!;
        }

        public void Write(string line)
        {
            var before = File.Exists(_file) ? new FileInfo(_file).Length : 0;
            _process.StandardInput.WriteLine(line);
            _process.StandardInput.Flush();
            SpinWait.SpinUntil(() => File.Exists(_file) && new FileInfo(_file).Length == before + line.Length + 1, TimeSpan.FromSeconds(20)).ShouldBeTrue();
        }

        public void Dispose()
        {
            _process.StandardInput.Dispose();
            _process.WaitForExit();
            _process.Dispose();
        }
    }
}
