using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;

namespace Sallyport.Harness.Ipsec;

/// <summary>
/// The distribution's strongSwan in a namespace, as initiator or as responder, with ESP in user space on its device <c>ipsec0</c>. Each
/// has a folder of its own for settings, vici socket and credentials, and no pid file, so there may be any number at once.
/// </summary>
public sealed class CharonProcess : IDisposable
{
    internal const string SocketName = "vici";
    internal const string ResolverName = "resolv.conf";

    private readonly ChildProcess process;
    private readonly string folder;

    private CharonProcess(Namespace where, CharonOptions options)
    {
        folder = Directory.CreateTempSubdirectory("sp-charon-").FullName;
        File.WriteAllText(Path.Combine(folder, "strongswan.conf"), options.ToText(folder));
        foreach (var kind in new[] { "x509", "x509ca", "x509ocsp", "x509aa", "x509ac", "x509crl", "pubkey", "private", "rsa", "ecdsa", "bliss", "pkcs8", "pkcs12" })
        {
            Directory.CreateDirectory(Path.Combine(folder, kind));
        }

        // The tool loads settings into a later daemon, too; where it lies it may not read our folder (AppArmor).
        File.Copy(CharonInstallation.Tool, ToolCopy);
        var (program, arguments) = options.Installation.Start(folder);
        process = new ChildProcess(where, program, arguments, Environment);
    }

    public string Log => process.Log;

    public int ProcessId => process.ProcessId;

    public bool HasExited => process.HasExited;

    /// <summary>Where it writes the name servers that it was given.</summary>
    public string ResolverFile => Path.Combine(folder, ResolverName);

    private Dictionary<string, string> Environment => new()
    {
        ["STRONGSWAN_CONF"] = Path.Combine(folder, "strongswan.conf"),
        ["SWANCTL_DIR"] = folder,
    };

    private string ToolCopy => Path.Combine(folder, Path.GetFileName(CharonInstallation.Tool));

    private string Socket => Path.Combine(folder, SocketName);

    /// <summary>Started, and listening to commands.</summary>
    public static async Task<CharonProcess> Start(Namespace where, CharonOptions? options = null)
    {
        var made = new CharonProcess(where, options ?? new CharonOptions());
        try
        {
            await made.UntilReady();
            return made;
        }
        catch
        {
            made.Dispose();
            throw;
        }
    }

    /// <summary>The same with a profile.</summary>
    public static async Task<CharonProcess> Start(Namespace where, CharonProfile profile, CharonOptions? options = null)
    {
        var made = await Start(where, options);
        try
        {
            made.Load(profile);
            return made;
        }
        catch
        {
            made.Dispose();
            throw;
        }
    }

    /// <summary>Loads what an engineer would put into /etc/swanctl, by strongSwan's own tool; what was loaded before goes.</summary>
    public void Load(CharonProfile profile)
    {
        foreach (var (name, text) in profile.Files)
        {
            var file = Path.Combine(folder, name);
            File.WriteAllText(file, text);
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }

        File.WriteAllText(Path.Combine(folder, "swanctl.conf"), profile.Text);
        Control("--load-all", "--file", Path.Combine(folder, "swanctl.conf"));
    }

    /// <summary>swanctl with this daemon.</summary>
    public string Control(string command, params IEnumerable<string> arguments)
    {
        var words = new[] { command, "--uri", $"unix://{Socket}" }.Concat(arguments).ToArray();
        var result = Shell.TryRunWith(ToolCopy, words, Environment);
        return result.ExitCode == 0 ? result.All : throw Failed($"swanctl {command} ended with {result.ExitCode}: {result.All}");
    }

    /// <summary>A connection for many questions.</summary>
    public ViciConnection Connect() => ViciConnection.Open(Socket);

    /// <summary>Sets up a CHILD SA and what it needs, and waits for it.</summary>
    public async Task Initiate(string child = CharonConf.Child, int seconds = 20)
    {
        if (await TryInitiate(child, seconds) is { } refusal)
        {
            throw Failed($"initiating '{child}': {refusal}");
        }
    }

    /// <summary>Null where the CHILD SA stands, else what charon says; why stands in its log.</summary>
    public Task<string?> TryInitiate(string child = CharonConf.Child, int seconds = 20) =>
        Try("initiate", new ViciMessage().With("child", child).With("timeout", Milliseconds(seconds)));

    /// <summary>Sets up an IKE SA without a CHILD SA (RFC 6023); the peer must know it.</summary>
    public Task<string?> TryInitiateIke(string connection = CharonConf.Connection, int seconds = 20) =>
        Try("initiate", new ViciMessage().With("ike", connection).With("timeout", Milliseconds(seconds)));

    public Task Terminate(string connection = CharonConf.Connection, int seconds = 10) =>
        Demand("terminate", new ViciMessage().With("ike", connection).With("timeout", Milliseconds(seconds)));

    public Task TerminateChild(string child = CharonConf.Child, int seconds = 10) =>
        Demand("terminate", new ViciMessage().With("child", child).With("timeout", Milliseconds(seconds)));

    /// <summary>Begins a rekey; <see cref="UntilChild"/> tells when it is done.</summary>
    public Task RekeyChild(string child = CharonConf.Child) => Demand("rekey", new ViciMessage().With("child", child));

    public Task RekeyIke(string connection = CharonConf.Connection) => Demand("rekey", new ViciMessage().With("ike", connection));

    /// <summary>A new IKE SA with new authentication.</summary>
    public Task Reauthenticate(string connection = CharonConf.Connection) =>
        Demand("rekey", new ViciMessage().With("ike", connection).With("reauth", "yes"));

    public async Task<IReadOnlyList<CharonIkeSa>> Sas()
    {
        using var connection = Connect();
        var found = await connection.AskForEach("list-sas", "list-sa");
        return [.. found.SelectMany(one => one.Sections).Select(one => CharonIkeSa.Read(one.Name, one.Section))];
    }

    /// <summary>The one IKE SA that it has.</summary>
    public async Task<CharonIkeSa> Sa() => await Sas() is [var only] ? only : throw Failed("it has not one IKE SA");

    /// <summary>Established and half-open IKE SAs, without a look at each.</summary>
    public async Task<(int All, int HalfOpen)> CountSas()
    {
        using var connection = Connect();
        var counted = (await connection.Ask("stats")).Section("ikesas");
        return ((int)counted.Number("total"), (int)counted.Number("half-open"));
    }

    /// <summary>Waits for an IKE SA in a state.</summary>
    public Task<CharonIkeSa> UntilIke(Func<CharonIkeSa, bool> condition, string what, int seconds = 10) =>
        Until(sas => sas.FirstOrDefault(condition), what, seconds);

    /// <summary>Waits for a CHILD SA in a state, as in <c>child => child.SpiIn != before.SpiIn</c>.</summary>
    public Task<CharonChildSa> UntilChild(Func<CharonChildSa, bool> condition, string what, int seconds = 10) =>
        Until(sas => sas.SelectMany(sa => sa.Children).FirstOrDefault(condition), what, seconds);

    /// <summary>Waits until it has no SA.</summary>
    public Task UntilNone(int seconds = 10) => Until(sas => sas.Count == 0 ? "none" : null, "no SA left", seconds);

    public Task WaitForLine(string pattern, int seconds = 20, int times = 1) => process.WaitForLine(pattern, TimeSpan.FromSeconds(seconds), times);

    public int Count(string pattern) => process.Count(pattern);

    public void Signal(int signal) => process.Signal(signal);

    /// <summary>Ends it as an operator would: it deletes its SAs, and waits for no answer.</summary>
    public void Stop() => process.Stop(TimeSpan.FromSeconds(5));

    /// <summary>Ends it as a power cut would.</summary>
    public void Kill() => process.Kill();

    public void Dispose()
    {
        process.Dispose();
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string Milliseconds(int seconds) => (seconds * 1000).ToString(CultureInfo.InvariantCulture);

    private async Task UntilReady()
    {
        var watch = Stopwatch.StartNew();
        while (true)
        {
            if (process.HasExited)
            {
                throw Failed($"charon ended with {process.ExitCode}");
            }

            try
            {
                using var connection = Connect();
                await connection.Ask("version");
                return;
            }
            catch (SocketException) when (watch.Elapsed < TimeSpan.FromSeconds(20))
            {
                await Task.Delay(20);
            }
        }
    }

    private async Task<T> Until<T>(Func<IReadOnlyList<CharonIkeSa>, T?> find, string what, int seconds)
        where T : class
    {
        var watch = Stopwatch.StartNew();
        while (true)
        {
            var sas = await Sas();
            if (find(sas) is { } found)
            {
                return found;
            }

            if (watch.Elapsed > TimeSpan.FromSeconds(seconds))
            {
                var last = string.Join('\n', sas.Select(sa => $"{sa}: {string.Join(", ", sa.Children)}"));
                throw new TimeoutException($"not within {seconds} s: {what}; the SAs were:\n{last}\nlog:\n{Log}");
            }

            await Task.Delay(50);
        }
    }

    private async Task Demand(string command, ViciMessage question)
    {
        if (await Try(command, question) is { } refusal)
        {
            throw Failed($"{command} {question}: {refusal}");
        }
    }

    private async Task<string?> Try(string command, ViciMessage question)
    {
        using var connection = Connect();
        var answer = await connection.Ask(command, question);
        return answer.IsYes("success") ? null : answer["errmsg"] is { Length: > 0 } message ? message : "it says no more than no";
    }

    private InvalidOperationException Failed(string what) => new($"{what}\nlog of charon:\n{Log}");
}
