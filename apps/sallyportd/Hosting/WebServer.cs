using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging.Console;
using Sallyport.Api.Nodes;
using Sallyport.Control;
using Sallyport.Daemon.Settings;

namespace Sallyport.Daemon.Hosting;

/// <summary>Control on its Unix socket and on https.</summary>
internal static class WebServer
{
    /// <summary>The largest request is a device with its labels; a megabyte is far beyond it.</summary>
    private const long RequestBodyMax = 1 << 20;

    /// <summary>Consoles, scripts and streams; whoever opens more is not an operator.</summary>
    private const long ConnectionsMax = 1024;

    /// <summary>As long as a newcomer has: whoever sends a head by the byte is none of our clients.</summary>
    private static readonly TimeSpan RequestHeadersTimeout = TimeSpan.FromSeconds(15);

    /// <summary>Streams that nobody reads any more must not hold up the end.</summary>
    private static readonly TimeSpan ShutdownTimeout = TimeSpan.FromSeconds(3);

    public static ControlOptions OptionsOf(DaemonSettings settings) => new()
    {
        DataDirectory = settings.DataDirectory,
        Endpoint = settings.Endpoint,
        OpenVpnUdpPort = PortOf(settings.OpenVpnUdp),
        OpenVpnTcpPort = PortOf(settings.OpenVpnTcp),
        IkePort = PortOf(settings.Ike),
        IkeNatPort = PortOf(settings.IkeNat),
        ApiNames = [Dns.GetHostName(), OwnEndpoint.Find(), .. Named(settings.ApiHttps)],
        FlowAge = settings.FlowRetention,
        CountryTable = settings.CountryTable,
        Gateway = new GatewaySettings
        {
            OpenVpnUdp = [.. settings.OpenVpnUdp.Select(e => e.ToString())],
            OpenVpnTcp = [.. settings.OpenVpnTcp.Select(e => e.ToString())],
            PingSeconds = (int)settings.Ping.TotalSeconds,
            PingRestartSeconds = (int)settings.PingRestart.TotalSeconds,
            RenegotiateSeconds = (int)settings.Renegotiate.TotalSeconds,
            HandshakeWindowSeconds = (int)settings.HandshakeWindow.TotalSeconds,
            HandshakeThreads = settings.HandshakeThreads,
            PacketThreads = settings.PacketThreads,
            FlowTableCapacity = settings.FlowTable,
            Ike = [.. settings.Ike.Select(e => e.ToString())],
            IkeNat = [.. settings.IkeNat.Select(e => e.ToString())],
            EspRaw = settings.EspRaw,
            IkeThreads = settings.IkeThreads,
            IkeProbeSeconds = (int)settings.IkeProbe.TotalSeconds,
            IkeDeadSeconds = (int)settings.IkeDead.TotalSeconds,
            IkeRedirect = settings.IkeRedirect,
            Tun = settings.Tun,
            TunAlways = settings.TunAlways,
            TunOffloads = settings.TunOffloads,
            DnsZone = settings.DnsZone,
        },
    };

    public static WebApplication Build(DaemonSettings settings, ControlHost control)
    {
        // Nothing of the current directory counts: no appsettings.json, no wwwroot.
        var builder = WebApplication.CreateEmptyBuilder(
            new WebApplicationOptions { ContentRootPath = settings.DataDirectory, ApplicationName = "sallyportd" });
        builder.Logging.AddSimpleConsole(options =>
        {
            options.SingleLine = true;
            options.UseUtcTimestamp = true;
            options.TimestampFormat = "yyyy-MM-dd HH:mm:ss.fff'Z' ";
            options.ColorBehavior = LoggerColorBehavior.Disabled;
        });
        builder.Logging.SetMinimumLevel(LogLevel.Information).AddFilter("Microsoft", LogLevel.Warning);
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = ShutdownTimeout);
        var certificate = new ApiCertificate(control, TimeProvider.System);
        builder.WebHost.UseKestrelCore()
            .UseKestrelHttpsConfiguration()
            .UseSockets(options => options.CreateBoundListenSocket = Bind)
            .ConfigureKestrel(options => Listen(options, settings, certificate));
        builder.Services.AddSallyportControl(control);

        builder.Services.AddSingleton(settings);
        builder.Services.AddHostedService<ReadyWatch>();
        return builder.Build().MapSallyportControl();
    }

    private static void Listen(KestrelServerOptions options, DaemonSettings settings, ApiCertificate certificate)
    {
        options.AddServerHeader = false;
        options.Limits.MaxRequestBodySize = RequestBodyMax;
        options.Limits.MaxConcurrentConnections = ConnectionsMax;
        options.Limits.RequestHeadersTimeout = RequestHeadersTimeout;
        options.ListenUnixSocket(settings.ApiSocket);
        var gate = new NewcomerGate(new NewcomerLimits(), TimeProvider.System);
        foreach (var endpoint in settings.ApiHttps)
        {
            options.Listen(endpoint, listen =>
            {
                listen.Use(next => connection => gate.PassAsync(connection, next));
                listen.UseHttps(new TlsHandshakeCallbackOptions
                {
                    OnConnection = _ => ValueTask.FromResult(certificate.Current()),
                });
            });
        }
    }

    /// <summary>Kestrel would take [::] for IPv4 too, and 0.0.0.0 beside it would then be taken.</summary>
    private static Socket Bind(EndPoint endpoint)
    {
        if (endpoint is not IPEndPoint { AddressFamily: AddressFamily.InterNetworkV6 })
        {
            return SocketTransportOptions.CreateDefaultBoundListenSocket(endpoint);
        }

        var socket = new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp) { DualMode = false };
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        socket.Bind(endpoint);
        return socket;
    }

    private static int PortOf(IReadOnlyList<IPEndPoint> endpoints) => endpoints.Count > 0 ? endpoints[0].Port : 0;

    private static IEnumerable<string> Named(IReadOnlyList<IPEndPoint> endpoints) => endpoints
        .Select(e => e.Address)
        .Where(a => !a.Equals(IPAddress.Any) && !a.Equals(IPAddress.IPv6Any))
        .Select(a => a.ToString());
}
