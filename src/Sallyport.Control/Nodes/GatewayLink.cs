using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Threading.Channels;
using Sallyport.Api.Gateways;
using Sallyport.Api.Nodes;

namespace Sallyport.Control.Nodes;

/// <summary>One connected gateway, as control sees it: what it said, what it confirmed, what is on the way to it.</summary>
internal sealed class GatewayLink
{
    private const int OutgoingMax = 4_096; // changes on the way; a gateway that does not read them has to come again
    private const int AcknowledgesKept = 256; // a wait begins within milliseconds of its commit

    private readonly Lock gate = new();
    private readonly Channel<NodeMessage> outgoing = Channel.CreateBounded<NodeMessage>(
        new BoundedChannelOptions(OutgoingMax) { FullMode = BoundedChannelFullMode.Wait, SingleReader = true });

    private readonly Queue<Acknowledge> recent = [];
    private readonly List<(long Version, TaskCompletionSource<Acknowledge> Done)> waiters = [];
    private IReadOnlyDictionary<string, long> drops = new Dictionary<string, long>();
    private IReadOnlyList<string> listening = [];
    private long acknowledged;
    private bool ready;
    private bool ended;

    /// <param name="confirmed">The version that the gateway runs on, 0 where it is none of ours.</param>
    public GatewayLink(Hello hello, long confirmed, long runId, DateTimeOffset since, Socket socket)
    {
        Name = hello.Gateway;
        SoftwareVersion = hello.SoftwareVersion;
        ProcessId = hello.ProcessId;
        RunId = runId;
        Since = since;
        Socket = socket;
        acknowledged = confirmed;
    }

    public string Name { get; }

    public string SoftwareVersion { get; }

    public int ProcessId { get; }

    public long RunId { get; }

    public DateTimeOffset Since { get; }

    public Socket Socket { get; }

    /// <summary>The one that it was given on this link; null where it asked for none.</summary>
    public X509Certificate2? Certificate { get; set; }

    /// <summary>Records of its reports that were wrong and not taken.</summary>
    public long Skipped { get; set; }

    public ChannelReader<NodeMessage> Outgoing => outgoing.Reader;

    /// <summary>Never blocks. A full queue ends the link: the gateway comes again and gets what it missed as one.</summary>
    public void Send(NodeMessage message)
    {
        if (!outgoing.Writer.TryWrite(message))
        {
            outgoing.Writer.TryComplete();
            Socket.Dispose();
        }
    }

    public void Handle(Acknowledge acknowledge)
    {
        List<TaskCompletionSource<Acknowledge>>? done = null;
        lock (gate)
        {
            acknowledged = Math.Max(acknowledged, acknowledge.Version);
            recent.Enqueue(acknowledge);
            if (recent.Count > AcknowledgesKept)
            {
                recent.Dequeue();
            }

            for (var i = waiters.Count - 1; i >= 0; i--)
            {
                if (waiters[i].Version <= acknowledge.Version)
                {
                    (done ??= []).Add(waiters[i].Done);
                    waiters.RemoveAt(i);
                }
            }
        }

        done?.ForEach(waiter => waiter.TrySetResult(acknowledge));
    }

    /// <summary>The first acknowledgement of the version or a later one. Cancelled where the link ends before.</summary>
    public Task<Acknowledge> AcknowledgedAsync(long version)
    {
        lock (gate)
        {
            if (recent.FirstOrDefault(acknowledge => acknowledge.Version >= version) is { } known)
            {
                return Task.FromResult(known);
            }

            if (ended)
            {
                return Task.FromCanceled<Acknowledge>(new CancellationToken(canceled: true));
            }

            var done = new TaskCompletionSource<Acknowledge>(TaskCreationOptions.RunContinuationsAsynchronously);
            waiters.Add((version, done));
            return done.Task;
        }
    }

    public void Handle(Ready message)
    {
        lock (gate)
        {
            ready = true;
            listening = message.Listening;
        }
    }

    public void Handle(DropReport report)
    {
        lock (gate)
        {
            drops = report.Drops;
        }
    }

    /// <summary>Its listeners are open.</summary>
    public bool IsReady
    {
        get
        {
            lock (gate)
            {
                return ready && !ended;
            }
        }
    }

    public bool IsReadyFor(long version)
    {
        lock (gate)
        {
            return ready && acknowledged >= version && !ended;
        }
    }

    public void End()
    {
        outgoing.Writer.TryComplete();
        lock (gate)
        {
            ended = true;
            waiters.ForEach(waiter => waiter.Done.TrySetCanceled());
            waiters.Clear();
        }
    }

    public GatewayInfo ToInfo()
    {
        lock (gate)
        {
            return new GatewayInfo
            {
                Name = Name,
                Connected = !ended,
                Ready = ready && !ended,
                SoftwareVersion = SoftwareVersion,
                ProcessId = ProcessId,
                Since = Since,
                AcknowledgedVersion = acknowledged,
                Listening = listening,
                Drops = drops,
            };
        }
    }
}
