using System.Collections.Concurrent;
using Sallyport.Core.Primitives;
using Sallyport.Simulator.Devices;
using Sallyport.Simulator.Linux;
using Sallyport.Simulator.Measures;

namespace Sallyport.Simulator.Fleets;

/// <summary>Devices that live on one thread: one epoll, one heap of deadlines, one wave and one stream at a time.</summary>
internal sealed class FleetThread : IDisposable
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(1);

    private readonly SimulatedDevice[] devices;
    private readonly Instant[] armed;
    private readonly PriorityQueue<int, Instant> deadlines = new();
    private readonly ConcurrentQueue<Action> orders = new();
    private readonly DeviceContext context;
    private readonly Monotonic clock;
    private readonly Thread thread;
    private readonly TaskCompletionSource started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Wave? wave;
    private Pump? pump;
    private volatile bool stopping;

    public FleetThread(SimulatedDevice[] devices, FleetOptions options, Monotonic clock, string name)
    {
        this.devices = devices;
        this.clock = clock;
        context = new DeviceContext(options);
        armed = new Instant[devices.Length];
        Array.Fill(armed, Instant.Never);
        thread = new Thread(Run) { IsBackground = true, Name = name };
        thread.Start();
    }

    /// <summary>Faults where the thread could not begin.</summary>
    public Task Started => started.Task;

    public SimulatedDevice Device(int index) => devices[index];

    public DeviceContext Context => context;

    /// <summary>Ends where all have connected or, without retries, failed.</summary>
    public async Task<WaveReport> Connect(IReadOnlyList<int> indexes, int width, bool leaves, CancellationToken until)
    {
        var made = new Wave(indexes, width, leaves);
        await Order(_ => wave = wave is null ? made : throw new InvalidOperationException("one wave at a time"));
        await using var ending = until.Register(() => _ = Order(_ => EndWave(made)));
        return await made.Done;
    }

    /// <summary>Runs on the thread, and afterwards sees to the deadlines of those that it touched.</summary>
    public Task ForEach(IReadOnlyList<int> indexes, Action<SimulatedDevice, Instant> order) => Order(now =>
    {
        foreach (var index in indexes)
        {
            order(devices[index], now);
            Settle(index, now);
        }

        return true;
    });

    public Task StartPump(Pump? next) => Order(_ => pump = next);

    public Task<T> Order<T>(Func<Instant, T> order)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        orders.Enqueue(() =>
        {
            try
            {
                done.SetResult(order(clock.Now));
            }
            catch (Exception e) when (e is InvalidOperationException or LinuxException or FormatException)
            {
                done.SetException(e);
            }
        });
        context.Epoll.Wake();
        return done.Task;
    }

    public void Dispose()
    {
        stopping = true;
        context.Epoll.Wake();
        thread.Join();
        foreach (var device in devices)
        {
            device.Dispose();
        }

        context.Dispose();
    }

    private void Run()
    {
        try
        {
            context.Options.EnterThread?.Invoke();
            Niceness.Set(context.Options.Niceness);
            started.SetResult();
        }
        catch (Exception e) when (e is InvalidOperationException or LinuxException or IOException)
        {
            started.SetException(e);
            return;
        }

        Loop();
    }

    private void Loop()
    {
        Span<int> readable = stackalloc int[256];
        while (!stopping)
        {
            while (orders.TryDequeue(out var order))
            {
                order();
            }

            Admit();
            pump?.Run(context, clock.Now);
            var count = context.Epoll.Wait(readable, Patience());
            var now = clock.Now;
            foreach (var index in readable[..count])
            {
                devices[index].HandleReadable(context, now);
                Settle(index, now);
            }

            HandleTimeouts(now);
        }
    }

    private bool EndWave(Wave ended)
    {
        ended.Finish();
        wave = wave == ended ? null : wave;
        return true;
    }

    private void Admit()
    {
        while (wave is not null && wave.TryStart(out var index))
        {
            var now = clock.Now;
            devices[index].Connect(context, index, now);
            Settle(index, now);
        }

        // A wave of nobody is over at once.
        wave?.FinishIfDone();
        wave = wave is { IsOver: true } ? null : wave;
    }

    /// <summary>After anything happened to a device: its deadline, and its place in the wave.</summary>
    private void Settle(int index, Instant now)
    {
        var device = devices[index];
        if (wave is not null && wave.IsWaitingFor(index))
        {
            Report(wave, device, index, now);
            wave = wave is { IsOver: true } ? null : wave;
        }

        var next = device.NextDeadline;
        if (next < armed[index])
        {
            armed[index] = next;
            deadlines.Enqueue(index, next);
        }
    }

    private void Report(Wave current, SimulatedDevice device, int index, Instant now)
    {
        switch (device.State)
        {
            case DeviceState.Online:
                current.Connected(index, device.ConnectTime);
                if (current.Leaves)
                {
                    device.Leave(context, now);
                }

                break;
            case DeviceState.Waiting when device.TakeFailure(out var why):
                current.Failed(index, why, triesAgain: true);
                break;
            case DeviceState.Failed:
                current.Failed(index, device.Reason, triesAgain: false);
                break;
            case DeviceState.Off or DeviceState.Connecting or DeviceState.Waiting:
                break;
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
            devices[index].HandleTimeout(context, now);
            Settle(index, now);
        }
    }

    private TimeSpan Patience()
    {
        var now = clock.Now;
        var next = deadlines.TryPeek(out _, out var due) ? due : Instant.Never;
        next = pump is null ? next : Instant.Min(next, pump.NextDue(now));
        return next <= now || !orders.IsEmpty ? TimeSpan.Zero
            : next - now < LongestWait ? next - now : LongestWait;
    }
}
