using System.Net;
using Sallyport.Core.Primitives;
using Sallyport.Simulator.Devices;
using Sallyport.Simulator.Linux;
using Sallyport.Simulator.Measures;
using Sallyport.Simulator.Profiles;
using Sallyport.Simulator.Traffic;

namespace Sallyport.Simulator.Fleets;

/// <summary>
/// Many devices on few threads: they connect in waves of a bounded width, and those that are online answer, send keepalives and what
/// they are told to say until they are told to leave. Any server, ours or stock. Devices are named by their index.
/// </summary>
public sealed class Fleet : IDisposable
{
    private readonly FleetThread[] threads;

    /// <summary>Counts on from it, so that two fleets have no device of the same number.</summary>
    private static int numbers = -1;

    private Fleet(FleetThread[] threads, int count)
    {
        this.threads = threads;
        Count = count;
    }

    public int Count { get; }

    /// <exception cref="InvalidOperationException">The threads cannot begin.</exception>
    public static async Task<Fleet> Start(IReadOnlyList<DeviceProfile> profiles, FleetOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(profiles.Count, SimulatorLimits.DevicesMax);
        OpenFiles.MakeRoomFor(profiles.Count);
        var clock = new Monotonic();
        var threads = new FleetThread[Math.Clamp(options.Threads, 1, Math.Max(profiles.Count, 1))];
        for (var i = 0; i < threads.Length; i++)
        {
            var own = profiles.Where((_, index) => index % threads.Length == i)
                .Select(profile => new SimulatedDevice(profile, (uint)Interlocked.Increment(ref numbers)));
            threads[i] = new FleetThread([.. own], options, clock, $"fleet-{i}");
        }

        var made = new Fleet(threads, profiles.Count);
        try
        {
            await Task.WhenAll(threads.Select(thread => thread.Started));
            return made;
        }
        catch
        {
            made.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Connects devices <paramref name="first"/> and following, <paramref name="width"/> at once, and leaves them online. Those that were
    /// online begin anew without a goodbye, as after a power cut. <paramref name="until"/> ends the waiting, not the devices.
    /// </summary>
    public Task<WaveReport> Connect(int first, int count, int width = 8, CancellationToken until = default) =>
        Start(first, count, width, leaves: false, until);

    /// <summary>The same, but each leaves as soon as it has its configuration.</summary>
    public Task<WaveReport> Visit(int first, int count, int width = 8, CancellationToken until = default) =>
        Start(first, count, width, leaves: true, until);

    /// <summary>All that are online leave.</summary>
    public Task LeaveAll() => ForEach(0, Count, (thread, device, now) => device.Leave(thread.Context, now));

    /// <summary>Devices say from now on what <paramref name="profile"/> says, each at its own place in the interval.</summary>
    public Task Speak(int first, int count, TrafficProfile profile, InnerEnd to) =>
        ForEach(first, count, (_, device, now) => device.Speak(profile, to, now));

    public Task BeQuiet(int first, int count) => ForEach(first, count, (_, device, _) => device.BeQuiet());

    /// <summary>From now on that device answers what it is asked.</summary>
    public Task Answer(int index) => ForEach(index, 1, (_, device, _) => device.Answer());

    /// <summary>Address of a device inside its tunnel; null where it has none (yet).</summary>
    public Task<IPAddress?> InnerAddress(int index)
    {
        var (thread, local) = Place(index);
        return thread.Order(_ => thread.Device(local).InnerAddress?.ToIPAddress());
    }

    /// <summary>They hear nothing and are not heard for so long.</summary>
    public Task Silence(int first, int count, TimeSpan duration) => ForEach(first, count, (_, device, now) => device.GoDeaf(now + duration));

    /// <summary>They go on from other addresses and ports.</summary>
    public Task Roam(int first, int count) => ForEach(first, count, (thread, device, now) => device.Roam(thread.Context, now));

    /// <summary>That device counts what comes, into <paramref name="stream"/>, and opens none of it.</summary>
    /// <param name="coalesces">Whether equal datagrams in a row may arrive as one (UDP_GRO).</param>
    public Task CountArrivals(int index, PacketStream stream, bool coalesces) =>
        ForEach(index, 1, (_, device, _) => device.Count(stream, coalesces));

    /// <summary>Sends a stream from these devices in turns until <see cref="StopPouring"/>. They share one thread.</summary>
    public Task Pour(int first, int count, PacketStream stream, InnerEnd to)
    {
        if (threads.Length != 1)
        {
            throw new InvalidOperationException("a stream comes from a fleet on one thread");
        }

        var senders = Enumerable.Range(first, count).Select(threads[0].Device).ToArray();
        return threads[0].StartPump(new Pump(senders, to, stream));
    }

    public Task StopPouring() => threads[0].StartPump(null);

    public async Task<int> CountOnline() => (await Task.WhenAll(
        threads.Select((thread, number) => thread.Order(_ => Own(number, 0, Count).Count(local => thread.Device(local).State == DeviceState.Online))))).Sum();

    public async Task<FleetReport> Report() =>
        FleetReport.Sum(await Task.WhenAll(threads.Select(thread => thread.Order(_ => thread.Context.Recorder.Report()))));

    /// <summary>The same, and begins anew.</summary>
    public async Task<FleetReport> TakeReport() => FleetReport.Sum(await Task.WhenAll(threads.Select(thread => thread.Order(_ =>
    {
        var report = thread.Context.Recorder.Report();
        thread.Context.Recorder = new Recorder();
        return report;
    }))));

    public void Dispose()
    {
        foreach (var thread in threads)
        {
            thread.Dispose();
        }
    }

    private async Task<WaveReport> Start(int first, int count, int width, bool leaves, CancellationToken until)
    {
        var each = Math.Max(width / threads.Length, 1);
        return WaveReport.Sum(await Task.WhenAll(threads.Select((thread, number) => thread.Connect(Own(number, first, count), each, leaves, until))));
    }

    private Task ForEach(int first, int count, Action<FleetThread, SimulatedDevice, Instant> order) => Task.WhenAll(
        threads.Select((thread, number) => thread.ForEach(Own(number, first, count), (device, now) => order(thread, device, now))));

    private (FleetThread Thread, int Index) Place(int index) => (threads[index % threads.Length], index / threads.Length);

    /// <summary>A thread's own numbers of those devices that live on it.</summary>
    private List<int> Own(int thread, int first, int count) =>
        [.. Enumerable.Range(first, count).Where(index => index % threads.Length == thread).Select(index => index / threads.Length)];
}
