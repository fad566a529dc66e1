using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Sallyport.Api.Credentials;
using Sallyport.Api.Devices;
using Sallyport.Api.Paging;
using Sallyport.Control.Users;

namespace Sallyport.Control.Credentials;

internal static class CredentialEndpoints
{
    public static void MapCredentials(this IEndpointRouteBuilder api)
    {
        var credentials = api.MapGroup("/credentials").WithTags("Credentials");
        credentials.MapGet("", List).WithSummary("List credentials");
        credentials.MapPost("/{id:int}/revoke", Revoke).WithSummary("Revoke one credential and cut what came in with it");
    }

    private static Page<CredentialInfo> List(Actor actor, CredentialCommands commands, string? owner, int? key, bool? revoked, int? limit, string? cursor) =>
        commands.List(actor, owner, key, revoked ?? false, Http.Paging.Of(limit, cursor));

    private static Task<CutResult> Revoke(Actor actor, int id, ReasonRequest body, CredentialCommands commands, CancellationToken cancel) =>
        commands.RevokeAsync(actor, id, body.Reason, cancel);
}
