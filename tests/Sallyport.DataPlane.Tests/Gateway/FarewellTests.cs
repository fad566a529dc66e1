using System.Diagnostics;
using Sallyport.Core.OpenVpn.Negotiation;
using Sallyport.DataPlane.Tests.Fixtures;

namespace Sallyport.DataPlane.Tests.Gateway;

/// <summary>An orderly end of the gateway.</summary>
public sealed class FarewellTests : IDisposable
{
    private readonly TestFleet _fleet = new();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Every_live_client_is_told_to_come_back(bool isStream)
    {
        using var gateway = new RunningGateway(_fleet);
        using var device = gateway.Connect(_fleet.Device, isStream: isStream);
        using var other = gateway.Connect(_fleet.OtherDevice);
        // The configuration has come; the last acknowledgements are still on their way.
        device.PumpFor(TimeSpan.FromSeconds(0.3));
        other.PumpFor(TimeSpan.FromSeconds(0.3));

        var stopping = Task.Run(gateway.Stop);
        device.PumpUntil(() => device.Messages.Contains(ControlMessage.Restart), "RESTART");
        other.PumpUntil(() => other.Messages.Contains(ControlMessage.Restart), "RESTART");
        await stopping;
    }

    [Fact]
    public async Task Who_comes_before_the_end_gets_no_answer_and_the_end_comes_in_time()
    {
        using var gateway = new RunningGateway(_fleet);
        // Stays silent from now on, as a stock client that heard RESTART: it is told twice, and not waited for.
        using var device = gateway.Connect(_fleet.Device);
        device.PumpFor(TimeSpan.FromSeconds(0.3));
        var watch = Stopwatch.StartNew();
        var stopping = Task.Run(gateway.Stop);
        device.PumpUntil(() => device.Messages.Contains(ControlMessage.Restart), "RESTART");

        using var early = new TestClient(_fleet, _fleet.OtherDevice, gateway.Udp);
        early.PumpFor(TimeSpan.FromSeconds(0.3));
        early.Options.ShouldBeNull();
        await stopping;
        watch.Elapsed.ShouldBeLessThan(DataPlaneLimits.FarewellMax + TimeSpan.FromSeconds(2));
    }

    public void Dispose() => _fleet.Dispose();
}
