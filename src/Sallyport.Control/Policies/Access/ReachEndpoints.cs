using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Sallyport.Api.Policy;
using Sallyport.Control.Users;

namespace Sallyport.Control.Policies.Access;

internal static class ReachEndpoints
{
    private const int BatchChars = 32_768; // between two flushes

    public static void MapReach(this IEndpointRouteBuilder api)
    {
        var policy = api.MapGroup("/policy").WithTags("Policy");
        policy.MapGet("/who-can-reach", WhoCanReach).WithSummary("Who may reach an application, now or when hours have come");
        policy.MapGet("/reach", Reach).WithSummary("What a device or site may reach");
        policy.MapGet("/access", Access).WithSummary("The effective access of everybody");
        policy.MapGet("/access/csv", Csv).WithSummary("The effective access of everybody, as comma-separated values");
    }

    private static ReachPage WhoCanReach(
        Actor actor, ReachQueries queries, string? to, string? service, string? at, int? limit, string? cursor) =>
        queries.WhoCanReach(actor, to, service, at, Http.Paging.Of(limit, cursor));

    private static ReachPage Reach(Actor actor, ReachQueries queries, string? from, string? at, int? limit, string? cursor) =>
        queries.ReachOf(actor, from, at, Http.Paging.Of(limit, cursor));

    private static ReachPage Access(Actor actor, ReachQueries queries, string? network, string? at, int? limit, string? cursor) =>
        queries.Access(actor, network, at, Http.Paging.Of(limit, cursor));

    private static async Task Csv(Actor actor, ReachQueries queries, HttpContext context, string? network, string? at)
    {
        var lines = queries.AccessCsv(actor, network, at);
        context.Response.ContentType = "text/csv; charset=utf-8";
        context.Response.Headers.ContentDisposition = "attachment; filename=\"access.csv\"";
        var batch = new StringBuilder();
        foreach (var line in lines)
        {
            if (batch.Append(line).Length >= BatchChars)
            {
                await context.Response.WriteAsync(batch.ToString(), context.RequestAborted);
                batch.Clear();
            }
        }

        await context.Response.WriteAsync(batch.ToString(), context.RequestAborted);
    }
}
