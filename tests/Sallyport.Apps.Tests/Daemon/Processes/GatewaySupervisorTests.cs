using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using Sallyport.Daemon.Processes;

namespace Sallyport.Apps.Tests.Daemon.Processes;

/// <summary>A script in the gateway's place: it sleeps, or ends as it is told.</summary>
public sealed class GatewaySupervisorTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly string data = Directory.CreateTempSubdirectory("sallyport supervisor ").FullName;

    private string PidPath => Path.Combine(data, DataDirectoryNames.GatewayPid);

    [Fact]
    public async Task A_gateway_that_dies_is_replaced()
    {
        using var supervisor = Supervise("exec sleep 60");
        await supervisor.StartAsync(default);
        var first = await RunningAsync();

        (await Signals.EndAsync(first, Patience)).ShouldBeTrue();
        var second = await RunningAsync(otherThan: first);

        second.ShouldNotBe(first);
        await supervisor.StopAsync(default);
        await Signals.EndAsync(second, Patience);
    }

    [Fact]
    public async Task Our_end_is_not_the_gateways_and_the_next_supervisor_takes_it_over()
    {
        int gateway;
        using (var supervisor = Supervise("exec sleep 60"))
        {
            await supervisor.StartAsync(default);
            gateway = await RunningAsync();
            await supervisor.StopAsync(default);
        }

        PidFile.IsAlive(gateway).ShouldBeTrue("tunnels outlive the control process");

        using var next = Supervise("exec sleep 60");
        await next.StartAsync(default);
        (await RunningAsync()).ShouldBe(gateway);
        await next.StopAsync(default);
        await Signals.EndAsync(gateway, Patience);
    }

    [Fact]
    public async Task A_gateway_has_a_session_and_a_log_of_its_own()
    {
        using var supervisor = Supervise("echo started with \"$@\"; exec sleep 60");
        await supervisor.StartAsync(default);
        var gateway = await RunningAsync();

        var log = Path.Combine(data, DataDirectoryNames.GatewayLog);
        await UntilAsync(() => File.Exists(log) && File.ReadAllText(log).Length > 0);
        File.ReadAllText(log).ShouldBe($"started with --data {data} --control {data}/gateway.sock --name local --log {log} --log {data}/sallyportd.log\n");
        Session(gateway).ShouldBe(gateway);

        await supervisor.StopAsync(default);
        await Signals.EndAsync(gateway, Patience);
    }

    [Fact]
    public async Task A_gateway_that_cannot_start_is_tried_again_ever_more_slowly()
    {
        using var supervisor = Supervise("echo try; exit 7");
        var watch = Stopwatch.StartNew();
        await supervisor.StartAsync(default);
        var log = Path.Combine(data, DataDirectoryNames.GatewayLog);
        await UntilAsync(() => File.Exists(log) && File.ReadAllLines(log).Length >= 4);
        await supervisor.StopAsync(default);

        // 200 + 400 + 800 ms lie between four starts.
        watch.Elapsed.ShouldBeGreaterThan(TimeSpan.FromMilliseconds(1400));
    }

    [Fact]
    public async Task A_process_that_got_the_number_of_an_old_gateway_is_not_taken_for_it()
    {
        await File.WriteAllTextAsync(PidPath, $"{Environment.ProcessId} 1\n");
        PidFile.ReadLive(PidPath).ShouldBeNull();

        PidFile.Write(PidPath, Environment.ProcessId);
        PidFile.ReadLive(PidPath).ShouldBe(Environment.ProcessId);
    }

    [Theory]
    [InlineData("")]
    [InlineData("x y\n")]
    [InlineData("0 0\n")]
    [InlineData("-1 5\n")]
    [InlineData("99999999999 5\n")]
    public void A_file_that_is_no_such_file_names_nobody(string text)
    {
        File.WriteAllText(PidPath, text);
        PidFile.ReadLive(PidPath).ShouldBeNull();
    }

    public void Dispose() => Directory.Delete(data, recursive: true);

    private GatewaySupervisor Supervise(string script)
    {
        var program = Path.Combine(data, GatewayProgram.Name);
        File.WriteAllText(program, $"#!/bin/sh\n{script}\n");
        File.SetUnixFileMode(program, (UnixFileMode)0b111_000_000);
        return new GatewaySupervisor(new GatewayProgram(program, data), TimeProvider.System, NullLogger<GatewaySupervisor>.Instance);
    }

    private async Task<int> RunningAsync(int? otherThan = null)
    {
        await UntilAsync(() => PidFile.ReadLive(PidPath) is { } id && id != otherThan);
        return PidFile.ReadLive(PidPath)!.Value;
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        var watch = Stopwatch.StartNew();
        while (!condition())
        {
            watch.Elapsed.ShouldBeLessThan(Patience);
            await Task.Delay(10);
        }
    }

    /// <summary>Field 6 of /proc/PID/stat.</summary>
    private static int Session(int processId)
    {
        var stat = File.ReadAllText($"/proc/{processId}/stat");
        return int.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[3]);
    }
}
