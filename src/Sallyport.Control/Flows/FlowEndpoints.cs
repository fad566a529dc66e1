using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Hosting;
using Sallyport.Api;
using Sallyport.Api.Flows;
using Sallyport.Api.Paging;
using Sallyport.Control.Http;
using Sallyport.Control.Policies;
using Sallyport.Control.Users;

namespace Sallyport.Control.Flows;

internal static class FlowEndpoints
{
    public static void MapFlows(this IEndpointRouteBuilder api)
    {
        var flows = api.MapGroup("/flows").WithTags("Flows");
        flows.MapGet("", List).WithSummary("List flows, newest first");
        flows.MapGet("/{id:long}", Get).WithSummary("Show a flow");
        flows.MapPost("/{id:long}/allow", Allow).WithSummary("Allow what a denied flow asked for, and nothing more");
        flows.MapGet("/tail", Tail).WithSummary("Flows as they begin, change and end (server-sent events)");
    }

    private static Page<FlowInfo> List(
        Actor actor, FlowQueries queries, [AsParameters] FlowQuestion question, int? limit, string? cursor) =>
        queries.List(actor, question, Http.Paging.Of(limit, cursor));

    private static FlowInfo Get(Actor actor, long id, FlowQueries queries) => queries.Get(actor, id);

    private static FlowAllowed Allow(Actor actor, long id, FlowAllow body, AllowCommands commands, HttpContext context) =>
        commands.Allow(actor, id, body, RequestParts.IdempotencyOf(context.Request, body, ApiJson.Default.FlowAllow));

    private static Task Tail(
        Actor actor, FlowQueries queries, HttpContext context, IHostApplicationLifetime lifetime, [AsParameters] FlowQuestion question) => ServerSentEvents.WriteAsync(
            context,
            cancel => queries.Tail(actor, question, cancel),
            flow => flow.Id,
            ApiJson.Default.FlowInfo,
            lifetime.ApplicationStopping);
}
