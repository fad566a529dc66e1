using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Sallyport.Control;
using Sallyport.Control.Http;
using Sallyport.Daemon.Hosting;
using Sallyport.Daemon.Settings;

namespace Sallyport.Apps.Tests.Daemon.Hosting;

/// <summary>Who has shown no token holds few connections, and none for long.</summary>
public sealed class NewcomerGateTests
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(10);

    [Theory]
    [InlineData(3, 100)]
    [InlineData(100, 3)]
    public async Task Connections_without_a_token_are_few_and_one_that_showed_it_does_not_count(int perAddress, int total)
    {
        await using var server = await ServerAsync(new NewcomerLimits { PerAddressMax = perAddress, TotalMax = total, Patience = Long });
        var held = new List<Socket>();
        try
        {
            for (var i = 0; i < 3; i++)
            {
                held.Add(Connect(server));
                (await AskAsync(held[i], "/stranger")).ShouldStartWith("HTTP/1.1 200");
            }

            using (var refused = Connect(server))
            {
                (await AskAsync(refused, "/stranger")).ShouldBeEmpty();
            }

            (await AskAsync(held[0], "/friend")).ShouldStartWith("HTTP/1.1 200");
            held.Add(Connect(server));
            (await AskAsync(held[^1], "/stranger")).ShouldStartWith("HTTP/1.1 200");
            using var another = Connect(server);
            (await AskAsync(another, "/stranger")).ShouldBeEmpty();
        }
        finally
        {
            held.ForEach(socket => socket.Dispose());
        }
    }

    [Fact]
    public async Task A_connection_that_shows_no_token_ends_soon_and_one_that_did_goes_on()
    {
        await using var server = await ServerAsync(new NewcomerLimits { Patience = TimeSpan.FromSeconds(2) });
        using var friend = Connect(server);
        using var idle = Connect(server);
        using var stranger = Connect(server);
        (await AskAsync(friend, "/friend")).ShouldStartWith("HTTP/1.1 200");
        (await AskAsync(stranger, "/stranger")).ShouldStartWith("HTTP/1.1 200");

        (await ReadAsync(idle)).ShouldBeEmpty();
        (await ReadAsync(stranger)).ShouldBeEmpty();

        (await AskAsync(friend, "/friend")).ShouldStartWith("HTTP/1.1 200");
    }

    /// <summary>Fills the places of one address; false where it took so long that they may have ended by themselves.</summary>
    private static async Task<bool> HoldAllAsync(int port)
    {
        var held = new List<Socket>();
        try
        {
            var watch = Stopwatch.StartNew();
            for (var i = 0; i < new NewcomerLimits().PerAddressMax; i++)
            {
                held.Add(Connect(port));
            }

            using var refused = Connect(port);
            (await ReadAsync(refused)).ShouldBeEmpty();
            var stillOpen = held.TrueForAll(socket => !socket.Poll(0, SelectMode.SelectRead));
            if (watch.Elapsed > TimeSpan.FromSeconds(8))
            {
                return false;
            }

            stillOpen.ShouldBeTrue();
            return true;
        }
        finally
        {
            held.ForEach(socket => socket.Dispose());
        }
    }

    [Fact]
    public async Task Idle_connections_without_a_token_do_not_fill_the_https_api()
    {
        var directory = Directory.CreateTempSubdirectory("sallyport-web-").FullName;
        var port = FreePort();
        var settings = new DaemonSettings
        {
            DataDirectory = directory,
            Endpoint = "vpn.example.net",
            OpenVpnUdp = [],
            OpenVpnTcp = [],
            Ping = TimeSpan.FromSeconds(10),
            PingRestart = TimeSpan.FromSeconds(60),
            Renegotiate = TimeSpan.FromHours(1),
            HandshakeWindow = TimeSpan.FromSeconds(60),
            Ike = [],
            IkeNat = [],
            IpsecIsSaid = true,
            EspRaw = false,
            IkeThreads = 1,
            IkeProbe = TimeSpan.FromSeconds(30),
            IkeDead = TimeSpan.FromSeconds(120),
            ApiSocket = Path.Combine(directory, "api.sock"),
            ApiHttps = [new IPEndPoint(IPAddress.Loopback, port)],
            FlowTable = 1024,
            HandshakeThreads = 1,
            PacketThreads = 1,
            Tun = "sallyport0",
            TunAlways = false,
            TunOffloads = true,
            DnsZone = "sallyport",
            FlowRetention = TimeSpan.FromDays(1),
        };
        using (var control = ControlHost.Open(WebServer.OptionsOf(settings), TimeProvider.System))
        {
            await using var app = WebServer.Build(settings, control);
            await app.StartAsync();
            // TLS gives a newcomer ten seconds: on a machine that stood still for so long nothing is shown, and it is done again.
            while (!await HoldAllAsync(port))
            {
            }

            await app.StopAsync();
        }

        Directory.Delete(directory, recursive: true);
    }

    private static async Task<WebApplication> ServerAsync(NewcomerLimits limits)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        var gate = new NewcomerGate(limits, TimeProvider.System);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(options => options.Listen(
            IPAddress.Loopback, 0, listen => listen.Use(next => connection => gate.PassAsync(connection, next))));
        var app = builder.Build();
        app.Run(context =>
        {
            if (context.Request.Path == "/friend")
            {
                context.Features.Get<IConnectionStanding>()!.Authorised();
            }

            return context.Response.WriteAsync("ok");
        });
        await app.StartAsync();
        return app;
    }

    private static Socket Connect(WebApplication server) =>
        Connect(new Uri(server.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single()).Port);

    private static Socket Connect(int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Connect(IPAddress.Loopback, port);
        return socket;
    }

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    /// <summary>Empty where the connection was ended.</summary>
    private static async Task<string> AskAsync(Socket socket, string path)
    {
        try
        {
            await socket.SendAsync(Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        }
        catch (SocketException)
        {
            return "";
        }

        return await ReadAsync(socket);
    }

    private static async Task<string> ReadAsync(Socket socket)
    {
        var text = new StringBuilder();
        var buffer = new byte[4096];
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        try
        {
            do
            {
                var count = await socket.ReceiveAsync(buffer, patience.Token);
                if (count == 0)
                {
                    break;
                }

                text.Append(Encoding.ASCII.GetString(buffer, 0, count));
            }
            while (!text.ToString().Contains("ok", StringComparison.Ordinal) || !text.ToString().EndsWith("\r\n0\r\n\r\n", StringComparison.Ordinal));
        }
        catch (SocketException)
        {
            // A reset is an end as well.
        }

        return text.ToString();
    }
}
