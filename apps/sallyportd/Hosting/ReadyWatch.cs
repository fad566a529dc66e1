using Sallyport.Api.Client;
using Sallyport.Daemon.Commands;
using Sallyport.Daemon.Processes;
using Sallyport.Daemon.Settings;

namespace Sallyport.Daemon.Hosting;

/// <summary>
/// Waits at the start until a gateway listens with control's newest model, then says so: to the terminal, and in the note that
/// "sallyportd start" waits for. Asks through the API like everybody else, so that what it says is what works.
/// </summary>
internal sealed partial class ReadyWatch(DaemonSettings settings, ILogger<ReadyWatch> log) : BackgroundService
{
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(50);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            await Task.Delay(Step, stoppingToken);
            try
            {
                if (await ListeningAsync(stoppingToken) is var (listening, isEmpty))
                {
                    var text = ReadyNote.Text(settings, listening, isEmpty);
                    Console.Write(text);
                    ReadyNote.Write(settings, text);
                    return;
                }
            }
            catch (Exception error) when (error is HttpRequestException or ApiException or IOException)
            {
                // The API opens after us.
                NotYet(error.Message);
            }
        }
    }

    /// <summary>Where a ready gateway listens, and whether there is no network yet; null as long as no gateway is ready.</summary>
    private async Task<(IReadOnlyList<string> Listening, bool IsEmpty)?> ListeningAsync(CancellationToken cancel)
    {
        var token = await File.ReadAllTextAsync(Path.Combine(settings.DataDirectory, DataDirectoryNames.AdminToken), cancel);
        using var client = new SallyportClient(new ClientOptions { UnixSocket = settings.ApiSocket, Token = token.Trim() });
        var status = await client.GetStatusAsync(cancel);
        var ready = status.Gateways.FirstOrDefault(g => g is { Connected: true, Ready: true }
            && g.AcknowledgedVersion >= status.ModelVersion);
        return ready is null ? null : (ready.Listening, status.Networks == 0);
    }

    [LoggerMessage(210, LogLevel.Debug, "not ready yet: {Reason}")]
    private partial void NotYet(string reason);
}
