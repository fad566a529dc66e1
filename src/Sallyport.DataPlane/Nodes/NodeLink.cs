using System.Net.Sockets;
using System.Security.Cryptography;
using Sallyport.Api.Nodes;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Model;

namespace Sallyport.DataPlane.Nodes;

/// <summary>What the link tells its owner. Models and certificates one after the other, never on a packet thread.</summary>
internal interface INodeLinkOwner
{
    /// <summary>DER of a PKCS#10 request where a certificate is wanted now; null where the one in hand serves, or the answer is awaited.</summary>
    byte[]? CertificateRequest(bool isNewConnection);

    /// <summary>Returns a frame to send at once, if any.</summary>
    NodeMessage? HandleCertificate(Certificate certificate);

    /// <summary>The model to run on from now on. Returns a frame to send at once, if any.</summary>
    NodeMessage? HandleModel(GatewayModel model, ModelChange change);

    void HandleDisconnect(Disconnect disconnect);

    /// <summary>What a process before this one has carried.</summary>
    void Restore(MeterReport report);

    /// <summary>Volumes in their present period: of all, or where they have changed since this was last asked.</summary>
    IReadOnlyList<MeterState> Meters(bool everything);

    /// <summary>Where the listeners are open; null while they are not.</summary>
    NodeMessage? Ready();

    /// <summary>Packets dropped since the gateway started, by reason, without those that are 0.</summary>
    IReadOnlyDictionary<string, long> Drops();
}

/// <summary>
/// The gateway's end of the node protocol. It comes back for ever with growing pauses; while control is away the gateway runs on
/// the model it has.
/// </summary>
internal sealed class NodeLink
{
    /// <summary>
    /// Tunnels and flows leave at the latest after this time: a frame for each of the hundreds that come and go in a storm would cost as much
    /// as their handshakes.
    /// </summary>
    private static readonly TimeSpan ReportEvery = TimeSpan.FromMilliseconds(100);

    /// <summary>The wall clock may be set while we wait for a moment of it.</summary>
    private static readonly TimeSpan ClockEvery = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan FlushTime = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan DropsEvery = TimeSpan.FromSeconds(2);
    private const int MetersPerFrame = 10_000;

    private readonly string _socketPath;
    private readonly string _name;
    private readonly string _version;
    private readonly Uplink _uplink;
    private readonly INodeLinkOwner _owner;
    private readonly Clock _clock;
    private readonly GatewayLog _log;
    private readonly Lock _modelLock = new();
    private readonly Doorbell _modelChanged = new();
    private GatewayModel? _model;

    public NodeLink(string socketPath, string name, string version, Uplink uplink, INodeLinkOwner owner, Clock clock, GatewayLog log)
    {
        _socketPath = socketPath;
        _name = name;
        _version = version;
        _uplink = uplink;
        _owner = owner;
        _clock = clock;
        _log = log;
    }

    /// <summary>Until cancelled; then what is left is sent, for at most a second. Throws where rules would not end any more.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var (hours, link) = (KeepHoursAsync(stop.Token), KeepLinkAsync(stop.Token));
        await Task.WhenAny(hours, link).ConfigureAwait(false);
        await stop.CancelAsync().ConfigureAwait(false);

        // Where control does not read, the link may hang in a write; nobody waits for that.
        await link.WaitAsync(2 * FlushTime, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await (hours.IsFaulted ? hours : link.IsCompleted ? link : Task.CompletedTask).ConfigureAwait(false);
    }

    /// <summary>Rules come into force and go out of it by the clock, whether control is there or not.</summary>
    private async Task KeepHoursAsync(CancellationToken cancel)
    {
        while (true)
        {
            var wait = AdvanceHours(WallNow) - WallNow;
            var soon = wait < ClockEvery ? TimeSpan.FromMilliseconds(Math.Max(1, Math.Ceiling(wait.TotalMilliseconds))) : ClockEvery;
            await _modelChanged.WaitAsync(soon, cancel).ConfigureAwait(false);
        }
    }

    /// <summary>One moment after the other, each with its own measured cut. Returns the next one.</summary>
    private Instant AdvanceHours(Instant now)
    {
        lock (_modelLock)
        {
            while (_model is not null && ModelMapper.AtNextDue(_model, now, out var change) is { } next)
            {
                _model = next;
                _owner.HandleModel(next, change);
            }

            return _model?.Fleet.NextChange ?? Instant.Never;
        }
    }

    private Instant WallNow => new(_clock.ToWall(_clock.Now));

    private async Task KeepLinkAsync(CancellationToken cancel)
    {
        var pauses = new ReconnectPauses(() => RandomNumberGenerator.GetInt32(1_000) / 1_000d);
        var wasConnected = true;
        while (!cancel.IsCancellationRequested)
        {
            Instant? connected = null;
            try
            {
                using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(_socketPath), cancel).ConfigureAwait(false);
                wasConnected = true;
                connected = _clock.Now;
                using var stream = new NetworkStream(socket);
                await ServeAsync(stream, cancel).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (cancel.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is IOException or SocketException or InvalidDataException or FormatException
                or System.Text.Json.JsonException)
            {
                // Once per loss, not once per attempt.
                if (wasConnected)
                {
                    _log.Write("control.away", File.Exists(_socketPath) ? $"{_socketPath}: {e.Message}" : $"nobody is at {_socketPath} yet");
                    wasConnected = false;
                }
            }

            try
            {
                var pause = connected is { } since ? pauses.AfterLink(_clock.Now - since) : pauses.AfterNoAnswer();
                await Task.Delay(pause, cancel).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private async Task ServeAsync(NetworkStream stream, CancellationToken cancel)
    {
        await NodeFrames.WriteAsync(
            stream, new Hello(_name, _version, Hello.CurrentProtocol, Environment.ProcessId, _model?.Version ?? 0), cancel).ConfigureAwait(false);
        if (await NodeFrames.ReadAsync(stream, cancel).ConfigureAwait(false) is not Welcome welcome)
        {
            throw new InvalidDataException("Control did not greet.");
        }

        if (welcome.ProtocolVersion != Hello.CurrentProtocol)
        {
            throw new InvalidDataException(
                $"Control {welcome.SoftwareVersion} speaks node protocol {welcome.ProtocolVersion}, this gateway {Hello.CurrentProtocol}.");
        }

        _log.Write("control.connected", $"sallyportd {welcome.SoftwareVersion}");
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        using var writing = new SemaphoreSlim(1);
        if (_owner.CertificateRequest(isNewConnection: true) is { } request)
        {
            await NodeFrames.WriteAsync(stream, new CertificateRequest(request), cancel).ConfigureAwait(false);
        }

        if (_owner.Ready() is { } ready)
        {
            await NodeFrames.WriteAsync(stream, ready, cancel).ConfigureAwait(false);
        }

        await SendAllAsync(stream, writing, _uplink.TakeAgain(), cancel).ConfigureAwait(false);
        _uplink.Resync();
        var reports = ReportAsync(stream, writing, ended.Token);
        try
        {
            await ReceiveAsync(stream, writing, cancel).ConfigureAwait(false);
        }
        finally
        {
            await ended.CancelAsync().ConfigureAwait(false);
            var last = cancel.IsCancellationRequested ? FlushAsync(reports, stream, writing) : reports;

            // Where control does not read any more, closing the stream ends what waits.
            await last.WaitAsync(FlushTime, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task ReceiveAsync(NetworkStream stream, SemaphoreSlim writing, CancellationToken cancel)
    {
        while (await NodeFrames.ReadAsync(stream, cancel).ConfigureAwait(false) is { } message)
        {
            if (Handle(message) is { } answer)
            {
                await SendAsync(stream, writing, answer, cancel).ConfigureAwait(false);
            }
        }

        throw new EndOfStreamException("control closed the link");
    }

    private NodeMessage? Handle(NodeMessage message)
    {
        switch (message)
        {
            case Certificate certificate:
                lock (_modelLock)
                {
                    return _owner.HandleCertificate(certificate);
                }

            case Snapshot or Delta:
                return HandleModel(message);
            case MeterReport meters:
                _owner.Restore(meters);
                return null;
            case Disconnect disconnect:
                _owner.HandleDisconnect(disconnect);
                return null;
            default:
                throw new InvalidDataException($"Control sent {message.GetType().Name}, which only gateways send.");
        }
    }

    private NodeMessage? HandleModel(NodeMessage message)
    {
        lock (_modelLock)
        {
            // What the clock does is told apart from what control did.
            var now = WallNow;
            AdvanceHours(now);
            ModelChange change;
            _model = message switch
            {
                Delta when _model is null => throw new InvalidDataException("A delta came before any snapshot."),
                Delta delta => ModelMapper.Apply(_model, delta, now, out change),
                _ => ModelMapper.FromSnapshot(_model ?? GatewayModel.Empty, (Snapshot)message, now, out change),
            };
            _modelChanged.Ring();
            return _owner.HandleModel(_model, change);
        }
    }

    private async Task ReportAsync(NetworkStream stream, SemaphoreSlim writing, CancellationToken cancel)
    {
        var nextDrops = _clock.Now;

        // What control had of the link before nobody knows.
        var everything = true;
        while (true)
        {
            await SendAllAsync(stream, writing, _uplink.Take(), cancel).ConfigureAwait(false);
            if (_clock.Now >= nextDrops)
            {
                nextDrops = _clock.Now + DropsEvery;
                await SendAsync(stream, writing, new DropReport(_owner.Drops()), cancel).ConfigureAwait(false);
                foreach (var meters in _owner.Meters(everything).Chunk(MetersPerFrame))
                {
                    await SendAsync(stream, writing, new MeterReport(meters), cancel).ConfigureAwait(false);
                }

                everything = false;

                if (_owner.CertificateRequest(isNewConnection: false) is { } request)
                {
                    await SendAsync(stream, writing, new CertificateRequest(request), cancel).ConfigureAwait(false);
                }
            }

            await _uplink.WaitAsync(ReportEvery, cancel).ConfigureAwait(false);
        }
    }

    private async Task SendAllAsync(NetworkStream stream, SemaphoreSlim writing, List<NodeMessage> messages, CancellationToken cancel)
    {
        for (var i = 0; i < messages.Count; i++)
        {
            try
            {
                await SendAsync(stream, writing, messages[i], cancel).ConfigureAwait(false);
            }
            catch (Exception)
            {
                _uplink.PutBack(messages[i..]);
                throw;
            }

            _uplink.HasSent(messages[i]);
        }
    }

    /// <summary>What was given back by the report that was interrupted, and what came since.</summary>
    private async Task FlushAsync(Task reports, NetworkStream stream, SemaphoreSlim writing)
    {
        await reports.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await SendAllAsync(stream, writing, [.. _uplink.TakeUnsent(), .. _uplink.Take(), .. _owner.Meters(everything: true).Chunk(MetersPerFrame).Select(meters => new MeterReport(meters))], CancellationToken.None).ConfigureAwait(false);
    }

    /// <summary>Cancelled only before the frame begins: half a frame would make nonsense of the next.</summary>
    private static async Task SendAsync(NetworkStream stream, SemaphoreSlim writing, NodeMessage message, CancellationToken cancel)
    {
        await writing.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            await NodeFrames.WriteAsync(stream, message, CancellationToken.None).ConfigureAwait(false);
        }
        finally
        {
            writing.Release();
        }
    }
}
