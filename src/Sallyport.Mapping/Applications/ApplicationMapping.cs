using Sallyport.Api.Nodes;
using Sallyport.Core.Policy;
using Sallyport.Core.Primitives;

namespace Sallyport.Mapping.Applications;

public static class ApplicationMapping
{
    public static Application Of(ApplicationModel dto) =>
        new(dto.Id, dto.NetworkId, dto.Name, dto.OwnerId, Target(dto.Target), [.. dto.Services.SelectMany(ServiceMapping.Of)])
        {
            Locked = dto.Locked,
            IsManagement = dto.Management,
            Names = [.. dto.Names ?? []],
        };

    /// <summary>"192.168.50.11" or "192.168.50.0/24".</summary>
    public static IpPrefix Target(string text) =>
        text.Contains('/', StringComparison.Ordinal) ? IpPrefix.Parse(text) : IpPrefix.Host(IpAddress.Parse(text));
}
