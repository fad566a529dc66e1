using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Sallyport.Api.Nodes;
using Sallyport.Control.Changes;
using Sallyport.Control.Flows;
using Sallyport.Control.Identities;
using Sallyport.Control.Names;
using Sallyport.Control.Pki;
using Sallyport.Control.Policies;
using Sallyport.Control.Store;
using CertificateRequest = Sallyport.Api.Nodes.CertificateRequest;

namespace Sallyport.Control.Nodes;

/// <summary>Where gateways come in: a Unix socket that only our own user may open.</summary>
internal sealed partial class NodeServer(
    ControlOptions options, ChangeFeed feed, GatewayLinks links, TrafficLog traffic, VolumeTable volumes, CertificateAuthority authority, Cuts cuts, TimeProvider time,
    ILogger<NodeServer> log) : BackgroundService
{
    private const int LinksMax = 64; // gateways of one control; each holds a few buffers
    private const int PathMax = 107; // unix(7): sun_path has 108 bytes with its terminator

    private static readonly TimeSpan HelloWait = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan RenewalEvery = TimeSpan.FromHours(1);
    private static readonly TimeSpan FirstRenewalAfter = TimeSpan.FromMinutes(1);

    private readonly LinkPenalties penalties = new();
    private Socket? listener;
    private int open;

    public override Task StartAsync(CancellationToken cancellationToken)
    {
        // Bound before the host says that it runs: whoever starts a gateway next finds the door.
        listener = Listen(options.NodeSocket);
        return base.StartAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var socket = listener!;
        try
        {
            while (true)
            {
                var peer = await socket.AcceptAsync(stoppingToken);
                if (Interlocked.Increment(ref open) > LinksMax)
                {
                    Interlocked.Decrement(ref open);
                    LogTooMany(log, LinksMax);
                    peer.Dispose();
                    continue;
                }

                _ = ServeAsync(peer, stoppingToken);
            }
        }
        catch (OperationCanceledException)
        {
            // Gateways keep forwarding without us; the socket goes with the process.
        }
    }

    private static Socket Listen(string path)
    {
        if (System.Text.Encoding.UTF8.GetByteCount(path) > PathMax)
        {
            throw new InvalidOperationException($"The path {path} is too long for a socket ({PathMax} bytes). Choose a shorter data directory.");
        }

        File.Delete(path); // of a process before us; the data directory belongs to one sallyportd
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Bind(new UnixDomainSocketEndPoint(path));
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            socket.Listen(16);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private async Task ServeAsync(Socket socket, CancellationToken stopping)
    {
        var name = "?";
        try
        {
            using (socket)
            {
                var peer = PeerCredentials.Of(socket);
                if (peer.UserId != PeerCredentials.OwnUserId && peer.UserId != 0)
                {
                    LogStranger(log, peer.ProcessId, peer.UserId);
                    return;
                }

                await using var stream = new NetworkStream(socket, ownsSocket: false);
                if (await ReadHelloAsync(stream, stopping) is not { } hello)
                {
                    return;
                }

                name = hello.Gateway;
                await Task.Delay(penalties.WaitOf(name, time.GetUtcNow()), time, stopping);
                await stream.WriteAsync(NodeFrames.Write(new Welcome(ControlHost.SoftwareVersion, Hello.CurrentProtocol)), stopping);
                await ServeAsync(hello, peer, socket, stream, stopping);
            }
        }
        catch (NodeProtocolException e)
        {
            LogHostile(log, name, e.Message);
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // The gateway went, or we do.
        }
        catch (Exception e)
        {
            LogBroken(log, name, e);
        }
        finally
        {
            Interlocked.Decrement(ref open);
        }
    }

    private static async Task<Hello?> ReadHelloAsync(NetworkStream stream, CancellationToken stopping)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        limit.CancelAfter(HelloWait);
        if (await NodeFrames.ReadAsync(stream, new SkippedRecords(), limit.Token) is not { } first)
        {
            return null;
        }

        if (first is not Hello hello)
        {
            throw new NodeProtocolException($"a {first.GetType().Name} before its hello");
        }

        if (hello.ProtocolVersion != Hello.CurrentProtocol)
        {
            throw new NodeProtocolException(
                $"protocol {hello.ProtocolVersion}, and this control speaks {Hello.CurrentProtocol}: install one version of both");
        }

        return hello;
    }

    private async Task ServeAsync(Hello hello, PeerCredentials peer, Socket socket, NetworkStream stream, CancellationToken stopping)
    {
        var runId = traffic.RunOf(hello.Gateway, peer.ProcessKey());
        var confirmed = hello.ModelVersion <= feed.State.Version ? hello.ModelVersion : 0;
        var link = new GatewayLink(hello, confirmed, runId, time.GetUtcNow(), socket) { Certificate = authority.FindGateway(hello.Gateway) };
        links.Add(link)?.Socket.Dispose();
        traffic.GatewayConnected(hello.Gateway, runId);
        LogConnected(log, hello.Gateway, hello.SoftwareVersion, hello.ProcessId, hello.ModelVersion);
        if (hello.ModelVersion == 0 && volumes.Of(hello.Gateway) is { } carried)
        {
            // A process that has no model has counted nothing either.
            link.Send(carried);
        }

        using var subscription = feed.Subscribe(hello.ModelVersion, link.Send);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        var writing = WriteAsync(link, stream, ending.Token);
        var renewing = RenewAsync(link, ending.Token);
        var skipped = new SkippedRecords();
        var greeted = time.GetTimestamp();
        try
        {
            while (await NodeFrames.ReadAsync(stream, skipped, stopping) is { } message)
            {
                if (skipped.Telling(time.GetUtcNow()) is { } telling)
                {
                    traffic.RecordsSkipped(hello.Gateway, telling);
                }

                link.Skipped = skipped.Count;
                Handle(link, message);
            }
        }
        catch (NodeProtocolException)
        {
            // Before the gateway can see that its link is gone.
            penalties.Ended(hello.Gateway, time.GetElapsedTime(greeted), time.GetUtcNow());
            throw;
        }
        finally
        {
            links.Remove(link);
            link.End();
            traffic.GatewayDisconnected(hello.Gateway, runId);
            if (!stopping.IsCancellationRequested)
            {
                // Where we go, ours is the end that closes.
                LogDisconnected(log, hello.Gateway);
            }
            await ending.CancelAsync();
            socket.Dispose();
            await Task.WhenAll(writing, renewing).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private void Handle(GatewayLink link, NodeMessage message)
    {
        switch (message)
        {
            case Acknowledge acknowledge when acknowledge.Version > feed.State.Version:
                throw new NodeProtocolException($"an acknowledgement of version {acknowledge.Version}, which does not exist yet");
            case Acknowledge acknowledge:
                link.Handle(acknowledge);
                break;
            case ScheduleReport report:
                // Of a rule that was changed meanwhile nothing is recorded: what the trail tells is what control can confirm.
                cuts.RecordSchedule(link.Name, report, RuleTimes.Due(feed.State, report, time.NowNanoseconds()), Aged(report));
                break;
            case MeterReport meters:
                traffic.Meters(link.Name, meters.Meters);
                break;
            case Ready ready:
                link.Handle(ready);
                LogReady(log, link.Name, Label.Shorten(string.Join(", ", ready.Listening)));
                break;
            case DropReport drops:
                link.Handle(drops);
                break;
            case CertificateRequest request:
                link.Send(Certify(link, request));
                break;
            case TunnelReport report:
                traffic.Tunnels(link.Name, link.RunId, report.Tunnels);
                break;
            case FlowReport report:
                traffic.Flows(link.Name, link.RunId, report.Flows);
                break;
            case DnsReport report:
                traffic.DnsQueries(link.Name, report.Queries);
                break;
            case EventReport report:
                traffic.Events(link.Name, report.Events);
                break;
            default:
                throw new NodeProtocolException($"a {message.GetType().Name} in the middle of the link");
        }
    }

    /// <summary>Whose facts stopped to count, as the trail names them.</summary>
    private IReadOnlyList<string> Aged(ScheduleReport report) =>
    [
        .. report.Identities.Select(id => feed.State.Identities.GetValueOrDefault(id)).OfType<IdentityModel>()
            .Where(identity => feed.State.Networks.ContainsKey(identity.NetworkId))
            .Select(identity => IdentityRow.SubjectOf(identity.Kind, identity.Name, feed.State.Networks[identity.NetworkId].Name)),
    ];

    private Certificate Certify(GatewayLink link, CertificateRequest request)
    {
        X509Certificate2 certificate;
        try
        {
            certificate = authority.CertifyGateway(request.Request, link.Name, options.Endpoint);
        }
        catch (CryptographicException e)
        {
            throw new NodeProtocolException(e.Message);
        }

        LogCertified(log, link.Name, certificate.NotAfter.ToUniversalTime());
        link.Certificate = certificate;
        return ChainOf(certificate);
    }

    private Certificate ChainOf(X509Certificate2 certificate) =>
        new([certificate.RawData, authority.Issuing.RawData], [authority.Root.RawData, authority.Issuing.RawData]);

    /// <summary>A gateway that runs for a year must not end with its certificate.</summary>
    private async Task RenewAsync(GatewayLink link, CancellationToken cancel)
    {
        // The first time soon: the endpoint may be another since control was last here, and peers look for it in the certificate.
        using var timer = new PeriodicTimer(FirstRenewalAfter, time);
        while (await timer.WaitForNextTickAsync(cancel))
        {
            timer.Period = RenewalEvery;
            if (link.Certificate is { } current && authority.RenewGateway(current, link.Name, options.Endpoint) is { } renewed)
            {
                link.Certificate = renewed;
                link.Send(ChainOf(renewed));
                LogCertified(log, link.Name, renewed.NotAfter.ToUniversalTime());
            }
        }
    }

    private static async Task WriteAsync(GatewayLink link, NetworkStream stream, CancellationToken cancel)
    {
        await foreach (var message in link.Outgoing.ReadAllAsync(cancel))
        {
            await stream.WriteAsync(NodeFrames.Write(message), cancel);
        }
    }

    [LoggerMessage(2101, LogLevel.Information, "Gateway {Gateway} {Version} (process {ProcessId}) connected with model {ModelVersion}")]
    private static partial void LogConnected(ILogger logger, string gateway, string version, int processId, long modelVersion);

    [LoggerMessage(2102, LogLevel.Warning, "Gateway {Gateway} is no longer connected; it keeps forwarding on the model it has")]
    private static partial void LogDisconnected(ILogger logger, string gateway);

    [LoggerMessage(2103, LogLevel.Information, "Gateway {Gateway} listens on {Listening}")]
    private static partial void LogReady(ILogger logger, string gateway, string listening);

    [LoggerMessage(2104, LogLevel.Information, "Gateway {Gateway} has a certificate until {NotAfter:u}")]
    private static partial void LogCertified(ILogger logger, string gateway, DateTime notAfter);

    [LoggerMessage(2105, LogLevel.Error, "The link of gateway {Gateway} was ended: it sent {What}")]
    private static partial void LogHostile(ILogger logger, string gateway, string what);

    [LoggerMessage(2106, LogLevel.Error, "Process {ProcessId} of user {UserId} tried to be a gateway and was turned away")]
    private static partial void LogStranger(ILogger logger, int processId, uint userId);

    [LoggerMessage(2107, LogLevel.Error, "More than {Max} gateways at once; the last was turned away")]
    private static partial void LogTooMany(ILogger logger, int max);

    [LoggerMessage(2108, LogLevel.Error, "The link of gateway {Gateway} failed")]
    private static partial void LogBroken(ILogger logger, string gateway, Exception e);
}
