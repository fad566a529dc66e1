using Microsoft.Extensions.DependencyInjection;
using Sallyport.Api.Nodes;
using Sallyport.Control.Flows;

namespace Sallyport.Control.Tests.Worlds;

/// <summary>Flows as a gateway reports them, without the gateway.</summary>
internal static class Traffic
{
    private static long lastFlow;

    /// <summary>They are stored when it returns.</summary>
    public static async Task RecordAsync(this ControlWorld world, params FlowState[] flows)
    {
        var log = world.App.Services.GetRequiredService<TrafficLog>();
        log.Flows("gw-1", log.RunOf("gw-1", "1"), flows);
        await world.FlushAsync();
    }

    /// <summary>A denied TCP flow that begins now.</summary>
    public static FlowState Flow(int networkId, int fromId, int toId, string destination, int port) => FakeGateway.Flow(networkId, fromId, toId, Interlocked.Increment(ref lastFlow)) with
    {
        Destination = destination,
        DestinationPort = port,
        Reason = "NoRule",
    };

    public static FlowState AllowedBy(this FlowState flow, int ruleId, int applicationId) =>
        flow with { Allowed = true, Reason = "", RuleId = ruleId, ApplicationId = applicationId, PacketsBack = 1, BytesBack = 40 };
}
