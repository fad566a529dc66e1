using Sallyport.Core.Flows;
using Sallyport.DataPlane.Model;

namespace Sallyport.Bench.Policy;

/// <summary>Managed memory that is still there after a full collection.</summary>
internal static class PolicyMemory
{
    /// <summary>Devices of the smaller fleet, so that networks, applications and rules do not count.</summary>
    public const int Few = 1_000;

    /// <summary>Of the gateway's whole model, and of its part that decides.</summary>
    public static (double Gateway, double Fleet) PerDevice(int devices, int rules)
    {
        var (few, many) = (Growth(() => PolicyFleet.Make(Few, rules)), Growth(() => PolicyFleet.Make(devices, rules)));
        var (fewAlone, manyAlone) = (Growth(() => PolicyFleet.Make(Few, rules).Fleet), Growth(() => PolicyFleet.Make(devices, rules).Fleet));
        return ((double)(many - few) / (devices - Few), (double)(manyAlone - fewAlone) / (devices - Few));
    }

    /// <summary>Of an entry of the table, which is made whole at the start, and what a conversation between two networks has beside it.</summary>
    public static (double Entry, double Translation) PerFlow(GatewayModel model, int flows)
    {
        var limits = new FlowLimits();
        var table = Growth(() => LiveFlows.NewForwarder(model.Fleet));
        var home = Growth(() => LiveFlows.Begin(model.Fleet, flows, isAbroad: false).Forwarder);
        var abroad = Growth(() => LiveFlows.Begin(model.Fleet, flows, isAbroad: true).Forwarder);
        return ((double)table / (limits.Capacity + limits.DeniedCapacity + limits.EndedBacklog), (double)(abroad - home) / flows);
    }

    private static long Growth<T>(Func<T> make)
    {
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var made = make();
        var growth = GC.GetTotalMemory(forceFullCollection: true) - before;
        GC.KeepAlive(made);
        return growth;
    }
}
