using System.Diagnostics;
using Sallyport.Bench.Measures;
using Sallyport.Bench.Streams;
using Sallyport.Core.Primitives;
using Sallyport.Harness;
using Sallyport.Simulator.Fleets;
using Sallyport.Simulator.Linux;
using Sallyport.Simulator.Traffic;

namespace Sallyport.Bench.Ipsec;

/// <summary>A stream of packets from one <see cref="LeanEnd"/> through a server to another, by a window.</summary>
internal sealed class LeanStream : IDisposable
{
    /// <summary>Packets in a row, before what arrives is looked at; as the simulator's pump.</summary>
    private const int Slice = 64;

    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(2);

    /// <summary>What has not arrived when nothing did for so long is lost.</summary>
    private static readonly TimeSpan Stall = TimeSpan.FromMilliseconds(20);

    private readonly IIpsecServer server;
    private readonly LeanEnd sender;
    private readonly LeanEnd receiver;
    private readonly Epoll epoll = new();

    /// <param name="coalesces">The receiver takes several packets as one (UDP_GRO).</param>
    public LeanStream(Namespace where, IIpsecServer server, bool coalesces)
    {
        this.server = server;
        receiver = new LeanEnd(where, server.Receiver, IpPrefix.Parse(Topology.SiteSubnet), coalesces);
        sender = new LeanEnd(where, server.Sender, null);
        epoll.Add(receiver.Descriptor, 0);
        epoll.Add(sender.Descriptor, 1);
    }

    /// <summary>Measured once it flows.</summary>
    public Task<StreamRound> Run(PacketStream stream, int seconds) => Task.Factory.StartNew(
        () => Measure(stream, TimeSpan.FromSeconds(seconds)), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    public void Dispose()
    {
        epoll.Dispose();
        sender.Dispose();
        receiver.Dispose();
    }

    private StreamRound Measure(PacketStream stream, TimeSpan time)
    {
        receiver.Connect(epoll);
        sender.Connect(epoll);
        Flow(stream, WarmUp);
        var (arrived, sent, cpu, began) = (stream.Arrived, stream.Sent, ProcessMeter.CpuSeconds(server.ProcessId), Stopwatch.GetTimestamp());
        Flow(stream, time);
        cpu = ProcessMeter.CpuSeconds(server.ProcessId) - cpu;
        (arrived, sent) = (stream.Arrived - arrived, stream.Sent - sent);
        return arrived > 0
            ? new StreamRound(arrived, sent, (double)arrived * stream.PacketBytes, Stopwatch.GetElapsedTime(began).TotalSeconds, cpu)
            : throw new InvalidOperationException("nothing of the stream arrived");
    }

    private void Flow(PacketStream stream, TimeSpan time)
    {
        var to = new InnerEnd(IpAddress.Parse(server.Target.ToString()), OpenVpn.Iperf.Port);
        Span<int> readable = stackalloc int[2];
        var writtenOff = stream.Sent - stream.Arrived;
        var (began, lastMove) = (Stopwatch.GetTimestamp(), Stopwatch.GetTimestamp());
        while (Stopwatch.GetElapsedTime(began) < time)
        {
            var room = Math.Min(stream.Window - Math.Max(stream.Sent - stream.Arrived - writtenOff, 0), Slice);
            for (var more = room; more > 0;)
            {
                var sent = sender.Pour(stream, to);
                stream.Sent += sent;
                more = sent > 0 ? more - sent : 0;
            }

            epoll.Wait(readable, room > 0 ? TimeSpan.Zero : Stall);
            var before = stream.Arrived;
            receiver.Take(stream);
            sender.Take(null);
            if (stream.Arrived != before)
            {
                lastMove = Stopwatch.GetTimestamp();
            }
            else if (Stopwatch.GetElapsedTime(lastMove) >= Stall)
            {
                writtenOff = stream.Sent - stream.Arrived;
                lastMove = Stopwatch.GetTimestamp();
            }
        }
    }
}
