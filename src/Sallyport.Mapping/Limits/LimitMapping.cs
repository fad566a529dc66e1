using Sallyport.Api.Nodes;
using Sallyport.Core.Policy;

namespace Sallyport.Mapping.Limits;

public static class LimitMapping
{
    public static Limit? Of(LimitModel? dto) => dto is null ? null : new Limit
    {
        BitsPerSecond = dto.BitsPerSecond,
        PacketsPerSecond = dto.PacketsPerSecond,
        VolumeBytes = dto.VolumeBytes,
        Period = dto.Period switch
        {
            "day" => VolumePeriod.Day,
            "month" => VolumePeriod.Month,
            _ => throw FleetMapping.Unknown("period of a volume", dto.Period),
        },
    };
}
