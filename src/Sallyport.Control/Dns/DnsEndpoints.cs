using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Sallyport.Api.Dns;
using Sallyport.Api.Paging;
using Sallyport.Control.Users;

namespace Sallyport.Control.Dns;

internal static class DnsEndpoints
{
    public static void MapDns(this IEndpointRouteBuilder api) =>
        api.MapGroup("/dns-queries").WithTags("DNS").MapGet("", List).WithSummary("List questions for names, newest first");

    private static Page<DnsQueryInfo> List(
        Actor actor, DnsQueries queries, string? device, string? site, string? network, int? limit, string? cursor) =>
        queries.List(actor, device, site, network, Http.Paging.Of(limit, cursor));
}
