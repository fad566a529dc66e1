using System.Net;
using System.Net.Sockets;
using Sallyport.Daemon.Processes;
using Sallyport.Daemon.Settings;

namespace Sallyport.Apps.Tests.Daemon.Processes;

public sealed class PortCheckTests
{
    private static readonly Privileges Root = new(LowPorts: true, RawSockets: true, 1024);
    private static readonly Privileges Nobody = new(LowPorts: false, RawSockets: false, 1024);

    private readonly List<string> warnings = [];

    [Fact]
    public void Without_root_IKE_is_on_the_port_that_is_everybodys()
    {
        var settings = Settings(ike: 500, nat: FreePort());
        var fitted = PortCheck.Fit(settings, gatewayRuns: false, Nobody, warnings.Add);
        fitted.Ike.ShouldBeEmpty();
        fitted.IkeNat.ShouldBe(settings.IkeNat);
        fitted.EspRaw.ShouldBeFalse();
        warnings.ShouldHaveSingleItem().ShouldStartWith("IKE is offered on port 4500 alone");
    }

    [Fact]
    public void Where_another_IKE_daemon_runs_there_is_no_IPsec_and_everything_else()
    {
        using var charon = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        charon.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var settings = Settings(ike: FreePort(), nat: ((IPEndPoint)charon.LocalEndPoint!).Port);
        var fitted = PortCheck.Fit(settings, gatewayRuns: false, Root, warnings.Add);
        fitted.Ike.ShouldBeEmpty();
        fitted.IkeNat.ShouldBeEmpty();
        warnings.ShouldHaveSingleItem().ShouldContain("is taken by");
        PortCheck.Fit(settings, gatewayRuns: true, Root, warnings.Add).ShouldBe(settings, "it is our own gateway that holds them");
    }

    [Fact]
    public void Who_says_which_listeners_he_wants_gets_them_or_an_error()
    {
        using var charon = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        charon.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var settings = Settings(ike: FreePort(), nat: ((IPEndPoint)charon.LocalEndPoint!).Port) with { IpsecIsSaid = true };
        PortCheck.Fit(settings, gatewayRuns: false, Root, warnings.Add).ShouldBe(settings);
        warnings.ShouldBeEmpty();
        PortCheck.Try(settings, gatewayRuns: false).ShouldHaveSingleItem().Where.ShouldBe("ipsec.nat");
    }

    [Fact]
    public void What_may_be_done_is_read_from_the_kernel()
    {
        var own = Privileges.OfThisProcess();
        own.Bind(40_000).ShouldBeTrue();
        own.LowPorts.ShouldBe(Environment.IsPrivilegedProcess);
    }

    private static DaemonSettings Settings(int ike, int nat)
    {
        var environment = new Dictionary<string, string>
        {
            ["SALLYPORT_OPENVPN_UDP"] = "none",
            ["SALLYPORT_OPENVPN_TCP"] = "none",
            ["SALLYPORT_API_HTTPS"] = "none",
            ["SALLYPORT_IPSEC_IKE"] = $"127.0.0.1:{ike}",
            ["SALLYPORT_IPSEC_NAT"] = $"127.0.0.1:{nat}",
        };
        return new SettingsLoader(environment, Path.GetTempPath(), () => "192.0.2.1").Load()! with { IpsecIsSaid = false };
    }

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
