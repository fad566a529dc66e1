using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Sallyport.Daemon.Processes;

namespace Sallyport.Daemon.Settings;

/// <summary>File and environment to settings. Nothing is used until everything is valid; every problem is reported at once.</summary>
internal sealed class SettingsLoader
{
    /// <summary>sun_path holds 108 bytes with the terminating zero (unix(7)).</summary>
    public const int SocketPathBytesMax = 107;

    /// <summary>IFNAMSIZ with the terminating zero is 16 (netdevice(7)).</summary>
    private const int DeviceNameMax = 15;

    /// <summary>With a host's address, a site's and a network's name of 63 each in front, a name still has fewer than 253 characters.</summary>
    private const int DnsZoneMax = 100;

    private readonly IReadOnlyDictionary<string, string> environment;
    private readonly string currentDirectory;
    private readonly Func<string> ownEndpoint;
    private readonly List<SettingProblem> problems = [];
    private readonly Dictionary<string, RawSetting> raw = [];

    /// <param name="ownEndpoint">What this machine is called when nobody says it.</param>
    public SettingsLoader(IReadOnlyDictionary<string, string> environment, string currentDirectory, Func<string> ownEndpoint)
    {
        this.environment = environment;
        this.currentDirectory = currentDirectory;
        this.ownEndpoint = ownEndpoint;
    }

    public IReadOnlyList<SettingProblem> Problems => problems;

    /// <summary>Things that are probably not meant, and that nothing depends on.</summary>
    public IReadOnlyList<string> Warnings { get; private set; } = [];

    /// <summary>Null where there are problems.</summary>
    public DaemonSettings? Load()
    {
        var file = FindFile();
        if (file is not null)
        {
            ReadFile(file);
        }

        ReadEnvironment();
        var settings = Convert(file);
        Judge(settings);
        return problems.Count == 0 ? settings : null;
    }

    /// <summary>The installation's own directory, set by the scripts; its ".sallyport" is the default data directory.</summary>
    private string Home => Variable("SALLYPORT_HOME") ?? currentDirectory;

    private string? FindFile()
    {
        if (Variable("SALLYPORT_CONFIG") is { } named)
        {
            var path = Path.GetFullPath(named, currentDirectory);
            if (!File.Exists(path))
            {
                problems.Add(new SettingProblem(
                    "SALLYPORT_CONFIG", $"there is no file {path}", "Name an existing file, or unset the variable."));
                return null;
            }

            return path;
        }

        var data = Path.GetFullPath(Variable(SettingKey.Data.Variable) ?? Path.Combine(Home, ".sallyport"), currentDirectory);
        string[] places = [Path.Combine(data, "sallyport.yaml"), Path.Combine(currentDirectory, "sallyport.yaml"), Path.Combine(
            Home, "sallyport.yaml")];
        return places.FirstOrDefault(File.Exists);
    }

    private void ReadFile(string path)
    {
        string text;
        try
        {
            text = File.ReadAllText(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            problems.Add(new SettingProblem(path, $"cannot be read: {error.Message}", "Make it readable for the user who runs Sallyport."));
            return;
        }

        foreach (var setting in SettingsFile.Read(path, text, problems))
        {
            raw[setting.Key.Path] = setting;
        }
    }

    private void ReadEnvironment()
    {
        var warnings = new List<string>();
        foreach (var (name, value) in environment.OrderBy(v => v.Key, StringComparer.Ordinal))
        {
            if (!name.StartsWith("SALLYPORT_", StringComparison.Ordinal) || value.Length == 0)
            {
                continue;
            }

            var key = SettingKey.All.FirstOrDefault(k => k.Variable == name);
            if (key is not null)
            {
                var list = key.Shape == SettingShape.Listen;
                string[] values = list ? value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) : [value];
                raw[key.Path] = new RawSetting(key, values is ["none"] ? [] : values, list, name, currentDirectory);
            }
            else if (SettingKey.All.Select(k => k.Variable).Where(v => Nearest.Distance(v, name) <= 2).MinBy(v => Nearest.Distance(
                v, name)) is { } near)
            {
                // The command line tool has variables of its own, so an unknown one is no error.
                warnings.Add($"{name} is not a setting; did you mean {near}?");
            }
        }

        Warnings = warnings;
    }

    private DaemonSettings Convert(string? file)
    {
        var data = PathOf(SettingKey.Data, Path.GetFullPath(Path.Combine(Home, ".sallyport"), currentDirectory));
        return new DaemonSettings
        {
            ConfigFile = file,
            DataDirectory = data,
            Endpoint = TextOf(SettingKey.Endpoint) ?? ownEndpoint(),
            OpenVpnUdp = ListenOf(SettingKey.OpenVpnUdp, 1194),
            OpenVpnTcp = ListenOf(SettingKey.OpenVpnTcp, 1194),
            Ping = DurationOf(SettingKey.OpenVpnPing, TimeSpan.FromSeconds(10)),
            PingRestart = DurationOf(SettingKey.OpenVpnPingRestart, TimeSpan.FromSeconds(60)),
            Renegotiate = DurationOf(SettingKey.OpenVpnRenegotiate, TimeSpan.FromHours(1)),
            HandshakeWindow = DurationOf(SettingKey.OpenVpnHandshakeWindow, TimeSpan.FromSeconds(60)),
            Ike = ListenOf(SettingKey.IpsecIke, 500),
            IkeNat = ListenOf(SettingKey.IpsecNat, 4500),
            IpsecIsSaid = raw.ContainsKey(SettingKey.IpsecIke.Path) || raw.ContainsKey(SettingKey.IpsecNat.Path),
            EspRaw = ChoiceOf(SettingKey.IpsecRaw, "on", "off") == "on",
            IkeThreads = (int)NumberOf(SettingKey.IpsecThreads, 1),
            IkeProbe = DurationOf(SettingKey.IpsecProbe, TimeSpan.FromSeconds(30)),
            IkeDead = DurationOf(SettingKey.IpsecDead, TimeSpan.FromSeconds(120)),
            IkeRedirect = TextOf(SettingKey.IpsecRedirect),
            ApiSocket = PathOf(SettingKey.ApiSocket, Path.Combine(data, "api.sock")),
            ApiHttps = ListenOf(SettingKey.ApiHttps, 8443),
            FlowTable = (int)NumberOf(SettingKey.GatewayFlowTable, 65_536),
            HandshakeThreads = (int)NumberOf(SettingKey.GatewayHandshakeThreads, 1),
            PacketThreads = NumberOf(SettingKey.GatewayPacketThreads, 0) is > 0 and var threads ? (int)threads : null,
            Tun = TextOf(SettingKey.GatewayTun) ?? "sallyport0",
            TunAlways = ChoiceOf(SettingKey.GatewayTunOpen, "needed", "always") == "always",
            TunOffloads = ChoiceOf(SettingKey.GatewayTunOffloads, "on", "off") == "on",
            DnsZone = TextOf(SettingKey.DnsZone) ?? "sallyport",
            CountryTable = TextOf(SettingKey.CountryTable) is null ? null : PathOf(SettingKey.CountryTable, ""),
            FlowRetention = DurationOf(SettingKey.FlowsRetention, TimeSpan.FromDays(30)),
        };
    }

    /// <summary>What only the whole can tell.</summary>
    private void Judge(DaemonSettings settings)
    {
        var bytes = Encoding.UTF8.GetByteCount(settings.ApiSocket);
        if (bytes > SocketPathBytesMax)
        {
            problems.Add(new SettingProblem(
                WhereOf(SettingKey.ApiSocket, SettingKey.Data),
                $"the path of the API socket has {bytes} bytes, and a Unix socket takes {SocketPathBytesMax}: {settings.ApiSocket}",
                "Set SALLYPORT_DATA (or \"data\") to a shorter path, such as /var/lib/sallyport."));
        }

        // Judged by the longest name that the program adds to the directory itself.
        var node = Encoding.UTF8.GetByteCount(Path.Combine(settings.DataDirectory, DataDirectoryNames.LongestSocket));
        if (node > SocketPathBytesMax && bytes <= SocketPathBytesMax)
        {
            problems.Add(new SettingProblem(
                WhereOf(SettingKey.Data),
                $"the path of the data directory is too long for the sockets in it ({node} bytes, and a Unix socket takes {SocketPathBytesMax})",
                "Set SALLYPORT_DATA (or \"data\") to a shorter path, such as /var/lib/sallyport."));
        }

        if (settings.CountryTable is { } table && !File.Exists(table))
        {
            problems.Add(new SettingProblem(WhereOf(SettingKey.CountryTable), $"there is no file {table}", "Name a CSV file of prefix,country lines, or leave \"country_table\" out."));
        }

        if (settings.Tun.Length is 0 or > DeviceNameMax || !settings.Tun.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.'))
        {
            problems.Add(new SettingProblem(
                WhereOf(SettingKey.GatewayTun),
                $"\"gateway.tun\" is not a name that a network device can have: {settings.Tun}",
                $"Use 1 to {DeviceNameMax} letters and digits: sallyport0."));
        }

        if (settings.DnsZone.Length > DnsZoneMax || !settings.DnsZone.Split('.').All(IsLabel))
        {
            problems.Add(new SettingProblem(
                WhereOf(SettingKey.DnsZone),
                $"\"dns.zone\" is not a domain that names can end with: {settings.DnsZone}",
                $"Use lower-case letters, digits and hyphens, with dots between, {DnsZoneMax} characters at most: sallyport, or vpn.example.com."));
        }

        if (settings.PingRestart < settings.Ping * 2)
        {
            problems.Add(new SettingProblem(
                WhereOf(SettingKey.OpenVpnPingRestart, SettingKey.OpenVpnPing),
                $"\"openvpn.ping_restart\" ({settings.PingRestart.TotalSeconds} s) must be at least twice \"openvpn.ping\" ({settings.Ping.TotalSeconds} s)",
                "One lost ping must not cut a device: 10 and 60 are good values."));
        }

        if (settings.OpenVpnUdp.Count + settings.OpenVpnTcp.Count + settings.Ike.Count + settings.IkeNat.Count == 0)
        {
            problems.Add(new SettingProblem(
                WhereOf(SettingKey.OpenVpnUdp, SettingKey.OpenVpnTcp), "no device could connect: \"openvpn.udp\", \"openvpn.tcp\", \"ipsec.ike\" and \"ipsec.nat\" are all empty",
                "Leave one of them out to get its default."));
        }

        Clash("TCP", SettingKey.OpenVpnTcp, settings.OpenVpnTcp, SettingKey.ApiHttps, settings.ApiHttps);
        Clash("UDP", SettingKey.OpenVpnUdp, settings.OpenVpnUdp, SettingKey.IpsecIke, settings.Ike);
        Clash("UDP", SettingKey.OpenVpnUdp, settings.OpenVpnUdp, SettingKey.IpsecNat, settings.IkeNat);
        Clash("UDP", SettingKey.IpsecIke, settings.Ike, SettingKey.IpsecNat, settings.IkeNat);
        if (settings.IkeRedirect is { } elsewhere && !IsHost(elsewhere))
        {
            problems.Add(new SettingProblem(
                WhereOf(SettingKey.IpsecRedirect), $"\"{elsewhere}\" is neither a host name nor an address", "Write where new peers are sent, without a port: vpn2.example.com. Leave it out to keep them."));
        }

        if (!IsHost(settings.Endpoint))
        {
            problems.Add(new SettingProblem(
                WhereOf(SettingKey.Endpoint), $"\"{settings.Endpoint}\" is neither a host name nor an address", "Write it without port and scheme: vpn.example.com, 203.0.113.7 or 2001:db8::7."));
        }
    }

    private void Clash(string protocol, SettingKey a, IReadOnlyList<IPEndPoint> ofA, SettingKey b, IReadOnlyList<IPEndPoint> ofB)
    {
        foreach (var one in ofA)
        {
            if (ofB.Any(other => other.Port == one.Port && other.AddressFamily == one.AddressFamily
                && (other.Address.Equals(one.Address) || IsAny(other) || IsAny(one))))
            {
                problems.Add(new SettingProblem(
                    WhereOf(b, a),
                    $"\"{a.Path}\" and \"{b.Path}\" both want {protocol} port {one.Port}",
                    $"Give one of them another port, for example {b.Variable}=0.0.0.0:{one.Port + 1}."));
                return;
            }
        }
    }

    private string? TextOf(SettingKey key) => Single(key)?.Trim() is { Length: > 0 } text ? text : null;

    private string ChoiceOf(SettingKey key, string otherwise, string other)
    {
        if (TextOf(key) is not { } text || text == otherwise || text == other)
        {
            return TextOf(key) ?? otherwise;
        }

        problems.Add(new SettingProblem(raw[key.Path].Where, $"\"{key.Path}\" is \"{text}\"", $"It is {otherwise} (the default) or {other}."));
        return otherwise;
    }

    private string PathOf(SettingKey key, string otherwise)
    {
        if (TextOf(key) is not { } text)
        {
            return otherwise;
        }

        if (text.Contains('\0', StringComparison.Ordinal))
        {
            problems.Add(new SettingProblem(raw[key.Path].Where, $"\"{key.Path}\" is not a path", ""));
            return otherwise;
        }

        return Path.TrimEndingDirectorySeparator(Path.GetFullPath(text, raw[key.Path].BaseDirectory));
    }

    private IReadOnlyList<IPEndPoint> ListenOf(SettingKey key, int defaultPort)
    {
        if (!raw.TryGetValue(key.Path, out var setting))
        {
            return [new IPEndPoint(IPAddress.Any, defaultPort), new IPEndPoint(IPAddress.IPv6Any, defaultPort)];
        }

        var endpoints = new List<IPEndPoint>();
        foreach (var text in setting.Values)
        {
            // A port alone means every address of the machine.
            if (ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port != 0)
            {
                endpoints.Add(new IPEndPoint(IPAddress.Any, port));
                endpoints.Add(new IPEndPoint(IPAddress.IPv6Any, port));
            }
            else if (text.LastIndexOf(':') > text.LastIndexOf(']') && IPEndPoint.TryParse(text, out var endpoint) && endpoint.Port != 0
                && (endpoint.AddressFamily == AddressFamily.InterNetwork || text.StartsWith('[')))
            {
                endpoints.Add(endpoint);
            }
            else
            {
                problems.Add(new SettingProblem(
                    setting.Where, $"\"{text}\" in \"{key.Path}\" is no address with a port", $"Write 0.0.0.0:{defaultPort}, [::]:{defaultPort}, or {defaultPort} alone for every address; ports go from 1 to 65535."));
            }
        }

        foreach (var twice in endpoints.GroupBy(e => e).Where(g => g.Count() > 1))
        {
            problems.Add(new SettingProblem(setting.Where, $"\"{key.Path}\" names {twice.Key} twice", "Remove one of them."));
        }

        return endpoints;
    }

    private TimeSpan DurationOf(SettingKey key, TimeSpan otherwise) => TimeSpan.FromSeconds(NumberOf(key, (long)otherwise.TotalSeconds));

    private long NumberOf(SettingKey key, long otherwise)
    {
        if (Single(key)?.Trim() is not { Length: > 0 } text)
        {
            return otherwise;
        }

        var duration = key.Shape == SettingShape.Duration;
        var unit = duration ? char.ToLowerInvariant(text[^1]) switch { 's' => 1, 'm' => 60, 'h' => 3600, 'd' => 86_400, _ => 0 } : 0;
        var digits = unit == 0 ? text : text[..^1].TrimEnd();
        if (!long.TryParse(digits, NumberStyles.AllowThousands, CultureInfo.InvariantCulture, out var number)
            || number > long.MaxValue / 86_400)
        {
            problems.Add(new SettingProblem(
                raw[key.Path].Where, $"\"{text}\" in \"{key.Path}\" is no {(duration ? "duration" : "number")}", duration
                    ? "Write seconds, or a number with s, m, h or d: 90, 90s, 2m, 1h, 30d."
                    : "Write digits only."));
            return otherwise;
        }

        number *= Math.Max(1, unit);
        if (number < key.Least || number > key.Most)
        {
            problems.Add(new SettingProblem(
                raw[key.Path].Where,
                $"\"{key.Path}\" is {number}",
                $"It goes from {key.Least} to {key.Most}{(duration ? " seconds" : "")}; the default is {otherwise}."));
            return otherwise;
        }

        return number;
    }

    private string? Single(SettingKey key)
    {
        if (!raw.TryGetValue(key.Path, out var setting))
        {
            return null;
        }

        if (!setting.IsList)
        {
            return setting.Values[0];
        }

        problems.Add(new SettingProblem(setting.Where, $"\"{key.Path}\" takes one value, not a list", "Remove the brackets or dashes."));
        return null;
    }

    private string? Variable(string name) => environment.TryGetValue(name, out var value) && value.Length > 0 ? value : null;

    private string WhereOf(params ReadOnlySpan<SettingKey> keys)
    {
        foreach (var key in keys)
        {
            if (raw.TryGetValue(key.Path, out var setting))
            {
                return setting.Where;
            }
        }

        return keys[0].Path;
    }

    private static bool IsAny(IPEndPoint endpoint) => endpoint.Address.Equals(IPAddress.Any) || endpoint.Address.Equals(IPAddress.IPv6Any);

    /// <summary>RFC 1035 section 2.3.4 and RFC 1123 section 2.1, in the case that names are kept in.</summary>
    private static bool IsLabel(string text) =>
        text.Length is > 0 and <= 63 && text[0] != '-' && text[^1] != '-' && text.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-');

    private static bool IsHost(string text) =>
        Uri.CheckHostName(text) is UriHostNameType.Dns or UriHostNameType.IPv4 or UriHostNameType.IPv6;
}
