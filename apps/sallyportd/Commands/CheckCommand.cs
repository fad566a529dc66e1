using System.Globalization;
using Sallyport.Daemon.Settings;

namespace Sallyport.Daemon.Commands;

/// <summary>Proves the settings and prints what they come to, without starting anything.</summary>
internal static class CheckCommand
{
    public static int Run()
    {
        if (Preparation.LoadSettings() is not { } s)
        {
            return ExitCodes.Usage;
        }

        Console.WriteLine($"""
            # {(s.ConfigFile is null ? "no sallyport.yaml; defaults and variables" : $"from {s.ConfigFile} and variables")}
            {SettingKey.Data.Path}: {s.DataDirectory}
            {SettingKey.Endpoint.Path}: {s.Endpoint}
            {SettingKey.CountryTable.Path}: {s.CountryTable ?? "none"}
            {SettingKey.OpenVpnUdp.Path}: [{string.Join(", ", s.OpenVpnUdp)}]
            {SettingKey.OpenVpnTcp.Path}: [{string.Join(", ", s.OpenVpnTcp)}]
            {SettingKey.OpenVpnPing.Path}: {Show(s.Ping)}
            {SettingKey.OpenVpnPingRestart.Path}: {Show(s.PingRestart)}
            {SettingKey.OpenVpnRenegotiate.Path}: {Show(s.Renegotiate)}
            {SettingKey.OpenVpnHandshakeWindow.Path}: {Show(s.HandshakeWindow)}
            {SettingKey.IpsecIke.Path}: [{string.Join(", ", s.Ike)}]
            {SettingKey.IpsecNat.Path}: [{string.Join(", ", s.IkeNat)}]
            {SettingKey.IpsecRaw.Path}: {(s.EspRaw ? "on" : "off")}
            {SettingKey.IpsecThreads.Path}: {s.IkeThreads}
            {SettingKey.IpsecProbe.Path}: {Show(s.IkeProbe)}
            {SettingKey.IpsecDead.Path}: {Show(s.IkeDead)}
            {SettingKey.IpsecRedirect.Path}: {s.IkeRedirect ?? "none"}
            {SettingKey.ApiSocket.Path}: {s.ApiSocket}
            {SettingKey.ApiHttps.Path}: [{string.Join(", ", s.ApiHttps)}]
            {SettingKey.GatewayFlowTable.Path}: {s.FlowTable}
            {SettingKey.GatewayHandshakeThreads.Path}: {s.HandshakeThreads}
            {SettingKey.GatewayPacketThreads.Path}: {s.PacketThreads?.ToString(CultureInfo.InvariantCulture) ?? "half of the gateway's cores"}
            {SettingKey.GatewayTun.Path}: {s.Tun}
            {SettingKey.GatewayTunOpen.Path}: {(s.TunAlways ? "always" : "needed")}
            {SettingKey.GatewayTunOffloads.Path}: {(s.TunOffloads ? "on" : "off")}
            {SettingKey.FlowsRetention.Path}: {Show(s.FlowRetention)}
            """);
        return ExitCodes.Ok;
    }

    /// <summary>As one writes it in sallyport.yaml, in the largest unit that it is whole in.</summary>
    internal static string Show(TimeSpan duration)
    {
        (char Unit, long Seconds)[] units = [('d', 86_400), ('h', 3600), ('m', 60), ('s', 1)];
        var seconds = (long)duration.TotalSeconds;
        var (unit, each) = units.First(one => seconds >= one.Seconds && seconds % one.Seconds == 0 || one.Seconds == 1);
        return string.Create(CultureInfo.InvariantCulture, $"{seconds / each}{unit}");
    }
}
