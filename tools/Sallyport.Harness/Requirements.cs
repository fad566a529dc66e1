namespace Sallyport.Harness;

/// <summary>What these tests need from the machine; they are skipped with the reason where it is missing.</summary>
public static class Requirements
{
    private static readonly string[] Tools = ["ip", "openvpn"];

    private static readonly Lazy<string?> Found = new(Find);

    /// <summary>Null where everything is there.</summary>
    public static string? Missing => Found.Value;

    /// <summary>Null where strongSwan can be run as well: daemon, tool, ESP in user space, EAP.</summary>
    public static string? MissingForIpsec { get; } = new[]
        {
            (Ipsec.CharonInstallation.Daemon, "charon-systemd"),
            (Ipsec.CharonInstallation.Tool, "strongswan-swanctl"),
            (Plugin("kernel-libipsec"), "libcharon-extra-plugins"),
            (Plugin("eap-mschapv2"), "libcharon-extauth-plugins"),
            (Plugin("curve25519"), "libstrongswan-extra-plugins"),
            (Plugin("gcm"), "libstrongswan-standard-plugins"),
        }
        .Where(one => !File.Exists(one.Item1))
        .Select(one => $"'{one.Item1}' is missing: apt-get install {one.Item2}")
        .FirstOrDefault();

    public static bool HasTool(string name) => SearchPath().Any(folder => File.Exists(Path.Combine(folder, name)));

    private static string? Find()
    {
        if (!OperatingSystem.IsLinux())
        {
            return "network namespaces exist on Linux only";
        }

        if (!Environment.IsPrivilegedProcess)
        {
            return "not root: network namespaces cannot be made";
        }

        if (!File.Exists("/dev/net/tun"))
        {
            return "/dev/net/tun is missing: the clients have no tunnel device";
        }

        var tool = Tools.FirstOrDefault(name => !HasTool(name));
        return tool is null ? null : $"'{tool}' is not installed: apt-get install openvpn iproute2";
    }

    private static string Plugin(string name) => $"/usr/lib/ipsec/plugins/libstrongswan-{name}.so";

    private static IEnumerable<string> SearchPath() =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Concat(["/usr/sbin", "/sbin"]).Where(folder => folder.Length > 0);
}
