namespace Sallyport.Daemon.Settings;

internal enum SettingShape
{
    /// <summary>Any text.</summary>
    Text,

    /// <summary>A path; a relative one starts at the file that names it, or at the current directory for a variable.</summary>
    Path,

    /// <summary>Listening addresses, "0.0.0.0:1194" or "[::]:1194"; an empty list listens nowhere.</summary>
    Listen,

    /// <summary>Seconds, or a number with s, m, h or d.</summary>
    Duration,

    Count,
}

/// <summary>
/// One thing that can be set. <paramref name="Least"/> and <paramref name="Most"/> bound durations (in seconds) and counts.
/// </summary>
internal sealed record SettingKey(string Path, SettingShape Shape, long Least = 0, long Most = 0)
{
    /// <summary>The variable that wins over the file: "openvpn.ping" is SALLYPORT_OPENVPN_PING.</summary>
    public string Variable => "SALLYPORT_" + Path.ToUpperInvariant().Replace('.', '_');

    public static readonly SettingKey Data = new("data", SettingShape.Path);
    public static readonly SettingKey Endpoint = new("endpoint", SettingShape.Text);
    public static readonly SettingKey OpenVpnUdp = new("openvpn.udp", SettingShape.Listen);
    public static readonly SettingKey OpenVpnTcp = new("openvpn.tcp", SettingShape.Listen);
    public static readonly SettingKey OpenVpnPing = new("openvpn.ping", SettingShape.Duration, 1, 3600);
    public static readonly SettingKey OpenVpnPingRestart = new("openvpn.ping_restart", SettingShape.Duration, 2, 86_400);
    public static readonly SettingKey OpenVpnRenegotiate = new("openvpn.renegotiate", SettingShape.Duration, 5, 604_800);
    public static readonly SettingKey OpenVpnHandshakeWindow = new("openvpn.handshake_window", SettingShape.Duration, 5, 600);
    public static readonly SettingKey IpsecIke = new("ipsec.ike", SettingShape.Listen);
    public static readonly SettingKey IpsecNat = new("ipsec.nat", SettingShape.Listen);
    public static readonly SettingKey IpsecRaw = new("ipsec.raw", SettingShape.Text);
    public static readonly SettingKey IpsecThreads = new("ipsec.threads", SettingShape.Count, 1, 64);
    public static readonly SettingKey IpsecProbe = new("ipsec.probe", SettingShape.Duration, 1, 3600);
    public static readonly SettingKey IpsecDead = new("ipsec.dead", SettingShape.Duration, 5, 86_400);
    public static readonly SettingKey IpsecRedirect = new("ipsec.redirect", SettingShape.Text);
    public static readonly SettingKey ApiSocket = new("api.socket", SettingShape.Path);
    public static readonly SettingKey ApiHttps = new("api.https", SettingShape.Listen);
    public static readonly SettingKey GatewayFlowTable = new("gateway.flow_table", SettingShape.Count, 1024, 4_194_304);
    public static readonly SettingKey GatewayHandshakeThreads = new("gateway.handshake_threads", SettingShape.Count, 1, 64);
    public static readonly SettingKey GatewayPacketThreads = new("gateway.packet_threads", SettingShape.Count, 1, 64);
    public static readonly SettingKey GatewayTun = new("gateway.tun", SettingShape.Text);
    public static readonly SettingKey GatewayTunOpen = new("gateway.tun_open", SettingShape.Text);
    public static readonly SettingKey GatewayTunOffloads = new("gateway.tun_offloads", SettingShape.Text);
    public static readonly SettingKey DnsZone = new("dns.zone", SettingShape.Text);
    public static readonly SettingKey CountryTable = new("country_table", SettingShape.Path);
    public static readonly SettingKey FlowsRetention = new("flows.retention", SettingShape.Duration, 3600, 315_360_000);

    /// <summary>Every key, in the order of docs/sallyport.yaml.</summary>
    public static readonly IReadOnlyList<SettingKey> All =
    [
        Data, Endpoint, CountryTable,
        OpenVpnUdp, OpenVpnTcp, OpenVpnPing, OpenVpnPingRestart, OpenVpnRenegotiate, OpenVpnHandshakeWindow,
        IpsecIke, IpsecNat, IpsecRaw, IpsecThreads, IpsecProbe, IpsecDead, IpsecRedirect,
        ApiSocket, ApiHttps,
        GatewayFlowTable, GatewayHandshakeThreads, GatewayPacketThreads, GatewayTun, GatewayTunOpen, GatewayTunOffloads,
        DnsZone,
        FlowsRetention,
    ];
}
