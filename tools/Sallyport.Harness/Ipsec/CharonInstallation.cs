namespace Sallyport.Harness.Ipsec;

/// <summary>
/// A strongSwan on this machine: the distribution's, or the one of a later Debian that tools/setup.sh unpacks with all that it needs, down to the C library, because the
/// distribution's has no additional key exchanges (RFC 9370) before 6.0.
/// </summary>
public sealed class CharonInstallation
{
    /// <summary>Does what systemd would start; unlike /usr/lib/ipsec/charon it has no /run/charon.pid that all would share.</summary>
    internal const string Daemon = "/usr/sbin/charon-systemd";

    internal const string Tool = "/usr/sbin/swanctl";

    private CharonInstallation(string? root)
    {
        Root = root;

        // Without a daemon the tool complains before it says which it is.
        var said = root is null ? Shell.TryRun(Tool, "--version") : File.Exists(root + Tool) ? Shell.TryRun("chroot", root, Tool, "--version") : null;
        Version = said?.All.Split('\n')
            .Where(line => line.StartsWith("strongSwan ", StringComparison.Ordinal))
            .Select(line => Version.TryParse(line.Split(' ')[1], out var version) ? version : null)
            .FirstOrDefault();
    }

    public static CharonInstallation OfDistribution { get; } = new(null);

    public static CharonInstallation Later { get; } = new(Path.Combine(Programs.Root, "artifacts", "peers", "strongswan"));

    /// <summary>As in 5.9.8; null where it is not there.</summary>
    public Version? Version { get; }

    /// <summary>The folder that it takes for the whole machine; null for the distribution's.</summary>
    public string? Root { get; }

    /// <summary>Null where there is none of that version or later; the distribution's comes first.</summary>
    /// <param name="first">As in "6.0.0".</param>
    public static CharonInstallation? Since(string first) => new[] { OfDistribution, Later }.FirstOrDefault(one => one.Version >= Version.Parse(first));

    /// <summary>For who finds none that is late enough.</summary>
    public static string Best => Later.Version is { } later ? $"Debian 13 has {later}" : "./test downloads the one of Debian 13";

    /// <summary>How its daemon is started, as a command without a shell around it. `ip netns exec` has given it mounts of its own.</summary>
    /// <param name="folder">With its settings; the same path inside.</param>
    internal (string Program, IReadOnlyList<string> Arguments) Start(string folder)
    {
        if (Root is null)
        {
            // Debian's AppArmor profiles go by the path of the program, and let it read /etc only.
            var copy = Path.Combine(folder, Path.GetFileName(Daemon));
            File.Copy(Daemon, copy);
            return (copy, []);
        }

        const string Script = """
            mount -t tmpfs none "$1/tmp" && mkdir -p "$1$2" && mount --bind "$2" "$1$2" &&
            mount --rbind /dev "$1/dev" && mount --rbind /proc "$1/proc" && mount --rbind /sys "$1/sys" && exec chroot "$1" "$3"
            """;
        return ("sh", ["-c", Script, "charon", Root, folder, Daemon]);
    }
}
