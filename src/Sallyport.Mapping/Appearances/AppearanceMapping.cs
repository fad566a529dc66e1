using Sallyport.Api.Nodes;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Mapping.Appearances;

public static class AppearanceMapping
{
    public static Appearance Of(AppearanceModel dto) => new(
        dto.Id,
        dto.Kind switch
        {
            "service" => AppearanceKind.Service,
            "guest" => AppearanceKind.Guest,
            _ => throw FleetMapping.Unknown("kind of appearance", dto.Kind),
        },
        dto.NetworkId,
        IpPrefix.Parse(dto.At),
        dto.HomeId,
        IpPrefix.Parse(dto.Of));
}
