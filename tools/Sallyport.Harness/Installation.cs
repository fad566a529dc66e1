using System.Diagnostics;
using System.Globalization;
using Sallyport.Api.Client;

namespace Sallyport.Harness;

/// <summary>Our control process and its gateway, in a namespace, on a data directory of their own.</summary>
public sealed class Installation : IAsyncDisposable
{
    private readonly Namespace where;
    private readonly Dictionary<string, string> environment;
    private readonly string folder;
    private readonly int? userId;
    private ChildProcess? control;
    private SallyportClient? client;

    private Installation(Namespace where, IReadOnlyDictionary<string, string>? settings, int? userId)
    {
        if (Programs.Missing is { } missing)
        {
            throw new InvalidOperationException(missing);
        }

        this.where = where;
        this.userId = userId;
        folder = Directory.CreateTempSubdirectory("sp-").FullName;
        Data = Path.Combine(folder, "data");
        WorkFolder = Directory.CreateDirectory(Path.Combine(folder, "work")).FullName;
        environment = new Dictionary<string, string>
        {
            ["SALLYPORT_DATA"] = Data,
            ["SALLYPORT_ENDPOINT"] = Topology.GatewayV4,
            ["DOTNET_ROOT"] = Programs.DotnetRoot,
        };
        foreach (var (name, value) in settings ?? new Dictionary<string, string>())
        {
            environment[name] = value;
        }

        if (userId is { } id)
        {
            Shell.Run("chown", "-R", $"{id}:{id}", folder);
        }
    }

    public string Data { get; }

    /// <summary>Where the operator stands: files that the command line tool writes land here.</summary>
    public string WorkFolder { get; }

    /// <summary>Everything that the control process printed.</summary>
    public string ControlLog => control?.Log ?? "";

    public string GatewayLog => File.Exists(Path.Combine(Data, "gateway.log")) ? File.ReadAllText(Path.Combine(Data, "gateway.log")) : "";

    public int ControlProcessId => control!.ProcessId;

    /// <summary>The typed client as the administrator.</summary>
    public SallyportClient Client => client ??= new SallyportClient(new ClientOptions
    {
        UnixSocket = Path.Combine(Data, "api.sock"),
        Token = File.ReadAllText(Path.Combine(Data, "admin.token")).Trim(),
    });

    /// <summary>Starts and waits until devices can connect.</summary>
    /// <param name="settings">SALLYPORT_* variables.</param>
    /// <param name="userId">Whom the programs run as; null: as root.</param>
    public static async Task<Installation> Start(Namespace where, IReadOnlyDictionary<string, string>? settings = null, int? userId = null)
    {
        var made = new Installation(where, settings, userId);
        try
        {
            await made.StartControl();
            return made;
        }
        catch
        {
            await made.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts the control process, which starts a gateway or takes over the one that runs.</summary>
    /// <param name="extra">Further variables, for this start only.</param>
    public async Task StartControl(IReadOnlyDictionary<string, string>? extra = null)
    {
        var all = new Dictionary<string, string>(environment);
        foreach (var (name, value) in extra ?? new Dictionary<string, string>())
        {
            all[name] = value;
        }

        control?.Dispose();
        var daemon = Programs.PathOf("sallyportd");
        control = userId is { } id
            ? new ChildProcess(where, "setpriv", [$"--reuid={id}", $"--regid={id}", "--clear-groups", daemon, "serve"], all)
            : new ChildProcess(where, daemon, ["serve"], all);
        await UntilReady();
    }

    /// <summary>Until a gateway is connected, listens, and runs on control's newest model.</summary>
    public async Task UntilReady(int seconds = 30)
    {
        var watch = Stopwatch.StartNew();
        while (true)
        {
            var why = await WhyNotReady();
            if (why is null)
            {
                return;
            }

            if (control!.HasExited || watch.Elapsed > TimeSpan.FromSeconds(seconds))
            {
                var ended = control.HasExited ? $"sallyportd ended with {control.ExitCode}" : $"not ready after {seconds} s";
                throw new InvalidOperationException($"{ended} ({why}):\n{ControlLog}\n--- gateway\n{GatewayLog}");
            }

            await Task.Delay(50);
        }
    }

    /// <summary>The gateway's process, as the data directory names it; null where none lives.</summary>
    public int? GatewayProcessId()
    {
        var file = Path.Combine(Data, "gateway.pid");
        return File.Exists(file)
            && int.TryParse(File.ReadAllText(file).Split(' ', '\n')[0], NumberStyles.None, CultureInfo.InvariantCulture, out var id)
            && Shell.IsAlive(id)
            ? id
            : null;
    }

    /// <summary>kill -9, and waits until it is gone. The control process starts another.</summary>
    public async Task<int> KillGateway()
    {
        var id = GatewayProcessId() ?? throw new InvalidOperationException("no gateway runs");
        Shell.Signal(id, Shell.SignalKill);
        await Eventually.True(() => GatewayProcessId() != id, "the gateway's end");
        return id;
    }

    /// <summary>Asks the gateway alone to end, which it does in order. The control process starts another.</summary>
    public int EndGateway()
    {
        var id = GatewayProcessId() ?? throw new InvalidOperationException("no gateway runs");
        Shell.Signal(id, Shell.SignalTerminate);
        return id;
    }

    /// <summary>kill -9 of the control process alone: the gateway goes on.</summary>
    public void KillControl() => control!.Kill();

    /// <summary>Ends control and gateway as <c>./run --stop</c> does.</summary>
    public async Task Stop()
    {
        var result = Shell.TryRunWith("ip", ["netns", "exec", where.Name, Programs.PathOf("sallyportd"), "stop"], environment);
        if (result.ExitCode != 0)
        {
            throw new InvalidOperationException($"sallyportd stop ended with {result.ExitCode}: {result.All}");
        }

        await control!.WaitForExit(TimeSpan.FromSeconds(15));
    }

    /// <summary>Variables that name this installation, for a command line tool that runs elsewhere.</summary>
    public IReadOnlyDictionary<string, string> Environment => environment;

    /// <summary>The command line tool, on this installation, in <see cref="WorkFolder"/>.</summary>
    public CommandResult Cli(params IEnumerable<string> arguments) =>
        Shell.TryRunWith(Programs.PathOf("sallyport"), arguments, environment, folder: WorkFolder);

    /// <summary>The same, where it must work; returns what it printed.</summary>
    public string Say(params IEnumerable<string> arguments)
    {
        var words = arguments.ToArray();
        var result = Cli(words);
        return result.ExitCode == 0
            ? result.Output
            : throw new InvalidOperationException($"sallyport {string.Join(' ', words)} ended with {result.ExitCode}:\n{result.All}");
    }

    /// <summary>A command that goes on until it is ended, such as <c>flow tail</c>.</summary>
    public ChildProcess Follow(params IEnumerable<string> arguments) => new(null, Programs.PathOf("sallyport"), arguments, environment);

    public async ValueTask DisposeAsync()
    {
        client?.Dispose();
        control?.Dispose();
        if (GatewayProcessId() is { } gateway)
        {
            Shell.Signal(gateway, Shell.SignalKill);
            await Eventually.True(() => !Shell.IsAlive(gateway), "the gateway's end");
        }

        Directory.Delete(folder, recursive: true);
    }

    private async Task<string?> WhyNotReady()
    {
        if (!File.Exists(Path.Combine(Data, "admin.token")) || !File.Exists(Path.Combine(Data, "api.sock")))
        {
            return "no API yet";
        }

        try
        {
            var status = await Client.GetStatusAsync();
            return status.Gateways.Any(gateway => gateway is { Connected: true, Ready: true } && gateway.AcknowledgedVersion == status.ModelVersion)
                ? null
                : "no gateway is ready";
        }
        catch (Exception e) when (e is HttpRequestException or ApiException or TaskCanceledException or IOException)
        {
            return e.Message;
        }
    }
}
