using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Sallyport.Api.Nodes;
using Sallyport.Cli;
using Sallyport.Control;
using Sallyport.Control.Flows;

namespace Sallyport.Apps.Tests.Cli;

/// <summary>Control itself on a Unix socket in a data directory, and the command line tool run against it: what one prints the other must take.</summary>
internal sealed class ControlServer : IAsyncDisposable
{
    private readonly ControlHost control;
    private readonly WebApplication app;
    private long lastFlow;

    private ControlServer(string directory)
    {
        Directory = directory;
        control = ControlHost.Open(new ControlOptions { DataDirectory = directory, Endpoint = "vpn.example.net" }, TimeProvider.System);
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(options => options.ListenUnixSocket(Path.Combine(directory, "api.sock")));
        builder.Services.AddLogging();
        builder.Services.AddSallyportControl(control);
        app = builder.Build();
        app.MapSallyportControl();
    }

    public string Directory { get; }

    public static async Task<ControlServer> StartAsync()
    {
        var server = new ControlServer(System.IO.Directory.CreateTempSubdirectory("sallyport-cli-").FullName);
        await server.app.StartAsync();
        return server;
    }

    /// <summary>Standard output of "sallyport ARGUMENTS", which must succeed; no gateway is there to confirm what takes permissions away.</summary>
    public async Task<string> RunAsync(params string[] arguments)
    {
        var (code, output, remarks) = await CannedServer.RunOnAsync(Directory, arguments);
        code.ShouldBeOneOf([ExitCodes.Ok, ExitCodes.NotConfirmed], $"{string.Join(' ', arguments)}: {remarks}");
        return output;
    }

    /// <summary>Commands as they were printed.</summary>
    public async Task RunLinesAsync(params string[] lines)
    {
        foreach (var line in lines)
        {
            await RunAsync(line["sallyport ".Length..].Split(' '));
        }
    }

    public string Write(string name, string text)
    {
        var path = Path.Combine(Directory, name);
        File.WriteAllText(path, text);
        return path;
    }

    /// <summary>A TCP flow that a device of a network opened and that was denied; stored when it returns.</summary>
    public async Task DeniedAsync(string device, string destination, int port, string reason, string? application = null)
    {
        var from = control.Feed.State.Identities.Values.Single(identity => identity.Name == device);
        var now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() * 1_000_000;
        var log = app.Services.GetRequiredService<TrafficLog>();
        log.Flows("gw-1", log.RunOf("gw-1", "1"),
        [
            new FlowState
            {
                FlowId = Interlocked.Increment(ref lastFlow),
                NetworkId = from.NetworkId,
                FromId = from.Id,
                ToId = 0,
                Protocol = "tcp",
                Source = from.AddressV4!,
                SourcePort = 40_000,
                Destination = destination,
                DestinationPort = port,
                Allowed = false,
                RuleId = 0,
                ApplicationId = application is null ? 0 : control.Feed.State.Applications.Values.Single(one => one.Name == application).Id,
                Reason = reason,
                FirstSeen = now,
                LastSeen = now,
                PacketsOut = 1,
                BytesOut = 60,
                PacketsBack = 0,
                BytesBack = 0,
                Ended = false,
            },
        ]);
        await log.FlushAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await app.StopAsync();
        await app.DisposeAsync();
        control.Dispose();
        System.IO.Directory.Delete(Directory, recursive: true);
    }
}
