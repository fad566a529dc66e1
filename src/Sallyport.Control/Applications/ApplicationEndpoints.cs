using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Sallyport.Api;
using Sallyport.Api.Applications;
using Sallyport.Api.Paging;
using Sallyport.Control.Http;
using Sallyport.Control.Users;

namespace Sallyport.Control.Applications;

internal static class ApplicationEndpoints
{
    public static void MapApplications(this IEndpointRouteBuilder api)
    {
        var applications = api.MapGroup("/applications").WithTags("Applications");
        applications.MapPost("", Create).WithSummary("Name something that may be reached");
        applications.MapGet("", List).WithSummary("List applications");
        applications.MapGet("/{name}", Get).WithSummary("Show an application");
        applications.MapPatch("/{name}", Update).WithSummary("Change an application");
        applications.MapDelete("/{name}", Delete).WithSummary("Delete an application that no rule allows");
    }

    private static Created<ApplicationInfo> Create(Actor actor, ApplicationCreate body, ApplicationCommands commands, HttpContext context)
    {
        var made = commands.Create(actor, body, RequestParts.IdempotencyOf(context.Request, body, ApiJson.Default.ApplicationCreate));
        RequestParts.SetETag(context.Response, made.Revision);
        return TypedResults.Created($"/api/v1/applications/{made.Name}.{made.Network}", made);
    }

    private static Page<ApplicationInfo> List(Actor actor, ApplicationCommands commands, string? network, int? limit, string? cursor) =>
        commands.List(actor, network, Http.Paging.Of(limit, cursor));

    private static ApplicationInfo Get(Actor actor, string name, ApplicationCommands commands, HttpContext context)
    {
        var info = commands.Get(actor, name);
        RequestParts.SetETag(context.Response, info.Revision);
        return info;
    }

    private static async Task<ApplicationInfo> Update(
        Actor actor, string name, ApplicationUpdate body, ApplicationCommands commands, HttpContext context)
    {
        var info = await commands.UpdateAsync(actor, name, body, RequestParts.RevisionOf(context.Request), context.RequestAborted);
        RequestParts.SetETag(context.Response, info.Revision);
        return info;
    }

    private static NoContent Delete(Actor actor, string name, ApplicationCommands commands)
    {
        commands.Delete(actor, name);
        return TypedResults.NoContent();
    }
}
