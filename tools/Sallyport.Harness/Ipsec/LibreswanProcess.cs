using System.Text.RegularExpressions;
using Sallyport.Harness.Stock;

namespace Sallyport.Harness.Ipsec;

/// <summary>
/// The distribution's libreswan in a namespace, from where tools/setup.sh unpacked it: its package cannot be installed beside strongSwan's.
/// It has no ESP of its own; on a kernel without (<see cref="KernelEsp"/>) it speaks IKE only, and gives up an IKE SA when a CHILD SA
/// was agreed on and cannot be installed.
/// </summary>
public sealed partial class LibreswanProcess : IDisposable
{
    private const string Password = "export";
    private static readonly string Root = Path.Combine(Programs.Root, "artifacts", "peers", "libreswan");

    private readonly ChildProcess process;
    private readonly string folder = Directory.CreateTempSubdirectory("sp-libreswan-").FullName;

    private LibreswanProcess(Namespace where, LibreswanProfile profile)
    {
        foreach (var kind in new[] { "nss", "run", "dump", "d/policies" })
        {
            Directory.CreateDirectory(Path.Combine(folder, kind));
        }

        File.WriteAllText(InFolder("ipsec.conf"), $"config setup\n    nssdir={InFolder("nss")}\n    dumpdir={InFolder("dump")}\n\n{profile.Connections}");
        File.WriteAllText(InFolder("ipsec.secrets"), profile.Secrets);
        File.SetUnixFileMode(InFolder("ipsec.secrets"), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Nss("certutil", "-N", "--empty-password");
        if (profile.AuthorityPem is { } authority)
        {
            File.WriteAllText(InFolder("ca.pem"), authority);
            Nss("certutil", "-A", "-a", "-n", "authority", "-t", "CT,,", "-i", InFolder("ca.pem"));
        }

        if (profile.Own is { } own)
        {
            Import(own);
        }

        // pluto looks for its helpers in /usr/libexec/ipsec, wherever it lies itself. `ip netns exec` has given it mounts of its own.
        const string Script = """
            mount -t tmpfs none /usr/libexec && mkdir /usr/libexec/ipsec && mount --bind "$1" /usr/libexec/ipsec && shift && exec "$@"
            """;
        process = new ChildProcess(
            where,
            "sh",
            [
                "-c", Script, "pluto", Path.Combine(Root, "usr/libexec/ipsec"), "/usr/libexec/ipsec/pluto",
                "--nofork", "--stderrlog", "--log-no-time", "--no-dnssec", "--nhelpers", "1",
                "--config", InFolder("ipsec.conf"),
                "--nssdir", InFolder("nss"),
                "--rundir", InFolder("run"),
                "--dumpdir", InFolder("dump"),
                "--ipsecdir", InFolder("d"),
                "--secretsfile", InFolder("ipsec.secrets"),
            ],
            Environment);
    }

    /// <summary>Null where it can be run.</summary>
    public static string? Missing => File.Exists(Path.Combine(Root, "usr/libexec/ipsec/pluto"))
        ? null
        : $"libreswan is not unpacked in {Root}: run ./test, which downloads it";

    public string Log => process.Log;

    public int ProcessId => process.ProcessId;

    private static Dictionary<string, string> Environment => new()
    {
        ["LD_LIBRARY_PATH"] = string.Join(':', Directory.EnumerateDirectories(Path.Combine(Root, "usr/lib"), "*-linux-gnu")),
    };

    /// <summary>Started, its connections read.</summary>
    public static async Task<LibreswanProcess> Start(Namespace where, LibreswanProfile profile)
    {
        var made = new LibreswanProcess(where, profile);
        try
        {
            await made.process.WaitForLine("loading secrets from", TimeSpan.FromSeconds(20));
            return made;
        }
        catch
        {
            made.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Begins to call and waits for the IKE SA. What became of its CHILD SA stands in <see cref="Log"/>.
    /// </summary>
    public async Task Initiate(string connection = CharonConf.Connection, int seconds = 20)
    {
        var before = process.Count("established IKE SA");
        Whack("--initiate", "--asynchronous", "--name", connection);
        await process.WaitForLine("established IKE SA", TimeSpan.FromSeconds(seconds), before + 1);
    }

    public void RekeyIke(string connection = CharonConf.Connection) => Whack("--rekey-ike", "--asynchronous", "--name", connection);

    public void Terminate(string connection = CharonConf.Connection) => Whack("--terminate", "--name", connection);

    /// <summary>Lets it do something wrong from now on, as in "replay-duplicates"; <c>--impair help</c> lists what it can.</summary>
    public void Impair(string how) => Whack("--impair", how);

    /// <summary>Lets it behave again.</summary>
    public void ImpairNothing() => Whack("--impair", "none");

    /// <summary>States as in "STATE_V2_ESTABLISHED_IKE_SA", one for each SA.</summary>
    public IReadOnlyList<string> States() => [.. StateName().Matches(Whack("--showstates")).Select(match => match.Value)];

    public Task WaitForLine(string pattern, int seconds = 20, int times = 1) => process.WaitForLine(pattern, TimeSpan.FromSeconds(seconds), times);

    public int Count(string pattern) => process.Count(pattern);

    /// <summary>Its own tool; it ends with other numbers than 0 for news, too.</summary>
    public string Whack(params IEnumerable<string> arguments) =>
        Shell.TryRunWith(Path.Combine(Root, "usr/libexec/ipsec/whack"), new[] { "--rundir", InFolder("run") }.Concat(arguments), Environment).All;

    /// <summary>Ends it as an operator would: it deletes its SAs.</summary>
    public void Stop() => process.Stop(TimeSpan.FromSeconds(5));

    public void Kill() => process.Kill();

    public void Dispose()
    {
        process.Dispose();
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private string InFolder(string name) => Path.Combine(folder, name);

    private void Import(StockCredential own)
    {
        var (certificate, key, both) = (InFolder("own.pem"), InFolder("own.key"), InFolder("own.p12"));
        File.WriteAllText(certificate, own.CertificatePem);
        File.WriteAllText(key, own.KeyPem);
        Shell.Run("openssl", "pkcs12", "-export", "-name", LibreswanConf.OwnCertificate, "-in", certificate, "-inkey", key, "-passout", $"pass:{Password}", "-out", both);
        Nss("pk12util", "-i", both, "-W", Password);
    }

    private void Nss(string tool, params string[] arguments)
    {
        var unpacked = Path.Combine(Root, "usr/bin", tool);
        var result = Shell.TryRunWith(File.Exists(unpacked) ? unpacked : tool, ["-d", $"sql:{InFolder("nss")}", .. arguments], Environment);
        if (result.ExitCode != 0)
        {
            throw new InvalidOperationException($"{tool} {string.Join(' ', arguments)} ended with {result.ExitCode}: {result.All}");
        }
    }

    [GeneratedRegex(@"STATE_[A-Z0-9_]+")]
    private static partial Regex StateName();
}
