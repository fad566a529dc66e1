using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Sallyport.Api.Client;
using Sallyport.Api.Devices;
using Sallyport.Api.Networks;
using Sallyport.Api.Problems;
using Sallyport.Api.Sites;
using Sallyport.Control.Flows;

namespace Sallyport.Control.Tests.Worlds;

/// <summary>Control on a directory of its own, behind a web server in memory, with an administrator's client.</summary>
internal sealed class ControlWorld : IAsyncDisposable
{
    private readonly bool ownsDirectory;

    private ControlWorld(string directory, bool ownsDirectory, ControlHost control, WebApplication app, SallyportClient client, RecordedLog log)
    {
        Directory = directory;
        this.ownsDirectory = ownsDirectory;
        Control = control;
        App = app;
        Client = client;
        Log = log;
    }

    public string Directory { get; }

    public ControlHost Control { get; }

    public WebApplication App { get; }

    public SallyportClient Client { get; }

    public RecordedLog Log { get; }

    public string Token => File.ReadAllText(Path.Combine(Directory, "admin.token")).Trim();

    public static async Task<ControlWorld> StartAsync(
        string? directory = null, TimeProvider? time = null, Func<ControlOptions, ControlOptions>? change = null)
    {
        var owns = directory is null;
        directory ??= NewDirectory();
        var options = new ControlOptions { DataDirectory = directory, Endpoint = "vpn.example.net" };
        var control = ControlHost.Open(change?.Invoke(options) ?? options, time ?? TimeProvider.System);
        var log = new RecordedLog();
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseTestServer();
        builder.Services.AddLogging(logging => logging.SetMinimumLevel(LogLevel.Trace).AddProvider(log));
        builder.Services.AddSallyportControl(control);
        var app = builder.Build();
        app.MapSallyportControl();
        await app.StartAsync();
        var world = new ControlWorld(directory, owns, control, app, null!, log);
        return new ControlWorld(directory, owns, control, app, new SallyportClient(app.GetTestClient(), world.Token), log);
    }

    public static string NewDirectory() => System.IO.Directory.CreateTempSubdirectory("sp-").FullName;

    /// <summary>The files as they lie there with the process still running: what a kill -9 leaves.</summary>
    public string CopyAsItLies()
    {
        var copy = NewDirectory();
        foreach (var file in System.IO.Directory.GetFiles(Directory).Where(file => !file.EndsWith(".sock", StringComparison.Ordinal)))
        {
            File.Copy(file, Path.Combine(copy, Path.GetFileName(file)));
        }

        return copy;
    }

    public HttpClient Http() => App.GetTestClient();

    /// <summary>What follows from a message of a gateway comes soon, not at once.</summary>
    public static async Task UntilAsync(Func<Task<bool>> holds)
    {
        for (var tries = 0; !await holds(); tries++)
        {
            tries.ShouldBeLessThan(500, "it never came");
            await Task.Delay(20);
        }
    }

    /// <summary>Everything that gateways reported is stored when it returns.</summary>
    public Task FlushAsync() => App.Services.GetRequiredService<TrafficLog>().FlushAsync();

    public async Task<NetworkInfo> PlantAsync() => await Client.AddNetworkAsync(new NetworkCreate { Name = "plant-a", Prefixes = ["10.20.0.0/16"] });

    public Task<SiteCreated> HqAsync(bool profile = false) => Client.AddSiteAsync(new SiteCreate
    {
        Name = "hq",
        Network = "plant-a",
        Subnets = ["192.168.50.0/24"],
        Profile = profile ? new() : null,
    });

    public Task<DeviceCreated> PumpAsync(string name = "pump-17") => Client.AddDeviceAsync(new DeviceCreate
    {
        Name = name,
        Network = "plant-a",
        Labels = new Dictionary<string, string> { ["model"] = "P200" },
        Profile = new(),
    });

    /// <summary>What the API has against it.</summary>
    public static async Task<Problem> ProblemOf(Func<Task> act)
    {
        var problem = (await act.ShouldThrowAsync<ApiException>()).Problem;
        ShouldBeOfUse(problem);
        return problem;
    }

    /// <summary>Every problem says what is wrong, where, and how to put it right; each message makes sense without its field.</summary>
    public static void ShouldBeOfUse(Problem problem)
    {
        problem.Type.ShouldStartWith("urn:sallyport:problem:");
        problem.Title.ShouldEndWith(".");
        if (problem.Status is not 422)
        {
            problem.Detail.ShouldNotBeNullOrEmpty();
        }

        if (problem.Status is not (401 or 403 or 500))
        {
            problem.Errors.ShouldNotBeEmpty();
        }

        foreach (var error in problem.Errors)
        {
            error.Field.ShouldNotBeNullOrEmpty(error.Message);
            error.Hint.ShouldNotBeNullOrEmpty(error.Message);
            error.Message.Split(' ')[0].ShouldNotBeOneOf("is", "has", "was", "are");
        }
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await App.StopAsync();
        await App.DisposeAsync();
        Control.Dispose();
        if (ownsDirectory)
        {
            System.IO.Directory.Delete(Directory, recursive: true);
        }
    }
}
