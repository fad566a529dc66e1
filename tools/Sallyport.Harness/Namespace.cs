using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace Sallyport.Harness;

/// <summary>A network namespace of this test run, removed with everything in it on <see cref="Dispose"/>.</summary>
public sealed partial class Namespace : IDisposable
{
    private const string Prefix = "sp-";
    private const int CloneNewNet = 0x40000000;
    private static int made;

    static Namespace() => RemoveLeftovers();

    public Namespace(string role)
    {
        Name = $"{OwnPrefix}{Interlocked.Increment(ref made)}-{role}";
        Shell.Run("ip", "netns", "add", Name);
        try
        {
            Batch("link set lo up");
            Write("/proc/sys/net/ipv6/conf/all/accept_dad", "0");
            Write("/proc/sys/net/ipv6/conf/default/accept_dad", "0");

            // A roaming device keeps its new address when the old one of the same subnet goes.
            Write("/proc/sys/net/ipv4/conf/all/promote_secondaries", "1");
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Prefix of the namespaces that this process makes.</summary>
    public static string OwnPrefix { get; } = $"{Prefix}{Environment.ProcessId}-";

    public string Name { get; }

    /// <summary>Names of all namespaces of this process that exist now.</summary>
    public static IReadOnlyList<string> Existing() => [.. All().Where(name => name.StartsWith(OwnPrefix, StringComparison.Ordinal))];

    /// <summary>Joins two namespaces by a virtual cable.</summary>
    public static void Connect(Namespace left, string leftInterface, Namespace right, string rightInterface)
    {
        Shell.Run("ip", "link", "add", leftInterface, "netns", left.Name, "type", "veth", "peer", "name", rightInterface, "netns", right.Name);
        left.Batch($"link set {leftInterface} up");
        right.Batch($"link set {rightInterface} up");
    }

    /// <summary>Lines of <c>ip</c>, run inside at once.</summary>
    public void Batch(params IEnumerable<string> lines)
    {
        var text = string.Join('\n', lines) + "\n";
        var result = Shell.TryRunWith("ip", ["-n", Name, "-batch", "-"], input: text);
        if (result.ExitCode != 0)
        {
            throw new InvalidOperationException($"{Name}: ip {text.Trim()}: {result.All.Trim()}");
        }
    }

    /// <summary>Adds an address ("10.99.0.2/24"), usable at once.</summary>
    public void AddAddress(string device, string address) =>
        Batch(address.Contains(':', StringComparison.Ordinal) ? $"addr add {address} dev {device} nodad" : $"addr add {address} dev {device}");

    public void RemoveAddress(string device, string address) => Batch($"addr del {address} dev {device}");

    /// <summary>
    /// Waits until every address of a device may be a source: the kernel takes a moment for IPv6 even without duplicate detection, and
    /// would send from another device's address meanwhile.
    /// </summary>
    public Task UntilAddressesWork(string device) => Eventually.True(
        () => Shell.Run("ip", "-n", Name, "-6", "addr", "show", "dev", device, "tentative").Length == 0, $"the addresses of {device}");

    /// <summary>Writes a setting that belongs to this namespace.</summary>
    public void Write(string file, string value) => Run(() =>
    {
        File.WriteAllText(file, value);
        return true;
    });

    /// <summary>
    /// Runs <paramref name="body"/> on a thread of this namespace. A socket made there stays in the namespace, whoever uses it later.
    /// </summary>
    public T Run<T>(Func<T> body)
    {
        var result = default(T)!;
        ExceptionDispatchInfo? fault = null;
        var thread = new Thread(() =>
        {
            try
            {
                Enter();
                result = body();
            }
            catch (Exception e)
            {
                fault = ExceptionDispatchInfo.Capture(e);
            }
        });
        thread.Start();
        thread.Join();
        fault?.Throw();
        return result;
    }

    /// <summary>Runs a short command inside.</summary>
    public CommandResult Execute(string program, params IEnumerable<string> arguments) =>
        Shell.TryRun("ip", new[] { "netns", "exec", Name, program }.Concat(arguments));

    public void Dispose() => Remove(Name);

    private static IEnumerable<string> All() =>
        Shell.Run("ip", "netns", "list").Split('\n').Select(line => line.Split(' ')[0]).Where(name => name.StartsWith(Prefix, StringComparison.Ordinal));

    /// <summary>A run that was killed could not clean up: its namespaces carry the number of a process that is gone.</summary>
    private static void RemoveLeftovers()
    {
        foreach (var name in All())
        {
            var parts = name.Split('-');
            if (parts.Length > 3 && int.TryParse(parts[1], out var owner) && !Shell.IsAlive(owner))
            {
                Remove(name);
            }
        }
    }

    private static void Remove(string name)
    {
        foreach (var line in Shell.TryRun("ip", "netns", "pids", name).Output.Split('\n'))
        {
            if (int.TryParse(line, out var processId))
            {
                Shell.Signal(processId, Shell.SignalKill);
            }
        }

        Shell.TryRun("ip", "netns", "del", name);
    }

    /// <summary>Puts the calling thread inside, for good. Sockets that it makes from then on are of this namespace.</summary>
    public void Enter()
    {
        using var file = File.OpenHandle($"/run/netns/{Name}");
        if (SetNamespace((int)file.DangerousGetHandle(), CloneNewNet) != 0)
        {
            throw new InvalidOperationException($"setns {Name}: errno {Marshal.GetLastPInvokeError()}");
        }
    }

    [LibraryImport("libc", EntryPoint = "setns", SetLastError = true)]
    private static partial int SetNamespace(int descriptor, int kind);
}
