using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Sallyport.Core.Primitives;

namespace Sallyport.Bench.Simulator;

/// <summary>
/// Many devices on one thread: they connect in waves of a bounded width, and those that are online answer and send keepalives until they
/// are told to leave. Any server, ours or stock.
/// </summary>
internal sealed class Fleet : IDisposable
{
    private const int Datagram = 65_536;
    private readonly Func<IPEndPoint, Socket> openSocket;
    private readonly SimulatedDevice[] devices;
    private readonly Instant[] armed;
    private readonly PriorityQueue<int, Instant> deadlines = new();
    private readonly ConcurrentQueue<Action> orders = new();
    private readonly Epoll epoll = new();
    private readonly Thread thread;
    private readonly Instant epoch = Instant.FromUnixSeconds(DateTimeOffset.UtcNow.ToUnixTimeSeconds());
    private readonly long began = Stopwatch.GetTimestamp();
    private Wave? wave;
    private volatile bool stopping;

    /// <param name="openSocket">Makes a connected, non-blocking UDP socket, in whatever namespace the fleet lives.</param>
    public Fleet(IEnumerable<DeviceProfile> profiles, Func<IPEndPoint, Socket> openSocket)
    {
        this.openSocket = openSocket;
        devices = [.. profiles.Select(profile => new SimulatedDevice(profile))];
        armed = new Instant[devices.Length];
        Array.Fill(armed, Instant.Never);
        thread = new Thread(Loop) { IsBackground = true, Name = "fleet" };
        thread.Start();
    }

    public int Count => devices.Length;

    /// <summary>Connects devices <paramref name="first"/> and following, <paramref name="width"/> at once, and leaves them online.</summary>
    public Task<WaveReport> Connect(int first, int count, int width = 8) => Start(first, count, width, leaves: false);

    /// <summary>The same, but each leaves as soon as it has its configuration.</summary>
    public Task<WaveReport> Visit(int first, int count, int width = 8) => Start(first, count, width, leaves: true);

    /// <summary>All that are online leave.</summary>
    public Task LeaveAll() => Order(now =>
    {
        foreach (var device in devices)
        {
            device.Leave(now);
        }

        return true;
    });

    public Task<int> CountOnline() => Order(_ => devices.Count(device => device.State == DeviceState.Online));

    public void Dispose()
    {
        stopping = true;
        epoll.Wake();
        thread.Join();
        foreach (var device in devices)
        {
            device.Dispose();
        }

        epoll.Dispose();
    }

    private Instant Now() => epoch + Stopwatch.GetElapsedTime(began);

    private async Task<WaveReport> Start(int first, int count, int width, bool leaves)
    {
        var made = new Wave(Enumerable.Range(first, count), width, leaves);
        await Order(_ => wave = wave is null ? made : throw new InvalidOperationException("one wave at a time"));
        return await made.Done;
    }

    private Task<T> Order<T>(Func<Instant, T> order)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        orders.Enqueue(() =>
        {
            try
            {
                done.SetResult(order(Now()));
            }
            catch (InvalidOperationException e)
            {
                done.SetException(e);
            }
        });
        epoll.Wake();
        return done.Task;
    }

    private void Loop()
    {
        var buffer = new byte[Datagram];
        Span<int> readable = stackalloc int[256];
        while (!stopping)
        {
            while (orders.TryDequeue(out var order))
            {
                order();
            }

            Admit();
            var count = epoll.Wait(readable, Patience());
            var now = Now();
            foreach (var index in readable[..count])
            {
                devices[index].HandleReadable(buffer, now);
                Settle(index, now);
            }

            HandleTimeouts(now);
        }
    }

    private void Admit()
    {
        while (wave is not null && wave.TryStart(out var index))
        {
            var socket = openSocket(devices[index].Profile.Server);
            epoll.Add((int)socket.Handle, index);
            var now = Now();
            devices[index].Connect(socket, now);
            Settle(index, now);
        }
    }

    /// <summary>After anything happened to a device: its deadline, and its place in the wave.</summary>
    private void Settle(int index, Instant now)
    {
        var device = devices[index];
        if (wave is not null && wave.IsWaitingFor(index))
        {
            if (device.State == DeviceState.Online)
            {
                wave.Connected(index, device.ConnectTime);
                if (wave.Leaves)
                {
                    device.Leave(now);
                }
            }
            else if (device.State == DeviceState.Failed)
            {
                wave.Failed(index, device.Reason);
            }

            wave = wave.IsOver ? null : wave;
        }

        if (device.NextDeadline < armed[index])
        {
            armed[index] = device.NextDeadline;
            deadlines.Enqueue(index, armed[index]);
        }
    }

    private void HandleTimeouts(Instant now)
    {
        while (deadlines.TryPeek(out var index, out var due) && due <= now)
        {
            deadlines.Dequeue();

            // A deadline that came nearer was queued again; the old entry says nothing.
            if (due != armed[index])
            {
                continue;
            }

            armed[index] = Instant.Never;
            devices[index].HandleTimeout(now);
            Settle(index, now);
        }
    }

    private int Patience()
    {
        if (!deadlines.TryPeek(out _, out var due))
        {
            return -1;
        }

        return (int)Math.Clamp(Math.Ceiling((due - Now()).TotalMilliseconds), 0, 1000);
    }
}
