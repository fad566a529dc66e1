using System.Net;
using Sallyport.Api.Nodes;

namespace Sallyport.DataPlane.Tests.Fixtures;

/// <summary>A gateway in this process with a fake control, listening on loopback ports of the kernel's choice.</summary>
internal sealed class RunningGateway : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly GatewayHost _host;
    private readonly Task _running;

    public RunningGateway(TestFleet fleet, bool withRule = true)
    {
        Fleet = fleet;
        Control = new FakeControl(fleet.Pki, fleet.Model(withRule));
        Control.Start();
        _host = new GatewayHost(
            new GatewayOptions { ControlSocket = Control.SocketPath, Name = "gw-test", SoftwareVersion = "test" },
            TimeProvider.System, new GatewayLog(Log, TimeProvider.System));
        _running = Task.Run(() => _host.RunAsync(_stop.Token));
        Listening = Control.WaitFor<Ready>(because: "because the gateway should listen").Listening;
        Control.WaitFor<Acknowledge>();
    }

    public TestFleet Fleet { get; }

    public FakeControl Control { get; }

    public StringWriter Log { get; } = new();

    public IReadOnlyList<string> Listening { get; }

    public IPEndPoint Udp => Find("udp 127.0.0.1:");

    public IPEndPoint UdpV6 => Find("udp [::1]:");

    public IPEndPoint Tcp => Find("tcp 127.0.0.1:");

    public TestClient Connect(TestMember member, IPEndPoint? to = null, bool isStream = false)
    {
        var client = new TestClient(Fleet, member, to ?? (isStream ? Tcp : Udp), isStream);
        try
        {
            return client.Establish();
        }
        catch (ShouldAssertException e)
        {
            throw new InvalidOperationException($"{e.Message}\n{Describe()}", e);
        }
    }

    /// <summary>What the gateway has to say for itself, for a failed test.</summary>
    public string Describe() =>
        $"{Log}\ndrops {string.Join(", ", Control.Received<DropReport>().SelectMany(report => report.Drops).Select(drop => $"{drop.Key}={drop.Value}").TakeLast(8))}\n"
        + $"events {string.Join("; ", Control.Events)}";

    public void Stop()
    {
        _stop.Cancel();
        _running.GetAwaiter().GetResult();
    }

    public void Dispose()
    {
        Stop();
        _host.Dispose();
        Control.Dispose();
    }

    private IPEndPoint Find(string prefix) =>
        IPEndPoint.Parse(Listening.First(text => text.StartsWith(prefix, StringComparison.Ordinal)).Split(' ')[1]);
}
