using System.Diagnostics;
using System.Net.Sockets;
using Sallyport.Api.Nodes;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Tests.Fixtures;

namespace Sallyport.DataPlane.Tests.Gateway;

/// <summary>Whoever holds one device's key can do much with it, but not to others.</summary>
public sealed class CrowdTests : IDisposable
{
    private readonly TestFleet _fleet = new();

    [Fact]
    public void One_device_key_at_many_addresses_holds_a_few_places_and_replaces_itself()
    {
        using var gateway = new RunningGateway(_fleet);
        for (var i = 0; i < DataPlaneLimits.HalfOpenPerCredentialMax + 3; i++)
        {
            using var knock = new Knock(_fleet.Device, gateway.Udp, (ulong)i);
            knock.ComeIn();
        }

        gateway.Control.WaitFor<DropReport>(report => report.Drops.GetValueOrDefault("MadeRoom") == 3, "each beyond the bound took another's place");

        // The newest attempt is that of the device itself, and it comes to its end.
        using var device = gateway.Connect(_fleet.Device);
    }

    [Fact]
    public void A_key_that_begins_sessions_without_end_is_stopped_at_the_door_and_others_are_not()
    {
        using var gateway = new RunningGateway(_fleet);
        for (var i = 0; i < OpenVpnLimits.SessionBurst + 5; i++)
        {
            using var knock = new Knock(_fleet.Device, gateway.Udp, (ulong)i);
            knock.ComeIn();
        }

        gateway.Control.WaitFor<DropReport>(report => report.Drops.GetValueOrDefault("SessionRateLimited") >= 3, "with the reason of the drop");
        using var other = gateway.Connect(_fleet.OtherDevice);
        using var site = gateway.Connect(_fleet.Site);
    }

    [Fact]
    public void A_captured_reset_replayed_over_TCP_locks_nobody_out()
    {
        using var gateway = new RunningGateway(_fleet);
        for (var i = 0; i < 3 * OpenVpnLimits.SessionBurst; i++)
        {
            using var owner = new Knock(_fleet.Device, gateway.Udp, (ulong)i);
            using var replayer = Send(owner.Reset(), gateway.Tcp);
            replayer.Receive(new byte[100]).ShouldBeGreaterThan(0);
        }

        using var device = gateway.Connect(_fleet.Device);
    }

    [Fact]
    public void A_captured_reset_is_answered_once_while_its_session_waits()
    {
        using var gateway = new RunningGateway(_fleet);
        using var owner = new Knock(_fleet.Device, gateway.Udp, 1);
        var captured = owner.Reset();
        using var first = Send(captured, gateway.Tcp);
        first.Receive(new byte[100]).ShouldBeGreaterThan(0);
        using var second = Send(captured, gateway.Tcp);

        gateway.Control.WaitFor<DropReport>(report => report.Drops.GetValueOrDefault("ResetRateLimited") == 1, "the copy takes no place");
        using var device = gateway.Connect(_fleet.Device);
    }

    [Fact]
    public void A_device_that_never_answers_our_resets_loses_its_tunnel_and_operators_are_told()
    {
        _fleet.Settings = _fleet.Settings with { HandshakeWindowSeconds = 2, RenegotiateSeconds = 1, PingRestartSeconds = 60 };
        using var gateway = new RunningGateway(_fleet);
        using var device = gateway.Connect(_fleet.Device);
        device.PumpFor(TimeSpan.FromSeconds(0.3));
        gateway.Control.WaitForTunnel(tunnel => tunnel is { IdentityId: TestFleet.DeviceId, Up: true });

        // From here on it is deaf. Three windows and the pauses between them are eleven seconds.
        Thread.Sleep(TimeSpan.FromSeconds(6));
        gateway.Control.WaitForEvent("renegotiation.failed").Detail.ShouldContain("device 'pump-17'");
        gateway.Control.WaitForTunnel(tunnel => tunnel is { IdentityId: TestFleet.DeviceId, Up: false });
    }

    [Theory]
    [InlineData("")]
    [InlineData("GET / HTTP/1.1\r\n")]
    public void A_connection_without_a_valid_packet_hears_nothing_and_ends_in_seconds_where_nobody_else_is_connected(string bytes)
    {
        using var gateway = new RunningGateway(_fleet);
        using var idle = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        idle.Connect(gateway.Tcp);
        idle.Send(System.Text.Encoding.ASCII.GetBytes(bytes));
        var watch = Stopwatch.StartNew();
        idle.ReceiveTimeout = 40_000;

        Read(idle).ShouldBe(0);

        watch.Elapsed.ShouldBeInRange(DataPlaneLimits.ConnectionSilence - TimeSpan.FromSeconds(1), 2 * DataPlaneLimits.ConnectionSilence);
    }

    public void Dispose() => _fleet.Dispose();

    private static Socket Send(byte[] packet, System.Net.IPEndPoint to)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 2000 };
        socket.Connect(to);
        socket.Send([(byte)(packet.Length >> 8), (byte)packet.Length, .. packet]);
        return socket;
    }

    /// <summary>Closed in order or reset, it is closed.</summary>
    private static int Read(Socket socket)
    {
        try
        {
            return socket.Receive(new byte[100]);
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
        {
            return 0;
        }
    }
}
