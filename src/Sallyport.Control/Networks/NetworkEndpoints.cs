using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Sallyport.Api;
using Sallyport.Api.Networks;
using Sallyport.Api.Paging;
using Sallyport.Control.Http;
using Sallyport.Control.Users;

namespace Sallyport.Control.Networks;

internal static class NetworkEndpoints
{
    public static void MapNetworks(this IEndpointRouteBuilder api)
    {
        var networks = api.MapGroup("/networks").WithTags("Networks");
        networks.MapPost("", Create).WithSummary("Make a network");
        networks.MapGet("", List).WithSummary("List networks");
        networks.MapGet("/{name}", Get).WithSummary("Show a network");
        networks.MapPatch("/{name}", Update).WithSummary("Change a network");
        networks.MapDelete("/{name}", Delete).WithSummary("Delete a network that holds nothing");
    }

    private static Created<NetworkInfo> Create(Actor actor, NetworkCreate body, NetworkCommands commands, HttpContext context)
    {
        var made = commands.Create(actor, body, RequestParts.IdempotencyOf(context.Request, body, ApiJson.Default.NetworkCreate));
        RequestParts.SetETag(context.Response, made.Revision);
        return TypedResults.Created($"/api/v1/networks/{made.Name}", made);
    }

    private static Page<NetworkInfo> List(Actor actor, NetworkCommands commands, int? limit, string? cursor) =>
        commands.List(actor, Http.Paging.Of(limit, cursor));

    private static NetworkInfo Get(Actor actor, string name, NetworkCommands commands, HttpContext context)
    {
        var info = commands.Get(actor, name);
        RequestParts.SetETag(context.Response, info.Revision);
        return info;
    }

    private static async Task<NetworkInfo> Update(Actor actor, string name, NetworkUpdate body, NetworkCommands commands, NetworkEffects effects, HttpContext context)
    {
        var update = commands.Update(actor, name, body, RequestParts.RevisionOf(context.Request));
        RequestParts.SetETag(context.Response, update.Info.Revision);
        return await effects.OfAsync(update, context.RequestAborted);
    }

    private static NoContent Delete(Actor actor, string name, NetworkCommands commands)
    {
        commands.Delete(actor, name);
        return TypedResults.NoContent();
    }
}
