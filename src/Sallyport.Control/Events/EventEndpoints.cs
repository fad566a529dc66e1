using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Hosting;
using Sallyport.Api;
using Sallyport.Api.Events;
using Sallyport.Api.Paging;
using Sallyport.Control.Flows;
using Sallyport.Control.Http;
using Sallyport.Control.Users;

namespace Sallyport.Control.Events;

internal static class EventEndpoints
{
    public static void MapEvents(this IEndpointRouteBuilder api)
    {
        var events = api.MapGroup("/events").WithTags("Events");
        events.MapGet("", Tail).WithSummary("Events as they happen (server-sent events)");
        events.MapGet("/list", List).WithSummary("List events, newest first");
    }

    private static Page<EventInfo> List(Actor actor, TrafficLog traffic, string? kind, int? limit, string? cursor)
    {
        actor.Require(Right.See);
        var paging = Http.Paging.Of(limit, cursor);
        return paging.PageOf(traffic.ListEvents(kind, paging.BeforeId, paging.Limit + 1), happened => happened.Id, happened => happened);
    }

    private static Task Tail(Actor actor, TrafficLog traffic, HttpContext context, IHostApplicationLifetime lifetime)
    {
        actor.Require(Right.See);
        return ServerSentEvents.WriteAsync(
            context, traffic.EventBroadcast.Listen, happened => happened.Id, ApiJson.Default.EventInfo, lifetime.ApplicationStopping);
    }
}
