using Sallyport.Api.Nodes;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;
using Sallyport.Mapping.Limits;

namespace Sallyport.Mapping.Identities;

public static class IdentityMapping
{
    public static Identity Of(IdentityModel dto) => new()
    {
        Id = dto.Id,
        NetworkId = dto.NetworkId,
        Kind = IdentityKinds.Read(dto.Kind) ?? throw FleetMapping.Unknown("kind of identity", dto.Kind),
        Name = dto.Name,
        Active = dto.Active,
        WhyInactive = dto.WhyInactive,
        AddressV4 = dto.AddressV4 is null ? null : IpAddress.Parse(dto.AddressV4),
        AddressV6 = dto.AddressV6 is null ? null : IpAddress.Parse(dto.AddressV6),
        Subnets = [.. dto.Subnets.Select(IpPrefix.Parse)],
        Groups = [.. dto.Groups],
        Labels = [.. dto.Labels.OrderBy(label => label.Key, StringComparer.Ordinal).Select(label => $"{label.Key}={label.Value}")],
        Posture = [.. dto.Posture.Select(fact => new PostureFact(fact.Name, new PostureValue(fact.Value), new Instant(fact.At)))],
        Quarantine = QuarantineWords.Read(dto.Quarantine) ?? throw FleetMapping.Unknown("degree of quarantine", dto.Quarantine),
        ForensicApplicationId = dto.ForensicApplicationId,
        Limit = LimitMapping.Of(dto.Limit),
    };
}
