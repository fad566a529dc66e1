using System.Collections.Immutable;
using Sallyport.Api.Nodes;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Mapping;

/// <summary>What rules name and do not hold themselves. Immutable.</summary>
/// <param name="Zones">Time zones of their windows, by name.</param>
/// <param name="Countries">Of their conditions, by code.</param>
public sealed record FleetTables(ImmutableDictionary<string, ZoneClock> Zones, ImmutableDictionary<string, Country> Countries)
{
    public static readonly FleetTables Empty = new(
        ImmutableDictionary.Create<string, ZoneClock>(StringComparer.Ordinal), ImmutableDictionary.Create<string, Country>(StringComparer.Ordinal));

    public FleetTables With(IReadOnlyList<ZoneModel> zones, IReadOnlyList<CountryModel> countries) => zones.Count == 0 && countries.Count == 0 ? this : new(
        Zones.SetItems(zones.Select(zone => KeyValuePair.Create(zone.Name, ZoneOf(zone)))),
        Countries.SetItems(countries.Select(country => KeyValuePair.Create(country.Code, CountryOf(country)))));

    public static ZoneClock ZoneOf(ZoneModel dto) => dto.Offsets.Count >= 2 && dto.Offsets.Count % 2 == 0
        ? new ZoneClock(dto.Name, [.. dto.Offsets.Chunk(2).Select(pair => new ZoneOffset(pair[0], checked((int)pair[1])))])
        : throw FleetMapping.Unknown("time zone", dto.Name);

    private static Country CountryOf(CountryModel dto)
    {
        if (dto.V4.Length % 8 != 0 || dto.V6.Length % 32 != 0)
        {
            throw new FormatException($"The addresses of country '{dto.Code}' are cut off.");
        }

        return new Country(dto.Code, new AddressSet(
        [
            .. dto.V4.Chunk(8).Select(range => new AddressRange(IpAddress.ReadV4(range), IpAddress.ReadV4(range.AsSpan(4)))),
            .. dto.V6.Chunk(32).Select(range => new AddressRange(IpAddress.ReadV6(range), IpAddress.ReadV6(range.AsSpan(16)))),
        ]));
    }
}
