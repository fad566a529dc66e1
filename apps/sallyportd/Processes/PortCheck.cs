using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Sallyport.Daemon.Settings;

namespace Sallyport.Daemon.Processes;

/// <summary>Tries every listening address before anything starts, so that all that are taken are named at once.</summary>
internal static class PortCheck
{
    /// <param name="gatewayRuns">A gateway that is taken over keeps its listeners: only the API's addresses are tried.</param>
    public static IReadOnlyList<SettingProblem> Try(DaemonSettings settings, bool gatewayRuns)
    {
        var problems = new List<SettingProblem>();
        if (!gatewayRuns)
        {
            TryAll(SettingKey.OpenVpnUdp, settings.OpenVpnUdp, SocketType.Dgram, problems);
            TryAll(SettingKey.OpenVpnTcp, settings.OpenVpnTcp, SocketType.Stream, problems);
            TryAll(SettingKey.IpsecIke, settings.Ike, SocketType.Dgram, problems);
            TryAll(SettingKey.IpsecNat, settings.IkeNat, SocketType.Dgram, problems);
        }

        TryAll(SettingKey.ApiHttps, settings.ApiHttps, SocketType.Stream, problems);
        return problems;
    }

    /// <summary>
    /// IPsec as far as it can be had. Where nobody said which listeners he wants, a machine on which we are not root or where another IKE
    /// daemon runs has less of it, or none, and says so; it does not refuse to start.
    /// </summary>
    public static DaemonSettings Fit(DaemonSettings settings, bool gatewayRuns, Privileges may, Action<string> warn)
    {
        var fitted = settings with { EspRaw = settings.EspRaw && may.RawSockets };
        if (settings.IpsecIsSaid)
        {
            return fitted;
        }

        if (settings.Ike.Any(endpoint => !may.Bind(endpoint.Port)))
        {
            warn($"IKE is offered on port 4500 alone: port 500 is the system's, and needs root (set \"{SettingKey.IpsecIke.Path}\" to choose)");
            fitted = fitted with { Ike = [] };
        }

        var taken = new List<SettingProblem>();
        if (!gatewayRuns)
        {
            TryAll(SettingKey.IpsecIke, fitted.Ike, SocketType.Dgram, taken);
            TryAll(SettingKey.IpsecNat, fitted.IkeNat, SocketType.Dgram, taken);
        }

        if (taken.Count == 0)
        {
            return fitted;
        }

        warn($"no IPsec: {taken[0].What} (set \"{SettingKey.IpsecIke.Path}\" and \"{SettingKey.IpsecNat.Path}\" to choose)");
        return fitted with { Ike = [], IkeNat = [] };
    }

    private static void TryAll(SettingKey key, IReadOnlyList<IPEndPoint> endpoints, SocketType type, List<SettingProblem> problems)
    {
        foreach (var endpoint in endpoints)
        {
            if (endpoint.AddressFamily == AddressFamily.InterNetworkV6 && !Socket.OSSupportsIPv6)
            {
                continue;
            }

            try
            {
                using var socket = new Socket(endpoint.AddressFamily, type, type == SocketType.Dgram ? ProtocolType.Udp : ProtocolType.Tcp);
                if (endpoint.AddressFamily == AddressFamily.InterNetworkV6)
                {
                    socket.DualMode = false;
                }

                if (type == SocketType.Stream)
                {
                    // Connections of an earlier run may still linger in TIME_WAIT.
                    socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
                }

                socket.Bind(endpoint);
                if (type == SocketType.Stream)
                {
                    socket.Listen();
                }
            }
            catch (SocketException error)
            {
                problems.Add(Explain(key, endpoint, type, error));
            }
        }
    }

    private static SettingProblem Explain(SettingKey key, IPEndPoint endpoint, SocketType type, SocketException error)
    {
        var name = $"{(type == SocketType.Dgram ? "UDP" : "TCP")} {endpoint}";
        var example = $"{key.Variable}={(endpoint.Port < 64_000 ? endpoint.Port + 1000 : endpoint.Port - 1000)}";
        return error.SocketErrorCode switch
        {
            SocketError.AddressAlreadyInUse => new SettingProblem(
                key.Path,
                $"{name} is taken by {Holder(endpoint, type) ?? "another program"}",
                $"End that program, or set \"{key.Path}\" in sallyport.yaml or {example} to use another port."),
            SocketError.AccessDenied => new SettingProblem(
                key.Path, $"{name} needs root: ports below 1024 are the system's", $"Set \"{key.Path}\" in sallyport.yaml or {key.Variable} to a port from 1024 on."),
            SocketError.AddressNotAvailable => new SettingProblem(
                key.Path, $"{name} is no address of this machine", $"\"ip address\" shows those it has; set \"{key.Path}\" to one of them, or to {endpoint.Port} alone for all."),
            _ => new SettingProblem(
                key.Path,
                $"{name} cannot be opened: {error.Message}",
                $"Set \"{key.Path}\" in sallyport.yaml or {key.Variable} to another address."),
        };
    }

    /// <summary>The kernel keeps 15 characters of a name; the command line has it whole, where it is the same program's.</summary>
    private static string NameOf(string process)
    {
        var name = File.ReadAllText($"{process}/comm").Trim();
        var whole = Path.GetFileName(File.ReadAllText($"{process}/cmdline").Split('\0')[0]);
        return whole.StartsWith(name, StringComparison.Ordinal) ? whole : name;
    }

    /// <summary>"openvpn (process 123)", from /proc; null where the process belongs to somebody else.</summary>
    private static string? Holder(IPEndPoint endpoint, SocketType type)
    {
        var port = ":" + endpoint.Port.ToString("X4", CultureInfo.InvariantCulture);
        var protocol = type == SocketType.Dgram ? "udp" : "tcp";
        var inodes = new HashSet<string>();
        foreach (var table in (string[])[$"/proc/net/{protocol}", $"/proc/net/{protocol}6"])
        {
            if (!File.Exists(table))
            {
                continue;
            }

            foreach (var line in File.ReadLines(table).Skip(1))
            {
                // sl local_address rem_address st … uid timeout inode; state 0A is LISTEN.
                var fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
                if (fields.Length > 9 && fields[1].EndsWith(port, StringComparison.Ordinal)
                    && (type == SocketType.Dgram || fields[3] == "0A"))
                {
                    inodes.Add($"socket:[{fields[9]}]");
                }
            }
        }

        foreach (var process in Directory.EnumerateDirectories("/proc").Where(d => char.IsAsciiDigit(Path.GetFileName(d)[0])))
        {
            try
            {
                var open = Directory.EnumerateFileSystemEntries($"{process}/fd").Select(f => new FileInfo(f).LinkTarget);
                if (open.Any(target => target is not null && inodes.Contains(target)))
                {
                    return $"{NameOf(process)} (process {Path.GetFileName(process)})";
                }
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                // Somebody else's process, or one that just ended.
            }
        }

        return null;
    }
}
