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
            {SettingKey.OpenVpnUdp.Path}: [{string.Join(", ", s.OpenVpnUdp)}]
            {SettingKey.OpenVpnTcp.Path}: [{string.Join(", ", s.OpenVpnTcp)}]
            {SettingKey.OpenVpnPing.Path}: {s.Ping.TotalSeconds}s
            {SettingKey.OpenVpnPingRestart.Path}: {s.PingRestart.TotalSeconds}s
            {SettingKey.OpenVpnRenegotiate.Path}: {s.Renegotiate.TotalSeconds}s
            {SettingKey.OpenVpnHandshakeWindow.Path}: {s.HandshakeWindow.TotalSeconds}s
            {SettingKey.ApiSocket.Path}: {s.ApiSocket}
            {SettingKey.ApiHttps.Path}: [{string.Join(", ", s.ApiHttps)}]
            {SettingKey.GatewayFlowTable.Path}: {s.FlowTable}
            {SettingKey.GatewayHandshakeThreads.Path}: {s.HandshakeThreads}
            {SettingKey.GatewayPacketThreads.Path}: {s.PacketThreads?.ToString(CultureInfo.InvariantCulture) ?? "half of the gateway's cores"}
            {SettingKey.GatewayTun.Path}: {s.Tun}
            {SettingKey.GatewayTunOpen.Path}: {(s.TunAlways ? "always" : "needed")}
            {SettingKey.GatewayTunOffloads.Path}: {(s.TunOffloads ? "on" : "off")}
            {SettingKey.FlowsRetention.Path}: {s.FlowRetention.TotalSeconds}s
            """);
        return ExitCodes.Ok;
    }
}
