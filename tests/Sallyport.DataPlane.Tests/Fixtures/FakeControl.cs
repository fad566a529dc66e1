using System.Net.Sockets;
using Sallyport.Api.Nodes;
using Sallyport.DataPlane.Nodes;

namespace Sallyport.DataPlane.Tests.Fixtures;

/// <summary>Control's end of the node protocol, with a model that the test sets. Can be killed and started again.</summary>
internal sealed class FakeControl : IDisposable
{
    private readonly TestPki _pki;
    private readonly List<NodeMessage> _received = [];
    private readonly SemaphoreSlim _writing = new(1);
    private Socket? _listener;
    private NetworkStream? _stream;
    private CancellationTokenSource _stop = new();

    public FakeControl(TestPki pki, NodeModel model)
    {
        _pki = pki;
        Model = model;
        SocketPath = Path.Combine(Path.GetTempPath(), $"sallyport-test-{Guid.NewGuid():n}.sock");
    }

    public string SocketPath { get; }

    public NodeModel Model { get; set; }

    public long Version { get; set; } = 1;

    /// <summary>Greets, and ends the link at once.</summary>
    public bool EndsLinks { get; set; }

    public void Start()
    {
        _stop = new CancellationTokenSource();
        File.Delete(SocketPath);
        _listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        _listener.Bind(new UnixDomainSocketEndPoint(SocketPath));
        _listener.Listen(1);
        _ = AcceptAsync(_listener, _stop.Token);
    }

    /// <summary>As kill -9 would: the connection breaks, the socket file stays.</summary>
    public void Kill()
    {
        _stop.Cancel();
        _listener?.Dispose();
        _stream?.Dispose();
        _stream = null;
    }

    public void EndLink() => _stream?.Dispose();

    public void Send(NodeMessage message)
    {
        _writing.Wait();
        try
        {
            NodeFrames.WriteAsync(_stream!, message, default).AsTask().GetAwaiter().GetResult();
        }
        finally
        {
            _writing.Release();
        }
    }

    public void Forget()
    {
        lock (_received)
        {
            _received.Clear();
        }
    }

    public IReadOnlyList<T> Received<T>()
        where T : NodeMessage
    {
        lock (_received)
        {
            return [.. _received.OfType<T>()];
        }
    }

    /// <summary>The first message that fits, come already or within ten seconds.</summary>
    public T WaitFor<T>(Func<T, bool>? fits = null, string? because = null)
        where T : NodeMessage
    {
        var deadline = DateTime.UtcNow.AddSeconds(10);
        while (DateTime.UtcNow < deadline)
        {
            lock (_received)
            {
                if (_received.OfType<T>().FirstOrDefault(fits ?? (_ => true)) is { } found)
                {
                    return found;
                }

                Monitor.Wait(_received, 50);
            }
        }

        lock (_received)
        {
            throw new TimeoutException(
                $"no {typeof(T).Name} {because} came; last: {string.Join(", ", _received.TakeLast(10).Select(message => message.ToString()))}");
        }
    }

    public IEnumerable<GatewayEvent> Events => Received<EventReport>().SelectMany(report => report.Events);

    public IEnumerable<TunnelState> Tunnels => Received<TunnelReport>().SelectMany(report => report.Tunnels);

    public TunnelState WaitForTunnel(Func<TunnelState, bool> fits) =>
        WaitFor<TunnelReport>(report => report.Tunnels.Any(fits), "with that tunnel").Tunnels.First(fits);

    public GatewayEvent WaitForEvent(string kind) =>
        WaitFor<EventReport>(report => report.Events.Any(one => one.Kind == kind), kind).Events.First(one => one.Kind == kind);

    public void Dispose()
    {
        Kill();
        File.Delete(SocketPath);
    }

    private async Task AcceptAsync(Socket listener, CancellationToken cancel)
    {
        try
        {
            while (!cancel.IsCancellationRequested)
            {
                var socket = await listener.AcceptAsync(cancel);
                _stream = new NetworkStream(socket, ownsSocket: true);
                try
                {
                    await ServeAsync(_stream, cancel);
                }
                catch (Exception e) when ((e is IOException or SocketException or ObjectDisposedException) && !cancel.IsCancellationRequested)
                {
                    // The link was ended; the gateway may come again.
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or SocketException or ObjectDisposedException)
        {
            // Killed.
        }
    }

    private async Task ServeAsync(NetworkStream stream, CancellationToken cancel)
    {
        while (await NodeFrames.ReadAsync(stream, cancel) is { } message)
        {
            lock (_received)
            {
                _received.Add(message);
                Monitor.PulseAll(_received);
            }

            switch (message)
            {
                case Hello:
                    await AnswerAsync(stream, new Welcome("test", Hello.CurrentProtocol), cancel);
                    if (EndsLinks)
                    {
                        stream.Dispose();
                        return;
                    }

                    await AnswerAsync(stream, new Snapshot(Version, Model), cancel);
                    break;
                case CertificateRequest request:
                    await AnswerAsync(stream, new Certificate([_pki.SignGateway(request.Request)], [_pki.RootDer]), cancel);
                    break;
            }
        }
    }

    private async Task AnswerAsync(NetworkStream stream, NodeMessage message, CancellationToken cancel)
    {
        await _writing.WaitAsync(cancel);
        try
        {
            await NodeFrames.WriteAsync(stream, message, cancel);
        }
        finally
        {
            _writing.Release();
        }
    }
}
