using Sallyport.Api.Nodes;
using Sallyport.Core.Gateway;
using Sallyport.Core.Policy;

namespace Sallyport.DataPlane.Nodes;

/// <summary>Meters in the words of the node protocol.</summary>
internal static class MeterStates
{
    private const string Rule = "rule";
    private const string Identity = "identity";

    public static MeterState Of(in MeterReading reading) =>
        new(reading.Kind == MeterKind.Rule ? Rule : Identity, reading.Id, reading.Period, reading.Bytes);

    /// <summary>Null for a kind that is none.</summary>
    public static MeterReading? Read(MeterState state) => state.Kind switch
    {
        Rule => new MeterReading(MeterKind.Rule, state.Id, state.Period, state.Bytes),
        Identity => new MeterReading(MeterKind.Identity, state.Id, state.Period, state.Bytes),
        _ => null,
    };

    public static GatewayEvent UsedUp(in MeterReading used, FleetModel model, Clock clock)
    {
        var (isRule, identityId) = (used.Kind == MeterKind.Rule, used.Kind == MeterKind.Rule ? 0 : used.Id);
        var limit = isRule ? model.Rule(used.Id)?.Limit : model.Identity(used.Id)?.Limit;
        var whose = isRule ? $"rule {used.Id}" : model.Identity(used.Id) is { } identity ? $"{identity.Kind.Word()} {identity.Name}" : "an identity that is gone";
        var period = limit?.Period ?? VolumePeriod.Day;
        return new GatewayEvent(
            "volume.used", clock.ToWall(clock.Now), identityId, "", $"{whose} has used up its {LimitText.Volume(used.Bytes, period)}; nothing of it passes until the next {(period == VolumePeriod.Month ? "month" : "day")} begins (UTC).");
    }
}
