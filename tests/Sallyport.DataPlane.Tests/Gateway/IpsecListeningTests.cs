using System.Net;
using System.Net.Sockets;
using Sallyport.DataPlane.Tests.Fixtures;

namespace Sallyport.DataPlane.Tests.Gateway;

public sealed class IpsecListeningTests
{
    [Fact]
    public void A_gateway_says_where_it_speaks_ike_and_esp_and_where_it_may_not()
    {
        using var taken = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        taken.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        using var fleet = new TestFleet();
        fleet.Settings = fleet.Settings with { Ike = ["127.0.0.1:0", $"{taken.LocalEndPoint}"], IkeNat = ["127.0.0.1:0", "[::1]:0"], PacketThreads = 2 };
        using var gateway = new RunningGateway(fleet);

        gateway.Listening.ShouldContain(text => text.StartsWith("ike 127.0.0.1:", StringComparison.Ordinal));
        gateway.Listening.ShouldContain(text => text.StartsWith("ike/nat-t [::1]:", StringComparison.Ordinal));
        gateway.Listening.ShouldContain("esp 127.0.0.1");
        gateway.Listening.ShouldContain("esp ::1");
        gateway.Listening.ShouldContain($"not ike {taken.LocalEndPoint} (it is taken)");

        // OpenVPN's devices do not suffer.
        using var client = gateway.Connect(fleet.Device);
    }

    [Fact]
    public void Without_ike_there_is_no_esp()
    {
        using var fleet = new TestFleet();
        using var gateway = new RunningGateway(fleet);
        gateway.Listening.ShouldAllBe(text => text.StartsWith("udp", StringComparison.Ordinal) || text.StartsWith("tcp", StringComparison.Ordinal));
    }
}
