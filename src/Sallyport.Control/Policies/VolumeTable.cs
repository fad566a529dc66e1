using Dapper;
using Sallyport.Api.Nodes;
using Sallyport.Control.Flows;
using Sallyport.Control.Store;
using Sallyport.Core.Primitives;

namespace Sallyport.Control.Policies;

/// <summary>What gateways have carried of volumes, as they last said: for who asks, and for a gateway that begins anew.</summary>
internal sealed class VolumeTable(TrafficDatabase traffic, TimeProvider time)
{
    /// <summary>In the present day or month, all gateways together; null without a volume.</summary>
    public long? Used(string kind, int id, LimitModel? limit) => limit is { VolumeBytes: > 0 } ? Ask("sum", kind, id, limit) : null;

    /// <summary>Whether a gateway has carried all of it: each counts for itself.</summary>
    public bool IsUsedUp(string kind, int id, LimitModel? limit) => limit is { VolumeBytes: > 0 } && Ask("max", kind, id, limit) >= limit.VolumeBytes;

    /// <summary>Null where the gateway has carried nothing.</summary>
    public MeterReport? Of(string gateway)
    {
        var meters = traffic.Database.Read(sql => sql.Query<MeterRow>("SELECT kind, id, period, bytes FROM meters WHERE gateway = @gateway", new { gateway }).AsList());
        return meters.Count == 0 ? null : new MeterReport([.. meters.Select(row => new MeterState(row.Kind, row.Id, row.Period, row.Bytes))]);
    }

    private long Ask(string function, string kind, int id, LimitModel limit) => traffic.Database.Read(sql => sql.ExecuteScalar<long>(
        $"SELECT ifnull({function}(bytes), 0) FROM meters WHERE kind = @kind AND id = @id AND period = @period",
        new { kind, id, period = LimitReading.Of(limit)!.PeriodAt(new Instant(time.GetUtcNow().ToUnixNanoseconds())) }));

    private sealed class MeterRow
    {
        public string Kind { get; init; } = "";

        public int Id { get; init; }

        public int Period { get; init; }

        public long Bytes { get; init; }
    }
}
