using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Sallyport.Api;
using Sallyport.Api.Locks;
using Sallyport.Api.Paging;
using Sallyport.Control.Http;
using Sallyport.Control.Users;

namespace Sallyport.Control.Locks;

internal static class LockEndpoints
{
    public static void MapLocks(this IEndpointRouteBuilder api)
    {
        var locks = api.MapGroup("/locks").WithTags("Locks");
        locks.MapPost("", Create).WithSummary("Cut a subject off at once, until the lock is removed or ends");
        locks.MapGet("", List).WithSummary("List locks");
        locks.MapGet("/{id:int}", Get).WithSummary("Show a lock");
        locks.MapDelete("/{id:int}", Delete).WithSummary("Remove a lock; what it cut off may come again");
    }

    private static async Task<Created<LockInfo>> Create(Actor actor, LockCreate body, LockCommands commands, HttpContext context)
    {
        var idempotency = RequestParts.IdempotencyOf(context.Request, body, ApiJson.Default.LockCreate);
        var made = await commands.CreateAsync(actor, body, idempotency, context.RequestAborted);
        return TypedResults.Created($"/api/v1/locks/{made.Id}", made);
    }

    private static Page<LockInfo> List(Actor actor, LockCommands commands, string? network, int? limit, string? cursor) =>
        commands.List(actor, network, Http.Paging.Of(limit, cursor));

    private static LockInfo Get(Actor actor, int id, LockCommands commands) => commands.Get(actor, id);

    private static NoContent Delete(Actor actor, int id, LockCommands commands)
    {
        commands.Delete(actor, id);
        return TypedResults.NoContent();
    }
}
